//! `log1p`: ln(1 + x), exact for small x, element by element.

use super::map_rule::MapRule;
use super::*;

/// ln(1 + x); its derivative is 1/(1 + x).
#[derive(Clone, Default, PartialEq, Eq, Hash, Debug)]
pub struct Log1p;

impl MapRule for Log1p {
    const NAME: &'static str = "log1p";
    const ARITY: usize = 1;

    fn element(x: &[f64]) -> f64 {
        x[0].ln_1p()
    }

    fn vjp(builder: &mut Builder, node: &VjpNode<'_>) -> Vec<Option<NodeId>> {
        let one = builder.constant_like(1.0, node.result);
        let shifted = builder.add(one, node.operands[0]);
        vec![Some(builder.div(node.cotangent(), shifted))]
    }

    fn samples() -> Vec<Sample> {
        vec![Sample::f32(
            Log1p,
            &[(&[4], &[0.0, 1.0, -0.5, 1e-20])],
            &[0.0, std::f64::consts::LN_2, -std::f64::consts::LN_2, 1e-20],
        )]
    }
}
