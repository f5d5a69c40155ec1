//! The rows of a kernel as loops: as few as its operands allow.
//!
//! A tensor that lies row by row needs one loop over all rows. A view does not: each of its axes has a stride of its own. Axes that
//! all operands of a kernel go through alike are one loop.

use dl_ir::access::{Access, Stride};
use dl_ir::graph::{Graph, NodeId};
use dl_ir::types::{Dim, multiply};
use dl_runtime::program::Layout;

use super::operands::{Binding, extent, matrix};
use super::{KernelBuilder, scatter};
use crate::fuse::Class;
use crate::kernel::{Index, Stmt, Term};
use crate::layout::Matrix;
use crate::target::Target;

/// A loop over rows.
#[derive(Clone, PartialEq, Debug)]
pub struct RowAxis {
    /// How often it runs.
    pub size: Dim,
    /// How far it takes each operand, in elements.
    pub steps: Vec<Stride>,
}

/// How an operand lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Operand {
    /// The matrix that holds it.
    pub matrix: Matrix,
    /// Elements before its first.
    pub offset: i64,
    /// Elements from one row to the next, along the innermost loop over rows.
    pub row: i64,
    /// Whether each row is one element, repeated.
    pub repeats: bool,
}

/// The loops over rows, and the operands that they go through.
#[derive(Clone, PartialEq, Debug)]
pub struct Nest {
    /// At least one loop, outermost first.
    pub axes: Vec<RowAxis>,
    /// One for each binding.
    pub operands: Vec<Operand>,
}

/// Where an operand's rows are: elements before the first, and from one index to the next of each axis of the rows.
#[derive(Clone, PartialEq, Debug)]
pub struct Rows {
    /// Elements before the first row.
    pub offset: i64,
    /// For each axis of the rows.
    pub strides: Vec<Stride>,
    /// Whether each row is one element, repeated.
    pub repeats: bool,
}

impl Rows {
    /// The same for all rows.
    pub fn all_alike(n_axes: usize, offset: i64) -> Self {
        Rows { offset, strides: vec![Stride::default(); n_axes], repeats: false }
    }

    /// With the axes in another order.
    pub fn reordered(&self, order: &[usize]) -> Self {
        Rows { strides: order.iter().map(|&axis| self.strides[axis]).collect(), ..*self }
    }

    /// The rows of what a binding reads or writes element by element; `dims` are the axes of the rows of the kernel's space.
    pub fn of(graph: &Graph, binding: Binding, dims: &[Dim], target: Target) -> Self {
        match binding {
            Binding::Scatter(node) => scatter::rows(graph, node, dims.len()),
            Binding::Read(node, class) | Binding::Write(node, class) => {
                Rows::at(graph, node, class, dims, target)
            }
            Binding::Partials(node) | Binding::WritePartials(node) => {
                Rows::at(graph, node, Class::Full, dims, target)
            }
            Binding::Packed(_) => Rows::all_alike(dims.len(), 0),
            // One row after the other.
            Binding::Sums(_) => {
                Rows { strides: vec![Stride::fixed(target.tile_width() as i64)], ..Rows::all_alike(1, 0) }
            }
            Binding::Left(_) | Binding::Right(_) | Binding::Indices(_) => {
                unreachable!("these are the anchor's")
            }
        }
    }

    fn at(graph: &Graph, node: NodeId, class: Class, dims: &[Dim], target: Target) -> Self {
        let shape = &graph.tensor(node).shape;
        let access = Access::of(graph, node).expect("views that kernels cannot read were copied");
        match class {
            Class::Scalar | Class::PerCol => Rows::all_alike(dims.len(), access.offset),
            Class::PerRow => {
                let as_rows = access.viewed_as(shape, &dims.iter().copied().collect());
                let Access { offset, strides, .. } = as_rows.expect("values of rows have the rows' shape");
                Rows { offset, strides, repeats: false }
            }
            Class::Full => {
                let has_columns = dims.len() < shape.rank() && shape.dims().last() != Some(&Dim::Static(1));
                let repeats = has_columns && access.strides.last() == Some(&Stride::default());
                let matrix = matrix(graph, access.base, target);
                let in_memory = |stride: &Stride| in_layout(*stride, matrix);
                let strides = access.strides[..dims.len()].iter().map(in_memory).collect();
                Rows { offset: in_layout(Stride::fixed(access.offset), matrix).fixed, strides, repeats }
            }
        }
    }
}

/// A distance of whole rows in row-major order, as it is in a layout.
pub fn in_layout(stride: Stride, matrix: Matrix) -> Stride {
    match matrix.layout {
        Layout::RowMajor => stride,
        Layout::Panel { width } => {
            debug_assert!(stride.fixed % matrix.cols as i64 == 0, "views of panels go by whole rows");
            Stride::fixed(stride.fixed / matrix.cols as i64 * width as i64)
        }
    }
}

impl Nest {
    /// The loops over rows with these dimensions, for operands that lie so.
    pub fn new(dims: &[Dim], operands: Vec<(Matrix, Rows)>) -> Self {
        let mut axes: Vec<RowAxis> = Vec::new();
        for (i, &size) in dims.iter().enumerate() {
            let axis = RowAxis { size, steps: operands.iter().map(|(_, rows)| rows.strides[i]).collect() };
            if size == Dim::Static(1) {
                continue;
            }
            match axes.last_mut().and_then(|outer| outer.merged(&axis)) {
                Some(both) => *axes.last_mut().expect("there is an outer one") = both,
                None => axes.push(axis),
            }
        }
        let is_fixed = |axis: &RowAxis| axis.steps.iter().all(|step| step.as_fixed().is_some());
        if axes.last().is_none_or(|inner| !is_fixed(inner)) {
            // Programs go through rows by fixed steps: this one loop more has one row.
            axes.push(RowAxis { size: Dim::Static(1), steps: vec![Stride::default(); operands.len()] });
        }
        let inner = axes.last().expect("at least one");
        let operands = operands.into_iter().zip(&inner.steps);
        let operands = operands.map(|((matrix, rows), step)| Operand {
            matrix,
            offset: rows.offset,
            row: step.as_fixed().expect("made so above"),
            repeats: rows.repeats,
        });
        Nest { operands: operands.collect(), axes }
    }

    /// The innermost loop.
    pub fn inner(&self) -> &RowAxis {
        self.axes.last().expect("at least one")
    }

    /// Puts all rows into one task.
    pub fn in_one_task(&mut self) {
        self.axes.insert(0, self.once());
    }

    /// Makes the innermost loop one of a single row, so that programs do not go from row to row.
    pub fn row_by_row(&mut self) {
        self.axes.push(self.once());
        self.operands.iter_mut().for_each(|operand| operand.row = 0);
    }

    fn once(&self) -> RowAxis {
        RowAxis { size: Dim::Static(1), steps: vec![Stride::default(); self.operands.len()] }
    }

    /// The first index of a loop over rows, and its end; the indices of the outermost are tasks.
    pub fn task_bounds(&self, axis: usize) -> (Index, Index) {
        match axis {
            0 => (Index::term(Term::Begin, 1), Index::term(Term::End, 1)),
            _ => (Index::constant(0), Index::extent(extent(self.axes[axis].size))),
        }
    }

    /// As [`loops`](Self::loops), with something that each task does first; there are two loops at least.
    pub fn loops_after(
        &self,
        kernel: &mut KernelBuilder,
        first_var: usize,
        n: usize,
        first: Vec<Stmt>,
        body: Vec<Stmt>,
    ) -> Vec<Stmt> {
        let mut body = body;
        for axis in (0..n).rev() {
            if axis == 0 {
                body = first.iter().cloned().chain(body).collect();
            }
            let (begin, end) = self.task_bounds(axis);
            body = vec![kernel.nested(first_var + axis, begin, vec![end], [(1, body)])];
        }
        body
    }

    /// The `n` outermost loops around `body`, with variables from `first_var` on.
    pub fn loops(
        &self,
        kernel: &mut KernelBuilder,
        first_var: usize,
        n: usize,
        body: Vec<Stmt>,
    ) -> Vec<Stmt> {
        (0..n).rev().fold(body, |body, axis| {
            let (begin, end) = self.task_bounds(axis);
            vec![kernel.nested(first_var + axis, begin, vec![end], [(1, body)])]
        })
    }

    /// The byte offset of an operand's row, where loop i's variable is `first_var + i`.
    pub fn offset(&self, operand: usize, first_var: usize) -> Index {
        let steps = self.axes.iter().enumerate().map(|(i, axis)| (first_var + i, axis.steps[operand]));
        place(4 * self.operands[operand].offset, steps)
    }
}

impl RowAxis {
    /// This loop and the next inner one as one, if all operands go through them alike.
    fn merged(&self, inner: &RowAxis) -> Option<RowAxis> {
        let mut pairs = self.steps.iter().zip(&inner.steps);
        let alike = pairs.all(|(outer, inner_step)| inner_step.times(inner.size) == Some(*outer));
        let size = multiply(self.size, inner.size)?;
        alike.then(|| RowAxis { size, steps: inner.steps.clone() })
    }
}

/// A byte offset: a constant, and for each loop variable how many elements it stands for.
pub fn place(bytes: i64, steps: impl IntoIterator<Item = (usize, Stride)>) -> Index {
    let mut index = Index::constant(bytes);
    for (var, stride) in steps {
        for (term, elements) in
            [(Term::Var(var), stride.fixed), (Term::VarTimesBatch(var), stride.per_example)]
        {
            if elements != 0 {
                index.terms.push((term, 4 * elements));
            }
        }
    }
    index
}
