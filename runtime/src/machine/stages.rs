//! A run of a program as stages: inputs are looked at, then the launch table is walked.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::inputs::{Given, not_finite};
use super::phase::Phase;
use super::prepared::Bound;
use super::{RunError, locate};
use crate::arena::Arena;
use crate::finite::{all_finite, first_not_finite};
use crate::pool::Stages;
use crate::program::{BufferId, Program, StatePlan, Step};

/// Looking at a value, in nanoseconds.
const LOOK: f64 = 0.08;

/// A position in a launch table.
#[derive(Clone, Copy, Debug, Default)]
struct Position {
    /// The number of launches before it.
    launch: usize,
    /// The number of their buffers.
    pointer: usize,
}

/// Where the stages of a program's steps begin. A phase is a stage; so is a check; in a loop's iteration, windows move before its phases.
#[derive(Debug)]
pub(super) struct Itinerary {
    /// For each step, its first stage and its first phase.
    steps: Vec<(usize, usize)>,
    /// Where each phase is, those of a loop once; and the end.
    phases: Vec<Position>,
    /// The number of stages.
    n_stages: usize,
}

impl Itinerary {
    pub(super) fn of(program: &Program) -> Self {
        let (mut steps, mut phases, mut stage, mut here) = (vec![], vec![], 0, Position::default());
        for step in &program.steps {
            steps.push((stage, phases.len()));
            for launches in step.phases().1 {
                phases.push(here);
                here.launch += launches.len();
                here.pointer += launches.iter().map(|launch| launch.buffers.len()).sum::<usize>();
            }
            stage += match step {
                Step::Launches(_) | Step::CheckFinite(_) => 1,
                Step::Loop(repeated) => repeated.count * stages_of_iteration(step),
            };
        }
        phases.push(here);
        Itinerary { steps, phases, n_stages: stage }
    }
}

fn stages_of_iteration(step: &Step) -> usize {
    1 + step.phases().1.len()
}

/// What is done in a stage.
pub(super) enum Stage<'r> {
    /// Look whether all values of an input are finite.
    CheckInput(BufferId, &'r [f32]),
    /// Look whether all values of a buffer are finite.
    CheckFinite(BufferId, &'r [f32]),
    /// Move the windows among these places of the table to an iteration.
    MoveWindows(Range<usize>, usize),
    /// Run kernels.
    Launches {
        /// The position of the first in the launch table.
        first: usize,
        phase: Phase<'r>,
    },
}

/// A run of a program.
pub(super) struct Run<'r, I> {
    bound: Bound<'r>,
    itinerary: &'r Itinerary,
    arena: &'r Arena,
    state: &'r StatePlan,
    n: usize,
    /// The inputs that must be finite.
    checked: I,
    n_checked: usize,
    /// The first check that failed: no stage after it is begun.
    failed: AtomicUsize,
}

impl<'r, 'g: 'r, I: Iterator<Item = Given<'g>> + Clone> Run<'r, I> {
    pub(super) fn new(
        bound: Bound<'r>,
        itinerary: &'r Itinerary,
        (arena, state): (&'r Arena, &'r StatePlan),
        n: usize,
        checked: I,
    ) -> Self {
        let n_checked = checked.clone().count();
        let failed = AtomicUsize::new(usize::MAX);
        Run { bound, itinerary, arena, state, n, checked, n_checked, failed }
    }

    pub(super) fn stage(&self, stage: usize) -> Stage<'_> {
        let program = self.bound.program();
        let values = |id| {
            let (offset, len) = locate::<f32>(program, id, self.arena, self.state, self.n);
            self.arena.words(offset, len)
        };
        let Some(stage) = stage.checked_sub(self.n_checked) else {
            let Given { buffer, lent, .. } = self.checked.clone().nth(stage).expect("they were counted");
            return Stage::CheckInput(buffer, lent.unwrap_or_else(|| values(buffer)));
        };
        let Itinerary { steps, phases, .. } = self.itinerary;
        let step = steps.partition_point(|&(first, _)| first <= stage) - 1;
        let (first_stage, first_phase) = steps[step];
        let step = &program.steps[step];
        let in_step = stage - first_stage;
        let launches = |phase: usize| {
            let (here, next) = (phases[first_phase + phase], phases[first_phase + phase + 1]);
            let launches = &step.phases().1[phase];
            let pointers = &self.bound.pointers()[here.pointer..next.pointer];
            let phase = Phase { launches, kernels: &program.kernels, pointers, n: self.n };
            Stage::Launches { first: here.launch, phase }
        };
        match step {
            &Step::CheckFinite(id) => Stage::CheckFinite(id, values(id)),
            Step::Launches(_) => launches(0),
            Step::Loop(repeated) => match in_step % stages_of_iteration(step) {
                0 => {
                    let end = first_phase + repeated.phases.len();
                    let places = phases[first_phase].pointer..phases[end].pointer;
                    Stage::MoveWindows(places, in_step / stages_of_iteration(step))
                }
                phase => launches(phase - 1),
            },
        }
    }

    /// Runs a stage, or some of its tasks.
    pub(super) fn run(&self, index: usize, begin: usize, end: usize) {
        let is_fine = match self.stage(index) {
            Stage::CheckInput(_, values) | Stage::CheckFinite(_, values) => all_finite(&values[begin..end]),
            Stage::MoveWindows(places, iteration) => {
                self.bound.move_windows(places, iteration);
                true
            }
            Stage::Launches { phase, .. } => {
                phase.run(begin, end);
                true
            }
        };
        if !is_fine {
            self.failed.fetch_min(index, Ordering::Relaxed);
        }
    }

    /// The number of stages that are gone through.
    pub(super) fn end(&self) -> usize {
        let failed = self.failed.load(Ordering::Relaxed);
        failed.saturating_add(1).min(self.n_checked + self.itinerary.n_stages)
    }

    /// The number of tasks of a stage, and what they cost in nanoseconds.
    pub(super) fn size(&self, stage: usize) -> (usize, f64) {
        match self.stage(stage) {
            Stage::CheckInput(_, values) => (values.len(), LOOK * values.len() as f64),
            // Outside the thread that leads, it would cost more to fetch than to look.
            Stage::CheckFinite(_, values) => (values.len(), 0.0),
            Stage::MoveWindows(..) => (1, 0.0),
            Stage::Launches { phase, .. } => (Phase::SLICES, f64::from(phase.cost())),
        }
    }

    /// Whether all checks found what they should.
    pub(super) fn outcome(&self) -> Result<(), RunError> {
        let failed = self.failed.load(Ordering::Relaxed);
        if failed == usize::MAX {
            return Ok(());
        }
        let program = self.bound.program();
        match self.stage(failed) {
            Stage::CheckInput(id, values) => Err(not_finite(program, id, values)),
            Stage::CheckFinite(id, values) => {
                let (index, value) = first_not_finite(values).expect("one of them was found");
                let (program, buffer) = (program.name.clone(), program.buffers[id.0 as usize].name.clone());
                Err(RunError::NotFinite { program, buffer, index, value })
            }
            Stage::MoveWindows(..) | Stage::Launches { .. } => unreachable!("they look at nothing"),
        }
    }
}

impl<'g, I: Iterator<Item = Given<'g>> + Clone + Sync> Stages for Run<'_, I> {
    fn end(&self) -> usize {
        self.end()
    }

    fn size(&self, stage: usize) -> (usize, f64) {
        self.size(stage)
    }

    fn run(&self, stage: usize, begin: usize, end: usize) {
        self.run(stage, begin, end);
    }
}
