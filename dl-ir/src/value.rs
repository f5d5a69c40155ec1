//! Concrete tensors of the interpreter: every element an f64, whatever its type.

use crate::types::{DType, TensorType};

/// A tensor value. Integers are exact in f64; truth values are 0 and 1.
#[derive(Clone, PartialEq, Debug)]
pub struct Value {
    /// What its elements are.
    pub dtype: DType,
    /// Its sizes, outermost first.
    pub shape: Vec<usize>,
    /// Its elements, row-major.
    pub data: Vec<f64>,
}

impl Value {
    /// A tensor from its elements, row-major.
    ///
    /// # Panics
    /// If there are not as many elements as `shape` says.
    pub fn new(dtype: DType, shape: Vec<usize>, data: Vec<f64>) -> Self {
        assert_eq!(shape.iter().product::<usize>(), data.len(), "elements of a value of shape {shape:?}");
        Value { dtype, shape, data }
    }

    /// An f32 tensor.
    pub fn f32(shape: &[usize], data: Vec<f64>) -> Self {
        Value::new(DType::F32, shape.to_vec(), data)
    }

    /// A tensor of this type at this batch size, its elements computed from their multi-index.
    pub fn from_fn(ty: &TensorType, batch: usize, mut element: impl FnMut(&[usize]) -> f64) -> Self {
        let shape = ty.shape.at(batch);
        let data = indices(&shape).map(|index| element(&index)).collect();
        Value { dtype: ty.dtype, shape, data }
    }

    /// The element at a multi-index.
    pub fn at(&self, index: &[usize]) -> f64 {
        self.data[ravel(index, &self.shape)]
    }

    /// The part at an index of the first axis.
    pub fn slice(&self, index: usize) -> Self {
        let shape = self.shape[1..].to_vec();
        let size: usize = shape.iter().product();
        Value { dtype: self.dtype, shape, data: self.data[index * size..][..size].to_vec() }
    }

    /// Overwrites the part at an index of the first axis.
    pub fn set_slice(&mut self, index: usize, part: &Value) {
        debug_assert_eq!(self.shape[1..], part.shape);
        let size = part.data.len();
        self.data[index * size..][..size].copy_from_slice(&part.data);
    }

    /// Each element replaced by `f` of it.
    pub fn map(&self, f: impl Fn(f64) -> f64) -> Self {
        Value {
            dtype: self.dtype,
            shape: self.shape.clone(),
            data: self.data.iter().map(|&v| f(v)).collect(),
        }
    }

    /// `f` of each pair of elements of two tensors of one shape.
    pub fn zip(&self, other: &Value, dtype: DType, f: impl Fn(f64, f64) -> f64) -> Self {
        debug_assert_eq!(self.shape, other.shape);
        let data = self.data.iter().zip(&other.data).map(|(&a, &b)| f(a, b)).collect();
        Value { dtype, shape: self.shape.clone(), data }
    }
}

/// The position of a multi-index in row-major order.
pub fn ravel(index: &[usize], shape: &[usize]) -> usize {
    index.iter().zip(shape).fold(0, |position, (&i, &size)| position * size + i)
}

/// All multi-indices of a shape in row-major order.
pub fn indices(shape: &[usize]) -> impl Iterator<Item = Vec<usize>> + use<'_> {
    let total: usize = shape.iter().product();
    (0..total).map(move |position| unravel(position, shape))
}

/// The multi-index of a row-major position.
pub fn unravel(mut position: usize, shape: &[usize]) -> Vec<usize> {
    let mut index = vec![0; shape.len()];
    for (slot, &size) in index.iter_mut().zip(shape).rev() {
        *slot = position % size;
        position /= size;
    }
    index
}
