//! Natural logarithms.

use super::polynomial;
use crate::vector::{CmpOp, ProgramBuilder, Value};

/// (ln(1 + f) − f + f²/2)/f³ for −1/3 ≤ f ≤ 1/3; error relative to ln(1 + f): 3.0e-9.
const TAIL: [f32; 9] = [
    0.333_333_34,
    -0.249_998_11,
    0.199_997_65,
    -0.166_800_86,
    0.142_989_53,
    -0.121_881_72,
    0.108_223_02,
    -0.128_767_45,
    0.117_203_64,
];
/// ln 2 to 16 bits, so that its multiples by exponents are exact, and the rest of it.
const LN_2: [f32; 2] = [0.693_145_75, 1.428_606_8e-6];
/// The bits of 2/3: mantissas are taken from there to 4/3, around 1.
const TWO_THIRDS: u32 = 0x3f2a_aaab;
const MANTISSA_BITS: u8 = 23;

/// ln x; −∞ at 0, NaN below.
pub fn log(b: &mut ProgramBuilder, x: Value) -> Value {
    // Subnormals are scaled to be normal.
    let (least, scale) = (b.f32(f32::MIN_POSITIVE), b.f32((1 << MANTISSA_BITS) as f32));
    let is_subnormal = b.cmp(CmpOp::Lt, x, least);
    let scaled = b.mul(x, scale);
    let normal = b.select(is_subnormal, scaled, x);
    let exponent_of_scale = b.f32(-f32::from(MANTISSA_BITS));
    let offset = b.and(is_subnormal, exponent_of_scale);

    let k = exponent(b, normal);
    let k_bits = b.shl(k, MANTISSA_BITS);
    let mantissa = b.isub(normal, k_bits);
    let one = b.f32(1.0);
    let f = b.sub(mantissa, one);
    let k = b.to_float(k);
    let k = b.add(k, offset);
    let ln = assemble(b, k, f);
    at_edges(b, x, ln)
}

/// ln(1 + x), accurate near 0 too; −∞ at −1, NaN below.
pub fn log1p(b: &mut ProgramBuilder, x: Value) -> Value {
    let one = b.f32(1.0);
    let sum = b.add(x, one);
    let ln = log1p_finite(b, x);
    at_edges(b, sum, ln)
}

/// ln(1 + x) for −1 < x < ∞.
pub(super) fn log1p_finite(b: &mut ProgramBuilder, x: Value) -> Value {
    let (one, minus_one, quarter, four) = (b.f32(1.0), b.f32(-1.0), b.f32(0.25), b.f32(4.0));
    // k from the rounded 1 + x will do: f = (1 + x)·2⁻ᵏ − 1 = x·2⁻ᵏ + (2⁻ᵏ − 1) is rounded only once. 2⁻ᵏ may be
    // subnormal, so we take 4·2⁻ᵏ and x/4.
    let sum = b.add(x, one);
    let k = exponent(b, sum);
    let k_bits = b.shl(k, MANTISSA_BITS);
    let power = b.isub(four, k_bits);
    let power_minus_one = b.fma(power, quarter, minus_one);
    let x_quarter = b.mul(x, quarter);
    let f = b.fma(x_quarter, power, power_minus_one);
    let k = b.to_float(k);
    let ln = assemble(b, k, f);
    // Where x/4 may round, and for the sign of −0.
    let limit = b.f32(4.0 * f32::MIN_POSITIVE);
    let magnitude = b.abs(x);
    let is_tiny = b.cmp(CmpOp::Lt, magnitude, limit);
    b.select(is_tiny, x, ln)
}

/// The k for which 2/3 ≤ x·2⁻ᵏ < 4/3, as i32, for a normal x.
fn exponent(b: &mut ProgramBuilder, x: Value) -> Value {
    let two_thirds = b.u32(TWO_THIRDS);
    let distance = b.isub(x, two_thirds);
    b.shr_s(distance, MANTISSA_BITS)
}

/// k·ln 2 + ln(1 + f) for −1/3 ≤ f ≤ 1/3.
fn assemble(b: &mut ProgramBuilder, k: Value, f: Value) -> Value {
    let (minus_half, [high, low]) = (b.f32(-0.5), LN_2.map(|part| b.f32(part)));
    let square = b.mul(f, f);
    let tail = polynomial(b, f, &TAIL);
    let tail = b.fma(tail, f, minus_half);
    let k_low = b.mul(k, low);
    let correction = b.fma(square, tail, k_low);
    let sum = b.add(f, correction);
    b.fma(k, high, sum)
}

/// `ln`, but what the logarithm is where `x` is not positive and finite.
fn at_edges(b: &mut ProgramBuilder, x: Value, ln: Value) -> Value {
    let (zero, infinity) = (b.f32(0.0), b.f32(f32::INFINITY));
    let (minus_infinity, nan) = (b.f32(f32::NEG_INFINITY), b.f32(f32::NAN));
    let is_zero = b.cmp(CmpOp::Eq, x, zero);
    let edge = b.select(is_zero, minus_infinity, nan);
    let is_positive = b.cmp(CmpOp::Gt, x, zero);
    let ln = b.select(is_positive, ln, edge);
    let is_infinite = b.cmp(CmpOp::Eq, x, infinity);
    b.select(is_infinite, infinity, ln)
}
