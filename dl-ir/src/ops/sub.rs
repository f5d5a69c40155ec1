//! `sub`: a − b, element by element.

use super::map_rule::MapRule;
use super::*;

/// a − b; the cotangents are dy and −dy.
#[derive(Clone, Default, PartialEq, Eq, Hash, Debug)]
pub struct Sub;

impl MapRule for Sub {
    const NAME: &'static str = "sub";
    const ARITY: usize = 2;

    fn element(x: &[f64]) -> f64 {
        x[0] - x[1]
    }

    fn vjp(builder: &mut Builder, node: &VjpNode<'_>) -> Vec<Option<NodeId>> {
        let dy = node.cotangent();
        vec![Some(dy), Some(builder.neg(dy))]
    }

    fn samples() -> Vec<Sample> {
        vec![Sample::f32(Sub, &[(&[3], &[1.0, -2.0, 0.5]), (&[3], &[4.0, 2.0, 0.25])], &[-3.0, -4.0, 0.25])]
    }
}
