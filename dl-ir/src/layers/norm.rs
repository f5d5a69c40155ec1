//! What the normalising layers share: moments, and the affine map that follows.

use super::{LayerContext, Parameter};
use crate::builder::Builder;
use crate::graph::NodeId;
use crate::module::Init;

/// What is added to a variance before its root is taken.
const EPS: f64 = 1e-5;

/// Mean and spread of a tensor along some axes.
pub(super) struct Moments {
    /// The mean, without these axes.
    pub mean: NodeId,
    /// The tensor less its mean.
    pub centered: NodeId,
    /// Σ (x − mean)², without these axes.
    pub squares: NodeId,
}

impl Moments {
    /// Along `axes`, on which there are 1/`share` elements, `share` being a scalar. In two passes: E[x²] − E[x]² cancels.
    pub(super) fn of(b: &mut Builder, x: NodeId, axes: &[usize], share: NodeId) -> Self {
        let kept: Vec<usize> = (0..b.shape(x).rank()).filter(|axis| !axes.contains(axis)).collect();
        let sum = b.reduce_sum(x, axes);
        let mean = times(b, share, sum);
        let centered = less(b, x, mean, &kept);
        let square = b.mul(centered, centered);
        let squares = b.reduce_sum(square, axes);
        Moments { mean, centered, squares }
    }
}

/// scalar · x.
pub(super) fn times(b: &mut Builder, scalar: NodeId, x: NodeId) -> NodeId {
    let scalar = b.broadcast_like(scalar, x);
    b.mul(scalar, x)
}

/// x less a tensor of its axes `kept`, repeated along the others.
pub(super) fn less(b: &mut Builder, x: NodeId, mean: NodeId, kept: &[usize]) -> NodeId {
    let shape = b.shape(x).clone();
    let mean = b.broadcast(mean, kept, shape);
    b.sub(x, mean)
}

/// 1/√(variance + ε).
pub(super) fn inverse_deviation(b: &mut Builder, variance: NodeId) -> NodeId {
    let eps = b.constant_like(EPS, variance);
    let variance = b.add(variance, eps);
    let deviation = b.sqrt(variance);
    let one = b.constant_like(1.0, deviation);
    b.div(one, deviation)
}

/// `weight` and `bias` of so many features.
pub(super) fn parameters(features: usize) -> Vec<Parameter> {
    [("weight", 1.0), ("bias", 0.0)].map(|(suffix, first)| tensor(suffix, features, first)).into()
}

/// A tensor of so many features, each beginning as `first`.
pub(super) fn tensor(suffix: &'static str, features: usize, first: f64) -> Parameter {
    Parameter { suffix, shape: vec![features], init: Init::Constant(first) }
}

/// x · scale + bias, `scale` and the layer's bias being of the last axis.
pub(super) fn scale_and_shift(cx: &mut LayerContext<'_>, x: NodeId, scale: NodeId) -> NodeId {
    let bias = cx.parameter("bias");
    let shape = cx.builder.shape(x).clone();
    let last = [shape.rank() - 1];
    let scale = cx.builder.broadcast(scale, &last, shape.clone());
    let scaled = cx.builder.mul(x, scale);
    let bias = cx.builder.broadcast(bias, &last, shape);
    cx.builder.add(scaled, bias)
}
