//! Where the elements of a view lie in the tensor that it is a view of.
//!
//! A view moves nothing: the place of each of its elements is a constant plus a multiple of each index. Code generation reads
//! views where they lie, as far as these places are of that form.

use crate::graph::{Graph, NodeId};
use crate::ops::{Broadcast, Op, Reverse, Slice, Windows};
use crate::types::{Dim, Shape};

/// A distance in elements: a number plus a multiple of the batch size.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Stride {
    /// The number.
    pub fixed: i64,
    /// The multiple of the batch size.
    pub per_example: i64,
}

impl Stride {
    /// A number.
    pub const fn fixed(fixed: i64) -> Self {
        Stride { fixed, per_example: 0 }
    }

    /// The number, if it does not depend on the batch.
    pub fn as_fixed(self) -> Option<i64> {
        (self.per_example == 0).then_some(self.fixed)
    }

    /// So many times this distance; `None` if that has the batch size squared or is beyond an `i64`.
    pub fn times(self, dim: Dim) -> Option<Self> {
        match dim {
            Dim::Static(n) => self.scaled(i64::try_from(n).ok()?),
            Dim::Batch(n) if self.per_example == 0 => {
                Some(Stride { fixed: 0, per_example: self.fixed.checked_mul(i64::try_from(n).ok()?)? })
            }
            Dim::Batch(_) => None,
        }
    }

    fn scaled(self, factor: i64) -> Option<Self> {
        Some(Stride {
            fixed: self.fixed.checked_mul(factor)?,
            per_example: self.per_example.checked_mul(factor)?,
        })
    }
}

/// The place of each element of a node in the tensor that holds it, in elements.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Access {
    /// The node whose memory holds the elements: no view.
    pub base: NodeId,
    /// The place of the first.
    pub offset: i64,
    /// From one index to the next, for each axis of the node.
    pub strides: Vec<Stride>,
}

impl Access {
    /// The places of a node's elements; `None` where they are not of this form: such a view has to be of a copy.
    pub fn of(graph: &Graph, node: NodeId) -> Option<Access> {
        if !is_view(graph, node) {
            let shape = shape(graph, node)?;
            return Some(Access { base: node, offset: 0, strides: natural(shape)? });
        }
        let operand = graph.operands(node)[0];
        let of_operand = Access::of(graph, operand)?;
        let from = &graph.tensor(operand).shape;
        match graph.op(node) {
            Op::Reshape(_) => of_operand.viewed_as(from, &graph.tensor(node).shape),
            Op::Transpose(transpose) => {
                let strides = transpose.permutation.iter().map(|&axis| of_operand.strides[axis]).collect();
                Some(Access { strides, ..of_operand })
            }
            Op::Broadcast(broadcast) => Some(of_operand.broadcast(broadcast)),
            Op::Slice(slice) => of_operand.slice(slice),
            Op::Windows(windows) => of_operand.windows(windows),
            Op::Reverse(reverse) => of_operand.reverse(reverse, from),
            _ => None,
        }
    }

    /// Whether the elements lie one after the other, from the first of the base.
    pub fn is_whole(&self, shape: &Shape) -> bool {
        self.offset == 0 && natural(shape).is_some_and(|natural| natural == self.strides)
    }

    /// Whether neighbours in a row are neighbours in memory, or the same element.
    pub fn has_whole_rows(&self, shape: &Shape) -> bool {
        let last = shape.dims().last().zip(self.strides.last());
        last.is_none_or(|(&dim, stride)| dim == Dim::Static(1) || matches!(stride.as_fixed(), Some(0 | 1)))
    }

    /// The same elements in row-major order, seen in another shape.
    pub fn viewed_as(self, from: &Shape, to: &Shape) -> Option<Access> {
        if natural(from)? == self.strides {
            return Some(Access { strides: natural(to)?, ..self });
        }
        let mut strides = Vec::with_capacity(to.rank());
        for (axes, into) in regroup(from.dims(), to.dims())? {
            // The axes that become others must lie like one.
            let axes = axes.map(|axis| (from.dims()[axis], self.strides[axis]));
            let axes: Vec<(Dim, Stride)> = axes.filter(|&(dim, _)| dim != Dim::Static(1)).collect();
            let mut step = axes.last().map_or(Stride::default(), |&(_, stride)| stride);
            if axes.windows(2).any(|pair| pair[1].1.times(pair[1].0) != Some(pair[0].1)) {
                return None;
            }
            let mut inner_first = Vec::new();
            for axis in into.rev() {
                inner_first.push(step);
                step = step.times(to.dims()[axis])?;
            }
            strides.extend(inner_first.into_iter().rev());
        }
        Some(Access { strides, ..self })
    }

    fn broadcast(self, broadcast: &Broadcast) -> Access {
        let mut strides = vec![Stride::default(); broadcast.shape.rank()];
        for (&axis, &stride) in broadcast.axes.iter().zip(&self.strides) {
            strides[axis] = stride;
        }
        Access { strides, ..self }
    }

    fn slice(mut self, slice: &Slice) -> Option<Access> {
        for (axis, stride) in self.strides.iter_mut().enumerate() {
            if slice.start[axis] > 0 {
                let skipped = stride.as_fixed()?.checked_mul(slice.start[axis] as i64)?;
                self.offset = self.offset.checked_add(skipped)?;
            }
            *stride = stride.scaled(slice.stride[axis] as i64)?;
        }
        Some(self)
    }

    fn windows(mut self, windows: &Windows) -> Option<Access> {
        let inside: Vec<Stride> = windows.axes.iter().map(|&axis| self.strides[axis]).collect();
        for (&axis, &step) in windows.axes.iter().zip(&windows.strides) {
            self.strides[axis] = self.strides[axis].scaled(step as i64)?;
        }
        let behind = windows.axes[0] + windows.axes.len();
        self.strides.splice(behind..behind, inside);
        Some(self)
    }

    fn reverse(mut self, reverse: &Reverse, shape: &Shape) -> Option<Access> {
        for &axis in &reverse.axes {
            let last = shape.dims()[axis].as_static()?.checked_sub(1)? as i64;
            let stride = self.strides[axis].as_fixed()?;
            self.offset = self.offset.checked_add(stride.checked_mul(last)?)?;
            self.strides[axis] = Stride::fixed(-stride);
        }
        Some(self)
    }
}

/// Whether a node is read where its operand lies. Broadcasts along the first axes or to a scalar's copies are: kernels compute with
/// the operand itself.
pub fn is_view(graph: &Graph, node: NodeId) -> bool {
    match graph.op(node) {
        Op::Reshape(_) | Op::Broadcast(_) | Op::Slice(_) | Op::Windows(_) | Op::Reverse(_) => true,
        Op::Transpose(transpose) => keeps_last(&transpose.permutation),
        _ => false,
    }
}

/// Whether a permutation leaves the last axis where it is: rows stay whole.
pub fn keeps_last(permutation: &[usize]) -> bool {
    permutation.last().is_some_and(|&last| last + 1 == permutation.len())
}

/// The strides of a tensor whose elements lie in row-major order.
pub fn natural(shape: &Shape) -> Option<Vec<Stride>> {
    let mut step = Stride::fixed(1);
    let mut strides = Vec::with_capacity(shape.rank());
    for (position, &dim) in shape.dims().iter().enumerate().rev() {
        strides.push(step);
        if position > 0 {
            step = step.times(dim)?;
        }
    }
    strides.reverse();
    Some(strides)
}

/// The shape of a node; of a tuple's first result.
fn shape(graph: &Graph, node: NodeId) -> Option<&Shape> {
    match &graph.node(node).ty {
        crate::types::Type::Tensor(tensor) => Some(&tensor.shape),
        crate::types::Type::Tuple(parts) => parts.first().map(|part| &part.shape),
    }
}

type Axes = std::ops::Range<usize>;

/// Cuts both lists of dimensions into the shortest runs with equal products.
fn regroup(from: &[Dim], to: &[Dim]) -> Option<Vec<(Axes, Axes)>> {
    let (mut i, mut j) = (0, 0);
    let mut groups = Vec::new();
    while i < from.len() || j < to.len() {
        let (begin_i, begin_j) = (i, j);
        let (mut a, mut b) = (Product::ONE, Product::ONE);
        // At least one axis of each side that has one left.
        if let Some(&dim) = from.get(i) {
            a = a.times(dim)?;
            i += 1;
        }
        if let Some(&dim) = to.get(j) {
            b = b.times(dim)?;
            j += 1;
        }
        while a != b {
            if a.divides(b) {
                a = a.times(*from.get(i)?)?;
                i += 1;
            } else {
                b = b.times(*to.get(j)?)?;
                j += 1;
            }
        }
        groups.push((begin_i..i, begin_j..j));
    }
    Some(groups)
}

/// A product of dimensions.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Product {
    factor: usize,
    has_batch: bool,
}

impl Product {
    const ONE: Product = Product { factor: 1, has_batch: false };

    fn times(self, dim: Dim) -> Option<Product> {
        let (n, is_batch) = match dim {
            Dim::Static(n) => (n, false),
            Dim::Batch(n) => (n, true),
        };
        let factor = self.factor.checked_mul(n)?;
        (!(self.has_batch && is_batch)).then_some(Product { factor, has_batch: self.has_batch || is_batch })
    }

    /// Whether `whole` may be this times something more.
    fn divides(self, whole: Product) -> bool {
        (whole.has_batch || !self.has_batch) && whole.factor.is_multiple_of(self.factor.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builder::Builder;
    use crate::types::TensorType;

    fn strides(fixed: &[i64]) -> Vec<Stride> {
        fixed.iter().map(|&n| Stride::fixed(n)).collect()
    }

    fn image(b: &mut Builder, dims: &[usize]) -> NodeId {
        b.input("x", TensorType::f32(Shape::batched(dims)))
    }

    #[test]
    fn a_slice_of_a_transpose_is_read_in_place() {
        let mut b = Builder::new();
        let x = image(&mut b, &[4, 5, 6]);
        let swapped = b.transpose(x, &[0, 2, 1, 3]);
        let part = Slice { start: vec![0, 1, 2, 0], limit: vec![1, 5, 4, 6], stride: vec![1, 2, 1, 1] };
        let part = b.push(part, &[swapped]);
        let access = Access::of(b.graph(), part).expect("an affine view");
        assert_eq!((access.base, access.offset), (x, 6 + 2 * 30));
        assert_eq!(access.strides, strides(&[120, 12, 30, 1]));
    }

    #[test]
    fn windows_and_reverse() {
        let mut b = Builder::new();
        let x = image(&mut b, &[8, 6, 3]);
        let windows = Windows { axes: vec![1, 2], sizes: vec![3, 2], strides: vec![2, 1] };
        let windows = b.push(windows, &[x]);
        let turned = b.push(Reverse { axes: vec![3] }, &[windows]);
        let access = Access::of(b.graph(), turned).expect("an affine view");
        assert_eq!(access.offset, 2 * 18);
        assert_eq!(access.strides, strides(&[144, 36, 3, -18, 3, 1]));
    }

    #[test]
    fn a_reshape_of_a_view_splits_axes_and_merges_those_that_lie_alike() {
        let mut b = Builder::new();
        let x = image(&mut b, &[4, 12]);
        let part = Slice { start: vec![0, 0, 4], limit: vec![1, 4, 8], stride: vec![1, 1, 1] };
        let part = b.push(part, &[x]);
        let heads = b.reshape(part, Shape::batched(&[4, 2, 2]));
        let access = Access::of(b.graph(), heads).expect("an affine view");
        assert_eq!((access.offset, access.strides), (4, strides(&[48, 12, 2, 1])));
        let merged = b.reshape(part, [Dim::Batch(4), Dim::Static(4)].into_iter().collect());
        assert_eq!(Access::of(b.graph(), merged).expect("rows lie alike").strides, strides(&[12, 1]));
        let flat = b.reshape(part, Shape::batched(&[16]));
        assert_eq!(Access::of(b.graph(), flat), None);
    }

    #[test]
    fn strides_across_the_batch_are_symbolic() {
        let mut b = Builder::new();
        let x = image(&mut b, &[4, 3]);
        let time_major = b.transpose(x, &[1, 0, 2]);
        assert_eq!(Access::of(b.graph(), time_major).expect("affine").strides, strides(&[3, 12, 1]));
        let shape: Shape = [Dim::Static(4), Dim::Batch(1), Dim::Static(3)].into_iter().collect();
        assert_eq!(natural(&shape).expect("one batch")[0], Stride { fixed: 0, per_example: 3 });
    }
}
