//! `sqrt`: the square root, element by element.

use super::map_rule::MapRule;
use super::*;

/// y = √x; its derivative is 1/(2y).
#[derive(Clone, Default, PartialEq, Eq, Hash, Debug)]
pub struct Sqrt;

impl MapRule for Sqrt {
    const NAME: &'static str = "sqrt";
    const ARITY: usize = 1;

    fn element(x: &[f64]) -> f64 {
        x[0].sqrt()
    }

    fn vjp(builder: &mut Builder, node: &VjpNode<'_>) -> Vec<Option<NodeId>> {
        let twice = builder.scale(2.0, node.result);
        vec![Some(builder.div(node.cotangent(), twice))]
    }

    fn samples() -> Vec<Sample> {
        vec![Sample::f32(Sqrt, &[(&[3], &[4.0, 0.25, 2.0])], &[2.0, 0.5, std::f64::consts::SQRT_2])]
    }
}
