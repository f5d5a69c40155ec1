//! Compiled kernels against the kernel interpreter, to the bit.

mod interpreter;
mod samples;
mod text;

use dl_codegen::jit::{self, CompiledKernels};
use dl_codegen::kernel::{Kernel, interp};
use dl_codegen::stages::STAGES;
use dl_codegen::vector::Lanes;
use dl_runtime::program::{Element, KernelFn};
use samples::{FLAT, PICKED, Shape, flat, matmul, picked, rows};

/// What is behind a buffer, and stays there.
const CANARY: [u32; 64] = [0xdead_beef; 64];

/// Every width that this CPU has.
fn widths() -> impl Iterator<Item = Lanes> {
    [Lanes::L4, Lanes::L8, Lanes::L16].into_iter().filter(|&lanes| jit::missing_features(lanes).is_empty())
}

fn all_samples(lanes: Lanes) -> Vec<Kernel> {
    let shapes = [Shape { k: 5, n: 3 }, Shape { k: 17, n: 53 }, Shape { k: 1, n: 64 }];
    [flat(lanes), rows(lanes), picked(lanes)]
        .into_iter()
        .chain(shapes.map(|shape| matmul(lanes, shape)))
        .collect()
}

/// Buffers for a batch, of made-up finite numbers, and of indices below [`PICKED`].
pub(crate) fn buffers(kernel: &Kernel, batch: usize) -> Vec<Vec<u32>> {
    let mut state = 7_u32;
    let mut number = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((state >> 8) as f32 / 8_388_608.0 - 1.0).to_bits()
    };
    let words = kernel.buffers.iter().map(|buffer| {
        let len = buffer.elements.at(batch).next_multiple_of(16);
        let index = |word: u32| word % PICKED as u32;
        (0..len).map(|_| if buffer.element == Element::I32 { index(number()) } else { number() }).collect()
    });
    words.collect()
}

/// Runs a compiled kernel on buffers that have been filled for it.
fn run(function: KernelFn, batch: usize, begin: usize, end: usize, buffers: &mut [Vec<u32>]) {
    let mut guarded: Vec<Vec<u32>> = buffers.iter().map(|words| [words, &CANARY[..]].concat()).collect();
    let pointers: Vec<*mut u8> = guarded.iter_mut().map(|words| words.as_mut_ptr().cast()).collect();
    // SAFETY: the pointers lead to the kernel's buffers for this batch; its code is alive, for the caller borrows it.
    unsafe { function(pointers.as_ptr(), batch, begin, end) };
    for (words, guarded) in buffers.iter_mut().zip(guarded) {
        let (inside, behind) = guarded.split_at(words.len());
        assert_eq!(behind, CANARY, "nothing is written behind a buffer");
        words.copy_from_slice(inside);
    }
}

fn compile(kernels: &[Kernel], lanes: Lanes) -> CompiledKernels {
    jit::compile(&STAGES, kernels, lanes).expect("the CPU has this width")
}

/// Runs a range of tasks both ways, and asserts that they leave the same words.
fn assert_agree(kernel: &Kernel, function: KernelFn, batch: usize, begin: usize, end: usize) {
    let mut expected = buffers(kernel, batch);
    let mut found = expected.clone();
    interp::run(kernel, batch, begin, end, &mut expected).expect("samples stay in bounds");
    run(function, batch, begin, end, &mut found);
    assert_eq!(found, expected, "tasks {begin}..{end} of batch {batch} of\n{kernel}");
}

#[test]
fn compiled_kernels_do_what_the_interpreter_does() {
    for lanes in widths() {
        let kernels = all_samples(lanes);
        let compiled = compile(&kernels, lanes);
        for (kernel, &function) in kernels.iter().zip(compiled.functions()) {
            for batch in [1, 2, 3, 5, 7, 8, 13] {
                assert_agree(kernel, function, batch, 0, kernel.tasks.at(batch));
            }
        }
    }
}

#[test]
fn any_range_of_tasks_is_computed_alone() {
    let batch = 11;
    for lanes in widths() {
        let kernels = all_samples(lanes);
        let compiled = compile(&kernels, lanes);
        for (kernel, &function) in kernels.iter().zip(compiled.functions()) {
            for begin in 0..batch {
                for end in begin..=batch {
                    assert_agree(kernel, function, batch, begin, end);
                }
            }
        }
    }
}

#[test]
fn ranges_add_up_to_the_whole() {
    let batch = 9;
    for lanes in widths() {
        for kernel in all_samples(lanes) {
            let compiled = compile(std::slice::from_ref(&kernel), lanes);
            let function = compiled.functions()[0];
            let tasks = kernel.tasks.at(batch);
            let mut whole = buffers(&kernel, batch);
            let mut parts = whole.clone();
            run(function, batch, 0, tasks, &mut whole);
            for (begin, end) in [(5, tasks), (0, 2), (2, 5)] {
                run(function, batch, begin, end, &mut parts);
            }
            assert_eq!(parts, whole, "{kernel}");
        }
    }
}

/// The kernel interpreter refuses what compiled code takes for the last row: nothing outside of a table is touched.
#[test]
fn an_index_leads_nowhere_else() {
    for lanes in widths() {
        let kernel = picked(lanes);
        let compiled = compile(std::slice::from_ref(&kernel), lanes);
        let run_on = |indices: [i32; 3]| {
            let mut words = buffers(&kernel, 3);
            words[1][..3].copy_from_slice(&indices.map(|index| index as u32));
            run(compiled.functions()[0], 3, 0, 3, &mut words);
            words.swap_remove(2)
        };
        let last = PICKED as i32 - 1;
        assert_eq!(run_on([-1, i32::MAX, PICKED as i32]), run_on([last; 3]));
        assert_ne!(run_on([0; 3]), run_on([last; 3]));
    }
}

#[test]
fn an_empty_range_does_nothing() {
    for lanes in widths() {
        let kernels = all_samples(lanes);
        let compiled = compile(&kernels, lanes);
        for (kernel, &function) in kernels.iter().zip(compiled.functions()) {
            let before = buffers(kernel, 4);
            let mut after = before.clone();
            run(function, 4, 2, 2, &mut after);
            assert_eq!(after, before);
        }
    }
}

#[test]
fn widths_agree_with_each_other() {
    let shape = Shape { k: 29, n: 45 };
    let results: Vec<Vec<u32>> = widths()
        .map(|lanes| {
            let kernel = matmul(lanes, shape);
            let compiled = compile(std::slice::from_ref(&kernel), lanes);
            let mut words = buffers(&kernel, 6);
            run(compiled.functions()[0], 6, 0, 6, &mut words);
            words.swap_remove(2)
        })
        .collect();
    assert!(results.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn a_matmul_is_right() {
    let (batch, Shape { k, n }) = (7, Shape { k: 5, n: 6 });
    let kernel = matmul(Lanes::L4, Shape { k, n });
    let mut words = buffers(&kernel, batch);
    interp::run(&kernel, batch, 0, batch, &mut words).expect("samples stay in bounds");
    let [a, b, c] = [0, 1, 2].map(|buffer: usize| words[buffer].iter().map(|&bits| f32::from_bits(bits)));
    let [a, b, c] = [a, b, c].map(Iterator::collect::<Vec<f32>>);
    for row in 0..batch {
        for column in 0..n {
            let sum = (0..k).fold(0.0, |sum, i| a[row * k + i].mul_add(b[i * n + column], sum));
            assert_eq!(c[row * n + column], sum, "element [{row}, {column}]");
        }
    }
}

#[test]
fn a_flat_loop_is_right() {
    let kernel = flat(Lanes::L8);
    let mut words = buffers(&kernel, 1);
    interp::run(&kernel, 1, 0, kernel.tasks.at(1), &mut words).expect("samples stay in bounds");
    for (idx, (&x, &y)) in words[0].iter().zip(&words[1]).take(FLAT).enumerate() {
        assert_eq!(f32::from_bits(y), f32::from_bits(x) * 3.0 - 1.0, "element {idx}");
    }
}
