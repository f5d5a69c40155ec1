//! `stop_gradient`: x, as a constant for autodiff, element by element.

use super::map_rule::MapRule;
use super::*;

/// x itself. No gradient passes.
#[derive(Clone, Default, PartialEq, Eq, Hash, Debug)]
pub struct StopGradient;

impl MapRule for StopGradient {
    const NAME: &'static str = "stop_gradient";
    const ARITY: usize = 1;

    fn element(x: &[f64]) -> f64 {
        x[0]
    }

    fn vjp(_: &mut Builder, _: &VjpNode<'_>) -> Vec<Option<NodeId>> {
        vec![None]
    }

    fn samples() -> Vec<Sample> {
        vec![Sample::f32(StopGradient, &[(&[3], &[1.0, -2.5, 0.5])], &[1.0, -2.5, 0.5])]
    }
}
