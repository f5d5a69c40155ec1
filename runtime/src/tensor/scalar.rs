//! The types of number that networks can read, and what they are read as.

use super::{TensorError, Wanted};

/// An element that networks can read.
pub trait Scalar: Copy {
    /// Its name in messages.
    const NAME: &'static str;
    /// Whether it is an integer.
    const INTEGER: bool;

    /// As an input; `None` for integers other than pixels.
    fn real(self) -> Option<f32>;

    /// As a target.
    fn value(self) -> f32;

    /// As an index; `None` for floating point.
    fn integer(self) -> Option<i128>;

    /// Numbers as they are, if they are `f32`.
    fn as_f32(_: &[Self]) -> Option<&[f32]> {
        None
    }
}

/// A pixel as a number from 0 to 1.
#[inline]
pub fn pixel(value: u8) -> f32 {
    f32::from(value) / 255.0
}

/// Implements [`Scalar`]: what a value is as an input, and as an index.
macro_rules! scalars {
    ($integer:literal: $(
        $type:ty: real $value:pat_param => $real:expr, integer $of:pat_param => $index:expr
        $(, slice $slice:ident => $floats:expr)?;
    )*) => {$(
        impl Scalar for $type {
            const NAME: &'static str = stringify!($type);
            const INTEGER: bool = $integer;

            #[inline]
            fn real(self) -> Option<f32> {
                let $value = self;
                $real
            }

            #[inline]
            fn value(self) -> f32 {
                self as f32
            }

            #[inline]
            fn integer(self) -> Option<i128> {
                let $of = self;
                $index
            }

            $(fn as_f32($slice: &[Self]) -> Option<&[f32]> {
                $floats
            })?
        }
    )*};
}

scalars! {
    false:
    f32: real value => Some(value), integer _ => None, slice values => Some(values);
    f64: real value => Some(value as f32), integer _ => None;
}

scalars! {
    true:
    u8: real value => Some(pixel(value)), integer value => Some(value.into());
    i8: real _ => None, integer value => Some(value.into());
    u16: real _ => None, integer value => Some(value.into());
    i16: real _ => None, integer value => Some(value.into());
    u32: real _ => None, integer value => Some(value.into());
    i32: real _ => None, integer value => Some(value.into());
    u64: real _ => None, integer value => Some(value.into());
    i64: real _ => None, integer value => Some(value.into());
    usize: real _ => None, integer value => Some(value as i128);
    isize: real _ => None, integer value => Some(value as i128);
}

/// A way to read numbers: the one place that knows what an input or a target means.
pub trait Convert {
    /// What the network stores.
    type Out;

    /// Converts the number at a position, in row-major order.
    ///
    /// # Errors
    /// If the number cannot be read this way.
    fn convert<S: Scalar>(&self, index: usize, value: S) -> Result<Self::Out, TensorError>;
}

/// Inputs as real numbers; `u8` are pixels.
#[derive(Debug)]
pub(super) struct Reals;

impl Convert for Reals {
    type Out = f32;

    fn convert<S: Scalar>(&self, _: usize, value: S) -> Result<f32, TensorError> {
        value.real().ok_or(TensorError::NotReal { found: S::NAME })
    }
}

/// Targets as real numbers, integers as they are.
#[derive(Debug)]
pub(super) struct Plain;

impl Convert for Plain {
    type Out = f32;

    fn convert<S: Scalar>(&self, _: usize, value: S) -> Result<f32, TensorError> {
        Ok(value.value())
    }
}

/// Inputs as indices into an embedding.
#[derive(Debug)]
pub(super) struct Tokens {
    pub(super) vocabulary: usize,
    /// How many an example has.
    pub(super) per_example: usize,
}

impl Convert for Tokens {
    type Out = i32;

    fn convert<S: Scalar>(&self, index: usize, value: S) -> Result<i32, TensorError> {
        let value = integer(value, Wanted::Tokens)?;
        let (vocabulary, len) = (self.vocabulary, self.per_example.max(1));
        below(vocabulary, value).ok_or(TensorError::TokenOutOfRange {
            example: index / len,
            position: index % len,
            value,
            vocabulary,
        })
    }
}

/// Targets as class indices.
#[derive(Debug)]
pub(super) struct Classes {
    pub(super) classes: usize,
}

impl Convert for Classes {
    type Out = i32;

    fn convert<S: Scalar>(&self, index: usize, value: S) -> Result<i32, TensorError> {
        let value = integer(value, Wanted::Classes)?;
        let classes = self.classes;
        below(classes, value).ok_or(TensorError::ClassOutOfRange { index, value, classes })
    }
}

fn integer<S: Scalar>(value: S, wanted: Wanted) -> Result<i128, TensorError> {
    value.integer().ok_or(TensorError::NotIntegers { wanted, found: S::NAME })
}

/// An index as kernels take it, if it is one of `limit`.
fn below(limit: usize, index: i128) -> Option<i32> {
    let index = i32::try_from(index).ok()?;
    usize::try_from(index).is_ok_and(|index| index < limit).then_some(index)
}
