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
use crate::vector::{Address, Mark, Program, ProgramBuilder, Value};

/// Loop variables: the panel and the column within it, of the operand's rows and of its columns; then those around the matrices.
pub const ROW_PANEL: usize = 0;
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
    let mut kernel = KernelBuilder::new(graph, bindings, target);
    let panel = Index::term(Term::Var(ROW_PANEL), 4 * copy.col_stride() as i64);
    let mark = Mark::MAIN;
    let blocks = Blocks { target, source, copy, of: transposition, buffers: (0, 1), panel, mark };
    let body = blocks.matrix(&mut kernel);
    let tasks = blocks.outer(&mut kernel, body);
    kernel.finish(tasks)
}

fn panel_width(matrix: Matrix) -> Option<usize> {
    match matrix.layout {
        Layout::RowMajor => None,
        Layout::Panel { width } => Some(width),
    }
}

/// A transpose in blocks.
pub struct Blocks {
    /// The target.
    pub target: Target,
    /// Where the operand's matrix lies.
    pub source: Matrix,
    /// Where the copy lies.
    pub copy: Matrix,
    /// The transpose.
    pub of: Transposition,
    /// The kernel's buffers of operand and copy.
    pub buffers: (usize, usize),
    /// Bytes before the panel of the copy that [`ROW_PANEL`] stands at.
    pub panel: Index,
    /// What its lines are for.
    pub mark: Mark,
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
    fn outer(&self, kernel: &mut KernelBuilder, body: Vec<Stmt>) -> Extent {
        let outer = self.of.outer.clone();
        let mut body = body;
        for (i, axis) in outer.iter().enumerate().rev() {
            let (begin, end) = match i {
                0 => (Index::term(Term::Begin, 1), Index::term(Term::End, 1)),
                _ => (Index::constant(0), Index::extent(extent(axis.size))),
            };
            body = vec![kernel.nested(OUTER + i, begin, vec![end], [(1, body)])];
        }
        kernel.kernel.body = body;
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
    fn matrix(&self, kernel: &mut KernelBuilder) -> Vec<Stmt> {
        let (rows, width) = (self.of.rows, self.row_width());
        let panels: Vec<(usize, Vec<Stmt>)> =
            steps(rows, width).map(|rows| (rows, vec![self.panel_of_copy(kernel, rows)])).collect();
        let (begin, ends) = if self.of.outer.is_empty() {
            let ends = vec![Index::term(Term::End, width as i64), Index::constant(rows as i64)];
            (Index::term(Term::Begin, width as i64), ends)
        } else {
            (Index::constant(0), fixed(rows))
        };
        vec![kernel.nested(ROW_PANEL, begin, ends, panels)]
    }

    /// A panel of the copy: so many rows of the operand.
    pub fn panel_of_copy(&self, kernel: &mut KernelBuilder, rows: usize) -> Stmt {
        let cols = self.of.cols;
        let width = panel_width(self.source).unwrap_or(cols);
        let panels: Vec<_> =
            steps(cols, width).map(|cols| (cols, vec![self.panel(kernel, rows, cols)])).collect();
        kernel.nested(COL_PANEL, Index::constant(0), fixed(cols), panels)
    }

    /// Loops over the blocks where a panel of the operand and one of the copy meet.
    fn panel(&self, kernel: &mut KernelBuilder, rows: usize, cols: usize) -> Stmt {
        let lanes = self.target.lanes.count();
        let row_tiles: Vec<(usize, Vec<Stmt>)> = steps(rows, lanes)
            .map(|height| {
                let col_tiles: Vec<_> = steps(cols, lanes)
                    .map(|width| (width, vec![self.block(kernel, height, width)]))
                    .collect();
                (height, vec![kernel.nested(COL, Index::constant(0), fixed(cols), col_tiles)])
            })
            .collect();
        kernel.nested(ROW, Index::constant(0), fixed(rows), row_tiles)
    }

    /// One block of `height` rows and `width` columns of the operand.
    fn block(&self, kernel: &mut KernelBuilder, height: usize, width: usize) -> Stmt {
        let (source_row, copy_row) = (self.source_row(), self.copy_row());
        let program = program(self.target, self.mark, (source_row, copy_row), (height, width));
        let program = kernel.program(program);
        let col_stride = |matrix: Matrix| matrix.col_stride() as i64;
        let of_source =
            [(ROW_PANEL, source_row), (ROW, source_row), (COL_PANEL, col_stride(self.source)), (COL, 1)];
        let of_copy = [(ROW, 1), (COL_PANEL, copy_row), (COL, copy_row)];
        let outer = |side: fn(&Outer) -> Stride, matrix: Matrix| {
            let steps = self.of.outer.iter().enumerate();
            steps.map(|(i, axis)| (OUTER + i, in_layout(side(axis), matrix))).collect::<Vec<_>>()
        };
        let inner = |(var, elements)| (var, Stride::fixed(elements));
        let first = in_layout(Stride::fixed(self.of.offset), self.source).fixed;
        let source =
            place(4 * first, of_source.map(inner).into_iter().chain(outer(|axis| axis.source, self.source)));
        let copy = place(0, of_copy.map(inner).into_iter().chain(outer(|axis| axis.copy, self.copy)));
        let pointers = [(self.buffers.0, source), (self.buffers.1, copy.plus(self.panel.clone()))];
        Stmt::Run { program, args: pointers.map(|(buffer, offset)| Arg::Pointer { buffer, offset }).into() }
    }
}

/// Transposes one block: `height` rows of `width` words, so many elements apart.
fn program(
    target: Target,
    mark: Mark,
    (source_row, copy_row): (i64, i64),
    (height, width): (usize, usize),
) -> Program {
    let mut b = ProgramBuilder::new(target.lanes);
    b.set_mark(mark);
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
