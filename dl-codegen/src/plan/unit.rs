//! What plans put in order: kernels, and loops of kernels.

use std::panic::resume_unwind;
use std::thread;

use dl_ir::graph::{Graph, NodeId};
use dl_runtime::pool::default_threads;

use super::body::Loop;
use crate::fuse::Group;
use crate::schedule::operands::shape_elements;
use crate::schedule::{Binding, Scheduled};
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
    /// For each, its kernel.
    pub scheduled: Vec<Scheduled>,
    /// For each, the body that it is of, if it is of one.
    pub body_of: Vec<Option<usize>>,
}

impl Kernels {
    /// None yet.
    pub fn new(stages: Stages, target: Target) -> Self {
        Kernels { stages, target, groups: Vec::new(), scheduled: Vec::new(), body_of: Vec::new() }
    }

    /// Schedules the groups of a graph: that of the function, or of a body.
    pub fn add(&mut self, graph: &Graph, groups: Vec<Group>, body: Option<usize>) -> Vec<Unit> {
        let first = self.groups.len();
        self.scheduled.extend(self.schedule_all(graph, &groups));
        self.groups.extend(groups);
        self.body_of.resize(self.groups.len(), body);
        (first..self.groups.len()).map(|group| self.unit(group)).collect()
    }

    /// Adds a kernel that copies a node.
    pub fn copy(&mut self, graph: &Graph, node: NodeId, body: Option<usize>) -> Unit {
        self.add(graph, vec![Group::copy(node, shape_elements(graph, node))], body).remove(0)
    }

    fn unit(&self, group: usize) -> Unit {
        Unit { bindings: self.scheduled[group].bindings.clone(), kind: UnitKind::Kernel(group) }
    }

    /// Schedules many groups on all cores: each is independent of the others.
    fn schedule_all(&self, graph: &Graph, groups: &[Group]) -> Vec<Scheduled> {
        /// Fewer are not worth a thread.
        const SHARE: usize = 64;
        let share = groups.len().div_ceil(default_threads()).max(SHARE);
        let (schedule, target) = (self.stages.schedule, self.target);
        let of =
            |groups: &[Group]| groups.iter().map(|group| schedule(graph, group, target)).collect::<Vec<_>>();
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
