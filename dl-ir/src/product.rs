//! Contractions as matrix products: which kernels can compute them, and how their operands lie.

use crate::access::{Access, Stride};
use crate::graph::{Graph, NodeId};
use crate::ops::Op;
use crate::types::{Dim, Shape, multiply};

/// One of the loops of a product: its size, and how far it takes the operands, in elements.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Axis {
    /// How often it runs.
    pub size: Dim,
    /// Elements of the left operand from one index to the next.
    pub left: Stride,
    /// Elements of the right operand from one index to the next.
    pub right: Stride,
}

/// A contraction as a matrix product. The result's last axes are the columns: they are the right operand's alone and lie one after the
/// other there. All other axes of the result are rows; where both operands have such an axis, each of its indices has a right
/// operand of its own.
#[derive(Clone, PartialEq, Debug)]
pub struct Product {
    /// Rows of the result.
    pub m: Dim,
    /// Columns of the result.
    pub n: usize,
    /// Terms of each sum.
    pub k: Dim,
    /// The rows, one axis for each of the result.
    pub rows: Vec<Axis>,
    /// How the terms are gone through, outermost first: as few loops as the operands allow.
    pub terms: Vec<Axis>,
    /// Elements of the left operand's tensor before its first.
    pub left_offset: i64,
    /// Elements of the right operand's tensor before its first.
    pub right_offset: i64,
}

impl Product {
    /// The product that an einsum is; `None` for other ops, for contractions that need an operand transposed, and where terms lie apart by
    /// a multiple of the batch size.
    pub fn of(graph: &Graph, node: NodeId) -> Option<Product> {
        let Op::Einsum(einsum) = graph.op(node) else { return None };
        let operands = graph.operands(node);
        let (left, right) = (Access::of(graph, operands[0])?, Access::of(graph, operands[1])?);
        let terms = einsum.contracted();
        let is_column = |letter: &u8| einsum.rhs.contains(letter) && !einsum.lhs.contains(letter);
        let n_columns = einsum.out.iter().rev().take_while(|letter| is_column(letter)).count();
        let (rows, columns) = einsum.out.split_at(einsum.out.len() - n_columns);
        if rows.iter().any(is_column) || !einsum.rhs.ends_with(columns) {
            return None;
        }
        let (left_shape, right_shape) = (&graph.tensor(operands[0]).shape, &graph.tensor(operands[1]).shape);
        let axis = |letter: &u8| -> Axis {
            let find = |term: &[u8], access: &Access, shape: &Shape| {
                let place = term.iter().position(|l| l == letter)?;
                Some((shape.dims()[place], access.strides[place]))
            };
            let of_left = find(&einsum.lhs, &left, left_shape);
            let of_right = find(&einsum.rhs, &right, right_shape);
            let stride = |found: Option<(Dim, Stride)>| found.map_or(Stride::default(), |(_, stride)| stride);
            let (size, _) = of_left.or(of_right).expect("every letter is in an operand");
            Axis { size, left: stride(of_left), right: stride(of_right) }
        };
        let column_axes: Vec<Axis> = columns.iter().map(axis).collect();
        let n = columns_together(&column_axes)?;
        let rows: Vec<Axis> = rows.iter().map(axis).collect();
        // In the right operand's order, in which panels have their rows.
        let terms = merged(einsum.rhs.iter().filter(|letter| terms.contains(letter)).map(axis).collect());
        // Programs go through terms by distances that they have as numbers.
        if terms.iter().any(|axis| axis.left.as_fixed().and(axis.right.as_fixed()).is_none()) {
            return None;
        }
        let size = |axes: &[Axis]| axes.iter().map(|axis| axis.size).try_fold(Dim::Static(1), multiply);
        Some(Product {
            m: size(&rows)?,
            n,
            k: size(&terms)?,
            rows,
            terms: short_runs_outermost(terms),
            left_offset: left.offset,
            right_offset: right.offset,
        })
    }

    /// The loop over terms that is gone through most often.
    pub fn inner_term(&self) -> Axis {
        *self.terms.last().expect("a product has at least one loop over terms")
    }

    /// How often the outer loops over terms start the inner one, those that depend on the batch left out.
    pub fn n_outer_terms(&self) -> usize {
        let outer = &self.terms[..self.terms.len() - 1];
        outer.iter().filter_map(|axis| axis.size.as_static()).product()
    }
}

/// The most runs of the inner loop over terms that a program writes out.
pub const MAX_OUTER_TERMS: usize = 32;

/// Terms that are few within each example are gone through example by example.
fn short_runs_outermost(mut terms: Vec<Axis>) -> Vec<Axis> {
    const FEW: usize = 16;
    let within: usize = terms[1..].iter().filter_map(|axis| axis.size.as_static()).product();
    let is_batch = terms[0].size.as_static().is_none();
    if is_batch && within <= FEW && terms[0].left.as_fixed().and(terms[0].right.as_fixed()).is_some() {
        terms.rotate_left(1);
    }
    terms
}

/// The number of columns, if they lie one after the other.
fn columns_together(axes: &[Axis]) -> Option<usize> {
    let mut n = 1usize;
    for axis in axes.iter().rev() {
        if axis.right != Stride::fixed(n as i64) && axis.size != Dim::Static(1) {
            return None;
        }
        n = n.checked_mul(axis.size.as_static()?)?;
    }
    Some(n)
}

/// The same loops, neighbours made one where both operands lie alike; without loops that run once.
pub fn merged(axes: Vec<Axis>) -> Vec<Axis> {
    let once = Axis { size: Dim::Static(1), left: Stride::default(), right: Stride::default() };
    let mut merged: Vec<Axis> = Vec::new();
    for axis in axes.into_iter().filter(|axis| axis.size != Dim::Static(1)) {
        if let Some(outer) = merged.last_mut()
            && axis.left.times(axis.size) == Some(outer.left)
            && axis.right.times(axis.size) == Some(outer.right)
            && let Some(size) = multiply(outer.size, axis.size)
        {
            *outer = Axis { size, ..axis };
        } else {
            merged.push(axis);
        }
    }
    if merged.is_empty() {
        merged.push(once);
    }
    merged
}
