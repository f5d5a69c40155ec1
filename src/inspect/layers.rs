//! Layers as text.

use std::fmt::Write;

use dl_ir::network::Network;

/// A layer as in network text, without its label.
pub fn layer_text(kind: &str, arguments: &str) -> String {
    if arguments.is_empty() { kind.to_owned() } else { format!("{kind}({arguments})") }
}

/// One layer a line with the shape that comes out, and where it stands if that is wanted; then what training does.
pub fn layers_text(network: &Network, locations: bool) -> String {
    let mut text = format!("input {:?}\n", network.input_shape());
    for (info, layer) in network.layer_infos().into_iter().zip(network.layers()) {
        let call = layer_text(info.kind, &info.arguments);
        let place = layer.origin.as_ref().filter(|_| locations);
        let place = place.map(|origin| format!(" @ {}", origin.source())).unwrap_or_default();
        writeln!(text, "{}: {call} -> {:?}{place}", info.name, info.output).expect("writing to a string");
    }
    let (loss, optimizer) = (network.loss().name(), network.optimizer());
    writeln!(text, "loss = {loss}\noptimizer = {optimizer}").expect("writing to a string");
    text
}
