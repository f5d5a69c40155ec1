//! Transposed copies of matrices, in square blocks of one vector's width.

use dl_ir::graph::{Graph, NodeId};
use dl_runtime::program::Extent;

use super::operands::Binding;
use super::{KernelBuilder, offset};
use crate::kernel::{Arg, Index, Kernel, Stmt, Term};
use crate::matrix::transposed;
use crate::target::Target;
use crate::vector::{Address, Program, ProgramBuilder, Value};

/// Rows of the operand in a task: whole blocks at every width.
const TASK_ROWS: usize = 16;

/// The kernel of the transpose `node`.
pub fn schedule(graph: &Graph, node: NodeId, bindings: &[Binding], target: Target) -> Kernel {
    let (rows, cols) = transposed(graph, node).expect("fusion takes in such transposes only");
    let mut kernel = KernelBuilder::new(graph, bindings);
    let lanes = target.lanes.count();
    let (row, col) = (0, 1);
    let args = [(row, 4 * cols, col, 4), (row, 4, col, 4 * rows)].into_iter().enumerate();
    let args: Vec<Arg> = args
        .map(|(buffer, (row, by_row, col, by_col))| Arg::Pointer {
            buffer,
            offset: offset(0, &[(row, by_row as i64), (col, by_col as i64)]),
        })
        .collect();
    let block = |kernel: &mut KernelBuilder, height: usize, width: usize| {
        let program = kernel.program(program(target, (rows, cols), (height, width)));
        (width, vec![Stmt::Run { program, args: args.clone() }])
    };
    let row_tiles: Vec<(usize, Vec<Stmt>)> = steps(rows, lanes)
        .map(|height| {
            let tiles: Vec<_> = steps(cols, lanes).map(|width| block(&mut kernel, height, width)).collect();
            let end = vec![Index::constant(cols as i64)];
            (height, vec![kernel.nested(col, Index::constant(0), end, tiles)])
        })
        .collect();
    let ends = vec![Index::term(Term::End, TASK_ROWS as i64), Index::constant(rows as i64)];
    kernel.for_each(row, Index::term(Term::Begin, TASK_ROWS as i64), ends, row_tiles);
    kernel.finish(Extent::fixed(rows.div_ceil(TASK_ROWS)))
}

/// Whole blocks, then what is left.
fn steps(size: usize, lanes: usize) -> impl Iterator<Item = usize> {
    let whole = (size >= lanes).then_some(lanes);
    whole.into_iter().chain(Some(size % lanes).filter(|&left| left > 0))
}

/// Transposes one block: `height` rows of `width` words.
fn program(target: Target, (rows, cols): (usize, usize), (height, width): (usize, usize)) -> Program {
    let mut b = ProgramBuilder::new(target.lanes);
    let (source, copy) = (b.arg(), b.arg());
    let zero = b.f32(0.0);
    let mut block: Vec<Value> = (0..height)
        .map(|row| {
            b.load_tail(Address { arg: source, offset: 4 * (row * cols) as i32, step: 0 }, width as u8)
        })
        .collect();
    block.resize(target.lanes.count(), zero);
    transpose(&mut b, &mut block);
    for (col, &vector) in block.iter().enumerate().take(width) {
        let address = Address { arg: copy, offset: 4 * (col * rows) as i32, step: 0 };
        b.store_tail(address, vector, height as u8);
    }
    b.finish()
}

/// Transposes a square of as many vectors as lanes: for each bit of an index, it swaps that bit of the row with that of the lane.
fn transpose(b: &mut ProgramBuilder, block: &mut [Value]) {
    let (lane, zero) = (b.lane_index(), b.u32(0));
    let mut distance = block.len() / 2;
    while distance > 0 {
        let bit = b.u32(distance as u32);
        let bit = b.and(lane, bit);
        let is_lower = b.icmp_eq(bit, zero);
        for i in (0..block.len()).filter(|i| i & distance == 0) {
            let (upper, lower) = (block[i], block[i | distance]);
            let (upper_swapped, lower_swapped) =
                (b.swap_lanes(upper, distance as u8), b.swap_lanes(lower, distance as u8));
            block[i] = b.select(is_lower, upper, lower_swapped);
            block[i | distance] = b.select(is_lower, upper_swapped, lower);
        }
        distance /= 2;
    }
}
