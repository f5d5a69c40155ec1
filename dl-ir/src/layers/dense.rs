//! `dense(in, out, act)`: act(xW + b), on the last axis.

use super::{Activation, LayerContext, LayerRule, Misfit, Parameter, init};
use crate::arguments::{ArgKind, ArgSpec, Arguments, Setting};
use crate::diagnostics::NetworkError;
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
    ArgSpec {
        name: "act",
        kind: ArgKind::Activation,
        positional: true,
        default: Some(Setting::Word("linear")),
        meaning: "the activation that is applied last",
    },
    ArgSpec {
        name: "bias",
        kind: ArgKind::Bool,
        positional: false,
        default: Some(Setting::Bool(true)),
        meaning: "whether a bias is added",
    },
    init::ARGUMENT,
];

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
        let expected = arguments.size("in");
        match input {
            [outer @ .., found] if *found == expected => Ok([outer, &[arguments.size("out")]].concat()),
            [.., found] => {
                let layer = self.text(arguments);
                let fitting = self.text(&arguments.with("in", Setting::Size(*found)));
                let error = NetworkError::Features { layer, fitting, expected, found: *found };
                Err(Misfit { error, argument: Some("in") })
            }
            [] => {
                let error =
                    NetworkError::TooFewAxes { layer: self.text(arguments), expected: 1, found: vec![] };
                Err(Misfit { error, argument: None })
            }
        }
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
        let last = cx.builder.shape(x).rank() - 1;
        // One letter for each axis of x, one more for the outputs: `abc,cd->abd`.
        let letters: Vec<u8> = (b'a'..=b'z').take(last + 2).collect();
        let (outer, features) = letters.split_at(last);
        let product = Einsum::new(&letters[..=last], features, &[outer, &features[1..]].concat());
        let product = cx.builder.push(product, &[x, weight]);
        if !cx.arguments().flag("bias") {
            return product;
        }
        let bias = cx.parameter("bias");
        let shape = cx.builder.shape(product).clone();
        let bias = cx.builder.broadcast(bias, &[last], shape);
        cx.builder.add(product, bias)
    }
}
