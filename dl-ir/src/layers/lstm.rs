//! `lstm(in, h)`: long short-term memory, whose cell keeps what its gates let in (Hochreiter and Schmidhuber, 1997; with the forget
//! gate of Gers et al., 2000).

use super::{LayerContext, LayerRule, Misfit, Parameter, recurrent};
use crate::arguments::{ArgSpec, Arguments};
use crate::graph::NodeId;
use crate::module::Init;

pub(super) struct Lstm;

/// The input gate i, the forget gate f, the candidate g and the output gate o, in this order.
const GATES: usize = 4;

impl LayerRule for Lstm {
    fn name(&self) -> &'static str {
        "lstm"
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
        recurrent::parameters(arguments, GATES, Init::LstmBias)
    }

    fn build(&self, cx: &mut LayerContext<'_>, x: NodeId) -> NodeId {
        let weight = cx.parameter("recurrent_weight");
        recurrent::run(cx, x, 2, vec![weight], |body, inputs| {
            let (h, c) = (inputs.carries[0], inputs.carries[1]);
            let product = body.einsum("bh,ho->bo", h, inputs.invariants[0]);
            let sum = body.add(inputs.sequences[0], product);
            let [i, f, g, o] = recurrent::gates::<GATES>(body, sum);
            let (i, f, g, o) = (body.logistic(i), body.logistic(f), body.tanh(g), body.logistic(o));
            let (kept, new) = (body.mul(f, c), body.mul(i, g));
            let c = body.add(kept, new);
            let shown = body.tanh(c);
            vec![body.mul(o, shown), c]
        })
    }
}
