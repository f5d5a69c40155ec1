//! `softplus`: ln(1 + eˣ), without overflow, element by element.

use super::map_rule::MapRule;
use super::*;

/// ln(1 + eˣ); its derivative is the logistic function.
#[derive(Clone, Default, PartialEq, Eq, Hash, Debug)]
pub struct Softplus;

impl MapRule for Softplus {
    const NAME: &'static str = "softplus";
    const ARITY: usize = 1;

    fn element(x: &[f64]) -> f64 {
        // For positive x, ln(1 + eˣ) = x + ln(1 + e⁻ˣ), where nothing overflows.
        x[0].max(0.0) + (-x[0].abs()).exp().ln_1p()
    }

    fn vjp(builder: &mut Builder, node: &VjpNode<'_>) -> Vec<Option<NodeId>> {
        let slope = builder.logistic(node.operands[0]);
        vec![Some(builder.mul(node.cotangent(), slope))]
    }

    fn samples() -> Vec<Sample> {
        let (ln2, ln3) = (std::f64::consts::LN_2, 3.0_f64.ln());
        vec![Sample::f32(
            Softplus,
            &[(&[4], &[0.0, ln2, ln2 - ln3, 1000.0])],
            &[ln2, ln3, ln3.mul_add(-1.0, 5.0_f64.ln()), 1000.0],
        )]
    }
}
