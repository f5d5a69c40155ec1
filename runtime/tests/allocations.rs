//! A step allocates nothing once its batch size has been seen.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use dl_runtime::machine::{Given, Machine};
use dl_runtime::program::{
    self, Buffer, BufferId, Code, Cost, Element, Extent, Launch, Place, Program, StatePlan, Step,
};
use dl_runtime::tensor::Examples;

struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: everything is passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

struct NoCode;
impl Code for NoCode {}

thread_local! {
    /// Its address tells threads apart without allocating.
    static HERE: u8 = const { 0 };
}

fn thread_address() -> usize {
    HERE.with(|here| std::ptr::from_ref(here).addr())
}

/// The main thread's address, and whether another one has run a kernel.
static MAIN: AtomicUsize = AtomicUsize::new(0);
static WORKER_RAN: AtomicBool = AtomicBool::new(false);

unsafe extern "C" fn double(buffers: *const *mut u8, _batch: usize, begin: usize, end: usize) {
    if thread_address() != MAIN.load(Ordering::Relaxed) {
        WORKER_RAN.store(true, Ordering::Relaxed);
    }
    // SAFETY: the launch below gives two buffers, an element of each a task.
    unsafe {
        let (x, out) = (*buffers as *const f32, *buffers.add(1) as *mut f32);
        for i in begin..end {
            *out.add(i) = 2.0 * *x.add(i);
        }
    }
}

// A program of its own, without the test harness, whose threads allocate when they like.
fn main() {
    const X: BufferId = BufferId(0);
    const OUT: BufferId = BufferId(1);
    let rows = Extent { fixed: 0, per_example: 1 };
    let buffer = |name: &str, offset| Buffer {
        name: name.into(),
        element: Element::F32,
        elements: rows,
        layout: program::Layout::RowMajor,
        packed_shape: vec![],
        place: Place::Scratch(Extent { fixed: 0, per_example: offset }),
    };
    let program = Program {
        name: "double".into(),
        buffers: vec![buffer("x", 0), buffer("out", 4)],
        scratch: Extent { fixed: 0, per_example: 8 },
        inputs: vec![("x".into(), X)],
        results: vec![("out".into(), OUT)],
        kernels: vec![double],
        steps: vec![Step::Launches(vec![Launch {
            name: "double".into(),
            kernel: 0,
            buffers: vec![X, OUT],
            writes: vec![OUT],
            tasks: rows.into(),
            cost: Cost { fixed: 1e6, per_example: 0.0 },
        }])],
        code: Arc::new(NoCode),
    };
    let mut machine = Machine::new(StatePlan::default(), 2).unwrap();
    // SAFETY: the kernel stays within its buffer.
    let id = unsafe { machine.prepare(program) }.unwrap();
    let x = ndarray::Array1::from_elem(100, 1.5f32);
    let mut step = |n: usize| {
        let mut call = machine.call(id, n).unwrap();
        x.slice(ndarray::s![..n]).write_reals(call.input(X)).unwrap();
        call.run().unwrap();
        let written = call.result::<f32>(OUT)[n - 1];
        let mut call = machine.call(id, n).unwrap();
        let view = x.slice(ndarray::s![..n]);
        call.run_on(std::iter::once(Given { buffer: X, lent: view.as_reals(), must_be_finite: true }))
            .unwrap();
        assert_eq!(call.result::<f32>(OUT)[n - 1], written);
        written
    };
    MAIN.store(thread_address(), Ordering::Relaxed);
    assert_eq!(step(100), 3.0);
    // A thread allocates when it starts, which may be late; on a machine with one core it may never get a part.
    for _ in 0..100_000 {
        if WORKER_RAN.load(Ordering::Relaxed) {
            break;
        }
        step(100);
    }
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    for n in 1..=100 {
        assert_eq!(step(n), 3.0);
    }
    assert_eq!(ALLOCATIONS.load(Ordering::Relaxed), before);
}
