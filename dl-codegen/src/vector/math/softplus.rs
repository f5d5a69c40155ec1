//! Softplus, a smooth max(x, 0).

use super::exp::exp_negative;
use super::log::log1p_finite;
use crate::vector::{ProgramBuilder, Value};

/// ln(1 + eˣ).
pub fn softplus(b: &mut ProgramBuilder, x: Value) -> Value {
    // max(x, 0) + ln(1 + e^−|x|), where nothing overflows.
    let (zero, sign_bit) = (b.f32(0.0), b.f32(-0.0));
    let minus_abs = b.or(x, sign_bit);
    let z = exp_negative(b, minus_abs);
    let log1p = log1p_finite(b, z);
    let positive = b.max(zero, x);
    b.add(positive, log1p)
}
