//! `logistic`: 1 / (1 + e⁻ˣ), element by element.

use super::map_rule::MapRule;
use super::*;

/// The logistic function y = 1 / (1 + e⁻ˣ), often called sigmoid; its derivative is y·(1 − y).
#[derive(Clone, Default, PartialEq, Eq, Hash, Debug)]
pub struct Logistic;

impl MapRule for Logistic {
    const NAME: &'static str = "logistic";
    const ARITY: usize = 1;

    fn element(x: &[f64]) -> f64 {
        1.0 / (1.0 + (-x[0]).exp())
    }

    fn vjp(builder: &mut Builder, node: &VjpNode<'_>) -> Vec<Option<NodeId>> {
        let one = builder.constant_like(1.0, node.result);
        let rest = builder.sub(one, node.result);
        let slope = builder.mul(node.result, rest);
        vec![Some(builder.mul(node.cotangent(), slope))]
    }

    fn samples() -> Vec<Sample> {
        let ln3 = 3.0_f64.ln();
        vec![Sample::f32(Logistic, &[(&[4], &[0.0, ln3, -ln3, -800.0])], &[0.5, 0.75, 0.25, 0.0])]
    }
}
