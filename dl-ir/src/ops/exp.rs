//! `exp`: eˣ, element by element.

use super::map_rule::MapRule;
use super::*;

/// eˣ, which is its own derivative.
#[derive(Clone, Default, PartialEq, Eq, Hash, Debug)]
pub struct Exp;

impl MapRule for Exp {
    const NAME: &'static str = "exp";
    const ARITY: usize = 1;

    fn element(x: &[f64]) -> f64 {
        x[0].exp()
    }

    fn vjp(builder: &mut Builder, node: &VjpNode<'_>) -> Vec<Option<NodeId>> {
        vec![Some(builder.mul(node.cotangent(), node.result))]
    }

    fn samples() -> Vec<Sample> {
        let e = std::f64::consts::E;
        vec![Sample::f32(Exp, &[(&[4], &[0.0, 1.0, -1.0, 2.0])], &[1.0, e, 1.0 / e, e * e])]
    }
}
