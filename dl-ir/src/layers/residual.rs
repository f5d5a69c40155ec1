//! `residual(< … >)`: x + f(x), f being the layers inside.

use super::{LayerContext, LayerRule, Misfit};
use crate::arguments::{ArgKind, ArgSpec, Arguments};
use crate::diagnostics::NetworkError;
use crate::graph::NodeId;

pub(super) struct Residual;

const SIGNATURE: &[ArgSpec] = &[ArgSpec {
    name: "layers",
    kind: ArgKind::Layers,
    positional: true,
    default: None,
    meaning: "the layers whose result is added to their input",
}];

impl LayerRule for Residual {
    fn name(&self) -> &'static str {
        "residual"
    }

    fn signature(&self) -> &'static [ArgSpec] {
        SIGNATURE
    }

    fn infer(&self, arguments: &Arguments, input: &[usize]) -> Result<Vec<usize>, Misfit> {
        let output = arguments.body.last().map_or(input, |last| &last.output);
        if output == input {
            return Ok(input.to_vec());
        }
        let error = NetworkError::ResidualShape { input: input.to_vec(), output: output.to_vec() };
        Err(Misfit { error, argument: Some("layers") })
    }

    fn build(&self, cx: &mut LayerContext<'_>, x: NodeId) -> NodeId {
        let body = &cx.arguments().body;
        let f = body.iter().fold(x, |value, layer| cx.nested(layer, value));
        cx.builder.add(x, f)
    }
}
