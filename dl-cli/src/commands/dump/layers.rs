//! Layers as text.

use std::fmt::Write;

use dl_ir::network::Network;

use crate::report;

/// One layer a line with the shape that comes out, then what training does.
pub fn text(network: &Network) -> String {
    let mut text = format!("input {:?}\n", network.input_shape());
    for layer in network.layer_infos() {
        let call = report::layer(layer.kind, &layer.arguments);
        writeln!(text, "{}: {call} -> {:?}", layer.name, layer.output).expect("writing to a string");
    }
    let (loss, optimizer) = (network.loss().name(), network.optimizer());
    writeln!(text, "loss = {loss}\noptimizer = {optimizer}").expect("writing to a string");
    text
}
