//! `sign`: −1, 0 or 1, element by element.

use super::map_rule::MapRule;
use super::*;

/// The sign of x: −1, 0 or 1, and NaN of NaN. No gradient passes.
#[derive(Clone, Default, PartialEq, Eq, Hash, Debug)]
pub struct Sign;

impl MapRule for Sign {
    const NAME: &'static str = "sign";
    const ARITY: usize = 1;

    fn element(x: &[f64]) -> f64 {
        if x[0] > 0.0 {
            1.0
        } else if x[0] < 0.0 {
            -1.0
        } else {
            // Zero, or NaN.
            x[0].abs()
        }
    }

    fn vjp(_: &mut Builder, _: &VjpNode<'_>) -> Vec<Option<NodeId>> {
        vec![None]
    }

    fn samples() -> Vec<Sample> {
        vec![Sample::f32(Sign, &[(&[3], &[3.0, -2.5, 0.25])], &[1.0, -1.0, 1.0])]
    }
}
