//! eˣ − 1, accurate near 0 too.

use super::exp::{BIAS, HIGHEST, Reduced, expm1_reduced, reduce};
use super::with_sign_of;
use crate::vector::{CmpOp, ProgramBuilder, Value};

/// Below this eˣ − 1 rounds to −1.
const LOWEST: f32 = -18.0;

/// eˣ − 1.
pub fn expm1(b: &mut ProgramBuilder, x: Value) -> Value {
    let (lowest, highest) = (b.f32(LOWEST), b.f32(HIGHEST));
    let clamped = b.max(lowest, x);
    let clamped = b.min(highest, clamped);
    // eˣ − 1 = 2·(2ⁿ⁻¹·(eʳ − 1) + (2ⁿ⁻¹ − ½)), where 2ⁿ⁻¹ is normal even if eˣ is about to overflow.
    let Reduced { n, n_biased, r } = reduce(b, clamped, BIAS - 1);
    let expm1_r = expm1_reduced(b, r);
    let (zero, half) = (b.f32(0.0), b.f32(0.5));
    let power = b.shl(n_biased, 23);
    let power_minus_half = b.sub(power, half);
    let halved = b.fma(expm1_r, power, power_minus_half);
    let scaled = b.add(halved, halved);
    // Halving would round subnormals.
    let is_reduced = b.cmp(CmpOp::Eq, n, zero);
    let result = b.select(is_reduced, expm1_r, scaled);
    // The sign is right already, except that of −0.
    with_sign_of(b, x, result)
}
