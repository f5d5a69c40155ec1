//! The rules of [`program`](crate::program) that can be checked before anything runs.

use thiserror::Error;

use crate::program::{ALIGNMENT, Buffer, BufferId, Element, Place, Program, StatePlan, StateSlot, Step};

/// How a program or a state plan breaks the rules of [`program`](crate::program).
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq)]
pub enum Defect {
    /// A step names a buffer that is not there.
    #[error("step {step} names buffer {buffer}, which does not exist")]
    NoBuffer {
        /// The step, or the position among inputs or results.
        step: usize,
        /// The buffer it names.
        buffer: u32,
    },
    /// A launch names a kernel that is not there.
    #[error("step {step} names kernel {kernel}, which does not exist")]
    NoKernel {
        /// The step.
        step: usize,
        /// The kernel it names.
        kernel: usize,
    },
    /// A launch writes an input, which may be memory of the caller.
    #[error("step {step} writes input {input}")]
    WritesInput {
        /// The step.
        step: usize,
        /// The position among the inputs.
        input: usize,
    },
    /// A buffer does not lie within its region, or not at an aligned offset.
    #[error("buffer {buffer} does not lie aligned within its region")]
    Misplaced {
        /// The buffer.
        buffer: usize,
    },
    /// A check for finite values names a buffer of integers.
    #[error("step {step} checks integers for finite values")]
    ChecksIntegers {
        /// The step.
        step: usize,
    },
    /// State tensors overlap or are not aligned.
    #[error("state slot {slot} overlaps another or is not aligned")]
    MisplacedState {
        /// The slot.
        slot: usize,
    },
}

/// Every id in the program leads somewhere, and inputs are only read.
pub(super) fn check_program(program: &Program, state: &StatePlan) -> Result<(), Defect> {
    let buffer = |step: usize, &BufferId(id): &BufferId| {
        program.buffers.get(id as usize).ok_or(Defect::NoBuffer { step, buffer: id })
    };
    for (index, place) in program.buffers.iter().map(|buffer| buffer.place).enumerate() {
        if matches!(place, Place::State(slot) if slot >= state.slots.len()) {
            return Err(Defect::Misplaced { buffer: index });
        }
    }
    for ends in [&program.inputs, &program.results] {
        for (position, (_, id)) in ends.iter().enumerate() {
            buffer(position, id)?;
        }
    }
    for (index, step) in program.steps.iter().enumerate() {
        match step {
            Step::Launches(launches) => {
                for launch in launches {
                    launch.buffers.iter().try_for_each(|id| buffer(index, id).map(|_| ()))?;
                    if let Some(input) = program.inputs.iter().position(|(_, id)| launch.writes.contains(id))
                    {
                        return Err(Defect::WritesInput { step: index, input });
                    }
                    if launch.kernel >= program.kernels.len() {
                        return Err(Defect::NoKernel { step: index, kernel: launch.kernel });
                    }
                }
            }
            Step::CheckFinite(id) if buffer(index, id)?.element != Element::F32 => {
                return Err(Defect::ChecksIntegers { step: index });
            }
            Step::CheckFinite(_) => {}
        }
    }
    Ok(())
}

/// `None` unless the buffer lies, aligned, in its state tensor or its program's scratch region.
pub(super) fn check_place(
    buffer: &Buffer,
    program: &Program,
    capacity: usize,
    state: &StatePlan,
) -> Option<()> {
    let bytes = buffer.elements.checked_at(capacity)?.checked_mul(4)?.checked_next_multiple_of(ALIGNMENT)?;
    let fits = match buffer.place {
        Place::State(slot) => bytes <= state.slots.get(slot)?.bytes(),
        Place::Scratch(offset) => {
            let start = offset.checked_at(capacity)?;
            start.is_multiple_of(ALIGNMENT)
                && start.checked_add(bytes)? <= program.scratch.checked_at(capacity)?
        }
    };
    fits.then_some(())
}

/// State tensors are aligned and disjoint.
pub(super) fn check_state(state: &StatePlan) -> Result<(), Defect> {
    let mut by_offset: Vec<usize> = (0..state.slots.len()).collect();
    by_offset.sort_by_key(|&slot| (state.slots[slot].offset, state.slots[slot].bytes()));
    let mut end = 0;
    for slot in by_offset {
        let StateSlot { offset, .. } = state.slots[slot];
        if offset < end || !offset.is_multiple_of(ALIGNMENT) {
            return Err(Defect::MisplacedState { slot });
        }
        end = offset.saturating_add(state.slots[slot].bytes());
    }
    Ok(())
}
