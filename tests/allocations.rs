//! Training and prediction allocate nothing once their batch size has been seen, on any thread.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use dl::Network;
use dl::tensor::Scalar;
use ndarray::{Array1, Array2, s};

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

/// How many allocations a call makes.
fn allocations<R>(call: impl FnOnce() -> R) -> usize {
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    call();
    ALLOCATIONS.load(Ordering::Relaxed) - before
}

// A program of its own, without the test harness, whose threads allocate when they like.
fn main() {
    let reals = Array2::<f32>::from_elem((100, 64), 0.5);
    check(
        &reals,
        "< dense(64, 40, relu), layer_norm(40), residual(< dense(40, 40, tanh), dropout(0.5) >), reshape(4, 10), \
         batch_norm(10), flatten, dense(40, 10, softmax) >",
    );
    check(
        &reals,
        "< input(64), reshape(8, 8), lstm(8, 12, return_sequences = true), rnn(12, 9), dense(9, 10, softmax) >",
    );
    let tokens = Array2::<i64>::from_elem((100, 64), 299);
    check(&tokens, "< input(64), embedding(300, 4), flatten, dense(256, 10, softmax) >");
    check(
        &tokens,
        "< input(64), embedding(300, 4), flatten, dense(256, 10, softmax) >, optimizer = sgd(lr = 0.1)",
    );
}

fn check<A: Scalar>(x: &Array2<A>, text: &str) {
    let y = Array1::<u8>::from_elem(100, 3);
    let reversed = x.slice(s![..;-1, ..]);
    for threads in [1, 2] {
        let mut net = Network::parse(text).expect("a network").threads(threads).build().expect("it compiles");
        assert!(allocations(|| net.train_step(x, &y).expect("finite")) > 0, "the first call compiles");
        net.predict(x).expect("finite");
        // Threads allocate when they start, which may be late.
        (0..200).for_each(|_| drop(net.train_step(x, &y)));
        for n in [100, 1, 33, 100] {
            let (x, y) = (x.slice(s![..n, ..]), y.slice(s![..n]));
            assert_eq!(allocations(|| net.train_step(x, y).expect("finite")), 0, "train_step of {n}");
            assert_eq!(allocations(|| net.predict(x).expect("finite").len()), 0, "predict of {n}");
        }
        assert_eq!(allocations(|| net.train_step(reversed, &y).expect("finite")), 0, "not contiguous");
    }
}
