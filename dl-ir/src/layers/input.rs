//! `input(d, …)`: the shape of an example, for networks whose first layer does not imply it.

use super::{LayerContext, LayerRule, Misfit};
use crate::arguments::{ArgKind, ArgSpec, Arguments};
use crate::diagnostics::NetworkError;
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

    /// As the first layer it gets the shape that it implies.
    fn infer(&self, arguments: &Arguments, input: &[usize]) -> Result<Vec<usize>, Misfit> {
        if arguments.sizes("d") == input {
            return Ok(input.to_vec());
        }
        Err(Misfit { error: NetworkError::LateInput, argument: None })
    }

    fn build(&self, _: &mut LayerContext<'_>, x: NodeId) -> NodeId {
        x
    }
}
