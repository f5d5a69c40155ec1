//! `mse`: the mean over elements of (output − y)².

use super::{LossRule, mean};
use crate::builder::Builder;
use crate::graph::NodeId;
use crate::network::Forward;

pub(super) struct Mse;

impl LossRule for Mse {
    fn name(&self) -> &'static str {
        "mse"
    }

    fn build(&self, b: &mut Builder, forward: &Forward, y: NodeId) -> NodeId {
        let error = b.sub(forward.output, y);
        let square = b.mul(error, error);
        mean(b, square)
    }
}
