//! `rmsprop`: steps scaled by a running mean of squared gradients (Tieleman and Hinton, 2012), as in PyTorch.

use super::{LR, OptimizerRule, UpdateContext, adam, number};
use crate::arguments::{ArgSpec, Arguments, Range};
use crate::graph::NodeId;

pub(super) struct RmsProp;

const SIGNATURE: &[ArgSpec] = &[
    LR,
    number("rho", Range::Fraction, 0.99, "how long the mean of squares remembers"),
    adam::EPS,
    number("momentum", Range::NotNegative, 0.0, "how much of the last step is kept"),
];

impl OptimizerRule for RmsProp {
    fn name(&self) -> &'static str {
        "rmsprop"
    }

    fn signature(&self) -> &'static [ArgSpec] {
        SIGNATURE
    }

    fn slots(&self, arguments: &Arguments) -> Vec<&'static str> {
        if arguments.float("momentum") == 0.0 { vec!["v"] } else { vec!["v", "momentum"] }
    }

    /// v = ρv + (1 − ρ)g²; u = g/(√v + ε); with momentum b = μb + u, else b = u; w − lr·b.
    fn update(&self, cx: &mut UpdateContext<'_>, parameter: NodeId, gradient: NodeId) -> NodeId {
        let square = cx.builder.mul(gradient, gradient);
        let v = cx.running_mean("v", cx.float("rho"), square);
        let step = cx.over_root(gradient, v);
        let momentum = cx.float("momentum");
        if momentum == 0.0 {
            return cx.descend(parameter, step);
        }
        let b = cx.slot("momentum", parameter);
        let kept = cx.builder.scale(momentum, b);
        let b = cx.builder.add(kept, step);
        let b = cx.set("momentum", b);
        cx.descend(parameter, b)
    }
}
