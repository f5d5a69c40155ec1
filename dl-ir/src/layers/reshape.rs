//! `reshape(d, …)`: the same elements of an example, row-major, under another shape.

use super::{LayerContext, LayerRule, Misfit, n_elements};
use crate::arguments::{ArgKind, ArgSpec, Arguments};
use crate::diagnostics::NetworkError;
use crate::graph::NodeId;
use crate::types::Shape;

pub(super) struct Reshape;

const SIGNATURE: &[ArgSpec] =
    &[ArgSpec { name: "d", kind: ArgKind::Sizes, positional: true, default: None, meaning: "the new sizes" }];

impl LayerRule for Reshape {
    fn name(&self) -> &'static str {
        "reshape"
    }

    fn signature(&self) -> &'static [ArgSpec] {
        SIGNATURE
    }

    fn infer(&self, arguments: &Arguments, input: &[usize]) -> Result<Vec<usize>, Misfit> {
        let sizes = arguments.sizes("d");
        let found = n_elements(input).expect("shapes between layers are within the limit");
        match n_elements(sizes) {
            Some(expected) if expected == found => Ok(sizes.to_vec()),
            expected => {
                let layer = self.text(arguments);
                let error = NetworkError::Elements { layer, expected, found };
                Err(Misfit { error, argument: None })
            }
        }
    }

    fn build(&self, cx: &mut LayerContext<'_>, x: NodeId) -> NodeId {
        let shape = Shape::batched(cx.output());
        cx.builder.reshape(x, shape)
    }
}
