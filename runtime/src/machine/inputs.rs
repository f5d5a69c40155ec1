//! What a run is given: inputs in memory of the caller, and that they must be finite.

use std::sync::atomic::{AtomicBool, Ordering};

use super::RunError;
use crate::finite::{all_finite, first_not_finite};
use crate::pool::Lease;
use crate::program::{BufferId, Program};

/// Looking at a value, in nanoseconds.
const LOOK: f32 = 0.08;

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

/// Looks at an input, on the threads that will work on it: much of it is in their caches then.
pub(super) fn check_finite(
    program: &Program,
    id: BufferId,
    values: &[f32],
    lease: &mut Lease<'_>,
) -> Result<(), RunError> {
    let is_finite = AtomicBool::new(true);
    lease.parallel(values.len(), LOOK, |begin, end| {
        if !all_finite(&values[begin..end]) {
            is_finite.store(false, Ordering::Relaxed);
        }
    });
    if is_finite.into_inner() {
        return Ok(());
    }
    let (index, value) = first_not_finite(values).expect("one of them was found");
    let input = program.inputs.iter().find(|(_, input)| *input == id).map(|(name, _)| name.clone());
    Err(RunError::InputNotFinite {
        program: program.name.clone(),
        input: input.unwrap_or_default(),
        index,
        value,
    })
}
