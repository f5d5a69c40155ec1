//! Programs with their launches' buffers resolved to addresses, once for each generation of the arena.

use super::RunError;
use super::check::{Defect, check_place};
use crate::arena::{Arena, PAGE};
use crate::program::{Buffer, BufferId, Element, Launch, Layout, Place, Program, StatePlan, Step, round_up};

/// A program and the addresses its launches work on.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) program: Program,
    pointers: PointerTable,
}

impl Prepared {
    /// A program without addresses yet.
    pub(super) fn new(program: Program) -> Self {
        let pointers = PointerTable { lendable: lendable(&program), ..PointerTable::default() };
        Prepared { program, pointers }
    }

    /// The addresses of every launch's buffers, launch after launch.
    #[cfg(test)]
    pub(super) fn pointers(&self) -> &[*mut u8] {
        &self.pointers.pointers
    }

    /// The program with its addresses, for one run.
    pub(super) fn bind(&mut self) -> Bound<'_> {
        Bound { program: &self.program, table: &mut self.pointers }
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

/// A program with its addresses for one run, in which inputs may be memory of the caller. They lead into the arena again when this
/// is dropped, however the run ends.
pub(super) struct Bound<'a> {
    program: &'a Program,
    table: &'a mut PointerTable,
}

impl<'a> Bound<'a> {
    pub(super) fn program(&self) -> &'a Program {
        self.program
    }

    /// The addresses of every launch's buffers, launch after launch.
    pub(super) fn pointers(&self) -> &[*mut u8] {
        &self.table.pointers
    }

    /// Has launches read an input of a batch of `n` examples in place; `false` where it must be copied.
    ///
    /// # Panics
    /// If it has another number of elements.
    pub(super) fn lend(&mut self, id: BufferId, values: &'a [f32], n: usize) -> bool {
        assert_eq!(
            values.len(),
            self.program.buffers[id.0 as usize].elements.at(n),
            "length of what is lent"
        );
        let Some(input) = self.table.lendable.iter().find(|input| input.buffer == id) else { return false };
        if !padding_is_mapped(values) {
            return false;
        }
        for &place in &input.places {
            // Never written through: `check_program` found no launch that writes an input.
            self.table.pointers[place] = values.as_ptr().cast_mut().cast();
        }
        true
    }
}

impl Drop for Bound<'_> {
    fn drop(&mut self) {
        for input in &self.table.lendable {
            input.places.iter().for_each(|&place| self.table.pointers[place] = input.own);
        }
    }
}

/// Whether kernels may read values where they are. They read whole vectors, past the end too, and take any alignment: what they read
/// then must be there, on a page that the values are on.
fn padding_is_mapped(values: &[f32]) -> bool {
    let (start, bytes) = (values.as_ptr().addr(), size_of_val(values));
    start + round_up(bytes) <= (start + bytes).next_multiple_of(PAGE)
}

/// An input that a run may read in memory of the caller.
#[derive(Debug)]
struct Lendable {
    buffer: BufferId,
    /// Where in the table its address stands.
    places: Vec<usize>,
    /// Its address in the arena.
    own: *mut u8,
}

/// The row-major inputs of real numbers that nothing but launches reads: results and what is checked are read in the arena.
fn lendable(program: &Program) -> Vec<Lendable> {
    let all = || program.steps.iter().flat_map(launches).flat_map(|launch| &launch.buffers);
    let is_checked = |id| program.steps.iter().any(|step| matches!(step, Step::CheckFinite(of) if *of == id));
    let is_result = |id| program.results.iter().any(|&(_, result)| result == id);
    let is_plain = |BufferId(id)| {
        let buffer = &program.buffers[id as usize];
        buffer.element == Element::F32 && buffer.layout == Layout::RowMajor
    };
    let inputs = program.inputs.iter().map(|&(_, id)| id);
    let inputs = inputs.filter(|&id| is_plain(id) && !is_checked(id) && !is_result(id));
    let lendable = inputs.map(|buffer| {
        let places = all().enumerate().filter(|&(_, &id)| id == buffer).map(|(place, _)| place).collect();
        Lendable { buffer, places, own: std::ptr::null_mut() }
    });
    lendable.collect()
}

/// The addresses of every launch's buffers, launch after launch.
#[derive(Debug, Default)]
struct PointerTable {
    /// The arena's generation that the addresses belong to.
    generation: Option<u64>,
    pointers: Vec<*mut u8>,
    lendable: Vec<Lendable>,
}

// SAFETY: the pointers lead into the arena that moves along with them in the `Machine`; they are used only by a `Call`'s
// runs, which borrow both mutably. Others are there only while a run borrows what they lead to.
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
        let address = |&BufferId(id): &BufferId| {
            let offset = buffer_offset(&program.buffers[id as usize], arena, state);
            // SAFETY: `check_place` has found the buffer to lie in its region, and the regions lie in the arena.
            unsafe { arena.base().as_ptr().add(offset) }
        };
        let launches = program.steps.iter().flat_map(launches);
        self.pointers.extend(launches.flat_map(|launch| &launch.buffers).map(address));
        self.lendable.iter_mut().for_each(|input| input.own = address(&input.buffer));
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
