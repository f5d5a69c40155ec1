//! `rnn(in, h)`: h' = tanh(xW + hU + b), step by step (Elman, 1990).

use super::{LayerContext, LayerRule, Misfit, Parameter, recurrent};
use crate::arguments::{ArgSpec, Arguments};
use crate::graph::NodeId;
use crate::module::Init;

pub(super) struct Rnn;

/// The candidate for the next state, and no gate.
const GATES: usize = 1;

impl LayerRule for Rnn {
    fn name(&self) -> &'static str {
        "rnn"
    }

    fn signature(&self) -> &'static [ArgSpec] {
        recurrent::SIGNATURE
    }

    fn input_form(&self, arguments: &Arguments) -> String {
        format!("t, {}", arguments.size("in"))
    }

    fn infer(&self, arguments: &Arguments, input: &[usize]) -> Result<Vec<usize>, Misfit> {
        recurrent::infer(self, arguments, input)
    }

    fn intermediate(&self, arguments: &Arguments, input: &[usize]) -> Option<Vec<usize>> {
        Some(recurrent::intermediate(arguments, GATES, input))
    }

    fn parameters(&self, arguments: &Arguments) -> Vec<Parameter> {
        recurrent::parameters(arguments, GATES, Init::Constant(0.0))
    }

    fn build(&self, cx: &mut LayerContext<'_>, x: NodeId) -> NodeId {
        let weight = cx.parameter("recurrent_weight");
        recurrent::run(cx, x, 1, vec![weight], |body, inputs| {
            let product = body.einsum("bh,ho->bo", inputs.carries[0], inputs.invariants[0]);
            let sum = body.add(inputs.sequences[0], product);
            vec![body.tanh(sum)]
        })
    }
}
