//! Runs launches that do not depend on each other, on all threads of a lease at once.
//!
//! Each thread takes the same share of every launch, so one wait is enough for all of them, and a thread finds in its cache what it
//! wrote there in an earlier phase: the columns of a weight that it updates are those that it multiplies with.

use crate::pool::Lease;
use crate::program::{KernelFn, Launch};

/// A launch's tasks are cut at multiples of this part of them.
const SLICES: usize = 1 << 12;

/// What the threads run.
pub(super) struct Phase<'p> {
    pub(super) launches: &'p [Launch],
    pub(super) kernels: &'p [KernelFn],
    /// The addresses of the launches' buffers, launch after launch.
    pub(super) pointers: &'p [*mut u8],
    /// The batch size.
    pub(super) n: usize,
}

// SAFETY: the table of addresses is only read; what kernels do with the addresses is their contract.
unsafe impl Sync for Phase<'_> {}

impl<'p> Phase<'p> {
    /// Runs all tasks of all launches.
    pub(super) fn run(&self, lease: &mut Lease<'_>) {
        let total: f32 = self.launches.iter().map(|launch| launch.cost.at(self.n)).sum();
        lease.parallel(SLICES, total / SLICES as f32, |begin, end| self.run_slices(begin, end));
    }

    /// Each launch as a phase of its own.
    pub(super) fn one_by_one(&self) -> impl Iterator<Item = Phase<'p>> {
        let mut pointers = self.pointers;
        let (kernels, n) = (self.kernels, self.n);
        self.launches.chunks(1).map(move |launches| {
            let (here, rest) = pointers.split_at(launches[0].buffers.len());
            pointers = rest;
            Phase { launches, kernels, pointers: here, n }
        })
    }

    fn run_slices(&self, begin: usize, end: usize) {
        let mut pointers = self.pointers;
        for launch in self.launches {
            let (buffers, rest) = pointers.split_at(launch.buffers.len());
            pointers = rest;
            let tasks = launch.tasks.at(self.n);
            // The same for the end of one thread's share and the beginning of the next one's.
            let cut = |slice: usize| (tasks * slice + SLICES / 2) / SLICES;
            let (first, last) = (cut(begin), cut(end));
            if first < last {
                // SAFETY: the pointers lead to this launch's buffers, each with room for `n` examples; shares are
                // disjoint, and launches independent; the rest is the promise made to `Machine::prepare`.
                unsafe { self.kernels[launch.kernel](buffers.as_ptr(), self.n, first, last) }
            }
        }
    }
}
