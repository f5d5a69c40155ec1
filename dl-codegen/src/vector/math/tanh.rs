//! The hyperbolic tangent.

use super::exp::exp_moderate;
use super::{polynomial, with_sign_of};
use crate::vector::{CmpOp, ProgramBuilder, Value};

/// Where the polynomial ends and the exponential begins.
const SMALL: f32 = 0.625;
/// (tanh y − y)/y³ in y² for y ≤ 0.625; error relative to tanh y: 4.6e-9.
const TAIL: [f32; 5] = [-0.333_332_8, 0.133_314_06, -0.053_736_515, 0.020_628_167, -0.005_692_296];
/// From here on tanh rounds to 1.
const LARGEST: f32 = 9.2;

/// tanh x.
pub fn tanh(b: &mut ProgramBuilder, x: Value) -> Value {
    let largest = b.f32(LARGEST);
    let y = b.abs(x);
    let y = b.min(largest, y);

    let square = b.mul(y, y);
    let cube = b.mul(square, y);
    let tail = polynomial(b, square, &TAIL);
    let small = b.fma(cube, tail, y);

    // 1 − 2/(e²ʸ + 1)
    let (one, minus_two) = (b.f32(1.0), b.f32(-2.0));
    let twice = b.add(y, y);
    let e_2y = exp_moderate(b, twice);
    let denominator = b.add(e_2y, one);
    let quotient = b.div(minus_two, denominator);
    let large = b.add(quotient, one);

    let limit = b.f32(SMALL);
    let is_small = b.cmp(CmpOp::Lt, y, limit);
    let magnitude = b.select(is_small, small, large);
    with_sign_of(b, x, magnitude)
}
