//! Activations: functions of one tensor, each also a layer of its own.
//!
//! Where a function has a kink, the op that makes it decides the slope there, which is part of the language.

use super::{LayerContext, LayerRule, Misfit};
use crate::arguments::{ArgSpec, Arguments};
use crate::builder::Builder;
use crate::graph::NodeId;
use crate::ops::compare::Direction;

/// A function of one tensor that keeps its shape.
#[derive(Debug)]
pub struct Activation {
    /// Its name in network text.
    pub name: &'static str,
    /// Adds it to a graph.
    pub apply: fn(&mut Builder, NodeId) -> NodeId,
}

/// All activations.
pub static ACTIVATIONS: &[Activation] = &[
    Activation { name: "relu", apply: relu },
    Activation { name: "leaky_relu", apply: leaky_relu },
    Activation { name: "sigmoid", apply: Builder::logistic },
    Activation { name: "tanh", apply: Builder::tanh },
    Activation { name: "softplus", apply: Builder::softplus },
    Activation { name: "elu", apply: elu },
    Activation { name: "silu", apply: silu },
    Activation { name: "gelu", apply: gelu },
    Activation { name: "softmax", apply: softmax },
    Activation { name: "linear", apply: linear },
];

impl Activation {
    /// The activation of this name.
    pub fn find(name: &str) -> Option<&'static Activation> {
        ACTIVATIONS.iter().find(|activation| activation.name == name)
    }
}

impl LayerRule for Activation {
    fn name(&self) -> &'static str {
        self.name
    }

    fn signature(&self) -> &'static [ArgSpec] {
        &[]
    }

    fn infer(&self, _: &Arguments, input: &[usize]) -> Result<Vec<usize>, Misfit> {
        Ok(input.to_vec())
    }

    fn activation(&self, _: &Arguments) -> Option<&'static Activation> {
        Activation::find(self.name)
    }

    fn build(&self, _: &mut LayerContext<'_>, x: NodeId) -> NodeId {
        x
    }
}

/// max(x, 0); slope 0 at 0, as `max` passes the gradient of a tie to its second operand.
fn relu(b: &mut Builder, x: NodeId) -> NodeId {
    let zero = b.constant_like(0.0, x);
    b.max(x, zero)
}

/// x, or 0.01·x where that is not positive; slope 0.01 at 0.
fn leaky_relu(b: &mut Builder, x: NodeId) -> NodeId {
    let zero = b.constant_like(0.0, x);
    let positive = b.compare(Direction::Gt, x, zero);
    let small = b.scale(0.01, x);
    b.select(positive, x, small)
}

/// x, or eˣ − 1 where that is negative; slope 1 at 0 (Clevert et al., 2016, with α = 1).
fn elu(b: &mut Builder, x: NodeId) -> NodeId {
    let zero = b.constant_like(0.0, x);
    let not_negative = b.compare(Direction::Ge, x, zero);
    // Where the other branch is chosen, eˣ may not overflow: its slope times zero would be NaN.
    let below = b.min(x, zero);
    let curve = b.expm1(below);
    b.select(not_negative, x, curve)
}

/// x·σ(x) (Elfwing et al., 2018), also called swish.
fn silu(b: &mut Builder, x: NodeId) -> NodeId {
    let gate = b.logistic(x);
    b.mul(x, gate)
}

/// x·Φ(x), Φ being the normal distribution function (Hendrycks and Gimpel, 2016): the exact form, by erf.
fn gelu(b: &mut Builder, x: NodeId) -> NodeId {
    let scaled = b.scale(std::f64::consts::FRAC_1_SQRT_2, x);
    let erf = b.erf(scaled);
    let one = b.constant_like(1.0, x);
    let twice = b.add(one, erf);
    let half = b.scale(0.5, x);
    b.mul(half, twice)
}

/// eˣ over its sum along the last axis. Subtracting the maximum changes nothing but keeps eˣ from overflowing.
pub(super) fn softmax(b: &mut Builder, x: NodeId) -> NodeId {
    let shifted = minus_max(b, x);
    let exp = b.exp(shifted);
    let last = b.shape(x).rank() - 1;
    let sum = b.reduce_sum(exp, &[last]);
    let sum = along_last(b, sum, x);
    b.div(exp, sum)
}

fn linear(_: &mut Builder, x: NodeId) -> NodeId {
    x
}

/// x less its maximum along the last axis, which autodiff takes for a constant.
pub(crate) fn minus_max(b: &mut Builder, x: NodeId) -> NodeId {
    let last = b.shape(x).rank() - 1;
    let max = b.reduce_max(x, &[last]);
    let max = b.stop_gradient(max);
    let max = along_last(b, max, x);
    b.sub(x, max)
}

/// `row`, of the shape of `like` without its last axis, repeated along that axis.
pub(crate) fn along_last(b: &mut Builder, row: NodeId, like: NodeId) -> NodeId {
    let shape = b.shape(like).clone();
    let kept: Vec<usize> = (0..shape.rank() - 1).collect();
    b.broadcast(row, &kept, shape)
}
