//! `neg`: −x, element by element.

use super::map_rule::MapRule;
use super::*;

/// −x.
#[derive(Clone, Default, PartialEq, Eq, Hash, Debug)]
pub struct Neg;

impl MapRule for Neg {
    const NAME: &'static str = "neg";
    const ARITY: usize = 1;

    fn element(x: &[f64]) -> f64 {
        -x[0]
    }

    fn vjp(builder: &mut Builder, node: &VjpNode<'_>) -> Vec<Option<NodeId>> {
        vec![Some(builder.neg(node.cotangent()))]
    }

    fn samples() -> Vec<Sample> {
        vec![Sample::f32(Neg, &[(&[3], &[1.0, -2.5, 0.5])], &[-1.0, 2.5, -0.5])]
    }
}
