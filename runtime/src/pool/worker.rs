//! A worker thread and its mailbox.

use std::any::Any;
use std::cell::UnsafeCell;
use std::hint::spin_loop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use super::stages::Progress;

/// How long a worker waits for more work before it sleeps: longer than the pause between two steps.
const SPIN: Duration = Duration::from_micros(50);
/// How often a thread that waits for another one spins before it lets another thread have its core.
const SPINS_BEFORE_YIELD: u32 = 10_000;

/// Spins until something is so; for long, it lets another thread have its core.
pub(super) fn spin_until(mut is_so: impl FnMut() -> bool) {
    let mut spins = 0u32;
    while !is_so() {
        if spins < SPINS_BEFORE_YIELD {
            spins += 1;
            spin_loop();
        } else {
            thread::yield_now();
        }
    }
}

/// What a member of a march does, as a closure without its type and lifetime.
#[derive(Clone, Copy)]
pub(super) struct Job {
    call: unsafe fn(*const (), usize),
    closure: *const (),
    member: usize,
}

impl Job {
    pub(super) fn new<F: Fn(usize) + Sync>(follow: &F, member: usize) -> Self {
        /// # Safety
        /// `closure` points to a living `F`.
        unsafe fn call<F: Fn(usize)>(closure: *const (), member: usize) {
            // SAFETY: as the caller promises.
            let follow = unsafe { &*closure.cast::<F>() };
            follow(member);
        }
        Job { call: call::<F>, closure: std::ptr::from_ref(follow).cast(), member }
    }

    /// # Safety
    /// The closure is alive.
    unsafe fn run(self) {
        // SAFETY: `call` and `closure` were made together, of one type.
        unsafe { (self.call)(self.closure, self.member) }
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
pub(super) struct Worker {
    state: AtomicU32,
    progress: Progress,
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
    pub(super) fn start(number: usize) -> Option<&'static Worker> {
        let worker: &'static Worker = Box::leak(Box::new(Worker {
            state: AtomicU32::new(IDLE),
            progress: Progress::new(),
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
    /// has succeeded or [`wait`](Self::wait) has returned.
    pub(super) unsafe fn post(&self, job: Job) {
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

    /// Takes the job back if the worker has not begun it.
    pub(super) fn take_back(&self) -> bool {
        self.state.compare_exchange(POSTED, IDLE, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Waits until the worker has finished its job.
    pub(super) fn wait(&self) {
        spin_until(|| self.state.load(Ordering::Acquire) != RUNNING);
    }

    /// How far it is in the march that it takes part in.
    pub(super) fn progress(&self) -> &Progress {
        &self.progress
    }

    /// # Safety
    /// The caller leases this worker and has waited for it.
    pub(super) unsafe fn take_panic(&self) -> Option<Box<dyn Any + Send>> {
        // SAFETY: the worker writes it only while RUNNING.
        unsafe { (*self.panic.get()).take() }
    }
}
