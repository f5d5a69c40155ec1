//! Transposed copies of matrices, in square blocks of one vector's width.

use dl_ir::access::Stride;
use dl_ir::graph::{Graph, NodeId};
use dl_runtime::program::{Extent, Layout};

use super::nest::{in_layout, place};
use super::operands::{Binding, extent, matrix, storage};
use super::{KernelBuilder, fixed, steps};
use crate::kernel::{Arg, Index, Kernel, Stmt, Term};
use crate::layout::Matrix;
use crate::matrix::{Outer, Transposition};
use crate::target::Target;
use crate::vector::{Address, Program, ProgramBuilder, Value};

/// Loop variables: the panel and the column within it, of the operand's rows and of its columns; then those around the matrices.
const ROW_PANEL: usize = 0;
const ROW: usize = 1;
const COL_PANEL: usize = 2;
const COL: usize = 3;
const OUTER: usize = 4;

/// The kernel of the transpose `node`. A task is an index of the outermost loop around matrices; of a single matrix, a panel of the copy,
/// which is as many of the operand's rows.
pub fn schedule(graph: &Graph, node: NodeId, bindings: &[Binding], target: Target) -> Kernel {
    let transposition = Transposition::of(graph, node).expect("fusion takes in such transposes only");
    let of = |binding: Binding| matrix(graph, storage(graph, binding.node()), target);
    let (source, copy) = (of(bindings[0]), of(bindings[1]));
    let kernel = KernelBuilder::new(graph, bindings, target);
    let mut blocks = Blocks { kernel, target, source, copy, of: transposition };
    let body = blocks.matrix();
    let tasks = blocks.outer(body);
    blocks.kernel.finish(tasks)
}

fn panel_width(matrix: Matrix) -> Option<usize> {
    match matrix.layout {
        Layout::RowMajor => None,
        Layout::Panel { width } => Some(width),
    }
}

struct Blocks {
    kernel: KernelBuilder,
    target: Target,
    source: Matrix,
    copy: Matrix,
    of: Transposition,
}

impl Blocks {
    /// Elements of the operand from row to row.
    fn source_row(&self) -> i64 {
        in_layout(Stride::fixed(self.of.source_row), self.source).fixed
    }

    /// Elements of the copy from column to column of the operand.
    fn copy_row(&self) -> i64 {
        in_layout(Stride::fixed(self.of.copy_row), self.copy).fixed
    }

    /// Puts loops over matrices around the transpose of one; gives the tasks.
    fn outer(&mut self, body: Vec<Stmt>) -> Extent {
        let outer = self.of.outer.clone();
        let mut body = body;
        for (i, axis) in outer.iter().enumerate().rev() {
            let (begin, end) = match i {
                0 => (Index::term(Term::Begin, 1), Index::term(Term::End, 1)),
                _ => (Index::constant(0), Index::extent(extent(axis.size))),
            };
            body = vec![self.kernel.nested(OUTER + i, begin, vec![end], [(1, body)])];
        }
        self.kernel.kernel.body = body;
        match outer.first() {
            Some(axis) => extent(axis.size),
            None => Extent::fixed(self.of.rows.div_ceil(self.row_width())),
        }
    }

    /// The width of the copy's panels.
    fn row_width(&self) -> usize {
        panel_width(self.copy).unwrap_or(self.of.rows)
    }

    /// One matrix.
    fn matrix(&mut self) -> Vec<Stmt> {
        let (rows, cols) = (self.of.rows, self.of.cols);
        let (row_width, col_width) = (self.row_width(), panel_width(self.source).unwrap_or(cols));
        let row_panels: Vec<(usize, Vec<Stmt>)> = steps(rows, row_width)
            .map(|rows| {
                let col_panels: Vec<_> =
                    steps(cols, col_width).map(|cols| (cols, vec![self.panel(rows, cols)])).collect();
                (rows, vec![self.kernel.nested(COL_PANEL, Index::constant(0), fixed(cols), col_panels)])
            })
            .collect();
        let (begin, ends) = if self.of.outer.is_empty() {
            let ends = vec![Index::term(Term::End, row_width as i64), Index::constant(rows as i64)];
            (Index::term(Term::Begin, row_width as i64), ends)
        } else {
            (Index::constant(0), fixed(rows))
        };
        vec![self.kernel.nested(ROW_PANEL, begin, ends, row_panels)]
    }

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
        let (source_row, copy_row) = (self.source_row(), self.copy_row());
        let program = self.kernel.program(program(self.target, (source_row, copy_row), (height, width)));
        let col_stride = |matrix: Matrix| matrix.col_stride() as i64;
        let of_source =
            [(ROW_PANEL, source_row), (ROW, source_row), (COL_PANEL, col_stride(self.source)), (COL, 1)];
        let of_copy = [(ROW_PANEL, col_stride(self.copy)), (ROW, 1), (COL_PANEL, copy_row), (COL, copy_row)];
        let outer = |side: fn(&Outer) -> Stride, matrix: Matrix| {
            let steps = self.of.outer.iter().enumerate();
            steps.map(|(i, axis)| (OUTER + i, in_layout(side(axis), matrix))).collect::<Vec<_>>()
        };
        let inner = |steps: [(usize, i64); 4]| steps.map(|(var, elements)| (var, Stride::fixed(elements)));
        let first = in_layout(Stride::fixed(self.of.offset), self.source).fixed;
        let source =
            place(4 * first, inner(of_source).into_iter().chain(outer(|axis| axis.source, self.source)));
        let copy = place(0, inner(of_copy).into_iter().chain(outer(|axis| axis.copy, self.copy)));
        let pointers = [source, copy].into_iter().enumerate();
        Stmt::Run {
            program,
            args: pointers.map(|(buffer, offset)| Arg::Pointer { buffer, offset }).collect(),
        }
    }
}

/// Transposes one block: `height` rows of `width` words, so many elements apart.
fn program(target: Target, (source_row, copy_row): (i64, i64), (height, width): (usize, usize)) -> Program {
    let mut b = ProgramBuilder::new(target.lanes);
    let (from, to) = (b.arg(), b.arg());
    let address =
        |arg, row: usize, stride: i64| Address { arg, offset: 4 * (row as i64 * stride) as i32, step: 0 };
    let zero = b.f32(0.0);
    let mut block: Vec<Value> =
        (0..height).map(|row| b.load_tail(address(from, row, source_row), width as u8)).collect();
    block.resize(target.lanes.count(), zero);
    transpose(&mut b, &mut block);
    for (col, &vector) in block.iter().enumerate().take(width) {
        b.store_tail(address(to, col, copy_row), vector, height as u8);
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
