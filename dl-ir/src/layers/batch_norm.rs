//! `batch_norm(c)`: each channel normalised over batch and positions (Ioffe and Szegedy, 2015).

use super::norm::{self, Moments, inverse_deviation, less, times};
use super::{LayerContext, LayerRule, Misfit, Mode, Parameter, check_features};
use crate::arguments::{ArgKind, ArgSpec, Arguments};
use crate::graph::NodeId;
use crate::types::Shape;

pub(super) struct BatchNorm;

/// How much of a batch's statistics goes into the running ones.
const MOMENTUM: f64 = 0.1;

const SIGNATURE: &[ArgSpec] = &[ArgSpec {
    name: "c",
    kind: ArgKind::Size,
    positional: true,
    default: None,
    meaning: "the number of channels",
}];

impl LayerRule for BatchNorm {
    fn name(&self) -> &'static str {
        "batch_norm"
    }

    fn signature(&self) -> &'static [ArgSpec] {
        SIGNATURE
    }

    fn infer(&self, arguments: &Arguments, input: &[usize]) -> Result<Vec<usize>, Misfit> {
        check_features(self, arguments, "c", input).map(|()| input.to_vec())
    }

    fn parameters(&self, arguments: &Arguments) -> Vec<Parameter> {
        norm::parameters(arguments.size("c"))
    }

    fn buffers(&self, arguments: &Arguments) -> Vec<Parameter> {
        let channels = arguments.size("c");
        vec![norm::tensor("running_mean", channels, 0.0), norm::tensor("running_var", channels, 1.0)]
    }

    /// One value for each channel has no variance.
    fn min_batch(&self, input: &[usize]) -> usize {
        if positions(input) == 1 { 2 } else { 1 }
    }

    /// (x − mean)/√(variance + ε) · weight + bias: in training with mean and biased variance of the batch, else with the running
    /// ones.
    fn build(&self, cx: &mut LayerContext<'_>, x: NodeId) -> NodeId {
        let (centered, variance) = match cx.mode {
            Mode::Training => batch_statistics(cx, x),
            Mode::Inference => {
                let mean = cx.buffer("running_mean");
                let last = cx.builder.shape(x).rank() - 1;
                (less(cx.builder, x, mean, &[last]), cx.buffer("running_var"))
            }
        };
        let inverse = inverse_deviation(cx.builder, variance);
        let weight = cx.parameter("weight");
        let scale = cx.builder.mul(inverse, weight);
        norm::scale_and_shift(cx, centered, scale)
    }
}

/// The number of positions that an example has, for each of which there is a value of every channel.
fn positions(shape: &[usize]) -> usize {
    shape.iter().rev().skip(1).product()
}

/// x less the batch's mean, and the batch's biased variance; the running statistics take in the batch's mean and its unbiased
/// variance.
fn batch_statistics(cx: &mut LayerContext<'_>, x: NodeId) -> (NodeId, NodeId) {
    let positions = positions(cx.output());
    let b = &mut *cx.builder;
    let others: Vec<usize> = (0..b.shape(x).rank() - 1).collect();
    let one = b.constant(1.0, Shape::scalar());
    let count = b.batch_size(positions);
    let share = b.div(one, count);
    let Moments { mean, centered, squares } = Moments::of(b, x, &others, share);
    let variance = times(b, share, squares);
    let fewer = b.sub(count, one);
    let unbiased_share = b.div(one, fewer);
    let unbiased = times(b, unbiased_share, squares);
    take_in(cx, "running_mean", mean);
    take_in(cx, "running_var", unbiased);
    (centered, variance)
}

/// A step of a running mean.
fn take_in(cx: &mut LayerContext<'_>, buffer: &str, of_batch: NodeId) {
    let running = cx.buffer(buffer);
    let kept = cx.builder.scale(1.0 - MOMENTUM, running);
    let gained = cx.builder.scale(MOMENTUM, of_batch);
    let next = cx.builder.add(kept, gained);
    cx.update_buffer(buffer, next);
}
