//! `embedding(vocab, dim)`: for each integer a trained row.

use super::{LayerContext, LayerRule, Misfit, Parameter, init};
use crate::arguments::{ArgKind, ArgSpec, Arguments, Setting};
use crate::graph::NodeId;
use crate::module::Init;

pub(super) struct Embedding;

/// The default of `init`: as Keras has it.
const UNIFORM: &str = "uniform";
const LIMIT: f64 = 0.05;

const SIGNATURE: &[ArgSpec] = &[
    ArgSpec {
        name: "vocab",
        kind: ArgKind::Size,
        positional: true,
        default: None,
        meaning: "the number of different integers, which count from 0",
    },
    ArgSpec {
        name: "dim",
        kind: ArgKind::Size,
        positional: true,
        default: None,
        meaning: "the number of features that each becomes",
    },
    ArgSpec { default: Some(Setting::Word(UNIFORM)), ..init::ARGUMENT },
];

impl LayerRule for Embedding {
    fn name(&self) -> &'static str {
        "embedding"
    }

    fn signature(&self) -> &'static [ArgSpec] {
        SIGNATURE
    }

    fn vocabulary(&self, arguments: &Arguments) -> Option<usize> {
        Some(arguments.size("vocab"))
    }

    fn input_form(&self, _: &Arguments) -> String {
        "t".to_owned()
    }

    fn infer(&self, arguments: &Arguments, input: &[usize]) -> Result<Vec<usize>, Misfit> {
        Ok([input, &[arguments.size("dim")]].concat())
    }

    fn parameters(&self, arguments: &Arguments) -> Vec<Parameter> {
        let (vocab, dim) = (arguments.size("vocab"), arguments.size("dim"));
        let init = match arguments.word("init") {
            UNIFORM => Init::Uniform { limit: LIMIT },
            other => init::weight_init(other, vocab, dim),
        };
        vec![Parameter { suffix: "weight", shape: vec![vocab, dim], init }]
    }

    fn build(&self, cx: &mut LayerContext<'_>, x: NodeId) -> NodeId {
        let weight = cx.parameter("weight");
        cx.builder.gather(weight, x)
    }
}
