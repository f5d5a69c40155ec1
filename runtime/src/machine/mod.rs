//! Runs programs: owns the arena and the state in it, walks launch tables, lends threads.

use std::time::Instant;

use thiserror::Error;

mod check;
mod inputs;
mod pace;
mod phase;
mod prepared;
mod stages;
#[cfg(test)]
mod tests;

pub use check::Defect;
use check::{check_program, check_state};
pub use inputs::Given;
use pace::Crew;
use phase::Phase;
use prepared::{Prepared, buffer_offset};
use stages::{Run, Stage};

use crate::arena::{Arena, ArenaError, Word};
use crate::layout::{pack, packed_len, unpack};
use crate::pool::{Lease, Team};
use crate::program::{Buffer, BufferId, Layout, Program, StatePlan, StateSlot};

/// Why a program was not run to its end.
#[derive(Debug, Error, Clone, PartialEq)]
pub enum RunError {
    /// The memory for this batch is not to be had.
    #[error(transparent)]
    Arena(#[from] ArenaError),
    /// A batch of no examples.
    #[error("{program} was called with an empty batch; it needs at least one example")]
    EmptyBatch {
        /// The program called.
        program: String,
    },
    /// A value that must be finite is not. No state was changed.
    #[error("{program} stopped: element {index} of {buffer} is {value}; no state was changed")]
    NotFinite {
        /// The program that stopped.
        program: String,
        /// The buffer checked: the loss.
        buffer: String,
        /// The first element that is not finite.
        index: usize,
        /// Its value.
        value: f32,
    },
    /// A value of an input that must be finite is not. Nothing was run.
    #[error("{program} was called with {input} of which element {index} is {value}; it must be finite")]
    InputNotFinite {
        /// The program called.
        program: String,
        /// The input's name.
        input: String,
        /// The first element that is not finite.
        index: usize,
        /// Its value.
        value: f32,
    },
    /// A state tensor was given another number of elements than it has.
    #[error("{name} has {expected} elements (shape {shape:?}), but {found} were given")]
    StateLength {
        /// The tensor.
        name: String,
        /// Its shape.
        shape: Vec<usize>,
        /// Its number of elements.
        expected: usize,
        /// The number given.
        found: usize,
    },
    /// The compiler and the runtime disagree about a program.
    #[error("program {program} is malformed: {what}; this is a bug in dl, please report it")]
    Malformed {
        /// The program.
        program: String,
        /// What is wrong with it.
        what: Defect,
    },
}

/// A program that a [`Machine`] has taken in.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ProgramId(usize);

/// Everything a network needs to run: its state and scratch memory, its programs, its threads.
#[derive(Debug)]
pub struct Machine {
    arena: Arena,
    state: StatePlan,
    programs: Vec<Prepared>,
    team: Team,
}

impl Machine {
    /// A machine with all state zero, no programs, and `threads` threads (see [`Team::new`]).
    ///
    /// # Errors
    /// If the state does not fit in memory, or the plan is malformed.
    pub fn new(state: StatePlan, threads: usize) -> Result<Self, RunError> {
        let arena = Arena::new(state.bytes())?;
        check_state(&state).map_err(|what| RunError::Malformed { program: "state".into(), what })?;
        Ok(Machine { arena, state, programs: Vec::new(), team: Team::new(threads) })
    }

    /// Takes in a program. Its scratch memory is provided when it is first [called](Machine::call).
    ///
    /// # Errors
    /// If the program names buffers, kernels or state that do not exist, or misplaces them.
    ///
    /// # Safety
    /// The program's kernels keep the contract of [`KernelFn`](crate::program::KernelFn): started with the buffers of any of its launches, a batch size and a
    /// range of that launch's tasks, they read nothing but these buffers' elements for that batch, rounded up to
    /// [`ALIGNMENT`](crate::program::ALIGNMENT) bytes, and write nothing but those of the launch's
    /// [`writes`](crate::program::Launch::writes); an input may lie at any multiple of four; disjoint ranges of tasks may run at the same time; and they do not unwind.
    pub unsafe fn prepare(&mut self, program: Program) -> Result<ProgramId, RunError> {
        if let Err(what) = check_program(&program, &self.state) {
            return Err(RunError::Malformed { program: program.name, what });
        }
        self.arena.expect_scratch(program.scratch);
        self.programs.push(Prepared::new(program));
        Ok(ProgramId(self.programs.len() - 1))
    }

    /// Begins a call of a program on a batch of `n` examples: inputs are filled, then it is run, then results are read.
    ///
    /// The first call at a larger batch than any before allocates; others do not.
    ///
    /// # Errors
    /// If the batch is empty or its memory is not to be had. State is intact.
    pub fn call(&mut self, id: ProgramId, n: usize) -> Result<Call<'_>, RunError> {
        let prepared = &mut self.programs[id.0];
        if n == 0 {
            return Err(RunError::EmptyBatch { program: prepared.program.name.clone() });
        }
        if !self.arena.fits(n) {
            self.arena.fit(n)?;
        }
        prepared.resolve(&self.arena, &self.state)?;
        Ok(Call { arena: &mut self.arena, state: &self.state, prepared, team: &mut self.team, n })
    }

    /// A program taken in before.
    pub fn program(&self, id: ProgramId) -> &Program {
        &self.programs[id.0].program
    }

    /// The state tensors, by slot.
    pub fn state_plan(&self) -> &StatePlan {
        &self.state
    }

    /// The size of the arena now, in bytes.
    pub fn arena_bytes(&self) -> usize {
        self.arena.bytes()
    }

    /// The size that the arena would have for batches of `n` examples; `None` if it cannot be addressed.
    pub fn arena_bytes_for(&self, n: usize) -> Option<usize> {
        self.arena.bytes_for(n)
    }

    /// The number of threads that calls ask for.
    pub fn threads(&self) -> usize {
        self.team.threads()
    }

    /// Changes the number of threads that calls ask for. Results do not depend on it.
    pub fn set_threads(&mut self, threads: usize) {
        self.team = Team::new(threads);
    }

    /// A state tensor in its plain, row-major form.
    ///
    /// # Panics
    /// If there is no such slot, or it holds other elements than `T`.
    pub fn state<T: Word>(&self, slot: usize) -> Vec<T> {
        let slot = typed_slot::<T>(&self.state, slot);
        let mut plain = vec![T::default(); slot.shape.iter().product()];
        let packed = self.arena.words(slot.offset, slot_len(slot));
        unpack(slot.layout, &slot.shape, packed, &mut plain);
        plain
    }

    /// Overwrites a state tensor with a plain, row-major one.
    ///
    /// # Errors
    /// If the number of elements differs.
    ///
    /// # Panics
    /// If there is no such slot, or it holds other elements than `T`.
    pub fn set_state<T: Word>(&mut self, slot: usize, plain: &[T]) -> Result<(), RunError> {
        let slot = typed_slot::<T>(&self.state, slot);
        let expected = slot.shape.iter().product();
        if plain.len() != expected {
            let (name, shape, found) = (slot.name.clone(), slot.shape.clone(), plain.len());
            return Err(RunError::StateLength { name, shape, expected, found });
        }
        pack(slot.layout, &slot.shape, plain, self.arena.words_mut(slot.offset, slot_len(slot)));
        Ok(())
    }
}

/// A program about to run on a batch, with its inputs and results as slices.
#[derive(Debug)]
pub struct Call<'m> {
    arena: &'m mut Arena,
    state: &'m StatePlan,
    prepared: &'m mut Prepared,
    team: &'m mut Team,
    n: usize,
}

impl<'m> Call<'m> {
    /// The batch size.
    pub fn n(&self) -> usize {
        self.n
    }

    /// The program.
    pub fn program(&self) -> &Program {
        &self.prepared.program
    }

    /// An input to fill, of the size that this batch has: row-major, unless its buffer says otherwise.
    ///
    /// # Panics
    /// If there is no such buffer, or it holds other elements than `T`.
    pub fn input<T: Word>(&mut self, id: BufferId) -> &mut [T] {
        let (offset, len) = self.locate::<T>(id);
        self.arena.words_mut(offset, len)
    }

    /// Fills an input from its row-major form, whatever its layout.
    ///
    /// # Panics
    /// As [`input`](Call::input), and if the length differs.
    pub fn set_plain_input<T: Word>(&mut self, id: BufferId, plain: &[T]) {
        let layout = self.buffer(id).layout;
        if layout == Layout::RowMajor {
            return self.input(id).copy_from_slice(plain);
        }
        let (offset, len) = self.locate::<T>(id);
        let shape = &self.prepared.program.buffers[id.0 as usize].packed_shape;
        pack(layout, shape, plain, self.arena.words_mut(offset, len));
    }

    /// A result as it lies, of the size that this batch has: row-major, unless its buffer says otherwise. It means something after
    /// [`run`](Call::run).
    ///
    /// # Panics
    /// As [`input`](Call::input).
    pub fn result<T: Word>(&self, id: BufferId) -> &[T] {
        let (offset, len) = self.locate::<T>(id);
        self.arena.words(offset, len)
    }

    /// A result, row-major whatever its layout.
    ///
    /// # Panics
    /// As [`input`](Call::input).
    pub fn plain_result<T: Word>(&self, id: BufferId) -> Vec<T> {
        let (buffer, data) = (self.buffer(id), self.result::<T>(id));
        if buffer.layout == Layout::RowMajor {
            return data.to_vec();
        }
        let mut plain = vec![T::default(); buffer.packed_shape.iter().product()];
        unpack(buffer.layout, &buffer.packed_shape, data, &mut plain);
        plain
    }

    /// A result, as [`result`](Call::result), for as long as the machine is not called again.
    ///
    /// # Panics
    /// As [`input`](Call::input).
    pub fn into_result<T: Word>(self, id: BufferId) -> &'m [T] {
        let (offset, len) = self.locate::<T>(id);
        let arena: &'m Arena = self.arena;
        arena.words(offset, len)
    }

    /// The result of this name, if the program has one.
    pub fn named_result(&self, name: &str) -> Option<BufferId> {
        self.program().results.iter().find(|(known, _)| known == name).map(|&(_, buffer)| buffer)
    }

    /// The result of this name, of one number, if the program has one.
    pub fn scalar(&self, name: &str) -> Option<f32> {
        self.named_result(name).map(|buffer| self.result::<f32>(buffer)[0])
    }

    /// Runs the program on inputs that have been filled.
    ///
    /// # Errors
    /// [`RunError::NotFinite`] if a checked buffer is not finite; steps after the check have then not run.
    pub fn run(&mut self) -> Result<(), RunError> {
        self.run_on(std::iter::empty())
    }

    /// Runs the program on inputs some of which are lent, or must be finite. Others have been filled.
    ///
    /// # Errors
    /// [`RunError::InputNotFinite`], before anything is run; and as [`run`](Call::run).
    ///
    /// # Panics
    /// If an input is not there, does not hold real numbers, or is lent in another length.
    pub fn run_on<'a>(
        &mut self,
        inputs: impl Iterator<Item = Given<'a>> + Clone + Sync,
    ) -> Result<(), RunError> {
        let Call { n, team, prepared, .. } = self;
        let Prepared { pace, program, .. } = &mut **prepared;
        let crew = (team.threads() > 1).then(|| pace.next(program, *n)).flatten();
        let start = crew.map(|_| Instant::now());
        let outcome = {
            let (run, mut lease) = self.begin(inputs, crew.unwrap_or(Crew::Shared));
            lease.run(&run);
            run.outcome()
        };
        // A run that fails is not gone through to its end.
        if let (Some(start), Ok(())) = (start, &outcome) {
            self.prepared.pace.took(start.elapsed().as_secs_f64());
        }
        outcome
    }

    /// As [`run_on`](Call::run_on), launch by launch, each alone on the threads that it is worth; adds to `seconds` how long each took,
    /// in the order of the launch table. Those of a loop take the sum of all iterations.
    ///
    /// # Errors
    /// As [`run_on`](Call::run_on).
    ///
    /// # Panics
    /// As [`run_on`](Call::run_on).
    pub fn run_timed<'a>(
        &mut self,
        inputs: impl Iterator<Item = Given<'a>> + Clone + Sync,
        seconds: &mut Vec<f64>,
    ) -> Result<(), RunError> {
        let (run, mut lease) = self.begin(inputs, Crew::Shared);
        let mut stage = 0;
        while stage < run.end() {
            match run.stage(stage) {
                Stage::Launches { first, phase } => {
                    for (launch, alone) in (first..).zip(phase.one_by_one()) {
                        seconds.resize(seconds.len().max(launch + 1), 0.0);
                        let start = Instant::now();
                        let cost = f64::from(alone.cost());
                        lease.parallel(Phase::SLICES, cost, |begin, end| alone.run(begin, end));
                        seconds[launch] += start.elapsed().as_secs_f64();
                    }
                }
                _ => run.run(stage, 0, run.size(stage).0),
            }
            stage += 1;
        }
        run.outcome()
    }

    /// Takes the inputs in, and the threads.
    fn begin<'r, 'a: 'r>(
        &'r mut self,
        inputs: impl Iterator<Item = Given<'a>> + Clone + Sync,
        crew: Crew,
    ) -> (Run<'r, impl Iterator<Item = Given<'a>> + Clone + Sync>, Lease<'r>) {
        let (mut bound, itinerary) = self.prepared.bind(self.n);
        let program = bound.program();
        for Given { buffer, lent, .. } in inputs.clone() {
            if let Some(values) = lent
                && !bound.lend(buffer, values)
            {
                let (offset, len) = locate::<f32>(program, buffer, self.arena, self.state, self.n);
                self.arena.words_mut(offset, len).copy_from_slice(values);
            }
        }
        let checked = inputs.filter(|input| input.must_be_finite);
        let lease = match crew {
            Crew::Shared => self.team.lease(),
            Crew::Alone => self.team.alone(),
        };
        (Run::new(bound, itinerary, (&*self.arena, self.state), self.n, checked), lease)
    }

    fn buffer(&self, id: BufferId) -> &Buffer {
        &self.prepared.program.buffers[id.0 as usize]
    }

    fn locate<T: Word>(&self, id: BufferId) -> (usize, usize) {
        locate::<T>(&self.prepared.program, id, self.arena, self.state, self.n)
    }
}

/// The offset in the arena and the number of elements of a buffer.
fn locate<T: Word>(
    program: &Program,
    id: BufferId,
    arena: &Arena,
    state: &StatePlan,
    n: usize,
) -> (usize, usize) {
    let buffer = &program.buffers[id.0 as usize];
    assert_eq!(buffer.element, T::ELEMENT, "element type of {}", buffer.name);
    (buffer_offset(program, id, arena, state, n), buffer.elements.at(n))
}

fn typed_slot<T: Word>(state: &StatePlan, slot: usize) -> &StateSlot {
    let slot = &state.slots[slot];
    assert_eq!(slot.element, T::ELEMENT, "element type of {}", slot.name);
    slot
}

/// The number of elements that a slot's layout takes.
fn slot_len(slot: &StateSlot) -> usize {
    packed_len(slot.layout, &slot.shape).expect("the arena holds it")
}
