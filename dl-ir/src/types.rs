//! Element types, shapes with one symbolic dimension, and the types of nodes.

use std::fmt;
use std::sync::Arc;

/// The largest number of elements that the static part of a shape may have: a buffer's size in bytes stays far from
/// overflow.
pub const MAX_ELEMENTS: usize = 1 << 31;

/// The largest number of dimensions a tensor may have.
pub const MAX_RANK: usize = 16;

/// What the elements of a tensor are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum DType {
    /// 32-bit floating point.
    F32,
    /// 32-bit signed integers: class indices, token ids.
    I32,
    /// Truth values: results of comparisons, never stored.
    Bool,
}

impl DType {
    /// Its name in text: `f32`.
    pub fn name(self) -> &'static str {
        match self {
            DType::F32 => "f32",
            DType::I32 => "i32",
            DType::Bool => "bool",
        }
    }
}

/// One dimension of a shape.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Dim {
    /// Known at compile time.
    Static(usize),
    /// This multiple of the batch size `B`.
    Batch(usize),
}

impl Dim {
    /// Its size for a batch of `batch` examples.
    pub fn at(self, batch: usize) -> usize {
        match self {
            Dim::Static(size) => size,
            Dim::Batch(multiple) => multiple * batch,
        }
    }

    /// Its size, if that does not depend on the batch.
    pub fn as_static(self) -> Option<usize> {
        match self {
            Dim::Static(size) => Some(size),
            Dim::Batch(_) => None,
        }
    }
}

impl fmt::Display for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Dim::Static(size) => write!(f, "{size}"),
            Dim::Batch(1) => write!(f, "B"),
            Dim::Batch(multiple) => write!(f, "{multiple}B"),
        }
    }
}

/// The dimensions of a tensor, outermost first; `[]` is a scalar.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Shape(Arc<[Dim]>);

impl Shape {
    /// A scalar's shape.
    pub fn scalar() -> Self {
        Shape::default()
    }

    /// A shape of static dimensions.
    pub fn fixed(dims: &[usize]) -> Self {
        dims.iter().map(|&d| Dim::Static(d)).collect()
    }

    /// The shape of a batch of tensors with these dimensions: `[B, …]`.
    pub fn batched(dims: &[usize]) -> Self {
        std::iter::once(Dim::Batch(1)).chain(dims.iter().map(|&d| Dim::Static(d))).collect()
    }

    /// Its dimensions, outermost first.
    pub fn dims(&self) -> &[Dim] {
        &self.0
    }

    /// The number of dimensions.
    pub fn rank(&self) -> usize {
        self.0.len()
    }

    /// Its sizes for a batch of `batch` examples.
    pub fn at(&self, batch: usize) -> Vec<usize> {
        self.0.iter().map(|dim| dim.at(batch)).collect()
    }

    /// Its sizes, if none depends on the batch.
    pub fn as_fixed(&self) -> Option<Vec<usize>> {
        self.0.iter().map(|dim| dim.as_static()).collect()
    }

    /// The number of elements as one dimension, unless `B` occurs twice or the number is beyond [`MAX_ELEMENTS`].
    pub fn elements(&self) -> Option<Dim> {
        self.0.iter().try_fold(Dim::Static(1), |product, &dim| multiply(product, dim))
    }

    /// This shape without the given axes.
    pub fn without(&self, axes: &[usize]) -> Self {
        let kept = self.0.iter().enumerate().filter(|(axis, _)| !axes.contains(axis));
        kept.map(|(_, &dim)| dim).collect()
    }
}

/// The product of two dimensions, unless it has `B` twice or is beyond [`MAX_ELEMENTS`].
pub fn multiply(a: Dim, b: Dim) -> Option<Dim> {
    let product = |a: usize, b: usize| a.checked_mul(b).filter(|&size| size <= MAX_ELEMENTS);
    match (a, b) {
        (Dim::Static(a), Dim::Static(b)) => product(a, b).map(Dim::Static),
        (Dim::Static(a), Dim::Batch(b)) | (Dim::Batch(a), Dim::Static(b)) => product(a, b).map(Dim::Batch),
        (Dim::Batch(_), Dim::Batch(_)) => None,
    }
}

impl FromIterator<Dim> for Shape {
    fn from_iter<I: IntoIterator<Item = Dim>>(dims: I) -> Self {
        Shape(dims.into_iter().collect())
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_list(f, "[", &self.0, "]")
    }
}

/// The type of a node: a tensor, or the results of an op that has several.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Type {
    /// One tensor.
    Tensor(TensorType),
    /// Several results, taken apart by `get`.
    Tuple(Vec<TensorType>),
}

/// Element type and shape of a tensor.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TensorType {
    /// What its elements are.
    pub dtype: DType,
    /// Its dimensions.
    pub shape: Shape,
}

impl TensorType {
    /// A tensor of these elements in this shape.
    pub fn new(dtype: DType, shape: Shape) -> Self {
        TensorType { dtype, shape }
    }

    /// An f32 tensor.
    pub fn f32(shape: Shape) -> Self {
        TensorType::new(DType::F32, shape)
    }

    /// The same shape with other elements.
    pub fn with_dtype(&self, dtype: DType) -> Self {
        TensorType::new(dtype, self.shape.clone())
    }
}

impl Type {
    /// The tensor type, unless it is a tuple.
    pub fn as_tensor(&self) -> Option<&TensorType> {
        match self {
            Type::Tensor(tensor) => Some(tensor),
            Type::Tuple(_) => None,
        }
    }
}

impl From<TensorType> for Type {
    fn from(tensor: TensorType) -> Self {
        Type::Tensor(tensor)
    }
}

impl fmt::Display for TensorType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.dtype.name(), self.shape)
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Tensor(tensor) => tensor.fmt(f),
            Type::Tuple(parts) => write_list(f, "(", parts, ")"),
        }
    }
}

/// Writes `open item, item, … close`.
pub(crate) fn write_list(
    f: &mut fmt::Formatter<'_>,
    open: &str,
    items: &[impl fmt::Display],
    close: &str,
) -> fmt::Result {
    f.write_str(open)?;
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            f.write_str(", ")?;
        }
        item.fmt(f)?;
    }
    f.write_str(close)
}
