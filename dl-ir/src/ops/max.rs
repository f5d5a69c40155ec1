//! `max`: the larger of a and b, element by element.

use super::compare::Direction;
use super::map_rule::MapRule;
use super::*;

/// The larger of a and b; NaN if either is NaN.
///
/// The gradient goes to a where a > b, else to b. That is where b is less than the result: asked so, the rule needs
/// only b and the result for the backward pass.
#[derive(Clone, Default, PartialEq, Eq, Hash, Debug)]
pub struct Max;

impl MapRule for Max {
    const NAME: &'static str = "max";
    const ARITY: usize = 2;

    fn element(x: &[f64]) -> f64 {
        let (a, b) = (x[0], x[1]);
        if a.is_nan() || a > b { a } else { b }
    }

    fn vjp(builder: &mut Builder, node: &VjpNode<'_>) -> Vec<Option<NodeId>> {
        let a_wins = builder.compare(Direction::Gt, node.result, node.operands[1]);
        let dy = node.cotangent();
        let zero = builder.constant_like(0.0, dy);
        let for_a = builder.select(a_wins, dy, zero);
        let for_b = builder.select(a_wins, zero, dy);
        vec![Some(for_a), Some(for_b)]
    }

    fn samples() -> Vec<Sample> {
        vec![Sample::f32(Max, &[(&[3], &[1.0, -2.0, 0.5]), (&[3], &[4.0, -3.0, 0.25])], &[4.0, -2.0, 0.5])]
    }
}
