//! Programs with their launches' buffers resolved to addresses, once for each generation of the arena.

use std::ops::Range;
use std::sync::atomic::{AtomicPtr, Ordering};

use super::RunError;
use super::check::{Defect, check_place};
use super::pace::Pace;
use super::stages::Itinerary;
use crate::arena::{Arena, PAGE};
use crate::program::{BufferId, Element, Layout, Place, Program, StatePlan, Step, Window, round_up};

/// A program and the addresses its launches work on.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) program: Program,
    pub(super) pace: Pace,
    itinerary: Itinerary,
    pointers: PointerTable,
}

impl Prepared {
    /// A program without addresses yet.
    pub(super) fn new(program: Program) -> Self {
        let (lendable, windows) = (lendable(&program), windows(&program));
        let pointers = PointerTable { lendable, windows, ..PointerTable::default() };
        Prepared { itinerary: Itinerary::of(&program), pace: Pace::default(), program, pointers }
    }

    /// The addresses of every launch's buffers, launch after launch.
    #[cfg(test)]
    pub(super) fn pointers(&self) -> Vec<*mut u8> {
        self.pointers.pointers.iter().map(|pointer| pointer.load(Ordering::Relaxed)).collect()
    }

    /// The program with its addresses, for one run on `n` examples; and its stages.
    pub(super) fn bind(&mut self, n: usize) -> (Bound<'_>, &Itinerary) {
        let bound = Bound { program: &self.program, table: &mut self.pointers, n };
        bound.move_windows(0..usize::MAX, 0);
        (bound, &self.itinerary)
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
    n: usize,
}

impl<'a> Bound<'a> {
    pub(super) fn program(&self) -> &'a Program {
        self.program
    }

    /// The addresses of every launch's buffers, launch after launch.
    pub(super) fn pointers(&self) -> &[AtomicPtr<u8>] {
        &self.table.pointers
    }

    /// Moves those windows whose addresses stand at these places of the table to where they are in an iteration.
    pub(super) fn move_windows(&self, places: Range<usize>, iteration: usize) {
        let PointerTable { pointers, windows, .. } = &*self.table;
        let first = windows.partition_point(|window| window.place < places.start);
        for moving in windows[first..].iter().take_while(|window| window.place < places.end) {
            let Window { slot, .. } = moving.window;
            let at = moving.window.slot_at(iteration).expect("`check_program` has looked at all iterations");
            // SAFETY: `check_program` found the window to lie in its buffer in all iterations, and `check_place` the buffer in the
            // arena.
            let address = unsafe { moving.base.add(4 * at * slot.at(self.n)) };
            // Kernels read it in later stages only.
            pointers[moving.place].store(address, Ordering::Relaxed);
        }
    }

    /// Has launches read an input in place; `false` where it must be copied.
    ///
    /// # Panics
    /// If it has another number of elements than its buffer for this batch.
    pub(super) fn lend(&mut self, id: BufferId, values: &'a [f32]) -> bool {
        let expected = self.program.buffers[id.0 as usize].elements.at(self.n);
        assert_eq!(values.len(), expected, "length of what is lent");
        let Some(input) = self.table.lendable.iter().find(|input| input.buffer == id) else { return false };
        if !padding_is_mapped(values) {
            return false;
        }
        for &place in &input.places {
            // Never written through: `check_program` found no launch that writes an input.
            *self.table.pointers[place].get_mut() = values.as_ptr().cast_mut().cast();
        }
        true
    }
}

impl Drop for Bound<'_> {
    fn drop(&mut self) {
        let PointerTable { pointers, lendable, .. } = &mut *self.table;
        for input in lendable {
            input.places.iter().for_each(|&place| *pointers[place].get_mut() = input.own);
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

/// The row-major inputs of real numbers that nothing but launches reads, and as a whole: results, what is checked, and what has windows
/// are read in the arena.
fn lendable(program: &Program) -> Vec<Lendable> {
    let is_checked = |id| program.steps.iter().any(|step| matches!(step, Step::CheckFinite(of) if *of == id));
    let is_result = |id| program.results.iter().any(|&(_, result)| result == id);
    let has_windows = |id| {
        let mut places = program.buffers.iter().map(|buffer| buffer.place);
        places.any(|place| matches!(place, Place::Window(window) if window.of == id))
    };
    let is_plain = |BufferId(id)| {
        let buffer = &program.buffers[id as usize];
        buffer.element == Element::F32 && buffer.layout == Layout::RowMajor
    };
    let inputs = program.inputs.iter().map(|&(_, id)| id);
    let inputs = inputs.filter(|&id| is_plain(id) && !is_checked(id) && !is_result(id) && !has_windows(id));
    let lendable = inputs.map(|buffer| {
        let places = table(program).enumerate().filter(|&(_, id)| id == buffer).map(|(place, _)| place);
        Lendable { buffer, places: places.collect(), own: std::ptr::null_mut() }
    });
    lendable.collect()
}

/// A window that launches work on.
#[derive(Debug)]
struct Moving {
    /// Where in the table its address stands.
    place: usize,
    window: Window,
    /// The address of the buffer that it is a part of.
    base: *mut u8,
}

/// The windows that launches work on, in the order of the table.
fn windows(program: &Program) -> Vec<Moving> {
    let windows =
        table(program).enumerate().filter_map(|(place, id)| match program.buffers[id.0 as usize].place {
            Place::Window(window) => Some(Moving { place, window, base: std::ptr::null_mut() }),
            Place::State(_) | Place::Scratch(_) => None,
        });
    windows.collect()
}

/// The addresses of every launch's buffers, launch after launch.
#[derive(Debug, Default)]
struct PointerTable {
    /// The arena's generation that the addresses belong to.
    generation: Option<u64>,
    pointers: Vec<AtomicPtr<u8>>,
    lendable: Vec<Lendable>,
    windows: Vec<Moving>,
}

// SAFETY: the pointers lead into the arena that moves along with them in the `Machine`; they are used only by a `Call`'s
// runs, which borrow both mutably. Others are there only while a run borrows what they lead to.
unsafe impl Send for PointerTable {}
// SAFETY: as above; what threads that share it may change is atomic.
unsafe impl Sync for PointerTable {}

impl PointerTable {
    fn fill(&mut self, program: &Program, arena: &Arena, state: &StatePlan) -> Result<(), Defect> {
        self.generation = None;
        self.pointers.clear();
        for (index, buffer) in program.buffers.iter().enumerate() {
            check_place(buffer, program, arena.capacity(), state)
                .ok_or(Defect::Misplaced { buffer: index })?;
        }
        let address = |id: BufferId| {
            let offset = buffer_offset(program, id, arena, state, 0);
            // SAFETY: `check_place` has found the buffer to lie in its region, and the regions lie in the arena.
            unsafe { arena.base().as_ptr().add(offset) }
        };
        self.pointers.extend(table(program).map(|id| AtomicPtr::new(address(id))));
        self.lendable.iter_mut().for_each(|input| input.own = address(input.buffer));
        self.windows.iter_mut().for_each(|moving| moving.base = address(moving.window.of));
        self.generation = Some(arena.generation());
        Ok(())
    }
}

/// The buffers of every launch, launch after launch.
fn table(program: &Program) -> impl Iterator<Item = BufferId> {
    let launches = program.steps.iter().flat_map(|step| step.phases().1.iter().flatten());
    launches.flat_map(|launch| launch.buffers.iter().copied())
}

/// Where a buffer starts for a batch of `n` examples, in bytes from the arena's base; a window, where it is outside loops.
pub(super) fn buffer_offset(
    program: &Program,
    BufferId(id): BufferId,
    arena: &Arena,
    state: &StatePlan,
    n: usize,
) -> usize {
    match program.buffers[id as usize].place {
        Place::State(slot) => state.slots[slot].offset,
        Place::Scratch(offset) => arena.scratch_start() + offset.at(arena.capacity()),
        Place::Window(Window { of, slot, first, .. }) => {
            buffer_offset(program, of, arena, state, n) + 4 * first * slot.at(n)
        }
    }
}
