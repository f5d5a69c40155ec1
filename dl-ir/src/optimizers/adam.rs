//! `adam`: steps scaled by running means of the gradient and of its square (Kingma and Ba, 2015), as in PyTorch.

use super::{LR, OptimizerRule, UpdateContext, number};
use crate::arguments::{ArgSpec, Arguments, Range};
use crate::graph::NodeId;
use crate::types::Shape;

pub(super) struct Adam;

pub(super) const BETA1: ArgSpec =
    number("beta1", Range::Fraction, 0.9, "how long the mean of gradients remembers");
pub(super) const BETA2: ArgSpec =
    number("beta2", Range::Fraction, 0.999, "how long the mean of squares remembers");
pub(super) const EPS: ArgSpec = number("eps", Range::NotNegative, 1e-8, "what keeps the divisor from zero");

const SIGNATURE: &[ArgSpec] = &[LR, BETA1, BETA2, EPS];

impl OptimizerRule for Adam {
    fn name(&self) -> &'static str {
        "adam"
    }

    fn signature(&self) -> &'static [ArgSpec] {
        SIGNATURE
    }

    fn slots(&self, _: &Arguments) -> Vec<&'static str> {
        vec!["m", "v"]
    }

    fn corrections(&self, arguments: &Arguments) -> Vec<(&'static str, f64)> {
        vec![("c1", arguments.float("beta1")), ("c2", arguments.float("beta2"))]
    }

    /// w − lr/c1 · m / (√v/√c2 + ε), with c = 1 − βᵗ. What is the same for all elements is computed once.
    fn update(&self, cx: &mut UpdateContext<'_>, parameter: NodeId, gradient: NodeId) -> NodeId {
        let m = cx.running_mean("m", cx.float("beta1"), gradient);
        let square = cx.builder.mul(gradient, gradient);
        let v = cx.running_mean("v", cx.float("beta2"), square);
        let (c1, c2) = (cx.correction("c1"), cx.correction("c2"));
        let lr = cx.lr;
        let (rate, inverse) = cx.once(|builder| {
            let rate = builder.div(lr, c1);
            let one = builder.constant(1.0, Shape::scalar());
            let root_c2 = builder.sqrt(c2);
            (rate, builder.div(one, root_c2))
        });

        let root_v = cx.builder.sqrt(v);
        let root = cx.times(inverse, root_v);
        let eps = cx.builder.constant_like(cx.float("eps"), root);
        let divisor = cx.builder.add(root, eps);
        // Divided first: rate · m would be subnormal, and slow, long before m is.
        let direction = cx.builder.div(m, divisor);
        let step = cx.times(rate, direction);
        cx.builder.sub(parameter, step)
    }
}
