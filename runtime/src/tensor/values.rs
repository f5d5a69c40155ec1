//! Arrays, views, slices and vectors as tensors.

use ndarray::{ArrayBase, ArrayRef, Data, Dimension};

use super::TensorError;
use super::scalar::{Convert, Scalar};

/// Numbers in row-major order, with a shape: arrays, views, slices, vectors, references to them, and batches of data sets.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be handed to a network",
    note = "tensors are arrays or views of ndarray, slices or vectors, of f32, f64 or integers"
)]
pub trait Values {
    /// The length of the first axis, or 0 if there is none.
    fn n_rows(&self) -> usize;

    /// All axes but the first.
    fn row_shape(&self) -> &[usize];

    /// Whether the numbers are integers.
    fn are_integers(&self) -> bool;

    /// The numbers as they lie, if they are `f32` one after the other in row-major order.
    fn as_f32(&self) -> Option<&[f32]>;

    /// Converts all numbers, in order.
    ///
    /// # Errors
    /// Those of the conversion, and [`TensorError::Length`] unless `out` has a place for each.
    fn write<C: Convert>(&self, out: &mut [C::Out], how: &C) -> Result<(), TensorError>;
}

impl<A: Scalar, D: Dimension> Values for ArrayRef<A, D> {
    fn n_rows(&self) -> usize {
        self.shape().first().copied().unwrap_or(0)
    }

    fn row_shape(&self) -> &[usize] {
        self.shape().get(1..).unwrap_or(&[])
    }

    fn are_integers(&self) -> bool {
        A::INTEGER
    }

    fn as_f32(&self) -> Option<&[f32]> {
        A::as_f32(self.as_slice()?)
    }

    fn write<C: Convert>(&self, out: &mut [C::Out], how: &C) -> Result<(), TensorError> {
        check_length(out.len(), self.len())?;
        match self.as_slice() {
            Some(values) => write_from(0, values.iter(), out, how),
            None => write_from(0, self.iter(), out, how),
        }
    }
}

impl<A: Scalar> Values for [A] {
    fn n_rows(&self) -> usize {
        self.len()
    }

    fn row_shape(&self) -> &[usize] {
        &[]
    }

    fn are_integers(&self) -> bool {
        A::INTEGER
    }

    fn as_f32(&self) -> Option<&[f32]> {
        A::as_f32(self)
    }

    fn write<C: Convert>(&self, out: &mut [C::Out], how: &C) -> Result<(), TensorError> {
        check_length(out.len(), self.len())?;
        write_from(0, self.iter(), out, how)
    }
}

/// That a tensor has as many numbers as are read.
pub(crate) fn check_length(expected: usize, found: usize) -> Result<(), TensorError> {
    if expected == found { Ok(()) } else { Err(TensorError::Length { expected, found }) }
}

/// Converts numbers, the first of which is at position `first`.
pub(crate) fn write_from<'a, A: Scalar + 'a, C: Convert>(
    first: usize,
    values: impl Iterator<Item = &'a A>,
    out: &mut [C::Out],
    how: &C,
) -> Result<(), TensorError> {
    for (offset, (out, &value)) in out.iter_mut().zip(values).enumerate() {
        *out = how.convert(first + offset, value)?;
    }
    Ok(())
}

/// Implements [`Values`] by what the type dereferences to.
macro_rules! values_of_target {
    ($({$($generics:tt)*} $type:ty as $target:ty;)*) => {$(
        impl<$($generics)*> Values for $type {
            fn n_rows(&self) -> usize {
                <$target as Values>::n_rows(self)
            }

            fn row_shape(&self) -> &[usize] {
                <$target as Values>::row_shape(self)
            }

            fn are_integers(&self) -> bool {
                <$target as Values>::are_integers(self)
            }

            fn as_f32(&self) -> Option<&[f32]> {
                <$target as Values>::as_f32(self)
            }

            fn write<C: Convert>(&self, out: &mut [C::Out], how: &C) -> Result<(), TensorError> {
                <$target as Values>::write(self, out, how)
            }
        }
    )*};
}

values_of_target! {
    {A: Scalar, S: Data<Elem = A>, D: Dimension} ArrayBase<S, D> as ArrayRef<A, D>;
    {A: Scalar} Vec<A> as [A];
    {A: Scalar, const N: usize} [A; N] as [A];
    {V: Values + ?Sized} &V as V;
}
