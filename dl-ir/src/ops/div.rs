//! `div`: a / b, element by element.

use super::map_rule::MapRule;
use super::*;

/// a / b; the cotangents are dy/b and, with y = a/b, −y·(dy/b).
#[derive(Clone, Default, PartialEq, Eq, Hash, Debug)]
pub struct Div;

impl MapRule for Div {
    const NAME: &'static str = "div";
    const ARITY: usize = 2;

    fn element(x: &[f64]) -> f64 {
        x[0] / x[1]
    }

    fn vjp(builder: &mut Builder, node: &VjpNode<'_>) -> Vec<Option<NodeId>> {
        let dy = node.cotangent();
        let quotient = builder.div(dy, node.operands[1]);
        let product = builder.mul(node.result, quotient);
        vec![Some(quotient), Some(builder.neg(product))]
    }

    fn samples() -> Vec<Sample> {
        vec![Sample::f32(Div, &[(&[3], &[1.0, -2.0, 0.5]), (&[3], &[4.0, 2.0, 0.25])], &[0.25, -1.0, 2.0])]
    }
}
