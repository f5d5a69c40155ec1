//! `cross_entropy`: the mean over examples (and time steps) of −Σ target · log softmax(logits).

use super::{LossRule, TargetKind, count, mean_over};
use crate::builder::Builder;
use crate::graph::NodeId;
use crate::layers::activations::{along_last, minus_max};
use crate::network::Forward;
use crate::ops::compare::Direction;

pub(super) struct CrossEntropy;

impl LossRule for CrossEntropy {
    fn name(&self) -> &'static str {
        "cross_entropy"
    }

    fn needs(&self) -> Option<&'static str> {
        Some("softmax")
    }

    fn targets(&self) -> &'static [TargetKind] {
        &[TargetKind::Indices, TargetKind::Values]
    }

    fn build(&self, b: &mut Builder, forward: &Forward, y: NodeId) -> NodeId {
        let log_p = log_softmax(b, forward.logits);
        let chosen = if b.is_discrete(y) {
            let hit = one_hot(b, y, log_p);
            let zero = b.constant_like(0.0, log_p);
            b.select(hit, log_p, zero)
        } else {
            b.mul(y, log_p)
        };
        let shape = b.shape(log_p).clone();
        let positions = shape.dims()[..shape.rank() - 1].iter().filter_map(|dim| dim.as_static()).product();
        let mean = mean_over(b, chosen, positions);
        b.neg(mean)
    }

    /// The largest logit is at the target, or at the largest target; of equal ones the first counts.
    fn correct(&self, b: &mut Builder, forward: &Forward, y: NodeId) -> Option<NodeId> {
        let found = argmax(b, forward.logits);
        let expected = if b.is_discrete(y) { y } else { argmax(b, y) };
        let right = b.compare(Direction::Eq, found, expected);
        Some(count(b, right))
    }

    fn n_predictions(&self, output: &[usize]) -> usize {
        output.iter().rev().skip(1).product()
    }
}

/// s − log Σ eˢ along the last axis, s being the logits less their maximum: finite for large logits.
fn log_softmax(b: &mut Builder, logits: NodeId) -> NodeId {
    let s = minus_max(b, logits);
    let exp = b.exp(s);
    let last = b.shape(s).rank() - 1;
    let sum = b.reduce_sum(exp, &[last]);
    let log = b.log(sum);
    let log = along_last(b, log, s);
    b.sub(s, log)
}

/// Whether an element's place along the last axis of `like` is the index `y` of its row.
fn one_hot(b: &mut Builder, y: NodeId, like: NodeId) -> NodeId {
    let shape = b.shape(like).clone();
    let last = shape.rank() - 1;
    let here = b.iota(last, shape);
    let target = along_last(b, y, like);
    b.compare(Direction::Eq, target, here)
}

fn argmax(b: &mut Builder, x: NodeId) -> NodeId {
    let last = b.shape(x).rank() - 1;
    let max = b.max_with_index(x, &[last]);
    b.get(max, 1)
}
