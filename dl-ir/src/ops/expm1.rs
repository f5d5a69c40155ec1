//! `expm1`: eˣ − 1, exact for small x, element by element.

use super::map_rule::MapRule;
use super::*;

/// y = eˣ − 1; its derivative is y + 1.
#[derive(Clone, Default, PartialEq, Eq, Hash, Debug)]
pub struct Expm1;

impl MapRule for Expm1 {
    const NAME: &'static str = "expm1";
    const ARITY: usize = 1;

    fn element(x: &[f64]) -> f64 {
        x[0].exp_m1()
    }

    fn vjp(builder: &mut Builder, node: &VjpNode<'_>) -> Vec<Option<NodeId>> {
        let one = builder.constant_like(1.0, node.result);
        let exp = builder.add(node.result, one);
        vec![Some(builder.mul(node.cotangent(), exp))]
    }

    fn samples() -> Vec<Sample> {
        let e = std::f64::consts::E;
        vec![Sample::f32(Expm1, &[(&[4], &[0.0, 1.0, -1.0, 1e-20])], &[0.0, e - 1.0, 1.0 / e - 1.0, 1e-20])]
    }
}
