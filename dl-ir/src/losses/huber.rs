//! `huber`: the mean over elements of d²/2 where d = |output − y| is at most 1, and of d − 1/2 elsewhere (Huber, 1964).

use super::{LossRule, mean};
use crate::builder::Builder;
use crate::graph::NodeId;
use crate::network::Forward;

pub(super) struct Huber;

impl LossRule for Huber {
    fn name(&self) -> &'static str {
        "huber"
    }

    /// Both pieces are c·(d − c/2) with c = min(d, 1).
    fn build(&self, b: &mut Builder, forward: &Forward, y: NodeId) -> NodeId {
        let error = b.sub(forward.output, y);
        let size = b.abs(error);
        let one = b.constant_like(1.0, size);
        let clipped = b.min(size, one);
        let half = b.scale(0.5, clipped);
        let rest = b.sub(size, half);
        let elements = b.mul(clipped, rest);
        mean(b, elements)
    }
}
