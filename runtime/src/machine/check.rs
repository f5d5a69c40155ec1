//! The rules of [`program`](crate::program) that can be checked before anything runs.

use thiserror::Error;

use crate::program::{
    ALIGNMENT, Buffer, BufferId, Element, Extent, Place, Program, StatePlan, StateSlot, Step, Window,
};

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
    /// A window is not of a buffer in scratch with the same kind of elements, or begins or ends outside of it.
    #[error("buffer {buffer} is a window that does not lie within another buffer in scratch")]
    OutsideWindow {
        /// The window.
        buffer: usize,
    },
    /// A loop moves a window out of the buffer that it is a part of.
    #[error("step {step} moves buffer {buffer} out of the one that it is a part of")]
    MovesOut {
        /// The step.
        step: usize,
        /// The window.
        buffer: u32,
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

/// Every id in the program leads somewhere, windows stay within their buffers, and inputs are only read.
pub(super) fn check_program(program: &Program, state: &StatePlan) -> Result<(), Defect> {
    let buffer = |step: usize, &BufferId(id): &BufferId| {
        program.buffers.get(id as usize).ok_or(Defect::NoBuffer { step, buffer: id })
    };
    for (index, place) in program.buffers.iter().map(|buffer| buffer.place).enumerate() {
        match place {
            Place::State(slot) if slot >= state.slots.len() => {
                return Err(Defect::Misplaced { buffer: index });
            }
            Place::Window(_) if !stays_within(program, index, 1) => {
                return Err(Defect::OutsideWindow { buffer: index });
            }
            _ => {}
        }
    }
    for ends in [&program.inputs, &program.results] {
        for (position, (_, id)) in ends.iter().enumerate() {
            buffer(position, id)?;
        }
    }
    for (index, step) in program.steps.iter().enumerate() {
        if let Step::CheckFinite(id) = step
            && buffer(index, id)?.element != Element::F32
        {
            return Err(Defect::ChecksIntegers { step: index });
        }
        let (count, phases) = step.phases();
        for launch in phases.iter().flatten() {
            for id in &launch.buffers {
                buffer(index, id)?;
                if !stays_within(program, id.0 as usize, count) {
                    return Err(Defect::MovesOut { step: index, buffer: id.0 });
                }
            }
            launch.writes.iter().try_for_each(|id| buffer(index, id).map(|_| ()))?;
            let written: Vec<BufferId> = launch.writes.iter().map(|&id| whole(program, id)).collect();
            if let Some(input) = program.inputs.iter().position(|(_, id)| written.contains(id)) {
                return Err(Defect::WritesInput { step: index, input });
            }
            if launch.kernel >= program.kernels.len() {
                return Err(Defect::NoKernel { step: index, kernel: launch.kernel });
            }
        }
    }
    Ok(())
}

/// The buffer itself, or the one that it is a window of.
fn whole(program: &Program, id: BufferId) -> BufferId {
    match program.buffers[id.0 as usize].place {
        Place::Window(window) => window.of,
        Place::State(_) | Place::Scratch(_) => id,
    }
}

/// Whether a buffer, if it is a window, lies within the one that it is a part of in each of so many iterations.
fn stays_within(program: &Program, index: usize, count: usize) -> bool {
    let buffer = &program.buffers[index];
    let Place::Window(window) = buffer.place else { return true };
    let whole = program.buffers.get(window.of.0 as usize);
    let Some(whole) = whole.filter(|whole| matches!(whole.place, Place::Scratch(_))) else { return false };
    // Windows go in one direction: the first and the last place are the outermost.
    let ends = [0, count.saturating_sub(1)].map(|iteration| end_of(window, buffer.elements, iteration));
    let fits = |end: Option<Extent>| {
        end.is_some_and(|end| {
            end.fixed <= whole.elements.fixed && end.per_example <= whole.elements.per_example
        })
    };
    buffer.element == whole.element && ends.into_iter().all(fits)
}

/// Where a window of so many elements ends in an iteration; `None` if that is beyond an address, or it starts before its buffer.
fn end_of(window: Window, elements: Extent, iteration: usize) -> Option<Extent> {
    let at = window.slot_at(iteration)?;
    Some(Extent {
        fixed: at.checked_mul(window.slot.fixed)?.checked_add(elements.fixed)?,
        per_example: at.checked_mul(window.slot.per_example)?.checked_add(elements.per_example)?,
    })
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
        // It lies in a buffer that does.
        Place::Window(_) => true,
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
