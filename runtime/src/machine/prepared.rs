//! Programs with their launches' buffers resolved to addresses, once for each generation of the arena.

use super::RunError;
use super::check::{Defect, check_place};
use crate::arena::Arena;
use crate::program::{Buffer, BufferId, Launch, Place, Program, StatePlan, Step};

/// A program and the addresses its launches work on.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) program: Program,
    pointers: PointerTable,
}

impl Prepared {
    /// A program without addresses yet.
    pub(super) fn new(program: Program) -> Self {
        Prepared { program, pointers: PointerTable::default() }
    }

    /// The addresses of every launch's buffers, launch after launch.
    pub(super) fn pointers(&self) -> &[*mut u8] {
        &self.pointers.pointers
    }

    /// Brings the addresses up to date with the arena.
    pub(super) fn resolve(&mut self, arena: &Arena, state: &StatePlan) -> Result<(), RunError> {
        if self.pointers.generation == Some(arena.generation()) {
            return Ok(());
        }
        self.pointers
            .fill(&self.program, arena, state)
            .map_err(|what| RunError::Malformed { program: self.program.name.clone(), what })
    }
}

/// The addresses of every launch's buffers, launch after launch.
#[derive(Debug, Default)]
struct PointerTable {
    /// The arena's generation that the addresses belong to.
    generation: Option<u64>,
    pointers: Vec<*mut u8>,
}

// SAFETY: the pointers lead into the arena that moves along with them in the `Machine`; they are used only by
// `Call::run`, which borrows both mutably.
unsafe impl Send for PointerTable {}
// SAFETY: as above.
unsafe impl Sync for PointerTable {}

impl PointerTable {
    fn fill(&mut self, program: &Program, arena: &Arena, state: &StatePlan) -> Result<(), Defect> {
        self.generation = None;
        self.pointers.clear();
        for (index, buffer) in program.buffers.iter().enumerate() {
            check_place(buffer, program, arena.capacity(), state)
                .ok_or(Defect::Misplaced { buffer: index })?;
        }
        for launch in program.steps.iter().flat_map(launches) {
            for &BufferId(id) in &launch.buffers {
                let offset = buffer_offset(&program.buffers[id as usize], arena, state);
                // SAFETY: `check_place` has found the buffer to lie in its region, and the regions lie in the arena.
                self.pointers.push(unsafe { arena.base().as_ptr().add(offset) });
            }
        }
        self.generation = Some(arena.generation());
        Ok(())
    }
}

fn launches(step: &Step) -> &[Launch] {
    match step {
        Step::Launches(launches) => launches,
        Step::CheckFinite(_) => &[],
    }
}

/// Where a buffer starts, in bytes from the arena's base.
pub(super) fn buffer_offset(buffer: &Buffer, arena: &Arena, state: &StatePlan) -> usize {
    match buffer.place {
        Place::State(slot) => state.slots[slot].offset,
        Place::Scratch(offset) => arena.scratch_start() + offset.at(arena.capacity()),
    }
}
