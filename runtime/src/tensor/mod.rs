//! How tensors are handed in: examples on one side, targets on the other, in whatever form the user has them.
//!
//! Arrays and views of `ndarray` of any dimension, contiguous or not, slices and vectors serve as both, by value or
//! by reference; so does a batch of a [data set](crate::data). `f32` in row-major order are read where they are; others are
//! copied once, straight to where the network reads them.

mod owned;
mod scalar;
#[cfg(test)]
mod tests;
pub(crate) mod values;

pub use owned::{Data, Tensor};
use scalar::{Classes, Plain, Reals, Tokens};
pub use scalar::{Convert, Scalar, pixel};
use thiserror::Error;
pub use values::Values;

/// What is wrong with a tensor that was handed in.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum TensorError {
    /// A target names a class that the network does not have.
    #[error("target {index} is class {value}, but the network has {classes} classes (0 to {last})", last = classes.saturating_sub(1))]
    ClassOutOfRange {
        /// The position of the target, in row-major order.
        index: usize,
        /// The class it names.
        value: i128,
        /// The number of classes.
        classes: usize,
    },
    /// An example holds a token that the embedding does not have.
    #[error("token {position} of example {example} is {value}, but the embedding has {vocabulary} entries (0 to {last})", last = vocabulary.saturating_sub(1))]
    TokenOutOfRange {
        /// The example, from 0.
        example: usize,
        /// The position of the token in its example, in row-major order from 0.
        position: usize,
        /// Its value.
        value: i128,
        /// The number of entries in the embedding.
        vocabulary: usize,
    },
    /// Floating-point values were given where integers are wanted.
    #[error(
        "{wanted} must be integers, but {found} was given; hand in i32, i64, u8 or other integers, e.g. by `x.mapv(|v| v as i32)`"
    )]
    NotIntegers {
        /// What the integers stand for.
        wanted: Wanted,
        /// The type given.
        found: &'static str,
    },
    /// Integers were given as the examples of a network that computes with real numbers.
    #[error(
        "examples must be f32 (or u8 pixels, scaled to 0…1), but {found} was given; convert it, e.g. with `x.mapv(|v| v as f32)`"
    )]
    NotReal {
        /// The type given.
        found: &'static str,
    },
    /// The number of elements is not what the network reads.
    #[error("expected {expected} elements, but {found} were given")]
    Length {
        /// The number of elements read.
        expected: usize,
        /// The number of elements given.
        found: usize,
    },
}

/// What integers are wanted for.
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Targets of a classifier.
    #[error("class indices")]
    Classes,
    /// Inputs of an embedding.
    #[error("tokens")]
    Tokens,
}

/// A batch of examples: a tensor whose first axis is the batch.
///
/// Implemented for all [`Values`]: `x.view()`, `&x`, `x.slice(s![a..b, ..])`, `&[f32]`. Elements are `f32` or `f64` (rounded), `u8`
/// pixels (divided by 255), or any integers where the network begins with an embedding.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a batch of examples",
    note = "examples are arrays or views of ndarray, slices or vectors, of f32, f64, u8 or (for an embedding) integers"
)]
pub trait Examples {
    /// The size of the batch: the length of the first axis, or 0 for a tensor without axes.
    fn n_examples(&self) -> usize;

    /// The shape of one example: all axes but the first.
    fn example_shape(&self) -> &[usize];

    /// Whether they are integers.
    fn are_integers(&self) -> bool;

    /// The examples as they lie, if they are `f32` in row-major order.
    fn as_reals(&self) -> Option<&[f32]>;

    /// Writes the examples, row-major, as real numbers.
    ///
    /// # Errors
    /// [`TensorError::NotReal`] for integers other than `u8`; [`TensorError::Length`].
    fn write_reals(&self, out: &mut [f32]) -> Result<(), TensorError>;

    /// Writes the examples, row-major, as indices into an embedding of `vocabulary` entries.
    ///
    /// # Errors
    /// [`TensorError::TokenOutOfRange`], [`TensorError::NotIntegers`], [`TensorError::Length`].
    fn write_tokens(&self, vocabulary: usize, out: &mut [i32]) -> Result<(), TensorError>;
}

/// The targets of a batch: class indices, or values shaped like the network's output.
///
/// Implemented for all [`Values`]. Class indices are integers of any type; values are `f32` or `f64`, or integers taken as they are.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the targets of a batch",
    note = "targets are arrays or views of ndarray, slices or vectors, of class indices (any integers) or f32 or f64 values"
)]
pub trait Targets {
    /// The size of the batch: the length of the first axis, or 0 for a tensor without axes.
    fn n_targets(&self) -> usize;

    /// The shape of one target: all axes but the first. Empty for class indices.
    fn target_shape(&self) -> &[usize];

    /// Whether they are integers, and so may be class indices.
    fn are_integers(&self) -> bool;

    /// The targets as they lie, if they are `f32` in row-major order.
    fn as_values(&self) -> Option<&[f32]>;

    /// Writes the targets, row-major, as real numbers.
    ///
    /// # Errors
    /// [`TensorError::Length`].
    fn write_values(&self, out: &mut [f32]) -> Result<(), TensorError>;

    /// Writes the targets, row-major, as indices of `classes` classes.
    ///
    /// # Errors
    /// [`TensorError::ClassOutOfRange`], [`TensorError::NotIntegers`], [`TensorError::Length`].
    fn write_classes(&self, classes: usize, out: &mut [i32]) -> Result<(), TensorError>;
}

impl<V: Values + ?Sized> Examples for V {
    fn n_examples(&self) -> usize {
        self.n_rows()
    }

    fn example_shape(&self) -> &[usize] {
        self.row_shape()
    }

    fn are_integers(&self) -> bool {
        Values::are_integers(self)
    }

    fn as_reals(&self) -> Option<&[f32]> {
        self.as_f32()
    }

    fn write_reals(&self, out: &mut [f32]) -> Result<(), TensorError> {
        self.write(out, &Reals)
    }

    fn write_tokens(&self, vocabulary: usize, out: &mut [i32]) -> Result<(), TensorError> {
        self.write(out, &Tokens { vocabulary, per_example: self.row_shape().iter().product() })
    }
}

impl<V: Values + ?Sized> Targets for V {
    fn n_targets(&self) -> usize {
        self.n_rows()
    }

    fn target_shape(&self) -> &[usize] {
        self.row_shape()
    }

    fn are_integers(&self) -> bool {
        Values::are_integers(self)
    }

    fn as_values(&self) -> Option<&[f32]> {
        self.as_f32()
    }

    fn write_values(&self, out: &mut [f32]) -> Result<(), TensorError> {
        self.write(out, &Plain)
    }

    fn write_classes(&self, classes: usize, out: &mut [i32]) -> Result<(), TensorError> {
        self.write(out, &Classes { classes })
    }
}
