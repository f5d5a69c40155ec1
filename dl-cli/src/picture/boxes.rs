//! Which nodes of a function stand in one box.
//!
//! A node joins its users if all of them are in one box and come from the same part of the network. Then boxes of one part are joined, as
//! far as arrows between boxes do not run in circles. So a box is mostly what a layer does forward, or backward.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use dl_ir::graph::{Graph, NodeId};
use dl_ir::ops::Op;
use dl_ir::origin::{Origin, Part, Rule};

use super::Tone;

/// The boxes of a graph.
pub struct Boxes {
    /// For each node the box that it is in, by one of its nodes; `None` for what is written where it is read.
    pub of: Vec<Option<NodeId>>,
    /// All boxes with their nodes, in an order in which arrows run forward, updates last.
    pub members: Vec<(NodeId, Vec<NodeId>)>,
    /// For each node what it is part of.
    pub sources: Vec<Source>,
}

/// The title of a box and its colour.
pub type Source = (String, Tone);

impl Boxes {
    /// Boxes for all nodes but leaves.
    pub fn new(graph: &Graph) -> Self {
        let sources = sources(graph);
        let mut of = with_users(graph, &sources);
        let mut parts: BTreeMap<&str, BTreeSet<NodeId>> = BTreeMap::new();
        for &last in of.iter().flatten() {
            parts.entry(&sources[last.index()].0).or_default().insert(last);
        }
        parts.remove("");
        for joined in parts.values().filter(|boxes| boxes.len() > 1) {
            let first = *joined.first().expect("more than one");
            let join = |of: &Option<NodeId>| of.map(|id| if joined.contains(&id) { first } else { id });
            let joined: Vec<Option<NodeId>> = of.iter().map(join).collect();
            if order(graph, &joined, &sources).is_some() {
                of = joined;
            }
        }
        let order = order(graph, &of, &sources).expect("only what makes no circles is joined");
        let mut members: BTreeMap<NodeId, Vec<NodeId>> = BTreeMap::new();
        for id in graph.ids() {
            members.entry(of[id.index()].unwrap_or(id)).or_default().push(id);
        }
        let mut boxes: Vec<(NodeId, Vec<NodeId>)> =
            order.into_iter().map(|of| (of, members.remove(&of).expect("a box has nodes"))).collect();
        let is_last_update = |id: NodeId, nodes: &[NodeId]| {
            sources[id.index()].1 == Tone::Update
                && nodes
                    .iter()
                    .all(|&node| graph.users(node).into_iter().all(|user| of[user.index()] == Some(id)))
        };
        // Of equal ones behind each other only one is drawn.
        boxes.sort_by_cached_key(|(id, nodes)| is_last_update(*id, nodes).then(|| op_names(graph, nodes)));
        Boxes { of, members: boxes, sources }
    }
}

/// The names of the ops of nodes, sorted.
pub fn op_names(graph: &Graph, nodes: &[NodeId]) -> Vec<&'static str> {
    let mut names: Vec<&str> = nodes.iter().map(|&node| graph.op(node).name()).collect();
    names.sort_unstable();
    names
}

/// Trees of nodes, each by its last one. Nothing but that is read elsewhere, so they make no circles.
fn with_users(graph: &Graph, sources: &[Source]) -> Vec<Option<NodeId>> {
    let mut of = vec![None; graph.n_nodes()];
    for id in graph.ids().rev().filter(|&id| leaf(graph.op(id)).is_none()) {
        let mut users = graph.users(id).into_iter().map(|user| of[user.index()]);
        let joined = users.next().flatten().filter(|&first: &NodeId| {
            users.all(|other| other == Some(first)) && sources[first.index()] == sources[id.index()]
        });
        of[id.index()] = Some(joined.unwrap_or(id));
    }
    of
}

/// Boxes in an order in which arrows run forward, updates as late as they may be; `None` if arrows run in circles.
fn order(graph: &Graph, of: &[Option<NodeId>], sources: &[Source]) -> Option<Vec<NodeId>> {
    let boxes: BTreeSet<NodeId> = of.iter().flatten().copied().collect();
    let mut arrows: BTreeSet<(NodeId, NodeId)> = BTreeSet::new();
    for id in graph.ids() {
        let Some(to) = of[id.index()] else { continue };
        let from = graph.operands(id).iter().copied().filter_map(|operand| of[operand.index()]);
        arrows.extend(from.filter(|&from| from != to).map(|from| (from, to)));
    }
    let mut n_before: BTreeMap<NodeId, usize> = BTreeMap::new();
    arrows.iter().for_each(|&(_, to)| *n_before.entry(to).or_default() += 1);
    let place = |id: NodeId| Reverse((sources[id.index()].1 == Tone::Update, id));
    let mut ready: BinaryHeap<_> =
        boxes.iter().filter(|id| !n_before.contains_key(id)).map(|&id| place(id)).collect();
    let mut order = Vec::new();
    while let Some(Reverse((_, next))) = ready.pop() {
        order.push(next);
        for &(_, to) in arrows.range((next, NodeId(0))..=(next, NodeId(u32::MAX))) {
            let before = n_before.get_mut(&to).expect("an arrow leads there");
            *before -= 1;
            if *before == 0 {
                ready.push(place(to));
            }
        }
    }
    (order.len() == boxes.len()).then_some(order)
}

/// The text of what is written where it is read: inputs, states and constants.
pub fn leaf(op: &Op) -> Option<String> {
    match op {
        Op::Input(input) => Some(input.name.clone()),
        Op::State(state) => Some(state.name.clone()),
        Op::Constant(constant) => Some(format!("{:?}", constant.value())),
        _ => None,
    }
}

/// Where each node comes from. What several parts read is of none of them if the optimizer computes it, or if it is the same in every
/// call.
fn sources(graph: &Graph) -> Vec<Source> {
    let mut is_fixed = vec![false; graph.n_nodes()];
    for id in graph.ids() {
        let depends = matches!(graph.op(id), Op::Input(_) | Op::State(_));
        is_fixed[id.index()] = !depends && graph.operands(id).iter().all(|operand| is_fixed[operand.index()]);
    }
    let mut sources = vec![(String::new(), Tone::Plain); graph.n_nodes()];
    for id in graph.ids().rev() {
        let of_origin = graph.origin(id).map(|origin| origin_source(origin)).unwrap_or_default();
        let shared = match of_origin.1 {
            Tone::Update => ("optimizer", Tone::Update),
            _ if is_fixed[id.index()] => ("shared", Tone::Plain),
            _ => {
                sources[id.index()] = of_origin;
                continue;
            }
        };
        let shared = (shared.0.to_owned(), shared.1);
        let is_shared = graph.users(id).into_iter().any(|user| sources[user.index()] != of_origin);
        sources[id.index()] = if is_shared { shared } else { of_origin };
    }
    sources
}

fn origin_source(origin: &Origin) -> Source {
    let tone = match (&origin.part, &origin.rule) {
        (Part::Optimizer, _) | (_, Rule::Update { .. }) => Tone::Update,
        (_, Rule::Vjp { .. }) => Tone::Backward,
        (_, Rule::Built) => Tone::Plain,
    };
    (origin.in_words(), tone)
}
