//! `abs`: |x|, element by element.

use super::map_rule::MapRule;
use super::*;

/// |x|; its derivative is the sign of x, 0 at 0.
#[derive(Clone, Default, PartialEq, Eq, Hash, Debug)]
pub struct Abs;

impl MapRule for Abs {
    const NAME: &'static str = "abs";
    const ARITY: usize = 1;

    fn element(x: &[f64]) -> f64 {
        x[0].abs()
    }

    fn vjp(builder: &mut Builder, node: &VjpNode<'_>) -> Vec<Option<NodeId>> {
        let sign = builder.sign(node.operands[0]);
        vec![Some(builder.mul(node.cotangent(), sign))]
    }

    fn samples() -> Vec<Sample> {
        vec![Sample::f32(Abs, &[(&[3], &[1.0, -2.5, -0.5])], &[1.0, 2.5, 0.5])]
    }
}
