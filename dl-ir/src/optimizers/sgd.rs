//! `sgd`: steps down the gradient, with momentum where asked for (Polyak, 1964; Nesterov, 1983), as in PyTorch.

use super::{LR, OptimizerRule, UpdateContext, number};
use crate::arguments::{ArgKind, ArgSpec, Arguments, Range, Setting};
use crate::graph::NodeId;

pub(super) struct Sgd;

const SIGNATURE: &[ArgSpec] = &[
    LR,
    number("momentum", Range::NotNegative, 0.0, "how much of the last step is kept"),
    ArgSpec {
        name: "nesterov",
        kind: ArgKind::Bool,
        positional: false,
        default: Some(Setting::Bool(false)),
        meaning: "whether the step looks ahead along the momentum",
    },
    number("weight_decay", Range::NotNegative, 0.0, "the factor of the parameter in the gradient"),
];

impl OptimizerRule for Sgd {
    fn name(&self) -> &'static str {
        "sgd"
    }

    fn signature(&self) -> &'static [ArgSpec] {
        SIGNATURE
    }

    fn slots(&self, arguments: &Arguments) -> Vec<&'static str> {
        if arguments.float("momentum") == 0.0 { vec![] } else { vec!["momentum"] }
    }

    /// g += wd·w; b = μb + g, which is g at the first step as b begins at 0; the step is b, with nesterov g + μb.
    fn update(&self, cx: &mut UpdateContext<'_>, parameter: NodeId, gradient: NodeId) -> NodeId {
        let gradient = decayed(cx, parameter, gradient);
        let momentum = cx.float("momentum");
        if momentum == 0.0 {
            return cx.descend(parameter, gradient);
        }
        let b = cx.slot("momentum", parameter);
        let kept = cx.builder.scale(momentum, b);
        let b = cx.builder.add(kept, gradient);
        let b = cx.set("momentum", b);
        if !cx.flag("nesterov") {
            return cx.descend(parameter, b);
        }
        let ahead = cx.builder.scale(momentum, b);
        let step = cx.builder.add(gradient, ahead);
        cx.descend(parameter, step)
    }
}

fn decayed(cx: &mut UpdateContext<'_>, parameter: NodeId, gradient: NodeId) -> NodeId {
    let weight_decay = cx.float("weight_decay");
    if weight_decay == 0.0 {
        return gradient;
    }
    let decay = cx.builder.scale(weight_decay, parameter);
    cx.builder.add(gradient, decay)
}
