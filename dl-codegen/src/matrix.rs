//! Transposes as blocks of matrices: what kernels can compute of them.

use dl_ir::access::{Access, Stride, natural};
use dl_ir::graph::{Graph, NodeId};
use dl_ir::ops::Op;
use dl_ir::types::{DType, Dim};

/// A loop around the matrices of a transpose: its size, and how far it takes operand and copy, in elements.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Outer {
    /// How often it runs.
    pub size: Dim,
    /// Elements of the operand.
    pub source: Stride,
    /// Elements of the copy.
    pub copy: Stride,
}

/// A transpose: matrices of `rows` × `cols` elements, each of which becomes one of `cols` × `rows`.
#[derive(Clone, PartialEq, Debug)]
pub struct Transposition {
    /// Rows of a matrix of the operand.
    pub rows: usize,
    /// Its columns, which lie one after the other.
    pub cols: usize,
    /// Elements before the operand's first.
    pub offset: i64,
    /// Elements of the operand from row to row.
    pub source_row: i64,
    /// Elements of the copy from column to column of the operand.
    pub copy_row: i64,
    /// Over the matrices, outermost first.
    pub outer: Vec<Outer>,
}

impl Transposition {
    /// What a transpose that moves the last axis is; `None` for other nodes, and where a matrix's size depends on the batch.
    pub fn of(graph: &Graph, node: NodeId) -> Option<Self> {
        let Op::Transpose(transpose) = graph.op(node) else { return None };
        let permutation = &transpose.permutation;
        let operand = graph.operands(node)[0];
        let access = Access::of(graph, operand)?;
        let dims = graph.tensor(operand).shape.dims();
        let result = natural(&graph.tensor(node).shape)?;
        let last = dims.len() - 1;
        let is_panel = |node: NodeId| {
            let tensor = graph.tensor(node);
            tensor.dtype == DType::F32 && tensor.shape.as_fixed().is_some()
        };
        // Axes next to each other on both sides that lie like one are one. In panels, columns are the last axis alone.
        let mut first_row = permutation.len() - 1;
        let mut rows = dims[permutation[first_row]].as_static()?;
        let row_axis = permutation[first_row];
        while !is_panel(node) && first_row > 0 && permutation[first_row - 1] + 1 == permutation[first_row] {
            let outer = permutation[first_row - 1];
            let size = Dim::Static(rows);
            if access.strides[row_axis].times(size) != Some(access.strides[outer])
                || dims[outer].as_static().is_none()
            {
                break;
            }
            rows *= dims[outer].as_static()?;
            first_row -= 1;
        }
        let col_at = permutation.iter().position(|&axis| axis == last)?;
        let mut cols = dims[last].as_static()?;
        let mut first_col = col_at;
        while !is_panel(access.base)
            && first_col > 0
            && permutation[first_col - 1] + 1 == permutation[first_col]
        {
            let outer = permutation[first_col - 1];
            if access.strides[outer] != Stride::fixed(cols as i64) || dims[outer].as_static().is_none() {
                break;
            }
            cols *= dims[outer].as_static()?;
            first_col -= 1;
        }
        let is_outer = |&i: &usize| i < first_row && !(first_col..=col_at).contains(&i);
        let outer = (0..permutation.len()).filter(is_outer).map(|i| Outer {
            size: dims[permutation[i]],
            source: access.strides[permutation[i]],
            copy: result[i],
        });
        Some(Transposition {
            rows,
            cols,
            offset: access.offset,
            source_row: access.strides[row_axis].as_fixed()?,
            copy_row: result[col_at].as_fixed()?,
            outer: outer.filter(|outer| outer.size != Dim::Static(1)).collect(),
        })
    }
}
