//! What recurrent layers share: arguments, shapes, and the loop over time steps.

use super::{LayerContext, LayerRule, Misfit, Parameter, dense, init};
use crate::arguments::{ArgKind, ArgSpec, Arguments, Setting};
use crate::builder::Builder;
use crate::diagnostics::NetworkError;
use crate::graph::NodeId;
use crate::module::Init;
use crate::ops::Slice;
use crate::ops::scan::{Operands, Results, Steps};
use crate::types::{Dim, Shape};

pub(super) const SIGNATURE: &[ArgSpec] = &[
    ArgSpec {
        name: "in",
        kind: ArgKind::Size,
        positional: true,
        default: None,
        meaning: "the number of features of a time step",
    },
    ArgSpec {
        name: "h",
        kind: ArgKind::Size,
        positional: true,
        default: None,
        meaning: "the number of units, which is the size of the state",
    },
    ArgSpec {
        name: "return_sequences",
        kind: ArgKind::Bool,
        positional: false,
        default: Some(Setting::Bool(false)),
        meaning: "whether the states of all time steps are returned, not the last one only",
    },
    init::ARGUMENT,
];

/// [t, in] → [h], or [t, h] where all states are returned.
pub(super) fn infer(
    layer: &dyn LayerRule,
    arguments: &Arguments,
    input: &[usize],
) -> Result<Vec<usize>, Misfit> {
    let (expected, units) = (arguments.size("in"), arguments.size("h"));
    let text = || layer.text(arguments);
    match *input {
        [steps, found] if found == expected => {
            Ok(if arguments.flag("return_sequences") { vec![steps, units] } else { vec![units] })
        }
        [_, found] => {
            let fitting = layer.text(&arguments.with("in", Setting::Size(found)));
            let error = NetworkError::Features { layer: text(), fitting, expected, found, flat_fits: false };
            Err(Misfit { error, argument: Some("in") })
        }
        _ => Err(not_a_sequence(text(), Some(expected), input)),
    }
}

/// The gates of all steps, which are computed together, for units with this number of gates.
pub(super) fn intermediate(arguments: &Arguments, gates: usize, input: &[usize]) -> Vec<usize> {
    vec![input[0], gates, arguments.size("h")]
}

/// The error of a layer on time steps that gets another shape than [t, features].
pub(super) fn not_a_sequence(layer: String, features: Option<usize>, found: &[usize]) -> Misfit {
    let error = NetworkError::NotASequence { layer, features, found: found.to_vec(), all_steps: None };
    Misfit { error, argument: None }
}

/// `weight`, `recurrent_weight` and `bias` of units with this number of gates, the candidate counted as one.
pub(super) fn parameters(arguments: &Arguments, gates: usize, bias: Init) -> Vec<Parameter> {
    let (features, units) = (arguments.size("in"), arguments.size("h"));
    let width = units.saturating_mul(gates);
    let init = init::weight_init(arguments.word("init"), features, width);
    vec![
        Parameter { suffix: "weight", shape: vec![features, width], init },
        Parameter { suffix: "recurrent_weight", shape: vec![units, width], init: Init::Orthogonal },
        Parameter { suffix: "bias", shape: vec![width], init: bias },
    ]
}

/// Runs a layer over `x` [B, t, in], from states of zeros [B, h]. A step gets the states, the slice of xW + b [B, gates·h], which is
/// computed for all steps at once, and the invariants; it gives the next states, of which the first is the layer's value.
pub(super) fn run(
    cx: &mut LayerContext<'_>,
    x: NodeId,
    n_states: usize,
    invariants: Vec<NodeId>,
    step: impl FnOnce(&mut Builder, &Operands) -> Vec<NodeId>,
) -> NodeId {
    let (weight, bias) = (cx.parameter("weight"), cx.parameter("bias"));
    let returns_all = cx.arguments().flag("return_sequences");
    let start = Shape::batched(&[cx.arguments().size("h")]);
    let b = &mut *cx.builder;
    // Time first: what a step reads is one block.
    let x = b.transpose(x, &[1, 0, 2]);
    let Dim::Static(length) = b.shape(x).dims()[0] else { unreachable!("time is static") };
    let product = dense::product(b, x, weight);
    let sequence = dense::add_bias(b, product, bias);
    let zeros = b.constant(0.0, start);
    let operands = Operands { carries: vec![zeros; n_states], sequences: vec![sequence], invariants };
    let results = b.scan(Steps { length, reverse: false }, &operands, |body, inputs| {
        let carries = step(body, inputs);
        let outputs = if returns_all { vec![carries[0]] } else { Vec::new() };
        Results { carries, outputs }
    });
    match results.outputs.first() {
        Some(&states) if returns_all => b.transpose(states, &[1, 0, 2]),
        _ => results.carries[0],
    }
}

/// The parts of sums [B, gates·h], one for each gate.
pub(super) fn gates<const N: usize>(body: &mut Builder, sums: NodeId) -> [NodeId; N] {
    std::array::from_fn(|gate| {
        let mut part = Slice::whole(body.shape(sums));
        let units = part.limit[1] / N;
        part.start[1] = gate * units;
        part.limit[1] = part.start[1] + units;
        body.slice(sums, part)
    })
}
