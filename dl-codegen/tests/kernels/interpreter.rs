//! What the kernel interpreter refuses.

use dl_codegen::kernel::interp::{AccessError, KernelError, run};
use dl_codegen::kernel::{Arg, Index, Kernel, Stmt, Term};
use dl_codegen::vector::Lanes;

use crate::buffers;
use crate::samples::{PICKED, WIDTH, picked, rows};

const BATCH: usize = 5;

fn run_rows(change: impl FnOnce(&mut Kernel)) -> Result<(), KernelError> {
    let mut kernel = rows(Lanes::L8);
    let mut words = buffers(&kernel, BATCH);
    change(&mut kernel);
    run(&kernel, BATCH, 0, BATCH, &mut words)
}

/// The arguments of the program that runs one row.
fn last_args(kernel: &mut Kernel) -> &mut Vec<Arg> {
    let Stmt::For { tiles, .. } = &mut kernel.body[0] else { panic!("rows is a loop") };
    let Some(Stmt::Run { args, .. }) = tiles[2].body.first_mut() else { panic!("a tile runs a program") };
    args
}

fn access(source: AccessError) -> Result<(), KernelError> {
    Err(KernelError::Access { program: 2, source })
}

#[test]
fn a_row_too_many_is_out_of_bounds() {
    let found = run_rows(|kernel| {
        let Stmt::For { end, .. } = &mut kernel.body[0] else { panic!("rows is a loop") };
        *end = vec![Index::term(Term::End, 1).plus(Index::constant(3)), Index::constant(100)];
    });
    // 5 rows of 37 elements end in word 185; with the padding there are 192.
    let source = AccessError::OutOfBounds { buffer: 0, offset: 4 * 192, len: 192 };
    assert_eq!(found, Err(KernelError::Access { program: 0, source }));
}

#[test]
fn nothing_is_before_a_buffer() {
    let found =
        run_rows(|kernel| last_args(kernel)[0] = Arg::Pointer { buffer: 0, offset: Index::constant(-4) });
    assert_eq!(found, access(AccessError::OutOfBounds { buffer: 0, offset: -4, len: 192 }));
}

#[test]
fn declared_elements_bound_a_larger_buffer() {
    let mut kernel = rows(Lanes::L8);
    let mut words = buffers(&kernel, BATCH);
    kernel.buffers[1].elements.fixed = 16;
    let found = run(&kernel, BATCH, 0, 1, &mut words);
    assert_eq!(words[1].len(), WIDTH.next_multiple_of(16));
    assert_eq!(found, access(AccessError::OutOfBounds { buffer: 1, offset: 64, len: 16 }));
}

#[test]
fn indices_are_below_their_limit() {
    for value in [-1, PICKED as i32] {
        let kernel = picked(Lanes::L8);
        let mut words = buffers(&kernel, BATCH);
        words[1][2] = value as u32;
        let found = run(&kernel, BATCH, 0, BATCH, &mut words);
        assert_eq!(found, Err(KernelError::Limit { var: 1, value, limit: PICKED }));
    }
}

#[test]
fn an_index_is_loaded_from_a_buffer_that_is_read() {
    let mut kernel = picked(Lanes::L8);
    let mut words = buffers(&kernel, BATCH);
    kernel.buffers[1].reads = false;
    let found = run(&kernel, BATCH, 0, BATCH, &mut words);
    assert_eq!(found, Err(KernelError::Load { var: 1, source: AccessError::Read { buffer: 1 } }));
}

#[test]
fn uses_are_declared() {
    let found = run_rows(|kernel| kernel.buffers[1].reads = false);
    assert_eq!(found, Err(KernelError::Access { program: 0, source: AccessError::Read { buffer: 1 } }));
    let found = run_rows(|kernel| kernel.buffers[2].writes = false);
    assert_eq!(found, Err(KernelError::Access { program: 0, source: AccessError::Write { buffer: 2 } }));
}

#[test]
fn words_are_whole() {
    let found =
        run_rows(|kernel| last_args(kernel)[0] = Arg::Pointer { buffer: 0, offset: Index::constant(6) });
    assert_eq!(found, access(AccessError::Misaligned { buffer: 0, offset: 6 }));
}

#[test]
fn arguments_are_of_the_right_kind() {
    let found = run_rows(|kernel| last_args(kernel)[0] = Arg::Count(vec![Index::constant(1)]));
    assert_eq!(found, access(AccessError::NotAPointer { arg: 0 }));
}

#[test]
fn counts_are_counts() {
    let run_flat = |count| {
        let mut kernel = crate::samples::flat(Lanes::L4);
        let Stmt::Run { args, .. } = &mut kernel.body[0] else { panic!("flat runs a program") };
        args[2] = count;
        let mut words = buffers(&kernel, 1);
        run(&kernel, 1, 0, 1, &mut words)
    };
    let refused = |source| Err(KernelError::Access { program: 0, source });
    let pointer = Arg::Pointer { buffer: 0, offset: Index::default() };
    assert_eq!(run_flat(pointer), refused(AccessError::NotACount { arg: 2 }));
    let negative = Arg::Count(vec![Index::constant(-1)]);
    assert_eq!(run_flat(negative), refused(AccessError::NegativeCount { arg: 2, count: -1 }));
}

#[test]
fn calls_fit_the_kernel() {
    let kernel = rows(Lanes::L8);
    let mut words = buffers(&kernel, BATCH);
    let found = run(&kernel, BATCH, 0, BATCH + 1, &mut words);
    assert_eq!(found, Err(KernelError::Tasks { begin: 0, end: BATCH + 1, tasks: BATCH }));
    let found = run(&kernel, BATCH, 0, BATCH, &mut words[..2]);
    assert_eq!(found, Err(KernelError::BufferCount { expected: 3, found: 2 }));
}
