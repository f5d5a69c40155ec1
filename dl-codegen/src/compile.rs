//! The pipeline from an optimised function to a program, in two steps: [`lower`] makes everything that dumps show, and
//! [`Lowered::compile`] the machine code.

use std::sync::Arc;

use dl_ir::graph::{Graph, NodeId};
use dl_ir::module::Function;
use dl_runtime::machine::{Machine, ProgramId, RunError};
use dl_runtime::program::{BufferId, Cost, Launch, Loop, Program, StatePlan, Step};
use rustc_hash::FxHashMap;

use crate::fuse::{FuseError, Group};
use crate::jit::{self, JitError};
use crate::kernel::Kernel;
use crate::locations::aligned;
use crate::plan::{Launches, Plan, PlanStep, name_of};
use crate::schedule::Scheduled;
use crate::stages::{STAGES, Stages};
use crate::target::Target;

/// Why a function was not compiled.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// No kernel computes an op.
    #[error(transparent)]
    Fuse(#[from] FuseError),
    /// Machine code could not be made.
    #[error(transparent)]
    Jit(#[from] JitError),
    /// The runtime refuses the program, or has no memory for it.
    #[error(transparent)]
    Run(#[from] RunError),
}

/// A function on its way to machine code.
#[derive(Clone, Debug)]
pub struct Lowered {
    /// Its name.
    pub name: String,
    /// Its fusion groups, those of the bodies of its loops, and copies that its plan added.
    pub groups: Vec<Group>,
    /// Its distinct kernels.
    pub kernels: Vec<Kernel>,
    /// For each group, its kernel.
    pub kernel_of: Vec<usize>,
    /// For each group, the nodes that the marks of its kernel's lines stand for.
    pub nodes: Vec<Vec<NodeId>>,
    /// For each group, the nodes of its kernel's buffers.
    pub bindings: Vec<Vec<crate::schedule::Binding>>,
    /// For each group, what its kernel costs.
    pub costs: Vec<Cost>,
    /// For each group, the body that it is of, among those of the plan; `None` if it is of the function itself.
    pub body_of: Vec<Option<usize>>,
    /// The order of kernels and the places of buffers.
    pub plan: Plan,
    /// What it was scheduled for.
    pub target: Target,
    /// What made it, and makes its code.
    pub stages: Stages,
}

/// Fuses, schedules and plans a function.
///
/// # Errors
/// If the function has an op that no kernel computes.
pub fn lower(function: &Function, state: &StatePlan, target: Target) -> Result<Lowered, FuseError> {
    lower_by(STAGES, function, state, target)
}

/// The same by these stages.
///
/// # Errors
/// As [`lower`].
pub fn lower_by(
    stages: Stages,
    function: &Function,
    state: &StatePlan,
    target: Target,
) -> Result<Lowered, FuseError> {
    let (plan, parts) = (stages.plan)(&stages, function, (stages.fuse)(function, target)?, state, target)?;
    // Groups that differ may have equal kernels.
    let mut known: FxHashMap<&Kernel, usize> = FxHashMap::default();
    let mut firsts: Vec<&Kernel> = Vec::new();
    let kernels = parts.scheduled.iter().map(|Scheduled { kernel, .. }| {
        *known.entry(kernel).or_insert_with(|| {
            firsts.push(kernel);
            firsts.len() - 1
        })
    });
    let kernels: Vec<usize> = kernels.collect();
    let nodes = |(group, &schedule): (&Group, &usize)| {
        let (first, kernel) = (firsts[kernels[schedule]], &parts.scheduled[schedule].kernel);
        let nodes = group.nodes();
        if std::ptr::eq(first, kernel) { nodes } else { aligned(first, kernel, &nodes) }
    };
    Ok(Lowered {
        name: function.name.clone(),
        kernel_of: parts.schedule_of.iter().map(|&schedule| kernels[schedule]).collect(),
        nodes: parts.groups.iter().zip(&parts.schedule_of).map(nodes).collect(),
        costs: parts.schedule_of.iter().map(|&schedule| parts.scheduled[schedule].cost).collect(),
        kernels: firsts.into_iter().cloned().collect(),
        groups: parts.groups,
        bindings: parts.bindings,
        body_of: parts.body_of,
        plan,
        target,
        stages,
    })
}

impl Lowered {
    /// Makes machine code for the host.
    ///
    /// # Errors
    /// If the host lacks the target's width, or memory for code is not to be had.
    pub fn compile(&self) -> Result<Program, JitError> {
        let code = jit::compile(&self.stages, &self.kernels, self.target.lanes)?;
        let phase = |launches: &Launches| -> Vec<Launch> {
            launches.iter().map(|(group, buffers)| self.launch(*group, buffers)).collect()
        };
        let steps = self.plan.steps.iter().map(|step| match step {
            PlanStep::CheckFinite(buffer) => Step::CheckFinite(*buffer),
            PlanStep::Launches(launches) => Step::Launches(phase(launches)),
            PlanStep::Loop { count, phases } => {
                Step::Loop(Loop { count: *count, phases: phases.iter().map(phase).collect() })
            }
        });
        Ok(Program {
            name: self.name.clone(),
            buffers: self.plan.buffers.clone(),
            scratch: self.plan.scratch,
            inputs: self.plan.inputs.clone(),
            results: self.plan.results.clone(),
            kernels: code.functions().to_vec(),
            steps: steps.collect(),
            code: Arc::new(code),
        })
    }

    /// Makes machine code and hands it to a machine with this function's state plan.
    ///
    /// # Errors
    /// As [`compile`](Self::compile), and if the machine refuses the program.
    pub fn load(&self, machine: &mut Machine) -> Result<ProgramId, CompileError> {
        let program = self.compile()?;
        Ok(jit::load(machine, program)?)
    }

    fn launch(&self, group: usize, buffers: &[BufferId]) -> Launch {
        let kernel = self.kernel_of[group];
        Launch {
            name: self.launch_name(group),
            kernel,
            buffers: buffers.to_vec(),
            writes: self.kernels[kernel].written(buffers),
            tasks: self.kernels[kernel].tasks,
            cost: self.costs[group],
        }
    }

    /// The graph of a group: of this function, or of the body of one of its loops.
    pub fn graph<'a>(&'a self, function: &'a Function, group: usize) -> &'a Graph {
        match self.body_of[group] {
            Some(body) => &self.plan.bodies[body].function.graph,
            None => &function.graph,
        }
    }

    /// The name of a group's launch: what it writes.
    pub(crate) fn launch_name(&self, group: usize) -> String {
        let scan = self.body_of[group].map(|body| self.plan.bodies[body].scan);
        let outputs = self.groups[group].outputs.iter().map(|&output| name_of(scan, output));
        outputs.collect::<Vec<_>>().join(" ")
    }
}
