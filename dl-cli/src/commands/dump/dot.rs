//! Layers, graphs and kernels for Graphviz.

use std::fmt::Write;

use dl::inspect::{View, layer_text};
use dl_ir::graph::NodeId;
use dl_ir::module::{Function, Module};
use dl_ir::network::Network;

use crate::picture::{Arrow, Diagram};

/// A chain of layers, with shapes along the edges, and places if they are wanted.
pub fn layers(network: &Network, locations: bool) -> String {
    let mut text = String::from("digraph layers {\n  node [shape=box, fontname=monospace]\n  input\n");
    let mut before = "input".to_owned();
    for (layer, checked) in network.layer_infos().into_iter().zip(network.layers()) {
        let origin = checked.origin.as_ref().filter(|_| locations);
        let place = origin.map(|origin| format!("\n{}", origin.source())).unwrap_or_default();
        let label = escape(&format!("{}\n{}{place}", layer.name, layer_text(layer.kind, &layer.arguments)));
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
        let label = escape(&format!("{frames}{}\n{}\n", drawn.title, drawn.text().join("\n")));
        line(format!("{index} [label=\"{}\"]", label.replace("\\n", "\\l")));
    }
    for Arrow { from, to, label } in &diagram.arrows {
        line(format!("{from} -> {to} [label=\"{}\"]", escape(label)));
    }
    text + "}\n"
}

/// Each function as a cluster: nodes with ids, ops, types and origins; what it returns and updates.
pub fn module(module: &Module, view: &View<'_>) -> String {
    let mut text = String::from("digraph module {\n  node [shape=box, fontname=monospace]\n");
    for function in &module.functions {
        text += &cluster(function, view);
    }
    text + "}\n"
}

fn cluster(function: &Function, view: &View<'_>) -> String {
    let (name, graph) = (escape(&function.name), &function.graph);
    let dot_id = |node: NodeId| format!("\"{name}.{}\"", node.0);
    let mut text = format!("  subgraph \"cluster_{name}\" {{\n    label=\"{name}\"\n");
    let mut line = |line: String| writeln!(text, "    {line}").expect("writing to a string");
    let is_shown = |node: NodeId| view.shows(graph, node);
    for id in graph.ids().filter(|&id| is_shown(id)) {
        let attributes = graph.op(id).attributes();
        let attributes = if attributes.0.is_empty() { String::new() } else { format!(" {attributes}") };
        let origin = view.location(graph.origin(id).map(AsRef::as_ref));
        let origin = origin.map(|origin| format!("\n{origin}")).unwrap_or_default();
        let label = format!("%{} = {}{attributes}\n{}{origin}", id.0, graph.op(id).name(), graph.node(id).ty);
        line(format!("{} [label=\"{}\"]", dot_id(id), escape(&label)));
        let operands = graph.operands(id);
        for (position, &operand) in operands.iter().enumerate().filter(|(_, operand)| is_shown(**operand)) {
            // Where there are several operands, which is which matters.
            let label = if operands.len() > 1 { format!(" [label={position}]") } else { String::new() };
            line(format!("{} -> {}{label}", dot_id(operand), dot_id(id)));
        }
    }
    let leaving = [("return", &function.results), ("update", &function.updates)];
    for (kind, (what, node)) in
        leaving.iter().flat_map(|(kind, named)| named.iter().map(move |named| (kind, named)))
    {
        if !is_shown(*node) {
            continue;
        }
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
