//! Whether runs of small stages are worth several threads: measured while they run.
//!
//! Threads that share such a run hand data over at each stage. That takes several times as long while the cores of a virtual machine lie far
//! apart, which they do for minutes and without notice; then one thread alone is faster. So both ways are tried now and then, and
//! the faster is kept. Results do not depend on it.

use crate::pool::worthwhile_threads;
use crate::program::Program;

/// The mean cost of a stage, in nanoseconds on one thread, below which a run may be faster alone: above, there is so much work that sharing it
/// wins wherever the cores are.
const SMALL: f64 = 10_000.0;
/// Runs of a trial: their fastest counts, since the first ones find data in the caches of other cores.
const TRIAL: u32 = 5;
/// Runs between two trials, at least and at most.
const PAUSE: u32 = 50;
const LONG_PAUSE: u32 = 10_000;
/// What trials of the slower way may take of the time, as one part in so many.
const PART: f64 = 100.0;

/// The two ways to run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Crew {
    /// On all threads.
    Shared,
    /// On the caller's.
    Alone,
}

impl Crew {
    fn other(self) -> Self {
        match self {
            Crew::Shared => Crew::Alone,
            Crew::Alone => Crew::Shared,
        }
    }
}

/// Which way runs of one program go.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// The last two batch sizes, an epoch's and its rest's, and what is known of them; `None` where there is nothing to try.
    of_batches: [Option<(usize, Option<Trials>)>; 2],
}

impl Pace {
    /// The way that the next run of a program on `n` examples goes, if it is to be measured.
    pub(super) fn next(&mut self, program: &Program, n: usize) -> Option<Crew> {
        if !self.is_about(n) {
            self.of_batches.swap(0, 1);
        }
        if !self.is_about(n) {
            self.of_batches[0] = Some((n, has_small_stages(program, n).then(Trials::new)));
        }
        self.trials().map(|trials| trials.now)
    }

    /// Notes how long that run took, in any unit.
    pub(super) fn took(&mut self, time: f64) {
        if let Some(trials) = self.trials() {
            trials.took(time);
        }
    }

    /// How many measured runs are left before something is decided.
    #[cfg(test)]
    pub(super) fn left(&mut self) -> u32 {
        self.trials().map_or(TRIAL, |trials| trials.left)
    }

    fn is_about(&self, n: usize) -> bool {
        self.of_batches[0].as_ref().is_some_and(|&(of, _)| of == n)
    }

    fn trials(&mut self) -> Option<&mut Trials> {
        self.of_batches[0].as_mut()?.1.as_mut()
    }
}

/// Whether the phases of a program that threads share are small on average.
fn has_small_stages(program: &Program, n: usize) -> bool {
    let phases = program.steps.iter().flat_map(|step| step.phases().1);
    let costs = phases.map(|launches| launches.iter().map(|launch| f64::from(launch.cost.at(n))).sum());
    let (mut n_shared, mut sum) = (0, 0.0);
    for cost in costs.filter(|&cost: &f64| worthwhile_threads(cost, 2) > 1) {
        n_shared += 1;
        sum += cost;
    }
    n_shared > 0 && sum / f64::from(n_shared) < SMALL
}

/// What has been tried.
#[derive(Debug)]
struct Trials {
    /// The way that runs go now.
    now: Crew,
    /// The fastest run of this trial, and of the last one of the other way.
    fastest: f64,
    other: Option<f64>,
    /// How many runs are left before something is decided.
    left: u32,
    /// Whether runs are between two trials.
    pauses: bool,
}

impl Trials {
    fn new() -> Self {
        Trials { now: Crew::Shared, fastest: f64::INFINITY, other: None, left: TRIAL, pauses: false }
    }

    fn took(&mut self, time: f64) {
        self.fastest = self.fastest.min(time);
        self.left -= 1;
        if self.left > 0 {
            return;
        }
        match self.other {
            // The way that was kept is measured again, right before the other.
            _ if self.pauses => self.begin(self.now, None),
            None => self.begin(self.now.other(), Some(self.fastest)),
            Some(other) => {
                if other < self.fastest {
                    self.now = self.now.other();
                }
                let ratio = self.fastest.max(other) / self.fastest.min(other);
                let pause = PART * f64::from(TRIAL) * (ratio - 1.0);
                self.begin(self.now, None);
                (self.left, self.pauses) = ((pause as u32).clamp(PAUSE, LONG_PAUSE), true);
            }
        }
    }

    fn begin(&mut self, crew: Crew, other: Option<f64>) {
        *self = Trials { now: crew, fastest: f64::INFINITY, other, left: TRIAL, pauses: false };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of so many runs went alone, where runs take these times.
    fn alone(trials: &mut Trials, runs: usize, shared: f64, alone: f64) -> usize {
        let mut n_alone = 0;
        for _ in 0..runs {
            n_alone += usize::from(trials.now == Crew::Alone);
            trials.took(if trials.now == Crew::Alone { alone } else { shared });
        }
        n_alone
    }

    #[test]
    fn the_faster_way_is_found_and_kept() {
        assert!(alone(&mut Trials::new(), 10_000, 370.0, 140.0) > 9_900);
        assert!(
            alone(&mut Trials::new(), 10_000, 130.0, 140.0) < 1_000,
            "nearly as fast: trials cost little"
        );
        assert!(alone(&mut Trials::new(), 10_000, 70.0, 140.0) < 120, "twice as slow: they are rare");
    }

    #[test]
    fn what_changes_is_noticed() {
        let mut trials = Trials::new();
        alone(&mut trials, 1_000, 130.0, 140.0);
        assert!(alone(&mut trials, 2_000, 370.0, 140.0) > 1_900);
        assert!(alone(&mut trials, 10_000, 130.0, 140.0) < 2_000);
    }

    #[test]
    fn first_runs_of_a_trial_may_be_slow() {
        let mut trials = Trials::new();
        for run in 0..2 * TRIAL {
            let is_first = run % TRIAL == 0;
            trials.took(match trials.now {
                _ if is_first => 1000.0,
                Crew::Shared => 370.0,
                Crew::Alone => 140.0,
            });
        }
        assert_eq!(trials.now, Crew::Alone);
    }
}
