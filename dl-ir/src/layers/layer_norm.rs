//! `layer_norm(d)`: each position normalised over its features (Ba, Kiros and Hinton, 2016).

use super::activations::along_last;
use super::norm::{self, Moments, inverse_deviation, times};
use super::{LayerContext, LayerRule, Misfit, Parameter, check_features};
use crate::arguments::{ArgKind, ArgSpec, Arguments};
use crate::graph::NodeId;
use crate::types::Shape;

pub(super) struct LayerNorm;

const SIGNATURE: &[ArgSpec] = &[ArgSpec {
    name: "d",
    kind: ArgKind::Size,
    positional: true,
    default: None,
    meaning: "the number of features",
}];

impl LayerRule for LayerNorm {
    fn name(&self) -> &'static str {
        "layer_norm"
    }

    fn signature(&self) -> &'static [ArgSpec] {
        SIGNATURE
    }

    fn infer(&self, arguments: &Arguments, input: &[usize]) -> Result<Vec<usize>, Misfit> {
        check_features(self, arguments, "d", input).map(|()| input.to_vec())
    }

    fn parameters(&self, arguments: &Arguments) -> Vec<Parameter> {
        norm::parameters(arguments.size("d"))
    }

    /// (x − mean)/√(variance + ε) · weight + bias, with the biased variance of the last axis.
    fn build(&self, cx: &mut LayerContext<'_>, x: NodeId) -> NodeId {
        let last = cx.builder.shape(x).rank() - 1;
        let share = cx.builder.constant(1.0 / cx.arguments().size("d") as f64, Shape::scalar());
        let Moments { centered, squares, .. } = Moments::of(cx.builder, x, &[last], share);
        let variance = times(cx.builder, share, squares);
        let inverse = inverse_deviation(cx.builder, variance);
        let inverse = along_last(cx.builder, inverse, x);
        let normalized = cx.builder.mul(centered, inverse);
        let weight = cx.parameter("weight");
        norm::scale_and_shift(cx, normalized, weight)
    }
}
