//! A worker thread and its mailbox.

use std::any::Any;
use std::cell::UnsafeCell;
use std::hint::spin_loop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// How long a worker waits for more work before it sleeps: longer than the pause between two steps.
const SPIN: Duration = Duration::from_micros(50);
/// How often a waiting caller spins before it lets another thread have its core.
const SPINS_BEFORE_YIELD: u32 = 10_000;

/// A range of tasks and the closure that does them, without its type and lifetime.
#[derive(Clone, Copy)]
pub(super) struct Job {
    call: unsafe fn(*const (), usize, usize),
    closure: *const (),
    begin: usize,
    end: usize,
}

impl Job {
    pub(super) fn new<F: Fn(usize, usize) + Sync>(run: &F, begin: usize, end: usize) -> Self {
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
    pub(super) unsafe fn run(self) {
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
pub(super) struct Worker {
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
    pub(super) fn start(number: usize) -> Option<&'static Worker> {
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

    /// Takes a job back that the worker has not begun.
    pub(super) fn take_back(&self) -> Option<Job> {
        self.state.compare_exchange(POSTED, IDLE, Ordering::Relaxed, Ordering::Relaxed).ok()?;
        // SAFETY: the job was posted by this thread and is now taken from the worker's reach.
        unsafe { *self.job.get() }
    }

    /// Waits until the worker has finished its job.
    pub(super) fn wait(&self) {
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
    pub(super) unsafe fn take_panic(&self) -> Option<Box<dyn Any + Send>> {
        // SAFETY: the worker writes it only while RUNNING.
        unsafe { (*self.panic.get()).take() }
    }
}
