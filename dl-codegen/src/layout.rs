//! Which layout a tensor in memory has: a matter of its type and the target alone, so that every kernel agrees.

use dl_ir::types::{DType, TensorType};
use dl_runtime::program::Layout;

use crate::target::Target;

/// Matrices of fixed size (weights, their gradients, the optimizer's state) lie in panels as wide as a matmul tile: a
/// tile then reads and writes consecutive lines, whatever the width of the matrix. All else is row-major.
pub fn layout(tensor: &TensorType, target: Target) -> Layout {
    match tensor.shape.as_fixed().as_deref() {
        Some(&[_, .., cols]) if tensor.dtype == DType::F32 && cols > 1 => {
            Layout::Panel { width: target.tile_width().min(cols.next_multiple_of(target.lanes.count())) }
        }
        _ => Layout::RowMajor,
    }
}

/// The matrix that a layout is of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Matrix {
    /// Its rows; 0 where they depend on the batch, which only row-major matrices may.
    pub rows: usize,
    /// Its columns.
    pub cols: usize,
    /// How it lies.
    pub layout: Layout,
}

impl Matrix {
    /// Elements from one row to the next, within a panel.
    pub fn row_stride(self) -> usize {
        match self.layout {
            Layout::RowMajor => self.cols,
            Layout::Panel { width } => width,
        }
    }

    /// Elements from one column to the next, for columns that begin a panel.
    pub fn col_stride(self) -> usize {
        match self.layout {
            Layout::RowMajor => 1,
            Layout::Panel { .. } => self.rows,
        }
    }

    /// The most columns that a panel has: all of them where there are no panels.
    pub fn panel_width(self) -> usize {
        match self.layout {
            Layout::RowMajor => self.cols,
            Layout::Panel { width } => width,
        }
    }

    /// The number of elements that it takes, if its rows are fixed.
    pub fn n_elements(self) -> usize {
        match self.layout {
            Layout::RowMajor => self.rows * self.cols,
            Layout::Panel { width } => self.rows * self.cols.next_multiple_of(width),
        }
    }
}
