//! The thread pool: one for the process, leased for a step.
//!
//! Every worker has a mailbox. A lease owns its workers, so that posting a part of a kernel is one store to each
//! mailbox; workers spin briefly for the next kernel of the step and then sleep. A part that no worker has begun by
//! the time the caller is done with its own is taken back: nobody waits for a thread that is still asleep.
//!
//! A worker belongs to one lease at a time. If others hold them all, a lease has fewer workers or none, and its caller does
//! the work; there is nothing to wait for, so nothing to deadlock on.

use std::any::Any;
use std::cell::UnsafeCell;
use std::hint::spin_loop;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// A part of a kernel smaller than this is not worth a thread of its own.
const MIN_PART_NANOS: f64 = 2000.0;
/// How long a worker waits for more work before it sleeps: longer than the pause between two steps.
const SPIN: Duration = Duration::from_micros(50);
/// How often a waiting caller spins before it lets another thread have its core.
const SPINS_BEFORE_YIELD: u32 = 10_000;
/// More threads than this are never started.
pub const MAX_THREADS: usize = 256;

/// The number of threads that use this machine fully.
pub fn default_threads() -> usize {
    thread::available_parallelism().map_or(1, |threads| threads.get()).min(MAX_THREADS)
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
        if self.workers.len() + 1 < self.threads {
            Pool::get().take(self.threads - 1, &mut self.workers);
        }
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

    /// Calls `run(begin, end)` so that the ranges cover `0..tasks`, on several threads if the work is worth it.
    ///
    /// `task_cost` is a rough cost of a task in nanoseconds. The ranges depend on the number of threads: what a task
    /// computes must not depend on its range.
    ///
    /// # Panics
    /// If `run` panics on any thread, after all threads are done.
    pub fn parallel(&mut self, tasks: usize, task_cost: f32, run: impl Fn(usize, usize) + Sync) {
        if tasks == 0 {
            return;
        }
        let workers = &self.team.workers;
        let worthwhile = (tasks as f64 * f64::from(task_cost) / MIN_PART_NANOS) as usize;
        let parts = worthwhile.min(tasks).clamp(1, workers.len() + 1);
        if parts == 1 {
            return run(0, tasks);
        }
        let helpers = &workers[..parts - 1];
        let posted = Posted { helpers };
        for (index, helper) in helpers.iter().enumerate() {
            let (begin, end) = part(tasks, parts, index + 1);
            // SAFETY: this lease owns the worker, its mailbox is empty since every earlier call has waited, and
            // `posted` waits before `run` goes out of scope, also when this thread unwinds.
            unsafe { helper.post(Job::new(&run, begin, end)) };
        }
        let (begin, end) = part(tasks, parts, 0);
        run(begin, end);
        posted.finish();
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

/// Jobs that have been posted and must be done before their closure dies.
struct Posted<'t> {
    helpers: &'t [&'static Worker],
}

impl Posted<'_> {
    /// Does what no worker has begun, waits for the rest, and passes on a worker's panic.
    fn finish(self) {
        for helper in self.helpers.iter().rev() {
            if let Some(job) = helper.take_back() {
                // SAFETY: the closure is alive: the caller of `finish` still holds it.
                unsafe { job.run() };
            }
        }
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

/// A range of tasks and the closure that does them, without its type and lifetime.
#[derive(Clone, Copy)]
struct Job {
    call: unsafe fn(*const (), usize, usize),
    closure: *const (),
    begin: usize,
    end: usize,
}

impl Job {
    fn new<F: Fn(usize, usize) + Sync>(run: &F, begin: usize, end: usize) -> Self {
        /// # Safety
        /// `closure` points to a living `F`.
        unsafe fn call<F: Fn(usize, usize)>(closure: *const (), begin: usize, end: usize) {
            // SAFETY: as the caller promises.
            let run = unsafe { &*closure.cast::<F>() };
            run(begin, end);
        }
        Job { call: call::<F>, closure: std::ptr::from_ref(run).cast(), begin, end }
    }

    /// # Safety
    /// The closure is alive.
    unsafe fn run(self) {
        // SAFETY: `call` and `closure` were made together, of one type.
        unsafe { (self.call)(self.closure, self.begin, self.end) }
    }
}

/// The mailbox is empty and the worker looks at it.
const IDLE: u32 = 0;
/// A job lies in the mailbox; whoever changes this state owns it.
const POSTED: u32 = 1;
/// The worker does the job.
const RUNNING: u32 = 2;
/// The mailbox is empty and the worker sleeps.
const ASLEEP: u32 = 3;

/// A thread's mailbox, on cache lines of its own.
#[repr(align(128))]
struct Worker {
    state: AtomicU32,
    /// Written by the lessee before POSTED, read by whoever takes the job.
    job: UnsafeCell<Option<Job>>,
    /// Written by the worker before it leaves RUNNING, taken by the lessee after.
    panic: UnsafeCell<Option<Box<dyn Any + Send>>>,
    thread: OnceLock<Thread>,
}

// SAFETY: `job` and `panic` are handed over through `state`, with release and acquire; closures in jobs are `Sync`.
unsafe impl Sync for Worker {}
// SAFETY: as above; nothing in it belongs to a certain thread.
unsafe impl Send for Worker {}

impl std::fmt::Debug for Worker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Worker").field("state", &self.state).finish_non_exhaustive()
    }
}

impl Worker {
    /// Starts a worker, asleep until its first job; `None` if the system allows no more threads.
    fn start(number: usize) -> Option<&'static Worker> {
        let worker: &'static Worker = Box::leak(Box::new(Worker {
            state: AtomicU32::new(IDLE),
            job: UnsafeCell::new(None),
            panic: UnsafeCell::new(None),
            thread: OnceLock::new(),
        }));
        let name = format!("dl-worker-{number}");
        let handle = thread::Builder::new().name(name).spawn(move || worker.work()).ok()?;
        worker.thread.get_or_init(|| handle.thread().clone());
        Some(worker)
    }

    /// The worker's life: jobs, and waiting for them.
    fn work(&self) {
        loop {
            self.await_job();
            if self.state.compare_exchange(POSTED, RUNNING, Ordering::Acquire, Ordering::Relaxed).is_err() {
                continue;
            }
            // SAFETY: RUNNING makes the mailbox this thread's; the lessee waits, so the closure is alive.
            let outcome = catch_unwind(AssertUnwindSafe(|| unsafe {
                if let Some(job) = *self.job.get() {
                    job.run();
                }
            }));
            if let Err(panic) = outcome {
                // SAFETY: the lessee reads this only after the state below.
                unsafe { *self.panic.get() = Some(panic) };
            }
            self.state.store(IDLE, Ordering::Release);
        }
    }

    /// Spins for a while, then sleeps, until a job is posted.
    fn await_job(&self) {
        let start = Instant::now();
        while start.elapsed() < SPIN {
            for _ in 0..64 {
                if self.state.load(Ordering::Relaxed) == POSTED {
                    return;
                }
                spin_loop();
            }
        }
        let asleep = self.state.compare_exchange(IDLE, ASLEEP, Ordering::Relaxed, Ordering::Relaxed);
        if asleep.is_ok() {
            while self.state.load(Ordering::Relaxed) == ASLEEP {
                thread::park();
            }
        }
    }

    /// # Safety
    /// The caller leases this worker, its mailbox is empty, and the closure lives until [`take_back`](Self::take_back)
    /// has returned the job or [`wait`](Self::wait) has returned.
    unsafe fn post(&self, job: Job) {
        // SAFETY: the mailbox is empty, so the worker touches neither.
        unsafe {
            *self.job.get() = Some(job);
            *self.panic.get() = None;
        }
        if self.state.swap(POSTED, Ordering::Release) == ASLEEP
            && let Some(thread) = self.thread.get()
        {
            thread.unpark();
        }
    }

    /// Takes a job back that the worker has not begun.
    fn take_back(&self) -> Option<Job> {
        self.state.compare_exchange(POSTED, IDLE, Ordering::Relaxed, Ordering::Relaxed).ok()?;
        // SAFETY: the job was posted by this thread and is now taken from the worker's reach.
        unsafe { *self.job.get() }
    }

    /// Waits until the worker has finished its job.
    fn wait(&self) {
        let mut spins = 0u32;
        while self.state.load(Ordering::Acquire) == RUNNING {
            spins += 1;
            if spins < SPINS_BEFORE_YIELD {
                spin_loop();
            } else {
                thread::yield_now();
            }
        }
    }

    /// # Safety
    /// The caller leases this worker and has waited for it.
    unsafe fn take_panic(&self) -> Option<Box<dyn Any + Send>> {
        // SAFETY: the worker writes it only while RUNNING.
        unsafe { (*self.panic.get()).take() }
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

    /// Fills `workers` up to `wanted`. There are never more workers than the largest team has asked for.
    fn take(&mut self, wanted: usize, workers: &mut Vec<&'static Worker>) {
        while self.started < wanted && !self.full {
            match Worker::start(self.started) {
                Some(worker) => self.idle.push(worker),
                None => self.full = true,
            }
            self.started += usize::from(!self.full);
        }
        let missing = wanted - workers.len();
        let first = self.idle.len().saturating_sub(missing);
        workers.extend(self.idle.drain(first..));
    }

    fn give_back(&mut self, workers: &mut Vec<&'static Worker>) {
        self.idle.append(workers);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::AtomicUsize;

    use super::*;

    /// Costs enough that every thread of the lease gets a part.
    const COSTLY: f32 = 1e6;

    fn counts(tasks: usize) -> Vec<AtomicUsize> {
        (0..tasks).map(|_| AtomicUsize::new(0)).collect()
    }

    fn each_once(lease: &mut Lease<'_>, tasks: usize, cost: f32) {
        let done = counts(tasks);
        lease.parallel(tasks, cost, |begin, end| {
            for count in &done[begin..end] {
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
        assert!(done.iter().all(|count| count.load(Ordering::Relaxed) == 1), "{tasks} tasks");
    }

    #[test]
    fn parts_cover_all_tasks_in_order() {
        for tasks in 1..40 {
            for parts in 1..=tasks {
                let mut next = 0;
                for index in 0..parts {
                    let (begin, end) = part(tasks, parts, index);
                    assert!(begin == next && end > begin);
                    next = end;
                }
                assert_eq!(next, tasks);
            }
        }
    }

    #[test]
    fn does_each_task_once() {
        let mut team = Team::new(4);
        let mut lease = team.lease();
        for tasks in [0, 1, 2, 3, 7, 100, 1001] {
            each_once(&mut lease, tasks, COSTLY);
            each_once(&mut lease, tasks, 0.0);
        }
    }

    #[test]
    fn a_team_of_one_has_no_workers_and_calls_once() {
        let mut team = Team::new(1);
        let mut lease = team.lease();
        assert_eq!(lease.threads(), 1);
        let caller = thread::current().id();
        let calls = AtomicUsize::new(0);
        lease.parallel(1000, COSTLY, |begin, end| {
            assert_eq!((begin, end, thread::current().id()), (0, 1000, caller));
            calls.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(calls.into_inner(), 1);
    }

    #[test]
    fn small_work_stays_on_the_caller() {
        let mut team = Team::new(4);
        let caller = thread::current().id();
        team.lease().parallel(100, 1.0, |begin, end| {
            assert_eq!((begin, end, thread::current().id()), (0, 100, caller));
        });
    }

    #[test]
    fn many_user_threads_share_the_pool() {
        let start = Barrier::new(6);
        thread::scope(|scope| {
            for user in 0..6 {
                let start = &start;
                scope.spawn(move || {
                    let mut team = Team::new(1 + user % 4);
                    start.wait();
                    for round in 0..200 {
                        let mut lease = team.lease();
                        assert!(lease.threads() <= 1 + user % 4);
                        for kernel in 0..10 {
                            each_once(&mut lease, 1 + (round * 7 + kernel * 13 + user) % 50, COSTLY);
                        }
                    }
                });
            }
        });
    }

    #[test]
    fn leases_may_nest() {
        let mut outer = Team::new(3);
        let total = AtomicUsize::new(0);
        outer.lease().parallel(8, COSTLY, |begin, end| {
            let mut inner = Team::new(3);
            inner.lease().parallel(end - begin, COSTLY, |begin, end| {
                total.fetch_add(end - begin, Ordering::Relaxed);
            });
        });
        assert_eq!(total.into_inner(), 8);
    }

    #[test]
    fn a_panic_on_any_thread_reaches_the_caller_and_the_pool_lives_on() {
        let mut team = Team::new(3);
        for guilty in [0, 5, 8] {
            let mut lease = team.lease();
            let outcome = catch_unwind(AssertUnwindSafe(|| {
                lease.parallel(9, COSTLY, |begin, end| {
                    assert!(!(begin..end).contains(&guilty), "task {guilty}")
                });
            }));
            let message = *outcome.unwrap_err().downcast::<String>().unwrap();
            assert_eq!(message, format!("task {guilty}"));
            each_once(&mut lease, 100, COSTLY);
        }
    }

    #[test]
    fn a_forgotten_lease_is_found_again() {
        let mut team = Team::new(2);
        std::mem::forget(team.lease());
        each_once(&mut team.lease(), 10, COSTLY);
    }
}
