//! Work in stages, which the threads of a lease go through side by side.
//!
//! Each thread goes through all stages by itself. Before it does its part of one, it waits until all others are done with the stages before; how
//! far a thread is stands in a cache line that it alone writes, so that a stage costs one handover between cores.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::worker::{Job, Worker, spin_until};
use super::{Posted, part, worthwhile_threads};

/// Work in stages: all of a stage is done before any of the next one begins.
pub trait Stages: Sync {
    /// The number of stages. A stage may lower it, to its own number plus one at least: those behind are not begun then.
    fn end(&self) -> usize;

    /// The number of a stage's tasks, and what they cost in all: roughly, in nanoseconds on one thread.
    fn size(&self, stage: usize) -> (usize, f64);

    /// Does the tasks `begin..end` of a stage. Ranges depend on the number of threads: what a task computes must not depend on its range.
    fn run(&self, stage: usize, begin: usize, end: usize);
}

/// The number of tasks of a stage, and of threads that they are divided among.
pub(super) fn division(stages: &impl Stages, stage: usize, threads: usize) -> (usize, usize) {
    let (tasks, cost) = stages.size(stage);
    (tasks, worthwhile_threads(cost, threads).min(tasks))
}

/// How many stages a thread is done with.
#[derive(Debug)]
#[repr(align(128))]
pub(super) struct Progress(AtomicUsize);

impl Progress {
    /// The thread does no more, and nobody must wait for it.
    const LEFT: usize = usize::MAX;

    pub(super) const fn new() -> Self {
        Progress(AtomicUsize::new(0))
    }

    fn set(&self, stages: usize) {
        self.0.store(stages, Ordering::Release);
    }

    /// Waits until so many stages are done; `false` if the thread has left instead.
    fn reaches(&self, stages: usize) -> bool {
        let mut at = 0;
        spin_until(|| {
            at = self.0.load(Ordering::Acquire);
            at >= stages
        });
        at != Progress::LEFT
    }
}

/// Threads that go through stages together: member 0, which leads, and a member for each helper.
pub(super) struct March<'m, S> {
    pub(super) stages: &'m S,
    /// The first stage that they do together: all before are done.
    pub(super) first: usize,
    /// One for each part of the first stage but the leader's.
    pub(super) helpers: &'m [&'static Worker],
    /// The number of threads of the lease.
    pub(super) threads: usize,
    pub(super) leader: Progress,
}

impl<S: Stages> March<'_, S> {
    /// Goes on for as long as the members are enough for a stage; gives the first stage that is left to do.
    ///
    /// Members that have not begun by the time the leader is done with its part of the first stage are asleep, or have no core: then
    /// the leader does their parts, and the march ends there.
    pub(super) fn lead(&self) -> usize {
        let follow = |member| {
            self.go(member, self.first);
        };
        self.helpers.iter().for_each(|helper| helper.progress().set(self.first));
        let posted = Posted { helpers: self.helpers };
        let leaving = Leaving(&self.leader);
        for (helper, member) in self.helpers.iter().zip(1..) {
            // SAFETY: the lease owns the worker, its mailbox is empty since every earlier march has waited, and `posted` waits before
            // `follow` goes out of scope, also when this thread unwinds.
            unsafe { helper.post(Job::new(&follow, member)) };
        }
        let (tasks, parts) = division(self.stages, self.first, self.threads);
        let run = |member| {
            let (begin, end) = part(tasks, parts, member);
            self.stages.run(self.first, begin, end);
        };
        run(0);
        let next = self.first + 1;
        let missing = (1..parts).rev().filter(|&member| self.helpers[member - 1].take_back());
        let next = if missing.map(run).count() == 0 {
            std::mem::forget(leaving);
            self.leader.set(next);
            self.go(0, next)
        } else {
            drop(leaving);
            next
        };
        posted.finish();
        next
    }

    /// Goes through the stages from one on; gives the first that is left to do, if it does not leave early.
    fn go(&self, member: usize, from: usize) -> usize {
        let leaving = Leaving(self.progress(member));
        let mut stage = from;
        while stage < self.stages.end() {
            let (tasks, parts) = division(self.stages, stage, self.threads);
            if parts > self.members() {
                break;
            }
            if member < parts {
                if stage > self.first && !(self.others_reach(member, stage) && stage < self.stages.end()) {
                    return stage;
                }
                let (begin, end) = part(tasks, parts, member);
                self.stages.run(stage, begin, end);
            }
            stage += 1;
            self.progress(member).set(stage);
        }
        std::mem::forget(leaving);
        stage
    }

    fn members(&self) -> usize {
        self.helpers.len() + 1
    }

    fn progress(&self, member: usize) -> &Progress {
        match member {
            0 => &self.leader,
            helper => self.helpers[helper - 1].progress(),
        }
    }

    fn others_reach(&self, member: usize, stage: usize) -> bool {
        (0..self.members()).all(|other| other == member || self.progress(other).reaches(stage))
    }
}

/// Says that a member has left, when it returns early or unwinds.
struct Leaving<'m>(&'m Progress);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.0.set(Progress::LEFT);
    }
}

/// Tasks of a single stage.
pub(super) struct Single<F> {
    pub(super) tasks: usize,
    pub(super) cost: f64,
    pub(super) run: F,
}

impl<F: Fn(usize, usize) + Sync> Stages for Single<F> {
    fn end(&self) -> usize {
        1
    }

    fn size(&self, _: usize) -> (usize, f64) {
        (self.tasks, self.cost)
    }

    fn run(&self, _: usize, begin: usize, end: usize) {
        (self.run)(begin, end);
    }
}
