//! Rows of a table, taken or added to by index.
//!
//! A table lies in panels: a row of it is a piece of each. Rows are taken in any order, but added in that of the indices, for each
//! column by one task: the sums are the same whatever the tasks are shared by.

use dl_ir::graph::{Graph, NodeId};
use dl_ir::ops::Op;
use dl_runtime::program::Extent;

use super::operands::{Binding, extent, matrix, shape_elements, storage};
use super::run::{Fill, run};
use super::{KernelBuilder, fixed, offset, steps};
use crate::kernel::{Arg, Index, Kernel, Stmt, Term};
use crate::layout::Matrix;
use crate::target::Target;
use crate::vector::{Address, Program, ProgramBuilder};

/// Variables: the first column of a panel, the position of an index, and a row of the table.
const COL: usize = 0;
const POSITION: usize = 1;
const ROW: usize = 2;

/// How many rows of a panel are filled or copied at once.
const ROWS_AT_ONCE: usize = 64;

/// The kernel of a gather. A task is an index.
pub fn gather(graph: &Graph, node: NodeId, bindings: &[Binding], target: Target) -> Kernel {
    let mut rows = Rows::new(graph, node, bindings, target);
    let (table, result) = (rows.find(|binding| matches!(binding, Binding::Left(_))), bindings.len() - 1);
    let panels = rows.panels(table, |rows, cols| {
        let program = rows.kernel.program(row(target, cols, false));
        let args = vec![rows.piece(table, ROW), rows.piece(result, POSITION)];
        vec![Stmt::Run { program, args }]
    });
    let columns = rows.kernel.nested(COL, Index::constant(0), fixed(rows.of(table).cols), panels);
    let body = vec![rows.load(rows.of(table).rows), columns];
    let (begin, end) = (Index::term(Term::Begin, 1), vec![Index::term(Term::End, 1)]);
    rows.kernel.for_each(POSITION, begin, end, [(1, body)]);
    rows.kernel.finish(rows.n_indices)
}

/// The kernel of a scatter: onto a copy of the table, which it makes first, or onto what is in its place. A task is a panel.
pub fn scatter(graph: &Graph, node: NodeId, bindings: &[Binding], target: Target) -> Kernel {
    let mut rows = Rows::new(graph, node, bindings, target);
    let (updates, result) = (rows.find(|binding| matches!(binding, Binding::Right(_))), bindings.len() - 1);
    let table = rows.of(result);
    rows.kernel.kernel.buffers[result].reads = true;
    let panels = rows.panels(result, |rows, cols| {
        let first = rows.begin(graph, node, result);
        let program = rows.kernel.program(row(target, cols, true));
        let args = vec![rows.piece(updates, POSITION), rows.piece(result, ROW)];
        let each = vec![rows.load(table.rows), Stmt::Run { program, args }];
        let all = vec![Index::extent(rows.n_indices)];
        let add = rows.kernel.nested(POSITION, Index::constant(0), all, [(1, each)]);
        first.into_iter().chain([add]).collect()
    });
    let width = table.panel_width();
    let begin = Index::term(Term::Begin, width as i64);
    let ends = vec![Index::term(Term::End, width as i64), Index::constant(table.cols as i64)];
    rows.kernel.for_each(COL, begin, ends, panels);
    rows.kernel.finish(Extent::fixed(table.cols.div_ceil(width)))
}

/// A kernel that goes through rows by index.
struct Rows<'a> {
    bindings: &'a [Binding],
    /// What each buffer holds, in rows as long as the table's.
    matrices: Vec<Matrix>,
    n_indices: Extent,
    target: Target,
    kernel: KernelBuilder,
}

impl<'a> Rows<'a> {
    fn new(graph: &Graph, node: NodeId, bindings: &'a [Binding], target: Target) -> Self {
        let cols = matrix(graph, node, target).cols;
        let of = |binding: &Binding| Matrix { cols, ..matrix(graph, storage(graph, binding.node()), target) };
        let matrices = bindings.iter().map(of).collect();
        let kernel = KernelBuilder::new(graph, bindings, target);
        let mut rows = Rows { bindings, matrices, n_indices: Extent::default(), target, kernel };
        rows.n_indices = extent(shape_elements(graph, bindings[rows.indices()].node()));
        rows
    }

    fn find(&self, is: impl Fn(&Binding) -> bool) -> usize {
        self.bindings.iter().position(is).expect("a binding that every such kernel has")
    }

    fn indices(&self) -> usize {
        self.find(|binding| matches!(binding, Binding::Indices(_)))
    }

    fn of(&self, buffer: usize) -> Matrix {
        self.matrices[buffer]
    }

    /// What is done for each panel, by its number of columns: all have the same, but the last perhaps.
    fn panels(
        &mut self,
        table: usize,
        body: impl Fn(&mut Self, usize) -> Vec<Stmt>,
    ) -> Vec<(usize, Vec<Stmt>)> {
        let table = self.of(table);
        steps(table.cols, table.panel_width()).map(|cols| (cols, body(self, cols))).collect()
    }

    /// Loads the index at the position at hand: a row of a table of so many.
    fn load(&mut self, limit: usize) -> Stmt {
        self.kernel.load(ROW, self.indices(), offset(0, &[(POSITION, 4)]), limit)
    }

    /// The piece of the row of this variable that is in the panel at hand.
    fn piece(&self, buffer: usize, row: usize) -> Arg {
        let matrix = self.of(buffer);
        let strides = [(COL, 4 * matrix.col_stride() as i64), (row, 4 * matrix.row_stride() as i64)];
        Arg::Pointer { buffer, offset: offset(0, &strides) }
    }

    /// Brings the panel at hand of the table that is added to into the result; nothing, if it is there.
    fn begin(&mut self, graph: &Graph, node: NodeId, result: usize) -> Option<Stmt> {
        let table = self.bindings.iter().position(|binding| matches!(binding, Binding::Left(_)));
        let (fill, buffers) = match (graph.op(graph.operands(node)[0]), table) {
            (Op::Constant(number), _) => (Fill::Number(number.value() as f32), vec![result]),
            (_, Some(table)) => (Fill::Copy, vec![table, result]),
            (_, None) => return None,
        };
        let Matrix { rows, .. } = self.of(result);
        let args: Vec<Arg> = buffers.into_iter().map(|buffer| self.piece(buffer, ROW)).collect();
        let tiles: Vec<_> = [ROWS_AT_ONCE, 1]
            .map(|rows| {
                let elements = rows * self.of(result).row_stride();
                let program = self.kernel.program(run(self.target, elements, fill));
                (rows, vec![Stmt::Run { program, args: args.clone() }])
            })
            .into();
        Some(self.kernel.nested(ROW, Index::constant(0), fixed(rows), tiles))
    }
}

/// Copies a piece of a row, or adds it to what is there.
fn row(target: Target, cols: usize, adds: bool) -> Program {
    let mut b = ProgramBuilder::new(target.lanes);
    let (from, to) = (b.arg(), b.arg());
    for first in (0..cols).step_by(target.lanes.count()) {
        let count = (cols - first).min(target.lanes.count()) as u8;
        let at = |arg| Address { arg, offset: 4 * first as i32, step: 0 };
        let mut value = b.load_tail(at(from), count);
        if adds {
            let sum = b.load_tail(at(to), count);
            value = b.add(sum, value);
        }
        b.store_tail(at(to), value, count);
    }
    b.finish()
}
