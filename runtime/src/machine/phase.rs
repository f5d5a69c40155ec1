//! Runs launches that do not depend on each other, on all threads of a lease at once.
//!
//! The launches' tasks form one line, as long as their costs. Each thread takes a stretch of it, so one wait is enough for all of
//! them, and small launches fill what large ones leave.

use crate::pool::Lease;
use crate::program::{KernelFn, Launch};

/// The line is cut at multiples of this part of it.
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
        lease.parallel(SLICES, total / SLICES as f32, |begin, end| self.run_slices(total, begin, end));
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

    fn run_slices(&self, total: f32, begin: usize, end: usize) {
        let mut pointers = self.pointers;
        let mut start = 0.0;
        for launch in self.launches {
            let (buffers, rest) = pointers.split_at(launch.buffers.len());
            let (tasks, cost) = (launch.tasks.at(self.n), launch.cost.at(self.n));
            // The same for the end of one thread's stretch and the beginning of the next one's.
            let cut = |slice: usize| match slice {
                0 => 0,
                SLICES => tasks,
                _ => {
                    let position = total * slice as f32 / SLICES as f32;
                    (((position - start) / cost).clamp(0.0, 1.0) * tasks as f32) as usize
                }
            };
            let (first, last) = (cut(begin), cut(end));
            if first < last {
                // SAFETY: the pointers lead to this launch's buffers, each with room for `n` examples; stretches are
                // disjoint, and launches independent; the rest is the promise made to `Machine::prepare`.
                unsafe { self.kernels[launch.kernel](buffers.as_ptr(), self.n, first, last) }
            }
            start += cost;
            pointers = rest;
        }
    }
}
