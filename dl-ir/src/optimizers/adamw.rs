//! `adamw`: weights shrink by lr · weight_decay, then Adam's step (Loshchilov and Hutter, 2019), as in PyTorch.

use super::adam::{Adam, BETA1, BETA2, EPS};
use super::{LR, OptimizerRule, UpdateContext, number};
use crate::arguments::{ArgSpec, Arguments, Range};
use crate::graph::NodeId;
use crate::types::Shape;

pub(super) struct AdamW;

const SIGNATURE: &[ArgSpec] =
    &[LR, BETA1, BETA2, EPS, number("weight_decay", Range::NotNegative, 0.01, "how fast weights shrink")];

impl OptimizerRule for AdamW {
    fn name(&self) -> &'static str {
        "adamw"
    }

    fn signature(&self) -> &'static [ArgSpec] {
        SIGNATURE
    }

    fn slots(&self, arguments: &Arguments) -> Vec<&'static str> {
        Adam.slots(arguments)
    }

    fn corrections(&self, arguments: &Arguments) -> Vec<(&'static str, f64)> {
        Adam.corrections(arguments)
    }

    /// Adam from w·(1 − lr·wd), which is w − lr·wd·w.
    fn update(&self, cx: &mut UpdateContext<'_>, parameter: NodeId, gradient: NodeId) -> NodeId {
        let (lr, weight_decay) = (cx.lr, cx.float("weight_decay"));
        let kept = cx.once(|builder| {
            let shrink = builder.scale(weight_decay, lr);
            let one = builder.constant(1.0, Shape::scalar());
            builder.sub(one, shrink)
        });
        let shrunk = cx.times(kept, parameter);
        Adam.update(cx, shrunk, gradient)
    }
}
