//! eˣ, and the steps of it that other functions share.

use super::polynomial;
use crate::vector::{ProgramBuilder, Value};

/// (eʳ − 1 − r)/r² for |r| ≤ 0.34675; error of r + r²·P(r) relative to eʳ − 1: 1.5e-8.
const EXPM1_TAIL: [f32; 5] = [0.499_999_97, 0.166_665_39, 0.041_667_75, 0.008_367_088, 0.001_383_786_2];

const LOG2_E: f32 = std::f32::consts::LOG2_E;
/// ln 2 to 24 bits, and the rest of it.
const LN_2: [f32; 2] = [std::f32::consts::LN_2, -1.904_654_3e-9];
/// Adding this rounds to an integer, which then stands in the low bits.
const ROUNDER: f32 = 12_582_912.0;
/// Below this eˣ rounds to 0.
pub(super) const LOWEST: f32 = -104.0;
/// Above this eˣ rounds to ∞.
pub(super) const HIGHEST: f32 = 89.0;
/// The exponent field of 1.0.
pub(super) const BIAS: u16 = 127;

/// eˣ.
pub fn exp(b: &mut ProgramBuilder, x: Value) -> Value {
    let (lowest, highest) = (b.f32(LOWEST), b.f32(HIGHEST));
    let x = b.max(lowest, x);
    let x = b.min(highest, x);
    // 2ⁿ may be no normal number where the result is finite, but half of n is fine twice.
    let Reduced { n_biased, r, .. } = reduce(b, x, 2 * BIAS);
    let half = b.shr_u(n_biased, 1);
    let half = b.shl(half, 23);
    let both = b.shl(n_biased, 23);
    let other_half = b.isub(both, half);
    let e_r = exp_reduced(b, r);
    let scaled = b.mul(e_r, half);
    b.mul(scaled, other_half)
}

/// eˣ for −∞ ≤ x ≤ 0.
pub(super) fn exp_negative(b: &mut ProgramBuilder, x: Value) -> Value {
    const SHIFT: u16 = 24;
    let lowest = b.f32(LOWEST);
    let x = b.max(lowest, x);
    // n ≥ −150, so 2ⁿ⁺²⁴ is normal; scaling back rounds only where the result is subnormal.
    let Reduced { n_biased, r, .. } = reduce(b, x, BIAS + SHIFT);
    let power = b.shl(n_biased, 23);
    let e_r = exp_reduced(b, r);
    let scaled = b.mul(e_r, power);
    let back = b.f32(0.5_f32.powi(i32::from(SHIFT)));
    b.mul(scaled, back)
}

/// eˣ for |x| ≤ 87, where 2ⁿ is normal.
pub(super) fn exp_moderate(b: &mut ProgramBuilder, x: Value) -> Value {
    let Reduced { n_biased, r, .. } = reduce(b, x, BIAS);
    let power = b.shl(n_biased, 23);
    let e_r = exp_reduced(b, r);
    b.mul(e_r, power)
}

/// x = n·ln 2 + r with n an integer and |r| ≤ ½·ln 2, or a hair more.
pub(super) struct Reduced {
    /// n as f32.
    pub n: Value,
    /// n + bias in the low 9 bits of each lane: shifted left by 23, with [`BIAS`], it is 2ⁿ. Any bits for a NaN.
    pub n_biased: Value,
    pub r: Value,
}

/// Reduces |x| ≤ 104. For a NaN `r` is NaN.
pub(super) fn reduce(b: &mut ProgramBuilder, x: Value, bias: u16) -> Reduced {
    let (log2_e, rounder) = (b.f32(LOG2_E), b.f32(ROUNDER + f32::from(bias)));
    let n_biased = b.fma(x, log2_e, rounder);
    let n = b.sub(n_biased, rounder);
    let mut r = x;
    for part in LN_2 {
        let part = b.f32(-part);
        r = b.fma(n, part, r);
    }
    Reduced { n, n_biased, r }
}

/// eʳ for a reduced r. Closer than adding 1 to eʳ − 1.
fn exp_reduced(b: &mut ProgramBuilder, r: Value) -> Value {
    let [c2, c3, c4, c5, c6] = EXPM1_TAIL;
    polynomial(b, r, &[1.0, 1.0, c2, c3, c4, c5, c6])
}

/// eʳ − 1 for a reduced r.
pub(super) fn expm1_reduced(b: &mut ProgramBuilder, r: Value) -> Value {
    let tail = polynomial(b, r, &EXPM1_TAIL);
    let square = b.mul(r, r);
    b.fma(square, tail, r)
}
