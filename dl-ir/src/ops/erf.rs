//! `erf`: the error function, element by element.

use super::map_rule::MapRule;
use super::*;

/// The error function 2/√π ∫₀ˣ e^(−t²) dt; its derivative is 2/√π · e^(−x²) (DLMF 7.2.1).
#[derive(Clone, Default, PartialEq, Eq, Hash, Debug)]
pub struct Erf;

impl MapRule for Erf {
    const NAME: &'static str = "erf";
    const ARITY: usize = 1;

    fn element(x: &[f64]) -> f64 {
        erf(x[0])
    }

    fn vjp(builder: &mut Builder, node: &VjpNode<'_>) -> Vec<Option<NodeId>> {
        let square = builder.mul(node.operands[0], node.operands[0]);
        let exponent = builder.neg(square);
        let exp = builder.exp(exponent);
        let slope = builder.scale(std::f64::consts::FRAC_2_SQRT_PI, exp);
        vec![Some(builder.mul(node.cotangent(), slope))]
    }

    fn samples() -> Vec<Sample> {
        // From a table (Abramowitz and Stegun, 7.1).
        let x = [0.0, 0.5, -1.0, 2.0, 3.0];
        let y = [
            0.0,
            0.520_499_877_813_046_5,
            -0.842_700_792_949_714_9,
            0.995_322_265_018_952_7,
            0.999_977_909_503_001_4,
        ];
        vec![Sample::f32(Erf, &[(&[5], &x)], &y)]
    }
}

/// erf to about 1e-15: a series near zero, a continued fraction of 1 − erf beyond.
fn erf(x: f64) -> f64 {
    const SPLIT: f64 = 2.5;
    if x.is_nan() {
        x
    } else if x.abs() < SPLIT {
        erf_series(x)
    } else {
        (1.0 - erfc_fraction(x.abs())).copysign(x)
    }
}

/// erf x = 2/√π · e^(−x²) · Σ 2ⁿ x^(2n+1) / (1·3·…·(2n+1)) (DLMF 7.6.2); all terms have one sign.
fn erf_series(x: f64) -> f64 {
    let (mut term, mut sum, mut odd) = (x, x, 1.0);
    loop {
        odd += 2.0;
        term *= 2.0 * x * x / odd;
        if sum + term == sum {
            return std::f64::consts::FRAC_2_SQRT_PI * (-x * x).exp() * sum;
        }
        sum += term;
    }
}

/// 1 − erf x = e^(−x²)/√π / (x + ½/(x + 1/(x + 1½/(x + …)))) for x > 0 (DLMF 7.9.1), from the inside out.
fn erfc_fraction(x: f64) -> f64 {
    const DEPTH: u32 = 60;
    let fraction = (1..=DEPTH).rev().fold(x, |inner, n| x + f64::from(n) / 2.0 / inner);
    (-x * x).exp() / (std::f64::consts::PI.sqrt() * fraction)
}
