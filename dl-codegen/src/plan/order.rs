//! The order of kernels, and which of them write state in place.
//!
//! A kernel runs after those whose results it reads. One that overwrites a state runs after all that read the old value, and after
//! the loss is known to be finite. Where that is impossible, the new value goes to scratch and is copied at the end.
//!
//! A loop is ordered like a kernel. Its body is ordered as a function whose state is the carries, with places for its results.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap};

use rustc_hash::FxHashMap;

use dl_ir::access::Access;
use dl_ir::graph::{Graph, NodeId};
use dl_ir::module::Function;
use dl_ir::ops::Op;

use crate::fuse::{Class, is_leaf};
use crate::schedule::Binding;
use crate::schedule::operands::{is_number, storage};

use super::unit::{Unit, UnitKind};

/// What is ordered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A function: its results lie where they were written, and are checked before state is.
    Function,
    /// The body of a loop: there is a place for each result, and nothing is checked.
    Body,
}

/// An ordered function or body.
#[derive(Clone, PartialEq, Debug)]
pub struct Order {
    /// Units in order, by phase: those of one do not depend on each other.
    pub phases: Vec<Vec<usize>>,
    /// The phase before which the loss is checked; `None` if nothing is checked.
    pub check_before: Option<usize>,
    /// For nodes whose kernel writes a state in place, the state.
    pub in_place: BTreeMap<NodeId, String>,
    /// For nodes that are written to the place of a result of a body, the result.
    pub placed: BTreeMap<NodeId, usize>,
    /// What each copying kernel writes: a state, the place of a result, or a buffer of its own.
    pub copies: BTreeMap<usize, Copy>,
}

/// What a copying kernel writes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Copy {
    /// A state's new value.
    Update(String),
    /// A result of a body.
    Result(usize),
    /// A number or a state that is read as a tensor.
    Tensor,
}

/// Orders the units of a function or a body, and adds the copies that it needs.
pub fn order(
    function: &Function,
    kind: Kind,
    units: &mut Vec<Unit>,
    copy: &mut impl FnMut(NodeId) -> Unit,
) -> Order {
    let mut copies = BTreeMap::new();
    for node in tensors_needed(function, units) {
        copies.insert(units.len(), Copy::Tensor);
        units.push(copy(node));
    }
    let producers = producers(&function.graph, units);
    let needed = needed_for_results(function, units, &producers);
    let checked = match kind {
        Kind::Function => needed.clone(),
        Kind::Body => BTreeSet::new(),
    };
    let placed = match kind {
        Kind::Function => BTreeMap::new(),
        Kind::Body => placed(function, &producers),
    };
    let mut in_place = writable(function, units, &producers, &checked);
    in_place.retain(|node, _| !placed.contains_key(node));
    let sequence = loop {
        match sort(&function.graph, units, &producers, &needed, &in_place) {
            Ok(sequence) => break sequence,
            Err(stuck) => in_place.retain(|node, _| *node != stuck),
        }
    };
    let (phases, check_before) = phases(&function.graph, units, &producers, &in_place, &checked, &sequence);
    let checks = kind == Kind::Function && !function.updates.is_empty() && !function.results.is_empty();
    let check_before = checks.then_some(check_before);
    let mut order = Order { phases, check_before, in_place, placed, copies };
    let mut last = Vec::new();
    for (what, node) in order.missing(function, kind) {
        order.copies.insert(units.len(), what);
        last.push(units.len());
        units.push(copy(node));
    }
    order.phases.extend((!last.is_empty()).then_some(last));
    order
}

impl Order {
    /// The new states, and the results of a body, that their kernels do not write where they belong.
    fn missing(&self, function: &Function, kind: Kind) -> Vec<(Copy, NodeId)> {
        let graph = &function.graph;
        let mut missing = Vec::new();
        for (name, node) in &function.updates {
            if self.in_place.get(node) != Some(name) && state_read(graph, *node) != Some(name) {
                missing.push((Copy::Update(name.clone()), *node));
            }
        }
        for (index, (_, node)) in function.results.iter().enumerate() {
            if kind == Kind::Body && self.placed.get(&storage(graph, *node)) != Some(&index) {
                missing.push((Copy::Result(index), *node));
            }
        }
        missing
    }
}

/// Numbers that must lie in memory, and states that are results or new values of others: they may have changed by then.
fn tensors_needed(function: &Function, units: &[Unit]) -> BTreeSet<NodeId> {
    let graph = &function.graph;
    let read = units.iter().flat_map(|unit| &unit.bindings).filter(|binding| !binding.is_write());
    let read = read.map(|binding| storage(graph, binding.node())).filter(|&node| is_number(graph, node));
    let results = function.results.iter().map(|&(_, node)| storage(graph, node));
    let results = results.filter(|&node| is_number(graph, node) || state_read(graph, node).is_some());
    let updates = function.updates.iter();
    let exchanged = updates.filter(|(name, node)| state_read(graph, *node).is_some_and(|read| read != name));
    read.chain(results).chain(exchanged.map(|&(_, node)| storage(graph, node))).collect()
}

/// The nodes that their kernels write to the place of a result: of each the first.
fn placed(function: &Function, producers: &Producers) -> BTreeMap<NodeId, usize> {
    let graph = &function.graph;
    let mut placed = BTreeMap::new();
    for (index, &(_, result)) in function.results.iter().enumerate() {
        let node = storage(graph, result);
        if !is_leaf(graph, node) && producers.contains_key(&(node, false)) {
            placed.entry(node).or_insert(index);
        }
    }
    placed
}

/// The updates whose kernels may write the state itself: they read its old value at the same places only, and do not decide
/// whether the step may write at all.
fn writable(
    function: &Function,
    units: &[Unit],
    producers: &Producers,
    checked: &BTreeSet<usize>,
) -> BTreeMap<NodeId, String> {
    let graph = &function.graph;
    let mut in_place: BTreeMap<NodeId, String> = BTreeMap::new();
    for (name, node) in &function.updates {
        // What is a number or a state has at most a kernel that copies it to a buffer of its own.
        let producer = producers.get(&(*node, false)).filter(|_| !is_leaf(graph, *node));
        let Some(unit) = producer else { continue };
        let same_places = units[*unit].bindings.iter().all(|binding| match binding {
            Binding::Write(..) => true,
            Binding::Scatter(written) if written == node => false,
            Binding::Read(read, Class::Full) if lies_in_order(graph, *read) => true,
            other => state_read(graph, other.node()) != Some(name),
        });
        let is_kernel = matches!(units[*unit].kind, UnitKind::Kernel(_));
        if is_kernel && same_places && !checked.contains(unit) {
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

/// The unit that writes each node, and its partial sums.
type Producers = FxHashMap<Stored, usize>;

fn producers(graph: &Graph, units: &[Unit]) -> Producers {
    let mut producers = Producers::default();
    for (index, unit) in units.iter().enumerate() {
        for binding in unit.bindings.iter().filter(|binding| binding.is_write()) {
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

/// The units that the function's results need.
fn needed_for_results(function: &Function, units: &[Unit], producers: &Producers) -> BTreeSet<usize> {
    let graph = &function.graph;
    let mut needed = BTreeSet::new();
    let results = function.results.iter();
    let mut stack: Vec<Stored> = results.map(|&(_, node)| (storage(graph, node), false)).collect();
    while let Some(needed_first) = stack.pop() {
        let Some(&unit) = producers.get(&needed_first) else { continue };
        if needed.insert(unit) {
            let reads = units[unit].bindings.iter().filter(|binding| !binding.is_write());
            stack.extend(reads.map(|&binding| stored(graph, binding)));
        }
    }
    needed
}

/// What each unit must run after: those whose results it reads, and, if it writes a state in place, all others that read the
/// old value.
fn dependencies(
    graph: &Graph,
    units: &[Unit],
    producers: &Producers,
    in_place: &BTreeMap<NodeId, String>,
) -> Vec<BTreeSet<usize>> {
    let writers: HashMap<&String, usize> =
        in_place.iter().map(|(node, state)| (state, producers[&(*node, false)])).collect();
    let mut before = vec![BTreeSet::new(); units.len()];
    for (index, unit) in units.iter().enumerate() {
        for binding in unit.bindings.iter().filter(|binding| !binding.is_write()) {
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

/// A topological order: `first` what results need, then the rest, each time the unit whose nodes come first. On a cycle, an
/// update that cannot be written in place.
fn sort(
    graph: &Graph,
    units: &[Unit],
    producers: &Producers,
    first: &BTreeSet<usize>,
    in_place: &BTreeMap<NodeId, String>,
) -> Result<Vec<usize>, NodeId> {
    let before = dependencies(graph, units, producers, in_place);
    let mut after: Vec<Vec<usize>> = vec![Vec::new(); units.len()];
    for (index, before) in before.iter().enumerate() {
        before.iter().for_each(|&earlier| after[earlier].push(index));
    }
    let mut waits: Vec<usize> = before.iter().map(BTreeSet::len).collect();
    let key = |index: usize| {
        let last = units[index].bindings.iter().filter(|b| b.is_write()).map(|b| b.node()).max();
        Reverse((!first.contains(&index), last, index))
    };
    let mut ready: BinaryHeap<_> = (0..units.len()).filter(|&i| waits[i] == 0).map(key).collect();
    let mut sequence = Vec::with_capacity(units.len());
    while let Some(Reverse((_, _, index))) = ready.pop() {
        sequence.push(index);
        for &next in &after[index] {
            waits[next] -= 1;
            if waits[next] == 0 {
                ready.push(key(next));
            }
        }
    }
    if sequence.len() < units.len() {
        // What no other waits for is on no cycle.
        let is_on_cycle = |unit: usize| waits[unit] > 0 && !after[unit].is_empty();
        let stuck = in_place.keys().find(|node| is_on_cycle(producers[&(**node, false)]));
        return Err(*stuck.expect("without in-place updates there is no cycle"));
    }
    Ok(sequence)
}

/// Puts each unit of a sequence into the first phase in which all that it must run after is done; those that write state, not
/// before the check.
fn phases(
    graph: &Graph,
    units: &[Unit],
    producers: &Producers,
    in_place: &BTreeMap<NodeId, String>,
    checked: &BTreeSet<usize>,
    sequence: &[usize],
) -> (Vec<Vec<usize>>, usize) {
    let before = dependencies(graph, units, producers, in_place);
    let mut phase_of = vec![0; units.len()];
    let mut phases: Vec<Vec<usize>> = Vec::new();
    let mut check_before = 0;
    for &index in sequence {
        let writes_state =
            units[index].bindings.iter().any(|b| b.is_write() && in_place.contains_key(&b.node()));
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
    (phases, check_before)
}
