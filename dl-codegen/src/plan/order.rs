//! The order of kernels, and which of them write state in place.
//!
//! A kernel runs after those whose results it reads. One that overwrites a state runs after all that read the old value, and after
//! the loss is known to be finite. Where that is impossible, the new value goes to scratch and is copied at the end.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap};

use dl_ir::graph::{Graph, NodeId};
use dl_ir::module::Function;
use dl_ir::ops::Op;

use crate::fuse::{Class, is_leaf};
use crate::schedule::operands::{is_number, storage};
use crate::schedule::{Binding, Scheduled};

/// An ordered function.
#[derive(Clone, PartialEq, Debug)]
pub struct Order {
    /// Kernels in order.
    pub sequence: Vec<usize>,
    /// How many of them run before the loss is checked; `None` if nothing is checked.
    pub check_after: Option<usize>,
    /// For nodes whose kernel writes a state in place, the state.
    pub in_place: BTreeMap<NodeId, String>,
    /// What each copying kernel writes: a state, or a buffer of its own.
    pub copies: BTreeMap<usize, Copy>,
}

/// What a copying kernel writes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Copy {
    /// A state's new value.
    Update(String),
    /// A number or a state that is read as a tensor.
    Tensor,
}

/// Orders the kernels of a function, and adds the copies that it needs.
pub fn order(
    function: &Function,
    kernels: &mut Vec<Scheduled>,
    copy: &mut impl FnMut(NodeId) -> Scheduled,
) -> Order {
    let mut copies = BTreeMap::new();
    for node in tensors_needed(function, kernels) {
        copies.insert(kernels.len(), Copy::Tensor);
        kernels.push(copy(node));
    }
    let mut in_place = writable(function, kernels);
    let sequence = loop {
        match sort(function, kernels, &in_place) {
            Ok(sequence) => break sequence,
            Err(stuck) => in_place.retain(|node, _| *node != stuck),
        }
    };
    let mut order = Order { check_after: sequence.1, sequence: sequence.0, in_place, copies };
    for (name, node) in &function.updates {
        if order.in_place.get(node) != Some(name) {
            order.copies.insert(kernels.len(), Copy::Update(name.clone()));
            order.sequence.push(kernels.len());
            kernels.push(copy(*node));
        }
    }
    order
}

/// Numbers that must lie in memory, and states that are results: they may have changed by then.
fn tensors_needed(function: &Function, kernels: &[Scheduled]) -> BTreeSet<NodeId> {
    let graph = &function.graph;
    let read = kernels.iter().flat_map(|kernel| &kernel.bindings).filter(|binding| !binding.is_write());
    let read = read.map(|binding| storage(graph, binding.node())).filter(|&node| is_number(graph, node));
    let results = function.results.iter().map(|&(_, node)| storage(graph, node));
    let results = results.filter(|&node| is_number(graph, node) || matches!(graph.op(node), Op::State(_)));
    read.chain(results).collect()
}

/// The updates whose kernels may write the state itself: they read its old value at the same places only, and do not decide
/// whether the step may write at all.
fn writable(function: &Function, kernels: &[Scheduled]) -> BTreeMap<NodeId, String> {
    let graph = &function.graph;
    let producers = producers(graph, kernels);
    let before_check = needed_for_results(function, kernels, &producers);
    let mut in_place: BTreeMap<NodeId, String> = BTreeMap::new();
    for (name, node) in &function.updates {
        let Some(kernel) = producers.get(node) else { continue };
        let same_places = kernels[*kernel].bindings.iter().all(|binding| match binding {
            Binding::Read(_, Class::Full) | Binding::Write(..) => true,
            other => state_read(graph, other.node()) != Some(name),
        });
        if same_places && !before_check.contains(kernel) {
            in_place.entry(*node).or_insert_with(|| name.clone());
        }
    }
    in_place
}

/// The kernel that writes each node.
fn producers(graph: &Graph, kernels: &[Scheduled]) -> HashMap<NodeId, usize> {
    let mut producers = HashMap::new();
    for (index, kernel) in kernels.iter().enumerate() {
        for binding in kernel.bindings.iter().filter(|binding| binding.is_write()) {
            debug_assert!(
                !is_leaf(graph, binding.node())
                    || is_number(graph, binding.node())
                    || state_read(graph, binding.node()).is_some()
            );
            producers.insert(binding.node(), index);
        }
    }
    producers
}

/// The state whose old value a node is.
fn state_read(graph: &Graph, node: NodeId) -> Option<&String> {
    match graph.op(storage(graph, node)) {
        Op::State(state) => Some(&state.name),
        _ => None,
    }
}

/// The kernels that the function's results need.
fn needed_for_results(
    function: &Function,
    kernels: &[Scheduled],
    producers: &HashMap<NodeId, usize>,
) -> BTreeSet<usize> {
    let graph = &function.graph;
    let mut needed = BTreeSet::new();
    let mut stack: Vec<NodeId> = function.results.iter().map(|&(_, node)| storage(graph, node)).collect();
    while let Some(node) = stack.pop() {
        let Some(&kernel) = producers.get(&node) else { continue };
        if needed.insert(kernel) {
            let reads = kernels[kernel].bindings.iter().filter(|binding| !binding.is_write());
            stack.extend(reads.map(|binding| storage(graph, binding.node())));
        }
    }
    needed
}

/// A topological order: first what results need, then the rest, each time the kernel whose nodes come first. On a cycle, an
/// update that cannot be written in place.
fn sort(
    function: &Function,
    kernels: &[Scheduled],
    in_place: &BTreeMap<NodeId, String>,
) -> Result<(Vec<usize>, Option<usize>), NodeId> {
    let graph = &function.graph;
    let producers = producers(graph, kernels);
    let first = needed_for_results(function, kernels, &producers);
    let mut writers: HashMap<&String, usize> = HashMap::new();
    for (node, state) in in_place {
        writers.insert(state, producers[node]);
    }
    let mut after: Vec<Vec<usize>> = vec![Vec::new(); kernels.len()];
    let mut waits = vec![0usize; kernels.len()];
    for (index, kernel) in kernels.iter().enumerate() {
        for binding in kernel.bindings.iter().filter(|binding| !binding.is_write()) {
            let node = storage(graph, binding.node());
            if let Some(&producer) = producers.get(&node).filter(|&&producer| producer != index) {
                after[producer].push(index);
                waits[index] += 1;
            }
            let writer = state_read(graph, node).and_then(|state| writers.get(state));
            if let Some(&writer) = writer.filter(|&&writer| writer != index) {
                after[index].push(writer);
                waits[writer] += 1;
            }
        }
    }
    let key = |index: usize| {
        let last = kernels[index].bindings.iter().filter(|b| b.is_write()).map(|b| b.node()).max();
        Reverse((!first.contains(&index), last, index))
    };
    let mut ready: BinaryHeap<_> = (0..kernels.len()).filter(|&i| waits[i] == 0).map(key).collect();
    let mut sequence = Vec::with_capacity(kernels.len());
    while let Some(Reverse((_, _, index))) = ready.pop() {
        sequence.push(index);
        for &next in &after[index] {
            waits[next] -= 1;
            if waits[next] == 0 {
                ready.push(key(next));
            }
        }
    }
    if sequence.len() < kernels.len() {
        let stuck = in_place.keys().find(|node| waits[producers[node]] > 0);
        return Err(*stuck.expect("without in-place updates there is no cycle"));
    }
    let checks = !function.updates.is_empty() && !function.results.is_empty();
    let last_needed = sequence.iter().rposition(|index| first.contains(index));
    Ok((sequence, checks.then(|| last_needed.map_or(0, |last| last + 1))))
}
