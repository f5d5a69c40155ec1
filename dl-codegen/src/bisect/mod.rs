//! What behind the passes is wrong: fusion, kernels, the plan and machine code, each against what stands before it, and a small function that shows
//! the first wrong one.
//!
//! | stage | against |
//! | --- | --- |
//! | groups | the graph: each node that is read or returned is computed before |
//! | kernels, by their interpreter | the meaning of their nodes in f64, on the very numbers that they read |
//! | the plan, run in its arena by the interpreter | the same kernels, each node in memory of its own, to the bit |
//! | machine code of each kernel | its interpreter, to the bit |
//! | the function, run on one thread and on two | the same kernels, to the bit |
//!
//! Code that is not yet known to be right is run: where it leaves its buffers, the process may end.

mod arena;
mod code;
mod fusion;
mod loops;
mod misplaced;
mod nodes;
mod reference;
mod search;
mod symptom;
mod whole;
mod words;

use std::sync::Arc;

use dl_ir::bisect::part::small;
use dl_ir::bisect::{self, case};
use dl_ir::interp::Environment;
use dl_ir::module::{Function, Module};
use dl_ir::origin::Origin;

pub use misplaced::Misplaced;
pub use reference::TOLERANCE;
pub use symptom::Symptom;

use crate::stages::Stages;
use crate::target::Target;
use crate::vector::Lanes;
use search::{Found, Trial};

/// What is wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Culprit {
    /// Which nodes share a kernel.
    Fusion,
    /// How a kernel is made of a group.
    Schedule,
    /// What a kernel computes: its group, or how it was made of it.
    Kernel,
    /// The order of kernels and the places of buffers.
    Plan,
    /// How code is made of kernels.
    Code,
    /// How the whole is run.
    Run,
}

impl Culprit {
    /// As it is called in a report.
    pub fn name(self) -> &'static str {
        match self {
            Culprit::Fusion => "fusion",
            Culprit::Schedule => "the schedule",
            Culprit::Kernel => "the kernel",
            Culprit::Plan => "the plan",
            Culprit::Code => "the machine code",
            Culprit::Run => "the run",
        }
    }
}

/// The first stage that is wrong.
#[derive(Debug)]
pub struct Fault {
    /// Which.
    pub culprit: Culprit,
    /// In which function.
    pub function: String,
    /// At which width.
    pub lanes: Lanes,
    /// The nodes that the kernel at fault computes, by name, with where they come from; none where it is no kernel.
    pub nodes: Vec<(String, Option<Arc<Origin>>)>,
    /// What is wrong.
    pub symptom: Symptom,
    /// A small part of the function in which the same stage is wrong, too, as a module: on values made up for it, if there is such a part.
    pub case: Module,
}

/// Lowers and runs the functions of a module at these widths; gives the first stage that is wrong, for this environment and batch size.
///
/// # Panics
/// If the environment lacks an input or a state of the module, or holds one of another shape.
pub fn first_wrong(
    stages: Stages,
    module: &Module,
    environment: &Environment,
    batch: usize,
    widths: &[Lanes],
) -> Option<Fault> {
    errors_of_kernels(stages, module, environment, batch, widths).err().map(|fault| *fault)
}

/// The largest error of the kernels of a part of the network at a width.
#[derive(Clone, PartialEq, Debug)]
pub struct KernelError {
    /// The part: `layer dense0`, `loss`.
    pub part: String,
    /// The width.
    pub lanes: Lanes,
    /// In L2 norm, of a tensor that a kernel writes, relative to what its nodes mean on the numbers that it reads.
    pub relative: f64,
}

/// The same, with the largest error of each part of the network at each width where all stages are right.
///
/// # Errors
/// The first stage that is wrong.
///
/// # Panics
/// As [`first_wrong`].
pub fn errors_of_kernels(
    stages: Stages,
    module: &Module,
    environment: &Environment,
    batch: usize,
    widths: &[Lanes],
) -> Result<Vec<KernelError>, Box<Fault>> {
    let mut errors: Vec<KernelError> = Vec::new();
    for function in &module.functions {
        for &lanes in widths {
            let trial = Trial { stages, states: &module.states, target: Target { lanes }, batch };
            let found = trial.check(function, environment);
            for (part, relative) in
                found.map_err(|found| Box::new(fault(&trial, function, environment, *found)))?
            {
                match errors.iter_mut().find(|error| error.part == part && error.lanes == lanes) {
                    Some(error) => error.relative = error.relative.max(relative),
                    None => errors.push(KernelError { part, lanes, relative }),
                }
            }
        }
    }
    Ok(errors)
}

/// Makes the function small.
fn fault(trial: &Trial<'_>, function: &Function, environment: &Environment, found: Found) -> Fault {
    let fails = |part: &Function, environment: &Environment| {
        trial.first(part, environment).is_some_and(|other| other.culprit == found.culprit)
    };
    let case = match search::of_body(trial, &found, &fails) {
        Some(case) => case,
        None => {
            let first = || search::of_group(&found, function);
            let part = small(trial.states, function, environment, trial.batch, &first, &fails);
            case(trial.states, part.build(function))
        }
    };
    let Found { culprit, nodes, symptom, .. } = found;
    Fault { culprit, function: function.name.clone(), lanes: trial.target.lanes, nodes, symptom, case }
}

/// The seed of the values that cases are tried with.
pub const SEED: u64 = bisect::made_up::SEED;
