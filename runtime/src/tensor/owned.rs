//! Tensors that files and data sets hold.

use super::scalar::Convert;
use super::values::{check_length, write_from};
use super::{Scalar, TensorError, Values};

/// Numbers of one of the types that files hold.
#[derive(Debug, Clone, PartialEq)]
pub enum Data {
    /// Real numbers.
    F32(Vec<f32>),
    /// Class indices or tokens.
    I32(Vec<i32>),
    /// Class indices or tokens.
    I64(Vec<i64>),
    /// Pixels, class indices or tokens.
    U8(Vec<u8>),
}

/// Runs the same expression on the numbers, whatever their type.
macro_rules! with_values {
    ($data:expr, $values:ident => $body:expr) => {
        match $data {
            Data::F32($values) => $body,
            Data::I32($values) => $body,
            Data::I64($values) => $body,
            Data::U8($values) => $body,
        }
    };
}

impl Data {
    /// The number of numbers.
    pub fn len(&self) -> usize {
        with_values!(self, values => values.len())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The name of their type.
    pub fn type_name(&self) -> &'static str {
        fn name<A: Scalar>(_: &[A]) -> &'static str {
            A::NAME
        }
        with_values!(self, values => name(values))
    }

    /// Whether they are integers.
    pub fn are_integers(&self) -> bool {
        !matches!(self, Data::F32(_))
    }
}

impl From<Vec<f32>> for Data {
    fn from(values: Vec<f32>) -> Self {
        Data::F32(values)
    }
}

impl From<Vec<i32>> for Data {
    fn from(values: Vec<i32>) -> Self {
        Data::I32(values)
    }
}

impl From<Vec<i64>> for Data {
    fn from(values: Vec<i64>) -> Self {
        Data::I64(values)
    }
}

impl From<Vec<u8>> for Data {
    fn from(values: Vec<u8>) -> Self {
        Data::U8(values)
    }
}

/// A row-major tensor in memory of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    shape: Vec<usize>,
    data: Data,
}

impl Tensor {
    /// A tensor of this shape.
    ///
    /// # Errors
    /// [`TensorError::Length`] if the shape has another number of elements.
    pub fn new(shape: Vec<usize>, data: impl Into<Data>) -> Result<Self, TensorError> {
        let data = data.into();
        check_length(elements(&shape).unwrap_or(usize::MAX), data.len())?;
        Ok(Tensor { shape, data })
    }

    /// Its shape.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Its elements, row-major.
    pub fn data(&self) -> &Data {
        &self.data
    }

    /// Its elements, row-major.
    pub fn into_data(self) -> Data {
        self.data
    }

    /// The same elements in another shape of rows; the first axis stays.
    ///
    /// # Errors
    /// [`TensorError::Length`] if a row has another number of elements.
    pub fn reshape_rows(&mut self, row_shape: &[usize]) -> Result<(), TensorError> {
        check_length(elements(row_shape).unwrap_or(usize::MAX), self.row_len())?;
        self.shape.truncate(1);
        self.shape.extend_from_slice(row_shape);
        Ok(())
    }

    /// The number of elements of a row.
    pub fn row_len(&self) -> usize {
        self.row_shape().iter().product()
    }

    /// Converts the rows at these indices, one after the other.
    ///
    /// # Panics
    /// If an index is not below the number of rows.
    pub(crate) fn write_rows<C: Convert>(
        &self,
        indices: &[usize],
        out: &mut [C::Out],
        how: &C,
    ) -> Result<(), TensorError> {
        let len = self.row_len();
        check_length(out.len(), indices.len() * len)?;
        with_values!(&self.data, values => {
            for (position, &index) in indices.iter().enumerate() {
                let first = position * len;
                let row = &values[index * len..(index + 1) * len];
                write_from(first, row.iter(), &mut out[first..first + len], how)?;
            }
        });
        Ok(())
    }
}

impl Values for Tensor {
    fn n_rows(&self) -> usize {
        self.shape.first().copied().unwrap_or(0)
    }

    fn row_shape(&self) -> &[usize] {
        self.shape.get(1..).unwrap_or(&[])
    }

    fn are_integers(&self) -> bool {
        self.data.are_integers()
    }

    fn as_f32(&self) -> Option<&[f32]> {
        match &self.data {
            Data::F32(values) => Some(values),
            Data::I32(_) | Data::I64(_) | Data::U8(_) => None,
        }
    }

    fn write<C: Convert>(&self, out: &mut [C::Out], how: &C) -> Result<(), TensorError> {
        with_values!(&self.data, values => values.write(out, how))
    }
}

/// The number of elements of a shape, if it fits: also that of every part of it, where another axis is empty.
pub(crate) fn elements(shape: &[usize]) -> Option<usize> {
    let full = shape.iter().filter(|&&dim| dim > 0);
    let largest = full.copied().try_fold(1usize, usize::checked_mul)?;
    Some(if shape.contains(&0) { 0 } else { largest })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::Examples;

    #[test]
    fn the_shape_must_fit() {
        assert_eq!(Tensor::new(vec![2, 3], vec![0u8; 5]), Err(TensorError::Length { expected: 6, found: 5 }));
        for huge in [vec![usize::MAX, 2], vec![0, usize::MAX, 2], vec![usize::MAX, 2, 0]] {
            assert!(Tensor::new(huge, vec![0u8; 0]).is_err());
        }
        assert!(Tensor::new(vec![], vec![1.0f32]).is_ok());
    }

    #[test]
    fn rows_change_shape_but_not_number() {
        let mut tensor = Tensor::new(vec![2, 6], vec![0i32; 12]).unwrap();
        tensor.reshape_rows(&[3, 2, 1]).unwrap();
        assert_eq!(tensor.shape(), [2, 3, 2, 1]);
        assert_eq!(tensor.reshape_rows(&[7]), Err(TensorError::Length { expected: 7, found: 6 }));
        assert_eq!(tensor.shape(), [2, 3, 2, 1]);
    }

    #[test]
    fn all_types_are_examples() {
        let mut out = [0.0; 2];
        Tensor::new(vec![2], vec![0u8, 255]).unwrap().write_reals(&mut out).unwrap();
        assert_eq!(out, [0.0, 1.0]);
        let mut tokens = [0; 2];
        Tensor::new(vec![1, 2], vec![4i64, 2]).unwrap().write_tokens(5, &mut tokens).unwrap();
        assert_eq!(tokens, [4, 2]);
    }
}
