//! Layers as text.

use std::fmt::Write;

use dl_ir::network::Network;

/// A layer as in network text, without its label.
pub fn layer_text(kind: &str, arguments: &str) -> String {
    if arguments.is_empty() { kind.to_owned() } else { format!("{kind}({arguments})") }
}

/// One layer a line with the shape that comes out, then what training does.
pub fn layers_text(network: &Network) -> String {
    let mut text = format!("input {:?}\n", network.input_shape());
    for layer in network.layer_infos() {
        let call = layer_text(layer.kind, &layer.arguments);
        writeln!(text, "{}: {call} -> {:?}", layer.name, layer.output).expect("writing to a string");
    }
    let (loss, optimizer) = (network.loss().name(), network.optimizer());
    writeln!(text, "loss = {loss}\noptimizer = {optimizer}").expect("writing to a string");
    text
}
