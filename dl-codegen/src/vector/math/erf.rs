//! The error function.

use super::exp::exp_moderate;
use super::{polynomial, with_sign_of};
use crate::vector::{CmpOp, ProgramBuilder, Value};

/// Where the one polynomial ends and the other begins.
const SMALL: f32 = 0.85;
/// erf(y)/y − 1 in y² for y ≤ 0.85; error relative to erf y: 6.8e-9.
const NEAR: [f32; 6] =
    [0.128_379_17, -0.376_125_9, 0.112_828_65, -0.026_807_288, 0.005_057_703_7, -0.000_634_851_87];
/// ln(1 − erf y) for 0.85 ≤ y ≤ 3.95; error relative to erf y: 2.3e-9.
const LN_ERFC: [f32; 7] = [
    -0.000_104_524_39,
    -1.128_061,
    -0.636_518_7,
    -0.104_526_296,
    0.022_519_348,
    -0.003_117_967_6,
    0.000_203_694_06,
];
/// From here on erf rounds to 1.
const LARGEST: f32 = 3.95;

/// erf x = 2/√π · ∫₀ˣ exp(−t²) dt.
pub fn erf(b: &mut ProgramBuilder, x: Value) -> Value {
    let largest = b.f32(LARGEST);
    let y = b.abs(x);
    let y = b.min(largest, y);

    let square = b.mul(y, y);
    let near = polynomial(b, square, &NEAR);
    let near = b.fma(near, y, y);

    let one = b.f32(1.0);
    let ln_erfc = polynomial(b, y, &LN_ERFC);
    let erfc = exp_moderate(b, ln_erfc);
    let far = b.sub(one, erfc);

    let limit = b.f32(SMALL);
    let is_near = b.cmp(CmpOp::Lt, y, limit);
    let magnitude = b.select(is_near, near, far);
    with_sign_of(b, x, magnitude)
}
