//! Runs kernels by their interpreter without any plan: each node in memory of its own, as soon as its operands are there. Each kernel is compared
//! with what its nodes mean.

use std::collections::HashMap;
use std::ops::Range;

use dl_ir::bisect::caught::caught;
use dl_ir::graph::{Graph, NodeId};
use dl_ir::interp::Environment;
use dl_ir::module::Function;
use dl_ir::ops::Op;
use dl_ir::value::Value;

use super::reference::Reference;
use super::symptom::Symptom;
use super::words;
use crate::compile::Lowered;
use crate::fuse::{Anchor, Group};
use crate::kernel::interp;
use crate::schedule::Binding;
use crate::schedule::operands::storage;

/// Nodes that are in memory, or their partial sums, as words.
pub type Memory = HashMap<(NodeId, bool), Vec<u32>>;

/// One run of a group's kernel: its buffers before and after.
pub struct Call {
    /// The group.
    pub group: usize,
    /// Its buffers before.
    pub before: Vec<Vec<u32>>,
    /// Its buffers after.
    pub after: Vec<Vec<u32>>,
}

/// What kernels compute.
pub struct Record {
    /// The nodes of the function.
    pub nodes: Memory,
    /// Those of the bodies of its loops, for each of their steps.
    pub bodies: Vec<Vec<Memory>>,
    /// The runs of kernels.
    pub calls: Vec<Call>,
    /// What each wrote: the group, the node and its relative error.
    pub errors: Vec<(usize, NodeId, f64)>,
}

/// A kernel that does not compute what it should.
pub struct WrongKernel {
    /// Its group.
    pub group: usize,
    /// What it does.
    pub symptom: Symptom,
}

/// What a kernel reads or writes: of the node whose buffer it is, or of its partial sums.
pub fn stored(graph: &Graph, binding: Binding) -> (NodeId, bool) {
    let is_partial = matches!(binding, Binding::Partials(_) | Binding::WritePartials(_));
    (storage(graph, binding.node()), is_partial)
}

/// The tasks that a launch is cut into, the later ones first: tasks do not wait for each other.
pub fn ranges(tasks: usize) -> [Range<usize>; 2] {
    [tasks / 3..tasks, 0..tasks / 3]
}

/// Runs all kernels of a function.
pub fn run(
    lowered: &Lowered,
    function: &Function,
    environment: &Environment,
    batch: usize,
) -> Result<Record, WrongKernel> {
    let bodies = vec![Vec::new(); lowered.plan.bodies.len()];
    let record = Record { nodes: Memory::new(), bodies, calls: Vec::new(), errors: Vec::new() };
    let mut run = Run { lowered, batch, record };
    let outer = Scope { graph: &function.graph, body: None, is_compared: true };
    let memory = run.leaves(outer.graph, environment);
    run.record.nodes = run.graph(outer, memory)?;
    Ok(run.record)
}

/// The graph of the function, or of the body of a loop.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    pub(super) graph: &'a Graph,
    pub(super) body: Option<usize>,
    /// Whether kernels are compared with what they mean.
    pub(super) is_compared: bool,
}

/// A function that is being run.
pub(super) struct Run<'a> {
    pub(super) lowered: &'a Lowered,
    pub(super) batch: usize,
    pub(super) record: Record,
}

impl<'a> Run<'a> {
    /// Inputs, states and numbers.
    pub(super) fn leaves(&self, graph: &Graph, environment: &Environment) -> Memory {
        let mut memory = Memory::new();
        for node in graph.ids() {
            let value = match graph.op(node) {
                Op::Input(input) => environment[&input.name].clone(),
                Op::State(state) => environment[&state.name].clone(),
                Op::BatchSize(_) | Op::Constant(_) => {
                    let count = self.batch as f64;
                    Value::from_fn(graph.tensor(node), self.batch, |_| match graph.op(node) {
                        Op::Constant(number) => number.value(),
                        _ => count,
                    })
                }
                _ => continue,
            };
            let words = words::of_value(&value, graph.tensor(node), self.lowered.target);
            memory.insert((node, false), words);
        }
        memory
    }

    /// Runs the groups and loops of a graph, each when its operands are there.
    pub(super) fn graph(&mut self, scope: Scope<'a>, mut memory: Memory) -> Result<Memory, WrongKernel> {
        let lowered = self.lowered;
        let groups = (0..lowered.groups.len()).filter(|&group| lowered.body_of[group] == scope.body);
        let mut groups: Vec<usize> = groups.collect();
        let mut scans: Vec<usize> = match scope.body {
            None => (0..lowered.plan.bodies.len()).collect(),
            Some(_) => Vec::new(),
        };
        loop {
            let n_waiting = groups.len() + scans.len();
            let mut waiting = Vec::new();
            for group in groups {
                if self.is_ready(scope.graph, group, &memory) {
                    self.group(scope, group, &mut memory)?;
                } else {
                    waiting.push(group);
                }
            }
            groups = waiting;
            let mut waiting = Vec::new();
            for body in scans {
                let operands = scope.graph.operands(lowered.plan.bodies[body].scan);
                let is_there =
                    |&operand: &NodeId| memory.contains_key(&(storage(scope.graph, operand), false));
                if operands.iter().all(is_there) {
                    self.scan(scope.graph, body, &mut memory)?;
                } else {
                    waiting.push(body);
                }
            }
            scans = waiting;
            if groups.len() + scans.len() == n_waiting {
                return match groups.first() {
                    Some(&group) => Err(WrongKernel { group, symptom: Symptom::Unordered }),
                    None => Ok(memory),
                };
            }
        }
    }

    fn is_ready(&self, graph: &Graph, group: usize, memory: &Memory) -> bool {
        let mut reads = self.lowered.bindings[group].iter().filter(|b| !b.is_write() && !b.is_beside());
        reads.all(|&binding| memory.contains_key(&stored(graph, binding)))
    }

    /// Runs a group's kernel.
    fn group(&mut self, scope: Scope<'a>, group: usize, memory: &mut Memory) -> Result<(), WrongKernel> {
        let Scope { graph, is_compared, .. } = scope;
        let before = self.buffers(graph, group, memory);
        let mut after = before.clone();
        let kernel = &self.lowered.kernels[self.lowered.kernel_of[group]];
        for range in ranges(kernel.tasks.at(self.batch)) {
            let run = caught(|| interp::run(kernel, self.batch, range.start, range.end, &mut after));
            let symptom = match run {
                Ok(Ok(())) => continue,
                Ok(Err(error)) => Symptom::Kernel(error),
                Err(panicked) => panicked.into(),
            };
            return Err(WrongKernel { group, symptom });
        }
        let written = self.lowered.bindings[group].iter().zip(&after).filter(|(b, _)| b.is_write());
        let written: Vec<(Binding, &Vec<u32>)> = written.map(|(&binding, words)| (binding, words)).collect();
        if is_compared {
            for &(binding, words) in &written {
                let (relative, is_right) = self.compare(graph, group, memory, binding, words);
                if !is_right {
                    let tensor = format!("%{}", binding.node().0);
                    return Err(WrongKernel { group, symptom: Symptom::Differs { tensor, relative } });
                }
                self.record.errors.push((group, binding.node(), relative));
            }
        }
        for (binding, words) in written {
            // A copy of what is in memory leaves it as it is.
            memory.entry(stored(graph, binding)).or_insert_with(|| words.clone());
        }
        if is_compared {
            self.record.calls.push(Call { group, before, after });
        }
        Ok(())
    }

    /// The buffers of a group's kernel before it runs.
    fn buffers(&self, graph: &Graph, group: usize, memory: &Memory) -> Vec<Vec<u32>> {
        let kernel = &self.lowered.kernels[self.lowered.kernel_of[group]];
        let bindings = self.lowered.bindings[group].iter().zip(&kernel.buffers);
        let into = started(graph, &self.lowered.groups[group]);
        let words = bindings.map(|(&binding, used)| match into.filter(|_| binding.is_write()) {
            Some(state) => memory[&(state, false)].clone(),
            None if binding.is_write() || binding.is_beside() => {
                words::unwritten(used.elements.at(self.batch))
            }
            None => memory[&stored(graph, binding)].clone(),
        });
        words.collect()
    }

    /// The relative error of what a kernel wrote, and whether it is right.
    fn compare(
        &self,
        graph: &Graph,
        group: usize,
        memory: &Memory,
        binding: Binding,
        found: &[u32],
    ) -> (f64, bool) {
        let node = binding.node();
        let found = match binding {
            Binding::WritePartials(_) => self.sum(graph, node, found),
            _ => words::to_value(found, graph.tensor(node), self.batch, self.lowered.target),
        };
        let group = &self.lowered.groups[group];
        let mut reference = Reference::new(graph, memory, Some(group), self.batch, self.lowered.target);
        reference.error(node, &found)
    }

    /// The sum of a node's partial sums.
    fn sum(&self, graph: &Graph, node: NodeId, partials: &[u32]) -> Value {
        let (tensor, target) = (graph.tensor(node), self.lowered.target);
        let each = crate::schedule::operands::stored_elements(graph, node, target).at(self.batch).max(1);
        let n_chunks = crate::schedule::operands::chunks(graph, node).at(self.batch);
        let chunks = partials.chunks_exact(each).take(n_chunks);
        let values = chunks.map(|words| words::to_value(words, tensor, self.batch, target));
        let zeros = Value::from_fn(tensor, self.batch, |_| 0.0);
        values.fold(zeros, |sum, value| sum.zip(&value, tensor.dtype, |a, b| a + b))
    }
}

/// The state that a group adds rows to in its place.
pub fn started(graph: &Graph, group: &Group) -> Option<NodeId> {
    match group.anchor {
        Some(Anchor::ScatterInto(node)) => Some(storage(graph, graph.operands(node)[0])),
        _ => None,
    }
}
