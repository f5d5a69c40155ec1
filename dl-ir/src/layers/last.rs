//! `last`: the last time step.

use super::{LayerContext, LayerRule, Misfit, recurrent};
use crate::arguments::{ArgSpec, Arguments};
use crate::graph::NodeId;
use crate::ops::Slice;
use crate::types::Shape;

pub(super) struct Last;

impl LayerRule for Last {
    fn name(&self) -> &'static str {
        "last"
    }

    fn signature(&self) -> &'static [ArgSpec] {
        &[]
    }

    fn input_form(&self, _: &Arguments) -> String {
        "t, d".to_owned()
    }

    fn infer(&self, arguments: &Arguments, input: &[usize]) -> Result<Vec<usize>, Misfit> {
        match input {
            [_, features] => Ok(vec![*features]),
            _ => Err(recurrent::not_a_sequence(self.text(arguments), None, input)),
        }
    }

    fn build(&self, cx: &mut LayerContext<'_>, x: NodeId) -> NodeId {
        let mut last = Slice::whole(cx.builder.shape(x));
        last.start[1] = last.limit[1] - 1;
        let step = cx.builder.slice(x, last);
        let shape = Shape::batched(cx.output());
        cx.builder.reshape(step, shape)
    }
}
