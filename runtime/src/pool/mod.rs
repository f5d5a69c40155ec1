//! The thread pool: one for the process, leased for a step.
//!
//! Every worker has a mailbox. A lease owns its workers, so that asking them to a step is one store to each mailbox; from then on they
//! go through its [stages](Stages) with the caller. Between steps they spin briefly, and then sleep. A part that no worker has begun by
//! the time the caller is done with its own is taken back: nobody waits for a thread that is still asleep.
//!
//! A worker belongs to one lease at a time. If others hold them all, a lease has fewer workers or none, and its caller does
//! the work; there is nothing to wait for, so nothing to deadlock on.

mod stages;
#[cfg(test)]
mod tests;
mod worker;

use std::panic::resume_unwind;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

pub use stages::Stages;
use stages::{March, Progress, Single, division};
use worker::Worker;

/// A part of a kernel smaller than this is not worth a thread of its own.
const MIN_PART_NANOS: f64 = 600.0;
/// More threads than this are never started.
pub const MAX_THREADS: usize = 256;

/// The number of threads that use this machine fully.
pub fn default_threads() -> usize {
    thread::available_parallelism().map_or(1, |threads| threads.get()).min(MAX_THREADS)
}

/// How many of `threads` threads work of this cost, in nanoseconds on one of them, is divided among.
pub fn worthwhile_threads(cost: f64, threads: usize) -> usize {
    ((cost / MIN_PART_NANOS) as usize).clamp(1, threads)
}

/// A wish for a number of threads, its caller included. It holds none until it is [leased](Team::lease).
#[derive(Debug)]
pub struct Team {
    threads: usize,
    /// The workers of the current lease; kept here so that a lease does not allocate.
    workers: Vec<&'static Worker>,
}

impl Team {
    /// A team of `threads` threads, between 1 and [`MAX_THREADS`]. A team of one never starts a thread.
    pub fn new(threads: usize) -> Self {
        let threads = threads.clamp(1, MAX_THREADS);
        Team { threads, workers: Vec::with_capacity(threads - 1) }
    }

    /// The number of threads it asks for.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// Takes as many workers as are idle, at most `threads − 1`, until the lease is dropped.
    pub fn lease(&mut self) -> Lease<'_> {
        if self.threads > 1 {
            Pool::get().take(self.threads - 1, &mut self.workers);
        }
        Lease { team: self }
    }

    /// Takes no workers: the caller does all work.
    pub fn alone(&mut self) -> Lease<'_> {
        Lease { team: self }
    }
}

/// Workers that obey nobody else while this lives.
#[derive(Debug)]
pub struct Lease<'t> {
    team: &'t mut Team,
}

impl Lease<'_> {
    /// The number of threads at hand, the caller included.
    pub fn threads(&self) -> usize {
        self.team.workers.len() + 1
    }

    /// Goes through stages, on several threads where the work is worth it.
    ///
    /// # Panics
    /// If a stage panics on any thread, after all threads are done.
    pub fn run(&mut self, stages: &impl Stages) {
        let threads = self.threads();
        let mut stage = 0;
        while stage < stages.end() {
            let (tasks, parts) = division(stages, stage, threads);
            if parts > 1 {
                let helpers = &self.team.workers[..parts - 1];
                let leader = Progress::new();
                stage = March { stages, first: stage, helpers, threads, leader }.lead();
            } else {
                if tasks > 0 {
                    stages.run(stage, 0, tasks);
                }
                stage += 1;
            }
        }
    }

    /// Calls `run(begin, end)` so that the ranges cover `0..tasks`, on several threads if the work is worth it.
    ///
    /// `cost` is a rough cost of all tasks in nanoseconds on one thread. The ranges depend on the number of threads: what a task
    /// computes must not depend on its range.
    ///
    /// # Panics
    /// If `run` panics on any thread, after all threads are done.
    pub fn parallel(&mut self, tasks: usize, cost: f64, run: impl Fn(usize, usize) + Sync) {
        self.run(&Single { tasks, cost, run });
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        if !self.team.workers.is_empty() {
            Pool::get().give_back(&mut self.team.workers);
        }
    }
}

/// The `index`-th of `parts` contiguous ranges of nearly equal size.
fn part(tasks: usize, parts: usize, index: usize) -> (usize, usize) {
    let (size, larger) = (tasks / parts, tasks % parts);
    let begin = index * size + index.min(larger);
    (begin, begin + size + usize::from(index < larger))
}

/// Jobs that have been posted and must be done, or taken back, before their closure dies.
struct Posted<'t> {
    helpers: &'t [&'static Worker],
}

impl Posted<'_> {
    /// Waits for what has begun, and passes on a worker's panic.
    fn finish(self) {
        let helpers = self.helpers;
        drop(self);
        for helper in helpers {
            // SAFETY: all workers are done, and this thread leases them.
            if let Some(panic) = unsafe { helper.take_panic() } {
                resume_unwind(panic);
            }
        }
    }
}

impl Drop for Posted<'_> {
    fn drop(&mut self) {
        for helper in self.helpers {
            helper.take_back();
            helper.wait();
        }
    }
}

/// All workers of the process that no lease holds.
struct Pool {
    idle: Vec<&'static Worker>,
    started: usize,
    /// Set when the system refuses a thread: it is not asked again.
    full: bool,
}

impl Pool {
    fn get() -> MutexGuard<'static, Pool> {
        static POOL: Mutex<Pool> = Mutex::new(Pool { idle: Vec::new(), started: 0, full: false });
        POOL.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts up to `wanted` idle workers into `workers`. There are never more than the largest team has asked for.
    fn take(&mut self, wanted: usize, workers: &mut Vec<&'static Worker>) {
        while self.started < wanted && !self.full {
            match Worker::start(self.started) {
                Some(worker) => self.idle.push(worker),
                None => self.full = true,
            }
            self.started += usize::from(!self.full);
        }
        // Those of a lease that was forgotten instead of dropped.
        self.idle.append(workers);
        let first = self.idle.len().saturating_sub(wanted);
        workers.extend(self.idle.drain(first..));
    }

    fn give_back(&mut self, workers: &mut Vec<&'static Worker>) {
        self.idle.append(workers);
    }
}
