//! `log`: the natural logarithm of x, element by element.

use super::map_rule::MapRule;
use super::*;

/// The natural logarithm ln x; its derivative is 1/x.
#[derive(Clone, Default, PartialEq, Eq, Hash, Debug)]
pub struct Log;

impl MapRule for Log {
    const NAME: &'static str = "log";
    const ARITY: usize = 1;

    fn element(x: &[f64]) -> f64 {
        x[0].ln()
    }

    fn vjp(builder: &mut Builder, node: &VjpNode<'_>) -> Vec<Option<NodeId>> {
        vec![Some(builder.div(node.cotangent(), node.operands[0]))]
    }

    fn samples() -> Vec<Sample> {
        let e = std::f64::consts::E;
        vec![Sample::f32(Log, &[(&[4], &[1.0, e, 1.0 / e, 2.0])], &[0.0, 1.0, -1.0, std::f64::consts::LN_2])]
    }
}
