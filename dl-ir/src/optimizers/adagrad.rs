//! `adagrad`: steps scaled by the sum of all squared gradients so far (Duchi et al., 2011), as in PyTorch.

use super::{LR, OptimizerRule, UpdateContext, number};
use crate::arguments::{ArgSpec, Arguments, Range};
use crate::graph::NodeId;

pub(super) struct Adagrad;

const SIGNATURE: &[ArgSpec] =
    &[LR, number("eps", Range::NotNegative, 1e-10, "what keeps the divisor from zero")];

impl OptimizerRule for Adagrad {
    fn name(&self) -> &'static str {
        "adagrad"
    }

    fn signature(&self) -> &'static [ArgSpec] {
        SIGNATURE
    }

    fn slots(&self, _: &Arguments) -> Vec<&'static str> {
        vec!["sum"]
    }

    /// s += g²; w − lr·g/(√s + ε).
    fn update(&self, cx: &mut UpdateContext<'_>, parameter: NodeId, gradient: NodeId) -> NodeId {
        let old = cx.slot("sum", parameter);
        let square = cx.builder.mul(gradient, gradient);
        let sum = cx.builder.add(old, square);
        let sum = cx.set("sum", sum);
        let step = cx.over_root(gradient, sum);
        cx.descend(parameter, step)
    }
}
