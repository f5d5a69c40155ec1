//! `mae`: the mean over elements of |output − y|.

use super::{LossRule, mean};
use crate::builder::Builder;
use crate::graph::NodeId;
use crate::network::Forward;

pub(super) struct Mae;

impl LossRule for Mae {
    fn name(&self) -> &'static str {
        "mae"
    }

    fn build(&self, b: &mut Builder, forward: &Forward, y: NodeId) -> NodeId {
        let error = b.sub(forward.output, y);
        let size = b.abs(error);
        mean(b, size)
    }
}
