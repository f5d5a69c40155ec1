//! Which pass is wrong: passes one by one, each against the interpreter, and a small function that shows the first wrong one.
//!
//! What is behind passes is searched in the same way, by the code generator, with the [parts](part) and the [comparison](compare) of this module.

pub mod caught;
pub mod compare;
pub mod made_up;
pub mod part;

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::graph::NodeId;
use crate::interp::{self, Environment, Outcome};
use crate::module::{Function, Module, StateDecl};
use crate::ops::Op;
use crate::origin::Origin;
use crate::passes::Pass;
use crate::verify::{VerifyError, verify_module};
use caught::{Panicked, caught};
use compare::{named_errors, worst};
use part::small;

/// The largest relative error in L2 norm, in f64: passes may take sums in another order, and no more.
pub const TOLERANCE: f64 = 1e-8;

/// Tensors with a smaller norm are compared as if they had this one: where all cancels out, rounding is left.
const SMALL: f64 = 1e-3;

/// The first pass that is wrong.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Its name.
    pub pass: &'static str,
    /// The function that it breaks.
    pub function: String,
    /// What is wrong with what it made.
    pub symptom: Symptom,
    /// A small part of that function that it breaks, too, as a module: on values [made up](made_up) for it, if there is such a part. Where operands
    /// were cut off, there are inputs.
    pub case: Module,
    /// Where the part's last node comes from.
    pub origin: Option<Arc<Origin>>,
}

/// What is wrong with what a pass made.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum Symptom {
    /// Nothing: it panicked.
    #[error(transparent)]
    Panics(#[from] Panicked),
    /// The verifier refuses it.
    #[error("{}: {}", .0.place, .0.violation)]
    Invalid(VerifyError),
    /// It gives something else.
    #[error("{tensor} differs, relative error {relative:.1e}")]
    Differs {
        /// The result, or the updated state, with the largest error.
        tensor: String,
        /// Its error in L2 norm, relative to that of what is right.
        relative: f64,
    },
}

/// Runs passes one by one; gives the first that changes what a function computes for this environment and batch size, makes a
/// function that the verifier refuses, or panics.
///
/// # Panics
/// If the environment lacks an input or a state of the module, or holds one of another shape.
pub fn first_wrong<'p>(
    passes: impl IntoIterator<Item = &'p Pass>,
    module: Module,
    environment: &Environment,
    batch: usize,
) -> Option<Fault> {
    errors_of_passes(passes, module, environment, batch).err().map(|fault| *fault)
}

/// The same, with the largest relative error that each pass makes where all are right.
///
/// # Errors
/// The first wrong pass.
///
/// # Panics
/// As [`first_wrong`].
pub fn errors_of_passes<'p>(
    passes: impl IntoIterator<Item = &'p Pass>,
    mut module: Module,
    environment: &Environment,
    batch: usize,
) -> Result<Vec<(&'static str, f64)>, Box<Fault>> {
    let mut errors = Vec::new();
    for pass in passes {
        let mut worst = 0.0;
        for function in &module.functions {
            let trial = Trial { pass, states: &module.states, batch };
            match trial.error(function, environment) {
                Ok(relative) => worst = f64::max(worst, relative),
                Err(symptom) => return Err(Box::new(trial.fault(function, environment, symptom))),
            }
        }
        errors.push((pass.name, worst));
        module = pass.apply(module);
    }
    Ok(errors)
}

/// A pass, to be tried on functions of a module.
struct Trial<'t> {
    pass: &'t Pass,
    states: &'t [StateDecl],
    batch: usize,
}

impl Trial<'_> {
    /// The largest relative error of the function behind the pass, or what is wrong with it.
    fn error(&self, function: &Function, environment: &Environment) -> Result<f64, Symptom> {
        let after = module_of(self.states, caught(|| (self.pass.run)(function.clone()))?);
        verify_module(&after).map_err(Symptom::Invalid)?;
        let expected = interp::run(function, environment, self.batch);
        let found = interp::run(&after.functions[0], environment, self.batch);
        match worst(errors(&expected, &found)) {
            Some((tensor, relative)) if relative > TOLERANCE => Err(Symptom::Differs { tensor, relative }),
            worst => Ok(worst.map_or(0.0, |(_, relative)| relative)),
        }
    }

    /// Makes the function small.
    fn fault(&self, function: &Function, environment: &Environment, symptom: Symptom) -> Fault {
        let fails = |part: &Function, environment: &Environment| self.error(part, environment).is_err();
        let part = small(self.states, function, environment, self.batch, &|| [], &fails);
        let case = case(self.states, part.build(function));
        let origin = part.last().and_then(|last| function.graph.origin(last).cloned());
        Fault { pass: self.pass.name, function: function.name.clone(), symptom, case, origin }
    }
}

/// A function as a module with those of these states that it reads or changes.
pub fn case(states: &[StateDecl], function: Function) -> Module {
    module_of(&states_of(states, &function), function)
}

fn module_of(states: &[StateDecl], function: Function) -> Module {
    Module { network: String::new(), states: states.to_vec(), functions: vec![function] }
}

/// Those of these states that a function reads or changes.
pub fn states_of(states: &[StateDecl], function: &Function) -> Vec<StateDecl> {
    let read = function.graph.ids().filter_map(|id: NodeId| match function.graph.op(id) {
        Op::State(state) => Some(&state.name),
        _ => None,
    });
    let named: BTreeSet<&String> = read.chain(function.updates.iter().map(|(name, _)| name)).collect();
    states.iter().filter(|state| named.contains(&state.name)).cloned().collect()
}

/// The relative error of each result and updated state.
fn errors(expected: &Outcome, found: &Outcome) -> impl Iterator<Item = (String, f64)> {
    let results = named_errors(&expected.results, &found.results, SMALL);
    results.chain(named_errors(&expected.updates, &found.updates, SMALL))
}
