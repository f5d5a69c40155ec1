//! `hinge`: the mean over elements of max(0, 1 − y · output), for targets of ±1.

use super::{LossRule, count, mean};
use crate::builder::Builder;
use crate::graph::NodeId;
use crate::network::Forward;
use crate::ops::compare::Direction;

pub(super) struct Hinge;

impl LossRule for Hinge {
    fn name(&self) -> &'static str {
        "hinge"
    }

    fn integers(&self) -> Option<[i8; 2]> {
        Some([-1, 1])
    }

    fn build(&self, b: &mut Builder, forward: &Forward, y: NodeId) -> NodeId {
        let margin = b.mul(y, forward.output);
        let one = b.constant_like(1.0, margin);
        let lack = b.sub(one, margin);
        let zero = b.constant_like(0.0, lack);
        // At the tie `max` passes the gradient to its second operand.
        let elements = b.max(zero, lack);
        mean(b, elements)
    }

    /// Output and target have the same sign.
    fn correct(&self, b: &mut Builder, forward: &Forward, y: NodeId) -> Option<NodeId> {
        let agreement = b.mul(y, forward.output);
        let zero = b.constant_like(0.0, agreement);
        let right = b.compare(Direction::Gt, agreement, zero);
        Some(count(b, right))
    }
}
