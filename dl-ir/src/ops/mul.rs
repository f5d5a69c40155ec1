//! `mul`: a · b, element by element.

use super::map_rule::MapRule;
use super::*;

/// a · b; the cotangents are dy·b and dy·a.
#[derive(Clone, Default, PartialEq, Eq, Hash, Debug)]
pub struct Mul;

impl MapRule for Mul {
    const NAME: &'static str = "mul";
    const ARITY: usize = 2;

    fn element(x: &[f64]) -> f64 {
        x[0] * x[1]
    }

    fn vjp(builder: &mut Builder, node: &VjpNode<'_>) -> Vec<Option<NodeId>> {
        let dy = node.cotangent();
        let (a, b) = (node.operands[0], node.operands[1]);
        vec![Some(builder.mul(dy, b)), Some(builder.mul(dy, a))]
    }

    fn samples() -> Vec<Sample> {
        vec![Sample::f32(Mul, &[(&[3], &[1.0, -2.0, 0.5]), (&[3], &[4.0, 2.0, 0.25])], &[4.0, -4.0, 0.125])]
    }
}
