//! Launches that do not depend on each other.
//!
//! Each thread takes the same share of every launch, so one wait is enough for all of them, and a thread finds in its cache what it
//! wrote there in an earlier phase: the columns of a weight that it updates are those that it multiplies with.

use std::sync::atomic::AtomicPtr;

use crate::program::{KernelFn, Launch};

/// What the threads run.
pub(super) struct Phase<'p> {
    pub(super) launches: &'p [Launch],
    pub(super) kernels: &'p [KernelFn],
    /// The addresses of the launches' buffers, launch after launch.
    pub(super) pointers: &'p [AtomicPtr<u8>],
    /// The batch size.
    pub(super) n: usize,
}

impl<'p> Phase<'p> {
    /// A launch's tasks are cut at multiples of this part of them.
    pub(super) const SLICES: usize = 1 << 12;

    /// What all launches cost, in nanoseconds on one thread.
    pub(super) fn cost(&self) -> f32 {
        self.launches.iter().map(|launch| launch.cost.at(self.n)).sum()
    }

    /// Each launch as a phase of its own.
    pub(super) fn one_by_one(self) -> impl Iterator<Item = Phase<'p>> {
        let Phase { launches, kernels, mut pointers, n } = self;
        launches.chunks(1).map(move |launches| {
            let (here, rest) = pointers.split_at(launches[0].buffers.len());
            pointers = rest;
            Phase { launches, kernels, pointers: here, n }
        })
    }

    /// Runs slices `begin..end` of all launches.
    pub(super) fn run(&self, begin: usize, end: usize) {
        let mut pointers = self.pointers;
        for launch in self.launches {
            let (buffers, rest) = pointers.split_at(launch.buffers.len());
            pointers = rest;
            let tasks = launch.tasks.at(self.n);
            // The same for the end of one thread's share and the beginning of the next one's.
            let cut = |slice: usize| (tasks * slice + Self::SLICES / 2) / Self::SLICES;
            let (first, last) = (cut(begin), cut(end));
            if first < last {
                // SAFETY: the pointers lead to this launch's buffers, each with room for `n` examples; shares are
                // disjoint, and launches independent; addresses change in stages of their own; the rest is the promise made
                // to `Machine::prepare`.
                unsafe { self.kernels[launch.kernel](buffers.as_ptr().cast(), self.n, first, last) }
            }
        }
    }
}
