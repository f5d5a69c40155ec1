//! The logistic function, also called sigmoid.

use super::exp::exp_negative;
use crate::vector::{CmpOp, ProgramBuilder, Value};

/// 1/(1 + e⁻ˣ).
pub fn logistic(b: &mut ProgramBuilder, x: Value) -> Value {
    // With z = e^−|x|, which cannot overflow: 1/(1 + z) on the right, z/(1 + z) on the left.
    let (zero, one, sign_bit) = (b.f32(0.0), b.f32(1.0), b.f32(-0.0));
    let minus_abs = b.or(x, sign_bit);
    let z = exp_negative(b, minus_abs);
    let is_left = b.cmp(CmpOp::Lt, x, zero);
    let numerator = b.select(is_left, z, one);
    let denominator = b.add(one, z);
    let quotient = b.div(numerator, denominator);
    // What rounding 1 + z lost, relative to 1 + z; taking that for 1 leaves at most half of the error.
    let rounded_z = b.sub(denominator, one);
    let excess = b.sub(rounded_z, z);
    b.fma(quotient, excess, quotient)
}
