//! The order of kernels, and which of them write state in place.
//!
//! A kernel runs after those whose results it reads. One that overwrites a state runs after all that read the old value, and after
//! the loss is known to be finite. Where that is impossible, the new value goes to scratch and is copied at the end.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap};

use dl_ir::access::Access;
use dl_ir::graph::{Graph, NodeId};
use dl_ir::module::Function;
use dl_ir::ops::Op;

use crate::fuse::{Class, is_leaf, scatters};
use crate::schedule::operands::{is_number, storage};
use crate::schedule::{Binding, Scheduled};

/// An ordered function.
#[derive(Clone, PartialEq, Debug)]
pub struct Order {
    /// Kernels in order, by phase: those of one do not depend on each other.
    pub phases: Vec<Vec<usize>>,
    /// The phase before which the loss is checked; `None` if nothing is checked.
    pub check_before: Option<usize>,
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
    let (phases, check_before) = phases(function, kernels, &in_place, &sequence);
    let mut order = Order { phases, check_before, in_place, copies };
    let mut last = Vec::new();
    for (name, node) in &function.updates {
        if order.in_place.get(node) != Some(name) {
            order.copies.insert(kernels.len(), Copy::Update(name.clone()));
            last.push(kernels.len());
            kernels.push(copy(*node));
        }
    }
    order.phases.extend((!last.is_empty()).then_some(last));
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
        let Some(kernel) = producers.get(&(*node, false)) else { continue };
        let same_places = kernels[*kernel].bindings.iter().all(|binding| match binding {
            Binding::Write(..) => true,
            Binding::Read(read, Class::Full) if lies_in_order(graph, *read) => true,
            other => state_read(graph, other.node()) != Some(name),
        });
        if same_places && !scatters(graph.op(*node)) && !before_check.contains(kernel) {
            in_place.entry(*node).or_insert_with(|| name.clone());
        }
    }
    in_place
}

/// Whether a node's elements are those of its buffer, in order.
fn lies_in_order(graph: &Graph, node: NodeId) -> bool {
    Access::of(graph, node).is_some_and(|access| access.is_whole(&graph.tensor(node).shape))
}

/// What a kernel writes for others: a node, or its partial sums.
type Stored = (NodeId, bool);

/// What a binding reads or writes.
fn stored(graph: &Graph, binding: Binding) -> Stored {
    let is_partial = matches!(binding, Binding::Partials(_) | Binding::WritePartials(_));
    (storage(graph, binding.node()), is_partial)
}

/// The kernel that writes each node, and its partial sums.
fn producers(graph: &Graph, kernels: &[Scheduled]) -> HashMap<Stored, usize> {
    let mut producers = HashMap::new();
    for (index, kernel) in kernels.iter().enumerate() {
        for binding in kernel.bindings.iter().filter(|binding| binding.is_write()) {
            debug_assert!(
                !is_leaf(graph, binding.node())
                    || is_number(graph, binding.node())
                    || state_read(graph, binding.node()).is_some()
            );
            producers.insert(stored(graph, *binding), index);
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
    producers: &HashMap<Stored, usize>,
) -> BTreeSet<usize> {
    let graph = &function.graph;
    let mut needed = BTreeSet::new();
    let results = function.results.iter();
    let mut stack: Vec<Stored> = results.map(|&(_, node)| (storage(graph, node), false)).collect();
    while let Some(needed_first) = stack.pop() {
        let Some(&kernel) = producers.get(&needed_first) else { continue };
        if needed.insert(kernel) {
            let reads = kernels[kernel].bindings.iter().filter(|binding| !binding.is_write());
            stack.extend(reads.map(|&binding| stored(graph, binding)));
        }
    }
    needed
}

/// What each kernel must run after: those whose results it reads, and, if it writes a state in place, all others that read the
/// old value.
fn dependencies(
    graph: &Graph,
    kernels: &[Scheduled],
    in_place: &BTreeMap<NodeId, String>,
) -> Vec<BTreeSet<usize>> {
    let producers = producers(graph, kernels);
    let writers: HashMap<&String, usize> =
        in_place.iter().map(|(node, state)| (state, producers[&(*node, false)])).collect();
    let mut before = vec![BTreeSet::new(); kernels.len()];
    for (index, kernel) in kernels.iter().enumerate() {
        for binding in kernel.bindings.iter().filter(|binding| !binding.is_write()) {
            let node = storage(graph, binding.node());
            let producer = producers.get(&stored(graph, *binding));
            if let Some(&producer) = producer.filter(|&&producer| producer != index) {
                before[index].insert(producer);
            }
            let writer = state_read(graph, node).and_then(|state| writers.get(state));
            if let Some(&writer) = writer.filter(|&&writer| writer != index) {
                before[writer].insert(index);
            }
        }
    }
    before
}

/// A topological order: first what results need, then the rest, each time the kernel whose nodes come first. On a cycle, an
/// update that cannot be written in place.
fn sort(
    function: &Function,
    kernels: &[Scheduled],
    in_place: &BTreeMap<NodeId, String>,
) -> Result<Vec<usize>, NodeId> {
    let before = dependencies(&function.graph, kernels, in_place);
    let first = needed_for_results(function, kernels, &producers(&function.graph, kernels));
    let mut after: Vec<Vec<usize>> = vec![Vec::new(); kernels.len()];
    for (index, before) in before.iter().enumerate() {
        before.iter().for_each(|&earlier| after[earlier].push(index));
    }
    let mut waits: Vec<usize> = before.iter().map(BTreeSet::len).collect();
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
        let producers = producers(&function.graph, kernels);
        let stuck = in_place.keys().find(|node| waits[producers[&(**node, false)]] > 0);
        return Err(*stuck.expect("without in-place updates there is no cycle"));
    }
    Ok(sequence)
}

/// Puts each kernel of a sequence into the first phase in which all that it must run after is done; those that write state, not
/// before the check.
fn phases(
    function: &Function,
    kernels: &[Scheduled],
    in_place: &BTreeMap<NodeId, String>,
    sequence: &[usize],
) -> (Vec<Vec<usize>>, Option<usize>) {
    let before = dependencies(&function.graph, kernels, in_place);
    let checked = needed_for_results(function, kernels, &producers(&function.graph, kernels));
    let mut phase_of = vec![0; kernels.len()];
    let mut phases: Vec<Vec<usize>> = Vec::new();
    let mut check_before = 0;
    for &index in sequence {
        let writes_state =
            kernels[index].bindings.iter().any(|b| b.is_write() && in_place.contains_key(&b.node()));
        let earliest = if writes_state { check_before } else { 0 };
        let phase =
            before[index].iter().map(|&earlier| phase_of[earlier] + 1).max().unwrap_or(0).max(earliest);
        phase_of[index] = phase;
        phases.resize(phases.len().max(phase + 1), Vec::new());
        phases[phase].push(index);
        if checked.contains(&index) {
            check_before = check_before.max(phase + 1);
        }
    }
    let checks = !function.updates.is_empty() && !function.results.is_empty();
    (phases, checks.then_some(check_before))
}
