//! `add`: a + b, element by element.

use super::map_rule::MapRule;
use super::*;

/// a + b.
#[derive(Clone, Default, PartialEq, Eq, Hash, Debug)]
pub struct Add;

impl MapRule for Add {
    const NAME: &'static str = "add";
    const ARITY: usize = 2;

    fn element(x: &[f64]) -> f64 {
        x[0] + x[1]
    }

    fn vjp(_: &mut Builder, node: &VjpNode<'_>) -> Vec<Option<NodeId>> {
        vec![Some(node.cotangent()); 2]
    }

    fn samples() -> Vec<Sample> {
        vec![Sample::f32(Add, &[(&[3], &[1.0, -2.0, 0.5]), (&[3], &[4.0, 2.0, 0.25])], &[5.0, 0.0, 0.75])]
    }
}
