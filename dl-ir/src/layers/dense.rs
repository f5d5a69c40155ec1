//! `dense(in, out, act)`: act(xW + b), on the last axis.

use super::{Activation, LayerContext, LayerRule, Misfit, Parameter, check_features, init};
use crate::arguments::{ArgKind, ArgSpec, Arguments, Setting};
use crate::builder::Builder;
use crate::graph::NodeId;
use crate::module::Init;
use crate::ops::Einsum;

pub(super) struct Dense;

const SIGNATURE: &[ArgSpec] = &[
    ArgSpec {
        name: "in",
        kind: ArgKind::Size,
        positional: true,
        default: None,
        meaning: "the number of features that come in",
    },
    ArgSpec {
        name: "out",
        kind: ArgKind::Size,
        positional: true,
        default: None,
        meaning: "the number of features that go out",
    },
    ACTIVATION,
    BIAS,
    init::ARGUMENT,
];

/// The argument of layers that end with an activation.
pub(super) const ACTIVATION: ArgSpec = ArgSpec {
    name: "act",
    kind: ArgKind::Activation,
    positional: true,
    default: Some(Setting::Word("linear")),
    meaning: "the activation that is applied last",
};

/// The argument of layers that may do without a bias.
pub(super) const BIAS: ArgSpec = ArgSpec {
    name: "bias",
    kind: ArgKind::Bool,
    positional: false,
    default: Some(Setting::Bool(true)),
    meaning: "whether a bias is added",
};

impl LayerRule for Dense {
    fn name(&self) -> &'static str {
        "dense"
    }

    fn signature(&self) -> &'static [ArgSpec] {
        SIGNATURE
    }

    fn implied_input(&self, arguments: &Arguments) -> Option<Vec<usize>> {
        Some(vec![arguments.size("in")])
    }

    fn infer(&self, arguments: &Arguments, input: &[usize]) -> Result<Vec<usize>, Misfit> {
        check_features(self, arguments, "in", input)?;
        Ok([&input[..input.len() - 1], &[arguments.size("out")]].concat())
    }

    fn parameters(&self, arguments: &Arguments) -> Vec<Parameter> {
        let (fan_in, fan_out) = (arguments.size("in"), arguments.size("out"));
        let init = init::weight_init(arguments.word("init"), fan_in, fan_out);
        let weight = Parameter { suffix: "weight", shape: vec![fan_in, fan_out], init };
        let bias = Parameter { suffix: "bias", shape: vec![fan_out], init: Init::Constant(0.0) };
        if arguments.flag("bias") { vec![weight, bias] } else { vec![weight] }
    }

    fn activation(&self, arguments: &Arguments) -> Option<&'static Activation> {
        Activation::find(arguments.word("act"))
    }

    fn build(&self, cx: &mut LayerContext<'_>, x: NodeId) -> NodeId {
        let weight = cx.parameter("weight");
        let product = product(cx.builder, x, weight);
        if !cx.arguments().flag("bias") {
            return product;
        }
        let bias = cx.parameter("bias");
        add_bias(cx.builder, product, bias)
    }
}

/// The matrix product of the last axis of `x` with a weight [in, out].
pub(super) fn product(builder: &mut Builder, x: NodeId, weight: NodeId) -> NodeId {
    let last = builder.shape(x).rank() - 1;
    // One letter for each axis of x, one more for the outputs: `abc,cd->abd`.
    let letters: Vec<u8> = (b'a'..=b'z').take(last + 2).collect();
    let (outer, features) = letters.split_at(last);
    let product = Einsum::new(&letters[..=last], features, &[outer, &features[1..]].concat());
    builder.push(product, &[x, weight])
}

/// `x` plus a bias along its last axis.
pub(super) fn add_bias(builder: &mut Builder, x: NodeId, bias: NodeId) -> NodeId {
    let shape = builder.shape(x).clone();
    let bias = builder.broadcast(bias, &[shape.rank() - 1], shape);
    builder.add(x, bias)
}
