//! Functions as a diagram.
//!
//! A box holds nodes of one part of the network. Inputs, states and constants are written where they are read.

use std::collections::BTreeMap;

use dl::inspect::View;
use dl_ir::graph::{Graph, NodeId};
use dl_ir::module::{Function, Module};
use dl_ir::ops::{Op, Scan};

use super::boxes::{Boxes, leaf, op_names};
use super::repeats::folded;
use super::{Diagram, TextBox, Tone};

/// What boxes that are drawn as one have in common: their frame, and ops, attributes and types; where the optimizer has made them
/// only ops.
type Key = (Option<usize>, Vec<String>);

/// All functions of a module, each in a frame where there are several; what repeats is drawn once.
pub fn functions(module: &Module, view: &View<'_>) -> Diagram {
    let mut diagram = Diagram::default();
    let mut keys = Vec::new();
    for function in &module.functions {
        let frame = (module.functions.len() > 1).then(|| diagram.frame(function.name.clone(), None));
        draw(function, view, &mut diagram, frame, &mut keys);
    }
    folded(diagram, &keys)
}

fn draw(
    function: &Function,
    view: &View<'_>,
    diagram: &mut Diagram,
    frame: Option<usize>,
    keys: &mut Vec<Key>,
) {
    let graph = &function.graph;
    let boxes = Boxes::new(graph);
    let mut index_of: BTreeMap<NodeId, usize> = BTreeMap::new();
    let is_shown = |members: &[NodeId]| members.iter().any(|&member| view.shows(graph, member));
    for (id, members) in boxes.members.iter().filter(|(_, members)| is_shown(members)) {
        let (title, tone) = boxes.sources[id.index()].clone();
        let origin = graph.origin(*id).filter(|_| view.locations);
        let source = origin.map(|origin| origin.source()).unwrap_or_default();
        let mut lines = node_lines(graph, members, "");
        lines.extend(leaving(function, |node| boxes.of[node.index()] == Some(*id)));
        let index = diagram.add(TextBox { title, source, lines, frame, tone, ..TextBox::default() });
        keys.push((frame, key(graph, members, tone)));
        index_of.insert(*id, index);
        for operand in members.iter().flat_map(|&member| graph.operands(member)) {
            let from = boxes.of[operand.index()].filter(|from| from != id);
            if let Some(&from) = from.and_then(|from| index_of.get(&from)) {
                diagram.connect(from, index, "");
            }
        }
    }
    let is_leaf = |node: NodeId| boxes.of[node.index()].is_none() && view.shows(graph, node);
    let lines: Vec<String> = leaving(function, is_leaf).collect();
    if !lines.is_empty() {
        keys.push((frame, lines.clone()));
        diagram.add(TextBox { title: "as they are".to_owned(), lines, frame, ..TextBox::default() });
    }
}

fn key(graph: &Graph, members: &[NodeId], tone: Tone) -> Vec<String> {
    if tone == Tone::Update {
        return op_names(graph, members).into_iter().map(str::to_owned).collect();
    }
    let node =
        |&id: &NodeId| format!("{}{}{}", graph.op(id).name(), graph.op(id).attributes(), graph.node(id).ty);
    members.iter().map(node).collect()
}

/// Lines for the results and updates that are such nodes.
fn leaving(function: &Function, is_one: impl Fn(NodeId) -> bool) -> impl Iterator<Item = String> {
    let Function { graph, results, updates, .. } = function;
    let results = results.iter().map(|(name, node)| ("return", name, *node));
    let updates = updates.iter().map(|(name, node)| ("update", name, *node));
    let leaving = results.chain(updates).filter(move |&(_, _, node)| is_one(node));
    leaving.map(|(what, name, node)| format!("{what} {name} = {}", value(graph, node)))
}

/// Lines as in the text of modules, with the body of a loop below its line.
fn node_lines(graph: &Graph, nodes: &[NodeId], indent: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for &id in nodes {
        let operands = graph.operands(id).iter().copied().map(|operand| value(graph, operand));
        let operands = operands.collect::<Vec<_>>().join(", ");
        let (op, ty) = (graph.op(id), &graph.node(id).ty);
        if let Op::Scan(Scan { body, length, .. }) = op {
            lines.push(format!("{indent}%{} = {length} times with {operands}", id.0));
            let ids = body.graph.ids().filter(|&id| leaf(body.graph.op(id)).is_none());
            lines.extend(node_lines(&body.graph, &ids.collect::<Vec<_>>(), &format!("{indent}  ")));
            continue;
        }
        let attributes = op.attributes();
        let attributes = if attributes.0.is_empty() { String::new() } else { format!(" {attributes}") };
        lines.push(format!("{indent}%{} = {} {operands}{attributes} : {ty}", id.0, op.name()));
    }
    lines
}

/// How a node is named where it is read.
fn value(graph: &Graph, node: NodeId) -> String {
    leaf(graph.op(node)).unwrap_or_else(|| format!("%{}", node.0))
}
