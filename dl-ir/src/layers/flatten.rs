//! `flatten`: all features of an example in one axis, row-major.

use super::{LayerContext, LayerRule, Misfit, n_elements};
use crate::arguments::{ArgSpec, Arguments};
use crate::graph::NodeId;
use crate::types::Shape;

pub(super) struct Flatten;

impl LayerRule for Flatten {
    fn name(&self) -> &'static str {
        "flatten"
    }

    fn signature(&self) -> &'static [ArgSpec] {
        &[]
    }

    fn infer(&self, _: &Arguments, input: &[usize]) -> Result<Vec<usize>, Misfit> {
        Ok(vec![n_elements(input).expect("shapes between layers are within the limit")])
    }

    fn build(&self, cx: &mut LayerContext<'_>, x: NodeId) -> NodeId {
        let shape = Shape::batched(cx.output());
        cx.builder.reshape(x, shape)
    }
}
