//! Layers, graphs and kernels for Graphviz.

use std::fmt::Write;

use dl::inspect::layer_text;
use dl_ir::graph::NodeId;
use dl_ir::module::{Function, Module};
use dl_ir::network::Network;

use crate::picture::{Arrow, Diagram};

/// A chain of layers, with shapes along the edges.
pub fn layers(network: &Network) -> String {
    let mut text = String::from("digraph layers {\n  node [shape=box, fontname=monospace]\n  input\n");
    let mut before = "input".to_owned();
    for layer in network.layer_infos() {
        let label = escape(&format!("{}\n{}", layer.name, layer_text(layer.kind, &layer.arguments)));
        let name = escape(&layer.name);
        writeln!(text, "  \"{name}\" [label=\"{label}\"]").expect("writing to a string");
        writeln!(text, "  \"{before}\" -> \"{name}\" [label=\"{:?}\"]", layer.input)
            .expect("writing to a string");
        before = name;
    }
    writeln!(text, "  \"{before}\" -> output [label=\"{:?}\"]", network.output_shape())
        .expect("writing to a string");
    text + "}\n"
}

/// Boxes and arrows of a diagram.
pub fn diagram(diagram: &Diagram) -> String {
    let mut text = String::from("digraph diagram {\n  node [shape=box, fontname=monospace]\n");
    let mut line = |line: String| writeln!(text, "  {line}").expect("writing to a string");
    for (index, drawn) in diagram.boxes.iter().enumerate() {
        let frames = std::iter::successors(drawn.frame, |&frame| diagram.frames[frame].outer);
        let frames = frames.map(|frame| format!("({})\n", diagram.frames[frame].label)).collect::<String>();
        let label = escape(&format!("{frames}{}\n{}\n", drawn.title, drawn.lines.join("\n")));
        line(format!("{index} [label=\"{}\"]", label.replace("\\n", "\\l")));
    }
    for Arrow { from, to, label } in &diagram.arrows {
        line(format!("{from} -> {to} [label=\"{}\"]", escape(label)));
    }
    text + "}\n"
}

/// Each function as a cluster: nodes with ids, ops and types; what it returns and updates.
pub fn module(module: &Module) -> String {
    let mut text = String::from("digraph module {\n  node [shape=box, fontname=monospace]\n");
    for function in &module.functions {
        text += &cluster(function);
    }
    text + "}\n"
}

fn cluster(function: &Function) -> String {
    let (name, graph) = (escape(&function.name), &function.graph);
    let dot_id = |node: NodeId| format!("\"{name}.{}\"", node.0);
    let mut text = format!("  subgraph \"cluster_{name}\" {{\n    label=\"{name}\"\n");
    let mut line = |line: String| writeln!(text, "    {line}").expect("writing to a string");
    for id in graph.ids() {
        let attributes = graph.op(id).attributes();
        let attributes = if attributes.0.is_empty() { String::new() } else { format!(" {attributes}") };
        let label = format!("%{} = {}{attributes}\n{}", id.0, graph.op(id).name(), graph.node(id).ty);
        line(format!("{} [label=\"{}\"]", dot_id(id), escape(&label)));
        let operands = graph.operands(id);
        for (position, &operand) in operands.iter().enumerate() {
            // Where there are several operands, which is which matters.
            let label = if operands.len() > 1 { format!(" [label={position}]") } else { String::new() };
            line(format!("{} -> {}{label}", dot_id(operand), dot_id(id)));
        }
    }
    let leaving = [("return", &function.results), ("update", &function.updates)];
    for (kind, (what, node)) in
        leaving.iter().flat_map(|(kind, named)| named.iter().map(move |named| (kind, named)))
    {
        let id = format!("\"{name}.{kind}.{}\"", escape(what));
        line(format!("{id} [label=\"{kind} {}\", shape=oval]", escape(what)));
        line(format!("{} -> {id}", dot_id(*node)));
    }
    text + "  }\n"
}

/// Text inside a quoted string; line breaks as Graphviz writes them.
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
