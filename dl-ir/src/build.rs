//! From a checked network to the module of its functions.
//!
//! | function | inputs | results | changes |
//! | --- | --- | --- | --- |
//! | `train_step` | x, y | loss, before the update | parameters, buffers, optimizer state, step |
//! | `predict` | x | output | |
//! | `evaluate` | x, y | loss, correct (if the loss knows right and wrong) | |
//! | `gradients` | x, y | loss, `grad.<parameter>` each, `grad.x` | |
//! | `forward` | x | output, in training mode | |
//! | `vjp` | x, dy | loss = Σ dy·output in training mode, `grad.<parameter>` each, `grad.x` | |
//! | `apply_gradients` | `grad.<parameter>` each | | parameters, optimizer state, step |
//!
//! `grad.x` is there where x is real.

use std::sync::Arc;

use crate::autodiff;
use crate::builder::Builder;
use crate::graph::NodeId;
use crate::layers::Mode;
use crate::losses::sum_all;
use crate::module::{Function, Module, StateDecl};
use crate::network::{Forward, Network};
use crate::origin::{Origin, Part};
use crate::types::{Shape, TensorType};

/// The module of a network, for targets of one of its [`target_types`](Network::target_types).
///
/// ```
/// use dl_ir::{build, network::Network};
///
/// let network = Network::parse("< dense(4, 2, softmax) >")?;
/// let module = build::module(&network, &network.target_types()[0]);
/// assert!(module.function("train_step").is_some());
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
pub fn module(network: &Network, target: &TensorType) -> Module {
    let functions = FUNCTIONS.iter().filter_map(|name| function(network, target, name));
    Module { functions: functions.collect(), ..declarations(network) }
}

/// The names of a network's functions, in the order in which its module has them.
pub const FUNCTIONS: [&str; 7] =
    ["train_step", "predict", "evaluate", "gradients", "forward", "vjp", "apply_gradients"];

/// The name of the gradient of a parameter, or of `x`, among a function's inputs or results.
pub fn gradient_name(of: &str) -> String {
    format!("grad.{of}")
}

/// The module of a network without its functions.
pub fn declarations(network: &Network) -> Module {
    Module { network: network.to_string(), states: network.states(), functions: Vec::new() }
}

/// One function of a network; `None` if there is none of this name.
pub fn function(network: &Network, target: &TensorType, name: &str) -> Option<Function> {
    match name {
        "train_step" => Some(train_step(network, target)),
        "predict" => Some(forward("predict", network, Mode::Inference)),
        "evaluate" => Some(evaluate(network, target)),
        "gradients" => Some(gradients(network, target)),
        "forward" => Some(forward("forward", network, Mode::Training)),
        "vjp" => Some(vjp(network)),
        "apply_gradients" => Some(apply_gradients(network)),
        _ => None,
    }
}

fn train_step(network: &Network, target: &TensorType) -> Function {
    let mut b = Builder::new();
    let step = Step::new(&mut b, network, target, Mode::Training);
    let parameters = parameters(&mut b, network);
    let nodes: Vec<NodeId> = parameters.iter().map(|(_, node)| *node).collect();
    let gradients = differentiate(&mut b, network, step.loss, &nodes);
    let mut updates = update(&mut b, network, &parameters, &gradients);
    updates.extend(step.forward.effects.updates);
    updates.extend(network.next_step(&mut b));
    finish("train_step", b, vec![("loss".to_owned(), step.loss)], updates)
}

fn forward(name: &str, network: &Network, mode: Mode) -> Function {
    let mut b = Builder::new();
    let x = input(&mut b, network, "x", network.input_type());
    let forward = network.forward(&mut b, mode, x);
    finish(name, b, vec![("output".to_owned(), forward.output)], Vec::new())
}

fn evaluate(network: &Network, target: &TensorType) -> Function {
    let mut b = Builder::new();
    let step = Step::new(&mut b, network, target, Mode::Inference);
    let mut results = vec![("loss".to_owned(), step.loss)];
    let count = |b: &mut Builder| network.loss().correct(b, &step.forward, step.y);
    let correct = b.within(network.origin(Part::Loss), count);
    results.extend(correct.map(|correct| ("correct".to_owned(), correct)));
    finish("evaluate", b, results, Vec::new())
}

fn gradients(network: &Network, target: &TensorType) -> Function {
    let mut b = Builder::new();
    let step = Step::new(&mut b, network, target, Mode::Training);
    all_gradients("gradients", b, network, step.x, step.loss)
}

/// The vector–Jacobian product is the gradient of a loss that is linear in the output: Σ dy·output.
fn vjp(network: &Network) -> Function {
    let mut b = Builder::new();
    let x = input(&mut b, network, "x", network.input_type());
    let dy = input(&mut b, network, "dy", network.output_type());
    let forward = network.forward(&mut b, Mode::Training, x);
    let loss = b.within(network.origin(Part::Loss), |b| {
        let products = b.mul(dy, forward.output);
        sum_all(b, products)
    });
    all_gradients("vjp", b, network, x, loss)
}

fn apply_gradients(network: &Network) -> Function {
    let mut b = Builder::new();
    let parameters = parameters(&mut b, network);
    let gradient = |(declared, _): &(StateDecl, NodeId)| {
        input(&mut b, network, &gradient_name(&declared.name), declared.ty.clone())
    };
    let gradients: Vec<NodeId> = parameters.iter().map(gradient).collect();
    let mut updates = update(&mut b, network, &parameters, &gradients);
    updates.extend(network.next_step(&mut b));
    finish("apply_gradients", b, Vec::new(), updates)
}

/// A function that returns a loss and its gradients by all parameters, and by `x` where that is real.
fn all_gradients(name: &str, mut b: Builder, network: &Network, x: NodeId, loss: NodeId) -> Function {
    let parameters = parameters(&mut b, network).into_iter();
    let (mut names, mut wrt): (Vec<String>, Vec<NodeId>) =
        parameters.map(|(declared, node)| (declared.name, node)).unzip();
    if !b.is_discrete(x) {
        names.push("x".to_owned());
        wrt.push(x);
    }
    let gradients = differentiate(&mut b, network, loss, &wrt);
    let named = names.iter().map(|name| gradient_name(name)).zip(gradients);
    let results = std::iter::once(("loss".to_owned(), loss)).chain(named).collect();
    finish(name, b, results, Vec::new())
}

/// The declarations and nodes of all parameters.
fn parameters(b: &mut Builder, network: &Network) -> Vec<(StateDecl, NodeId)> {
    let node = |(declared, origin): (StateDecl, Option<Arc<Origin>>)| {
        let node = b.within(origin, |b| b.state(&declared.name, declared.ty.clone()));
        (declared, node)
    };
    network.parameters().into_iter().zip(network.parameter_origins()).map(node).collect()
}

fn input(b: &mut Builder, network: &Network, name: &str, ty: TensorType) -> NodeId {
    b.within(network.origin(Part::Input), |b| b.input(name, ty))
}

/// The gradients of a scalar.
fn differentiate(b: &mut Builder, network: &Network, loss: NodeId, wrt: &[NodeId]) -> Vec<NodeId> {
    b.within(network.origin(Part::Loss), |b| {
        let one = b.constant(1.0, Shape::scalar());
        autodiff::vjp(b, &[(loss, one)], wrt)
    })
}

/// What the optimizer makes of parameters and their gradients.
fn update(
    b: &mut Builder,
    network: &Network,
    parameters: &[(StateDecl, NodeId)],
    gradients: &[NodeId],
) -> Vec<(String, NodeId)> {
    let with_gradients: Vec<(&str, NodeId, NodeId)> = parameters
        .iter()
        .zip(gradients)
        .map(|((declared, node), gradient)| (declared.name.as_str(), *node, *gradient))
        .collect();
    b.within(network.origin(Part::Optimizer), |b| network.optimizer().build(b, &with_gradients))
}

fn finish(
    name: &str,
    builder: Builder,
    results: Vec<(String, NodeId)>,
    updates: Vec<(String, NodeId)>,
) -> Function {
    Function { name: name.to_owned(), graph: builder.finish(), results, updates }
}

/// The part that training and evaluation share: the loss of a batch.
struct Step {
    x: NodeId,
    y: NodeId,
    forward: Forward,
    loss: NodeId,
}

impl Step {
    fn new(b: &mut Builder, network: &Network, target: &TensorType, mode: Mode) -> Self {
        let x = input(b, network, "x", network.input_type());
        let y = input(b, network, "y", target.clone());
        let forward = network.forward(b, mode, x);
        let loss = b.within(network.origin(Part::Loss), |b| network.loss().build(b, &forward, y));
        Step { x, y, forward, loss }
    }
}
