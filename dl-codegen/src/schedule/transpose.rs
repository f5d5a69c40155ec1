//! Transposed copies of matrices, in square blocks of one vector's width.

use dl_ir::graph::{Graph, NodeId};
use dl_runtime::program::{Extent, Layout};

use super::operands::Binding;
use super::{KernelBuilder, matrices, offset};
use crate::kernel::{Arg, Index, Kernel, Stmt, Term};
use crate::layout::Matrix;
use crate::matrix::transposed;
use crate::target::Target;
use crate::vector::{Address, Program, ProgramBuilder, Value};

/// Loop variables: the panel and the column within it, of the operand's rows and of its columns.
const ROW_PANEL: usize = 0;
const ROW: usize = 1;
const COL_PANEL: usize = 2;
const COL: usize = 3;

/// The kernel of the transpose `node`. A task is a panel of the copy, which is as many of the operand's rows.
pub fn schedule(graph: &Graph, node: NodeId, bindings: &[Binding], target: Target) -> Kernel {
    let (rows, cols) = transposed(graph, node).expect("fusion takes in such transposes only");
    let matrices = matrices(graph, bindings, target);
    let (source, copy) = (matrices[0], matrices[1]);
    let mut blocks = Blocks { kernel: KernelBuilder::new(graph, bindings, target), target, source, copy };
    let (row_width, col_width) = (panel_width(copy), panel_width(source));
    let row_panels: Vec<(usize, Vec<Stmt>)> = steps(rows, row_width)
        .map(|rows| {
            let col_panels: Vec<_> =
                steps(cols, col_width).map(|cols| (cols, vec![blocks.panel(rows, cols)])).collect();
            (rows, vec![blocks.kernel.nested(COL_PANEL, Index::constant(0), fixed(cols), col_panels)])
        })
        .collect();
    let ends = vec![Index::term(Term::End, row_width as i64), Index::constant(rows as i64)];
    let begin = Index::term(Term::Begin, row_width as i64);
    blocks.kernel.for_each(ROW_PANEL, begin, ends, row_panels);
    blocks.kernel.finish(Extent::fixed(rows.div_ceil(row_width)))
}

fn panel_width(matrix: Matrix) -> usize {
    match matrix.layout {
        Layout::RowMajor => matrix.cols,
        Layout::Panel { width } => width,
    }
}

/// Whole steps, then what is left.
fn steps(size: usize, step: usize) -> impl Iterator<Item = usize> {
    let whole = (size >= step).then_some(step);
    whole.into_iter().chain(Some(size % step).filter(|&left| left > 0))
}

fn fixed(end: usize) -> Vec<Index> {
    vec![Index::constant(end as i64)]
}

struct Blocks {
    kernel: KernelBuilder,
    target: Target,
    source: Matrix,
    copy: Matrix,
}

impl Blocks {
    /// Loops over the blocks where a panel of the operand and one of the copy meet.
    fn panel(&mut self, rows: usize, cols: usize) -> Stmt {
        let lanes = self.target.lanes.count();
        let row_tiles: Vec<(usize, Vec<Stmt>)> = steps(rows, lanes)
            .map(|height| {
                let col_tiles: Vec<_> =
                    steps(cols, lanes).map(|width| (width, vec![self.block(height, width)])).collect();
                (height, vec![self.kernel.nested(COL, Index::constant(0), fixed(cols), col_tiles)])
            })
            .collect();
        self.kernel.nested(ROW, Index::constant(0), fixed(rows), row_tiles)
    }

    /// One block of `height` rows and `width` columns of the operand.
    fn block(&mut self, height: usize, width: usize) -> Stmt {
        let program = self.kernel.program(program(self.target, self.source, self.copy, (height, width)));
        let by = |matrix: Matrix| [4 * matrix.row_stride() as i64, 4 * matrix.col_stride() as i64];
        let ([source_row, source_panel], [copy_row, copy_panel]) = (by(self.source), by(self.copy));
        let rows_and_cols = [
            [(ROW_PANEL, source_row), (ROW, source_row), (COL_PANEL, source_panel), (COL, 4)],
            [(ROW_PANEL, copy_panel), (ROW, 4), (COL_PANEL, copy_row), (COL, copy_row)],
        ];
        let pointer = |(buffer, factors): (usize, &[(usize, i64); 4])| Arg::Pointer {
            buffer,
            offset: offset(0, factors),
        };
        Stmt::Run { program, args: rows_and_cols.iter().enumerate().map(pointer).collect() }
    }
}

/// Transposes one block: `height` rows of `width` words.
fn program(target: Target, source: Matrix, copy: Matrix, (height, width): (usize, usize)) -> Program {
    let mut b = ProgramBuilder::new(target.lanes);
    let (from, to) = (b.arg(), b.arg());
    let address = |arg, row: usize, matrix: Matrix| Address {
        arg,
        offset: 4 * (row * matrix.row_stride()) as i32,
        step: 0,
    };
    let zero = b.f32(0.0);
    let mut block: Vec<Value> =
        (0..height).map(|row| b.load_tail(address(from, row, source), width as u8)).collect();
    block.resize(target.lanes.count(), zero);
    transpose(&mut b, &mut block);
    for (col, &vector) in block.iter().enumerate().take(width) {
        b.store_tail(address(to, col, copy), vector, height as u8);
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
