//! `gru(in, h)`: the gated recurrent unit (Cho et al., 2014), its reset gate behind the recurrent product, as in cuDNN.

use super::{LayerContext, LayerRule, Misfit, Parameter, dense, recurrent};
use crate::arguments::{ArgSpec, Arguments};
use crate::graph::NodeId;
use crate::module::Init;

pub(super) struct Gru;

/// The reset gate r, the update gate z and the candidate n, in this order.
const GATES: usize = 3;

impl LayerRule for Gru {
    fn name(&self) -> &'static str {
        "gru"
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
        let zeros = Init::Constant(0.0);
        let mut parameters = recurrent::parameters(arguments, GATES, zeros);
        let width = arguments.size("h").saturating_mul(GATES);
        parameters.push(Parameter { suffix: "recurrent_bias", shape: vec![width], init: zeros });
        parameters
    }

    fn build(&self, cx: &mut LayerContext<'_>, x: NodeId) -> NodeId {
        let invariants = vec![cx.parameter("recurrent_weight"), cx.parameter("recurrent_bias")];
        recurrent::run(cx, x, 1, invariants, |body, inputs| {
            let h = inputs.carries[0];
            let product = body.einsum("bh,ho->bo", h, inputs.invariants[0]);
            let product = dense::add_bias(body, product, inputs.invariants[1]);
            let [of_x, of_h] =
                [inputs.sequences[0], product].map(|sums| recurrent::gates::<GATES>(body, sums));
            let [r, z] = [0, 1].map(|gate| {
                let sum = body.add(of_x[gate], of_h[gate]);
                body.logistic(sum)
            });
            let allowed = body.mul(r, of_h[2]);
            let sum = body.add(of_x[2], allowed);
            let n = body.tanh(sum);
            // (1 − z)·n + z·h
            let one = body.constant_like(1.0, z);
            let rest = body.sub(one, z);
            let (new, kept) = (body.mul(rest, n), body.mul(z, h));
            vec![body.add(new, kept)]
        })
    }
}
