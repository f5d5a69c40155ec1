//! Elementary functions as vector programs.
//!
//! Each is at most 2 ULP from the true value over the whole range of f32, subnormal arguments and results included,
//! and has the same bits at every width. NaN gives NaN.
//!
//! Polynomials are minimax fits: the Remez exchange algorithm in 40-digit arithmetic, with coefficients rounded to
//! f32 one at a time from the lowest degree up, the others fitted again after each. Every file gives the interval and
//! the largest error of its fits, relative to the function that it computes.

mod erf;
mod exp;
mod expm1;
mod log;
mod logistic;
mod softplus;
mod tanh;
#[cfg(test)]
mod tests;

pub use erf::erf;
pub use exp::exp;
pub use expm1::expm1;
pub use log::{log, log1p};
pub use logistic::logistic;
pub use softplus::softplus;
pub use tanh::tanh;

use super::{ProgramBuilder, Value};

/// Σ coefficients\[i\]·xⁱ.
fn polynomial(b: &mut ProgramBuilder, x: Value, coefficients: &[f32]) -> Value {
    let mut highest_first = coefficients.iter().rev();
    let highest = highest_first.next().expect("polynomials have coefficients");
    let mut sum = b.f32(*highest);
    for &coefficient in highest_first {
        let coefficient = b.f32(coefficient);
        sum = b.fma(sum, x, coefficient);
    }
    sum
}

/// `magnitude` with the sign of `x`. It may have that sign already, but not the other.
fn with_sign_of(b: &mut ProgramBuilder, x: Value, magnitude: Value) -> Value {
    let sign_bit = b.f32(-0.0);
    let sign = b.and(x, sign_bit);
    b.or(magnitude, sign)
}
