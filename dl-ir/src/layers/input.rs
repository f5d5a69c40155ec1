//! `input(d, …)`: the shape of an example, for networks whose first layer does not imply it.

use super::{LayerContext, LayerRule, Misfit};
use crate::arguments::{ArgKind, ArgSpec, Arguments};
use crate::graph::NodeId;

pub(super) struct Input;

const SIGNATURE: &[ArgSpec] = &[ArgSpec {
    name: "d",
    kind: ArgKind::Sizes,
    positional: true,
    default: None,
    meaning: "the sizes of an example",
}];

impl LayerRule for Input {
    fn name(&self) -> &'static str {
        "input"
    }

    fn signature(&self) -> &'static [ArgSpec] {
        SIGNATURE
    }

    fn implied_input(&self, arguments: &Arguments) -> Option<Vec<usize>> {
        Some(arguments.sizes("d").to_vec())
    }

    fn only_first(&self) -> bool {
        true
    }

    fn infer(&self, arguments: &Arguments, _: &[usize]) -> Result<Vec<usize>, Misfit> {
        Ok(arguments.sizes("d").to_vec())
    }

    fn build(&self, _: &mut LayerContext<'_>, x: NodeId) -> NodeId {
        x
    }
}
