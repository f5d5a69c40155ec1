//! Loops over time: second derivatives, gradients of recurrent layers against finite differences, and what grows with the number of steps.

use dl_ir::build;
use dl_ir::builder::Builder;
use dl_ir::graph::{Graph, NodeId};
use dl_ir::interp::{self, Environment};
use dl_ir::module::Function;
use dl_ir::network::Network;
use dl_ir::ops::scan::{Operands, Results, Steps};
use dl_ir::ops::{Op, Structure};
use dl_ir::types::{Shape, TensorType};
use dl_ir::value::Value;
use dl_ir::{autodiff, passes};

const BATCH: usize = 2;

/// Numbers in −1…1 without pattern, the same ones for the same seed.
fn noise(seed: usize, ty: &TensorType) -> Value {
    let mut count = 31.0 * seed as f64;
    Value::from_fn(ty, BATCH, |_| {
        count += 1.0;
        (count * 12.9898 + 0.3).sin()
    })
}

/// Values for all inputs and states that a function reads.
fn environment(function: &Function) -> Environment {
    let leaf = |id| match function.graph.op(id) {
        Op::Input(input) => Some((input.name.clone(), input.ty.clone())),
        Op::State(state) => Some((state.name.clone(), state.ty.clone())),
        _ => None,
    };
    let leaves = function.graph.ids().filter_map(leaf).enumerate();
    leaves.map(|(seed, (name, ty))| (name, noise(seed, &ty))).collect()
}

/// Whether the results `grad.…` of a function are the derivatives of its result `of`, along one direction.
fn check_gradients(what: &str, function: &Function, of: &str) {
    let environment = environment(function);
    let results = interp::run(function, &environment, BATCH).results;
    let wrt: Vec<&str> = results.keys().filter_map(|name| name.strip_prefix("grad.")).collect();
    assert!(!wrt.is_empty(), "{what} has no gradients");
    let moved = |step: f64| {
        let mut moved = environment.clone();
        for (seed, name) in wrt.iter().enumerate() {
            let value = moved.get_mut(*name).expect("gradients are by inputs and states");
            let direction = direction(seed, value);
            value.data.iter_mut().zip(&direction).for_each(|(x, d)| *x += step * d);
        }
        interp::run(function, &moved, BATCH).results[of].data[0]
    };
    let of_gradients: f64 = wrt
        .iter()
        .enumerate()
        .map(|(seed, name)| {
            let gradient = &results[&format!("grad.{name}")];
            gradient.data.iter().zip(direction(seed, gradient)).map(|(g, d)| g * d).sum::<f64>()
        })
        .sum();
    const STEP: f64 = 1e-5;
    let of_differences = (moved(STEP) - moved(-STEP)) / (2.0 * STEP);
    let close = (of_gradients - of_differences).abs() <= 1e-7 * of_differences.abs().max(1.0);
    assert!(close && of_differences != 0.0, "{what}: {of_gradients} is not {of_differences}");
}

fn direction(seed: usize, like: &Value) -> Vec<f64> {
    noise(seed + 100, &TensorType::f32(Shape::fixed(&like.shape))).data
}

/// Σ h² of a small rnn h' = tanh(x + hU + b·w), x by x: a node, and the nodes of x, U, b, w and the initial state.
fn small_rnn(b: &mut Builder, reverse: bool) -> (NodeId, Vec<(String, NodeId)>) {
    const LENGTH: usize = 3;
    let mut named = Vec::new();
    let mut input = |b: &mut Builder, name: &str, dims: &[usize], batched: bool| {
        let shape = if batched { Shape::batched(dims) } else { Shape::fixed(dims) };
        let node = b.input(name, TensorType::f32(shape));
        named.push((name.to_owned(), node));
        node
    };
    let x = input(b, "x", &[LENGTH, 2], true);
    let start = input(b, "start", &[2], true);
    let (u, bias, scale) =
        (input(b, "u", &[2, 2], false), input(b, "b", &[2], false), input(b, "w", &[], false));
    let sequence = b.transpose(x, &[1, 0, 2]);
    let operands =
        Operands { carries: vec![start], sequences: vec![sequence], invariants: vec![u, bias, scale] };
    let results = b.scan(Steps { length: LENGTH, reverse }, &operands, |body, inputs| {
        let (h, x) = (inputs.carries[0], inputs.sequences[0]);
        let &[u, bias, scale] = inputs.invariants.as_slice() else { unreachable!("three invariants") };
        let product = body.einsum("bh,ho->bo", h, u);
        let scale = body.broadcast_like(scale, bias);
        let bias = body.mul(bias, scale);
        let bias = body.broadcast(bias, &[1], Shape::batched(&[2]));
        let sum = body.add(product, bias);
        let sum = body.add(sum, x);
        let next = body.tanh(sum);
        Results { carries: vec![next], outputs: vec![next] }
    });
    let square = b.mul(results.outputs[0], results.outputs[0]);
    (b.reduce_sum(square, &[0, 1, 2]), named)
}

/// A function of a scalar and its gradients.
fn with_gradients(mut b: Builder, scalar: NodeId, named: &[(String, NodeId)]) -> Function {
    let one = b.constant(1.0, Shape::scalar());
    let wrt: Vec<NodeId> = named.iter().map(|&(_, node)| node).collect();
    let gradients = autodiff::vjp(&mut b, &[(scalar, one)], &wrt);
    let names = named.iter().map(|(name, _)| format!("grad.{name}"));
    let results = names.zip(gradients).chain([("scalar".to_owned(), scalar)]).collect();
    Function { name: "f".to_owned(), graph: b.finish(), results, updates: Vec::new() }
}

/// v·∇f for a fixed v.
fn derivative_along(b: &mut Builder, scalar: NodeId, named: &[(String, NodeId)]) -> NodeId {
    let one = b.constant(1.0, Shape::scalar());
    let wrt: Vec<NodeId> = named.iter().map(|&(_, node)| node).collect();
    let gradients = autodiff::vjp(b, &[(scalar, one)], &wrt);
    let terms = gradients.into_iter().enumerate().map(|(seed, gradient)| {
        let ty = b.tensor(gradient).clone();
        let v = b.input(&format!("v{seed}"), ty.clone());
        let product = b.mul(v, gradient);
        b.reduce_sum(product, &(0..ty.shape.rank()).collect::<Vec<_>>())
    });
    let terms: Vec<NodeId> = terms.collect();
    terms.into_iter().reduce(|sum, term| b.add(sum, term)).expect("a term for each input")
}

#[test]
fn derivatives_of_all_orders_are_scans() {
    for reverse in [false, true] {
        let mut b = Builder::new();
        let (mut scalar, named) = small_rnn(&mut b, reverse);
        for order in 1..=3 {
            let function = with_gradients(b.clone(), scalar, &named);
            check_gradients(&format!("order {order}, reverse {reverse}"), &function, "scalar");
            scalar = derivative_along(&mut b, scalar, &named);
        }
    }
}

#[test]
fn passes_keep_second_derivatives() {
    let mut b = Builder::new();
    let (scalar, named) = small_rnn(&mut b, false);
    let second = derivative_along(&mut b, scalar, &named);
    let function = with_gradients(b, second, &named);
    let environment = environment(&function);
    let expected = interp::run(&function, &environment, BATCH).results;
    let optimized = passes::PIPELINE.iter().fold(function, |function, pass| (pass.run)(function));
    let found = interp::run(&optimized, &environment, BATCH).results;
    for (name, value) in &expected {
        let close = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-10 * a.abs().max(1.0);
        assert!(
            value.data.iter().zip(&found[name].data).all(close),
            "{name}: {value:?} became {:?}",
            found[name]
        );
    }
}

/// The recurrent layers with all that they take.
const LAYERS: [&str; 5] = [
    "< input(3, 2), rnn(2, 3), dense(3, 2) >",
    "< input(3, 2), rnn(2, 3, return_sequences = true), rnn(3, 2, return_sequences = true) >",
    "< input(3, 2), lstm(2, 3, return_sequences = true), last, dense(3, 2) >",
    "< input(3, 2), gru(2, 3, return_sequences = true), last >",
    "< input(3, 2), lstm(2, 3, return_sequences = true), gru(3, 2) >",
];

fn function(text: &str, name: &str) -> Function {
    let network = Network::parse(text).unwrap_or_else(|errors| panic!("{text}: {errors}"));
    build::function(&network, &network.target_types()[0], name).expect("a function of networks")
}

#[test]
fn gradients_of_layers_agree_with_finite_differences() {
    for text in LAYERS {
        check_gradients(text, &function(text, "gradients"), "loss");
    }
}

/// A step, forward or back, is one contraction of what one stack has for it; the other contractions are outside.
#[test]
fn a_step_holds_what_depends_on_the_step_before() {
    let function = function("< input(5, 2), rnn(2, 3) >", "gradients");
    let optimized = passes::PIPELINE.iter().fold(function, |function, pass| (pass.run)(function));
    let scans = optimized.graph.ids().filter_map(|id| match optimized.graph.op(id) {
        Op::Scan(scan) => Some((contractions(&scan.body.graph), scan.sequences, scan.invariants)),
        _ => None,
    });
    assert_eq!(scans.collect::<Vec<_>>(), [(1, 1, 1), (1, 1, 1)], "forward and back");
    // xW, and the gradients of x, W and U.
    assert_eq!(contractions(&optimized.graph), 4, "contractions outside");
}

fn contractions(graph: &Graph) -> usize {
    graph.ids().filter(|&id| graph.op(id).structure() == Structure::Contract).count()
}

#[test]
fn more_steps_are_no_more_nodes() {
    for text in LAYERS {
        let nodes = |steps: &str| {
            let function = function(&text.replace("input(3,", &format!("input({steps},")), "train_step");
            let bodies = function.graph.ids().map(|id| match function.graph.op(id) {
                Op::Scan(scan) => scan.body.graph.n_nodes(),
                _ => 1,
            });
            bodies.sum::<usize>()
        };
        assert_eq!(nodes("28"), nodes("200"), "{text}");
    }
}

/// Time stays the first axis from one recurrent layer to the next.
#[test]
fn stacked_layers_turn_their_input_once() {
    let function = function("< input(4, 2), rnn(2, 3, return_sequences = true), rnn(3, 2) >", "predict");
    let optimized = passes::PIPELINE.iter().fold(function, |function, pass| (pass.run)(function));
    let transposes = optimized.graph.ids().filter(|&id| matches!(optimized.graph.op(id), Op::Transpose(_)));
    assert_eq!(transposes.count(), 1);
}

/// What a step back reads of its gates is what came out of their activations: none but that of the carry is computed again.
#[test]
fn activations_are_stacked() {
    let function = function("< input(5, 3), lstm(3, 4), dense(4, 2, softmax) >", "gradients");
    let graph = &function.graph;
    let back = graph.ids().find_map(|id| match graph.op(id) {
        Op::Scan(scan) if scan.reverse => Some(&scan.body.graph),
        _ => None,
    });
    let back = back.expect("the gradient of a loop is one");
    let n = |is_one: fn(&Op) -> bool| back.ids().filter(|&id| is_one(back.op(id))).count();
    assert_eq!((n(|op| matches!(op, Op::Logistic(_))), n(|op| matches!(op, Op::Tanh(_)))), (0, 1));
}
