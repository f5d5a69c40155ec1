//! What plans put in order: kernels, and loops of kernels.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread;

use dl_ir::graph::{Graph, NodeId};
use dl_runtime::pool::default_threads;
use rustc_hash::FxHashMap;

use super::body::Loop;
use crate::fuse::Group;
use crate::schedule::operands::shape_elements;
use crate::schedule::{Alone, Binding, Scheduled};
use crate::stages::Stages;
use crate::target::Target;

/// A kernel or a loop.
#[derive(Clone, Debug)]
pub struct Unit {
    /// What it reads and writes.
    pub bindings: Vec<Binding>,
    /// What it is.
    pub kind: UnitKind,
}

/// What a unit is.
#[derive(Clone, Debug)]
pub enum UnitKind {
    /// A kernel, by the position of its group among the [`Kernels`].
    Kernel(usize),
    /// A loop.
    Loop(Box<Loop>),
}

/// The groups of a function and of its loops' bodies with their kernels.
#[derive(Clone, Debug)]
pub struct Kernels {
    /// What makes them.
    pub stages: Stages,
    /// What they are scheduled for.
    pub target: Target,
    /// The groups: of the function, then of bodies, then copies that plans add.
    pub groups: Vec<Group>,
    /// For each, its bindings.
    pub bindings: Vec<Vec<Binding>>,
    /// For each, the body that it is of, if it is of one.
    pub body_of: Vec<Option<usize>>,
    /// For each, its kernel among those that were scheduled.
    pub schedule_of: Vec<usize>,
    /// The kernels: groups that are alike share one.
    pub scheduled: Vec<Scheduled>,
    known: FxHashMap<Arc<Alone>, usize>,
}

impl Kernels {
    /// None yet.
    pub fn new(stages: Stages, target: Target) -> Self {
        Kernels {
            stages,
            target,
            groups: Vec::new(),
            bindings: Vec::new(),
            body_of: Vec::new(),
            schedule_of: Vec::new(),
            scheduled: Vec::new(),
            known: FxHashMap::default(),
        }
    }

    /// Schedules the groups of a graph: that of the function, or of a body.
    pub fn add(&mut self, graph: &Graph, groups: Vec<Group>, body: Option<usize>) -> Vec<Unit> {
        let first = self.groups.len();
        let (mut new, mut all_nodes) = (Vec::new(), Vec::new());
        for group in &groups {
            let (alone, nodes) = Alone::of(graph, group);
            let (alone, next) = (Arc::new(alone), self.known.len());
            let index = *self.known.entry(alone.clone()).or_insert(next);
            new.extend((index == next).then_some(alone));
            self.schedule_of.push(index);
            all_nodes.push(nodes);
        }
        self.scheduled.extend(self.schedule_all(&new));
        for (&index, nodes) in self.schedule_of[first..].iter().zip(all_nodes) {
            let bindings = self.scheduled[index].bindings.iter();
            self.bindings.push(bindings.map(|binding| binding.renamed(|node| nodes[node.index()])).collect());
        }
        self.groups.extend(groups);
        self.body_of.resize(self.groups.len(), body);
        (first..self.groups.len()).map(|group| self.unit(group)).collect()
    }

    /// Adds a kernel that copies a node.
    pub fn copy(&mut self, graph: &Graph, node: NodeId, body: Option<usize>) -> Unit {
        self.add(graph, vec![Group::copy(node, shape_elements(graph, node))], body).remove(0)
    }

    fn unit(&self, group: usize) -> Unit {
        Unit { bindings: self.bindings[group].clone(), kind: UnitKind::Kernel(group) }
    }

    /// Schedules groups on all cores: each is independent of the others.
    fn schedule_all(&self, groups: &[Arc<Alone>]) -> Vec<Scheduled> {
        /// Fewer are not worth a thread.
        const SHARE: usize = 16;
        let share = groups.len().div_ceil(default_threads()).max(SHARE);
        let (schedule, target) = (self.stages.schedule, self.target);
        let of = |groups: &[Arc<Alone>]| -> Vec<Scheduled> {
            groups.iter().map(|alone| schedule(&alone.graph, &alone.group, target)).collect()
        };
        if groups.len() <= share {
            return of(groups);
        }
        thread::scope(|scope| {
            let threads: Vec<_> =
                groups.chunks(share).map(|groups| scope.spawn(move || of(groups))).collect();
            let joined =
                threads.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
            joined.flatten().collect()
        })
    }
}
