//! `tanh`: the hyperbolic tangent, element by element.

use super::map_rule::MapRule;
use super::*;

/// y = tanh x; its derivative is 1 − y².
#[derive(Clone, Default, PartialEq, Eq, Hash, Debug)]
pub struct Tanh;

impl MapRule for Tanh {
    const NAME: &'static str = "tanh";
    const ARITY: usize = 1;

    fn element(x: &[f64]) -> f64 {
        x[0].tanh()
    }

    fn vjp(builder: &mut Builder, node: &VjpNode<'_>) -> Vec<Option<NodeId>> {
        let one = builder.constant_like(1.0, node.result);
        let square = builder.mul(node.result, node.result);
        let slope = builder.sub(one, square);
        vec![Some(builder.mul(node.cotangent(), slope))]
    }

    fn samples() -> Vec<Sample> {
        // tanh(ln 2) = (2 − 1/2) / (2 + 1/2)
        let ln2 = std::f64::consts::LN_2;
        vec![Sample::f32(Tanh, &[(&[4], &[0.0, ln2, -ln2, 50.0])], &[0.0, 0.6, -0.6, 1.0])]
    }
}
