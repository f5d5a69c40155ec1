//! Examples and targets are read where they are: to the same bits as copies of them, and never on a page that they are not on.

#[path = "common/widths.rs"]
mod widths;

use dl::Network;
use ndarray::{Array2, ArrayView2, s};
use region::{Allocation, Protection};
use widths::widths;

/// Room for batches before a page that nobody may touch.
struct Guarded {
    pages: Allocation,
}

/// Numbers in front of the page.
const WORDS: usize = 4096;

impl Guarded {
    fn new() -> Self {
        let mut pages = region::alloc(4 * WORDS + 1, Protection::READ_WRITE).expect("memory");
        // SAFETY: the allocation has a page beyond the words, which nothing refers to.
        unsafe {
            let guard = pages.as_mut_ptr::<u8>().add(4 * WORDS);
            region::protect(guard, region::page::size(), Protection::NONE).expect("a guard page");
        }
        Guarded { pages }
    }

    /// Puts an array where it ends so many words before the page.
    fn put(&mut self, array: &Array2<f32>, words_before: usize) -> ArrayView2<'_, f32> {
        let first = WORDS - words_before - array.len();
        // SAFETY: the words lie before the guard page, and `self` is borrowed as long as they are.
        let memory =
            unsafe { std::slice::from_raw_parts_mut(self.pages.as_mut_ptr::<f32>().add(first), array.len()) };
        memory.copy_from_slice(array.as_slice().expect("contiguous"));
        ArrayView2::from_shape(array.raw_dim(), memory).expect("as many words as the array has")
    }
}

fn noise(rows: usize, columns: usize, seed: f32) -> Array2<f32> {
    Array2::from_shape_fn((rows, columns), |(row, column)| {
        ((row * columns + column) as f32 * 0.37 + seed).sin()
    })
}

/// The same numbers, not one after the other.
fn spread(array: &Array2<f32>) -> Array2<f32> {
    Array2::from_shape_fn((array.nrows(), 2 * array.ncols()), |(row, column)| array[[row, column / 2]])
}

fn bits(net: &Network) -> Vec<Vec<u32>> {
    net.parameters()
        .into_iter()
        .map(|(_, values)| values.iter().map(|value| value.to_bits()).collect())
        .collect()
}

/// A network in whose steps examples of `from` numbers are read by `what`.
fn check(what: &str, (from, to): (usize, usize), batch: usize) {
    let text = format!("< input({from}), {what} >, loss = mse, optimizer = sgd(lr = 0.01)");
    let (mut for_x, mut for_y) = (Guarded::new(), Guarded::new());
    for (lanes, threads) in widths().flat_map(|lanes| [(lanes, 1), (lanes, 2)]) {
        let build = || Network::parse(&text).expect("a network").lanes(lanes).threads(threads).build();
        let [mut net, mut twin] = [build().expect("it compiles"), build().expect("it compiles")];
        for words_before in 0..=17 {
            let x = noise(batch, from, words_before as f32);
            let y = noise(batch, to, 0.5);
            let (wide_x, wide_y) = (spread(&x), spread(&y));
            let (copied_x, copied_y) = (wide_x.slice(s![.., ..;2]), wide_y.slice(s![.., ..;2]));
            let lent_x = for_x.put(&x, words_before);
            let lent_y = for_y.put(&y, words_before);
            let place = || format!("{text}, {lanes} lanes, {threads} threads, {words_before} words");
            let losses = [net.train_step(lent_x, lent_y), twin.train_step(copied_x, copied_y)];
            let [loss, twins] = losses.map(|loss| loss.expect("finite").to_bits());
            assert_eq!(loss, twins, "{}", place());
            let outputs = [net.predict(lent_x), twin.predict(copied_x)];
            let [outputs, twins] = outputs.map(|outputs| outputs.expect("it fits").mapv(f32::to_bits));
            assert_eq!(outputs, twins, "{}", place());
            assert_eq!(bits(&net), bits(&twin), "{}", place());
            assert_eq!((lent_x, lent_y), (x.view(), y.view()), "{}: written", place());
        }
    }
}

#[test]
fn by_a_product() {
    check("dense(5, 3, tanh)", (5, 3), 7);
    check("dense(33, 20, relu)", (33, 20), 13);
}

#[test]
fn element_by_element() {
    check("relu, dense(5, 3)", (5, 3), 7);
}

#[test]
fn by_rows() {
    check("softmax, dense(7, 2)", (7, 2), 5);
    check("softmax, dense(70, 2)", (70, 2), 3);
}

#[test]
fn by_an_epilogue() {
    check("residual(< dense(3, 3, tanh) >)", (3, 3), 9);
}

#[test]
fn in_chunks() {
    check("dense(3, 2)", (3, 2), 600);
}

#[test]
fn as_the_result() {
    check("linear", (3, 3), 5);
}
