//! What a run is given: inputs in memory of the caller, and that they must be finite.

use super::RunError;
use crate::finite::first_not_finite;
use crate::program::{BufferId, Program};

/// An input of real numbers for one run.
#[derive(Clone, Copy, Debug)]
pub struct Given<'a> {
    /// The input.
    pub buffer: BufferId,
    /// Its values, row-major, where the caller has them: they are read there, or copied if kernels cannot read them there. `None` if
    /// the input has been [filled](super::Call::input).
    pub lent: Option<&'a [f32]>,
    /// Whether a value that is not finite is an error.
    pub must_be_finite: bool,
}

/// The error for an input in which some value is not finite.
pub(super) fn not_finite(program: &Program, id: BufferId, values: &[f32]) -> RunError {
    let (index, value) = first_not_finite(values).expect("one of them was found");
    let input = program.inputs.iter().find(|(_, input)| *input == id).map(|(name, _)| name.clone());
    RunError::InputNotFinite { program: program.name.clone(), input: input.unwrap_or_default(), index, value }
}
