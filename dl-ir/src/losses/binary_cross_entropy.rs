//! `binary_cross_entropy`: the mean over elements of −y log σ(z) − (1 − y) log(1 − σ(z)).

use super::{LossRule, count, mean};
use crate::builder::Builder;
use crate::graph::NodeId;
use crate::network::Forward;
use crate::ops::compare::Direction;

pub(super) struct BinaryCrossEntropy;

impl LossRule for BinaryCrossEntropy {
    fn name(&self) -> &'static str {
        "binary_cross_entropy"
    }

    fn needs(&self) -> Option<&'static str> {
        Some("sigmoid")
    }

    fn integers(&self) -> Option<[i8; 2]> {
        Some([0, 1])
    }

    /// −log σ(z) is softplus(−z), and −log(1 − σ(z)) is softplus(z). Neither overflows, and each keeps its relative
    /// precision where it is small, which softplus(z) − y·z would lose to cancellation.
    fn build(&self, b: &mut Builder, forward: &Forward, y: NodeId) -> NodeId {
        let z = forward.logits;
        let minus_z = b.neg(z);
        let if_one = b.softplus(minus_z);
        let if_zero = b.softplus(z);
        let one = b.constant_like(1.0, y);
        let not_y = b.sub(one, y);
        let ones = b.mul(y, if_one);
        let zeros = b.mul(not_y, if_zero);
        let elements = b.add(ones, zeros);
        mean(b, elements)
    }

    /// σ(z) and the target are on the same side of 0.5.
    fn correct(&self, b: &mut Builder, forward: &Forward, y: NodeId) -> Option<NodeId> {
        let zero = b.constant_like(0.0, forward.logits);
        let half = b.constant_like(0.5, y);
        let found = b.compare(Direction::Gt, forward.logits, zero);
        let expected = b.compare(Direction::Gt, y, half);
        let (found, expected) = (b.convert(found), b.convert(expected));
        let right = b.compare(Direction::Eq, found, expected);
        Some(count(b, right))
    }
}
