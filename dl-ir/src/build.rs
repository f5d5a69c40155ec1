//! From a checked network to the module of its functions.
//!
//! | function | inputs | results | changes |
//! | --- | --- | --- | --- |
//! | `train_step` | x, y | loss, before the update | parameters, buffers, optimizer state, step |
//! | `predict` | x | output | |
//! | `evaluate` | x, y | loss, correct (if the loss knows right and wrong) | |
//! | `gradients` | x, y | loss, `grad.<parameter>` each, `grad.x` | |

use crate::autodiff;
use crate::builder::Builder;
use crate::graph::NodeId;
use crate::layers::Mode;
use crate::module::{Function, Module, StateDecl};
use crate::network::{Forward, Network};
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
pub const FUNCTIONS: [&str; 4] = ["train_step", "predict", "evaluate", "gradients"];

/// The module of a network without its functions.
pub fn declarations(network: &Network) -> Module {
    Module { network: network.to_string(), states: network.states(), functions: Vec::new() }
}

/// One function of a network; `None` if there is none of this name.
pub fn function(network: &Network, target: &TensorType, name: &str) -> Option<Function> {
    match name {
        "train_step" => Some(train_step(network, target)),
        "predict" => Some(predict(network)),
        "evaluate" => Some(evaluate(network, target)),
        "gradients" => Some(gradients(network, target)),
        _ => None,
    }
}

fn train_step(network: &Network, target: &TensorType) -> Function {
    let mut b = Builder::new();
    let step = Step::new(&mut b, network, target, Mode::Training);
    let parameters = step.parameters(&mut b, network);
    let gradients = step.gradients(&mut b, &parameters.iter().map(|(_, node)| *node).collect::<Vec<_>>());
    let with_gradients: Vec<(&str, NodeId, NodeId)> = parameters
        .iter()
        .zip(gradients)
        .map(|((declared, node), gradient)| (declared.name.as_str(), *node, gradient))
        .collect();
    let mut updates = network.optimizer().build(&mut b, &with_gradients);
    updates.extend(step.forward.effects.updates);
    updates.extend(network.next_step(&mut b));
    finish("train_step", b, vec![("loss".to_owned(), step.loss)], updates)
}

fn predict(network: &Network) -> Function {
    let mut b = Builder::new();
    let x = b.input("x", network.input_type());
    let forward = network.forward(&mut b, Mode::Inference, x);
    finish("predict", b, vec![("output".to_owned(), forward.output)], Vec::new())
}

fn evaluate(network: &Network, target: &TensorType) -> Function {
    let mut b = Builder::new();
    let step = Step::new(&mut b, network, target, Mode::Inference);
    let mut results = vec![("loss".to_owned(), step.loss)];
    let correct = network.loss().correct(&mut b, &step.forward, step.y);
    results.extend(correct.map(|correct| ("correct".to_owned(), correct)));
    finish("evaluate", b, results, Vec::new())
}

fn gradients(network: &Network, target: &TensorType) -> Function {
    let mut b = Builder::new();
    let step = Step::new(&mut b, network, target, Mode::Training);
    let parameters = step.parameters(&mut b, network);
    let mut names: Vec<String> = parameters.iter().map(|(declared, _)| declared.name.clone()).collect();
    let mut wrt: Vec<NodeId> = parameters.iter().map(|(_, node)| *node).collect();
    if !b.is_discrete(step.x) {
        names.push("x".to_owned());
        wrt.push(step.x);
    }
    let gradients = step.gradients(&mut b, &wrt);
    let named = names.into_iter().map(|name| format!("grad.{name}")).zip(gradients);
    let results = std::iter::once(("loss".to_owned(), step.loss)).chain(named).collect();
    finish("gradients", b, results, Vec::new())
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
        let x = b.input("x", network.input_type());
        let y = b.input("y", target.clone());
        let forward = network.forward(b, mode, x);
        let loss = network.loss().build(b, &forward, y);
        Step { x, y, forward, loss }
    }

    /// The nodes of all parameters.
    fn parameters(&self, b: &mut Builder, network: &Network) -> Vec<(StateDecl, NodeId)> {
        let node = |declared: StateDecl| {
            let node = b.state(&declared.name, declared.ty.clone());
            (declared, node)
        };
        network.parameters().into_iter().map(node).collect()
    }

    fn gradients(&self, b: &mut Builder, wrt: &[NodeId]) -> Vec<NodeId> {
        let one = b.constant(1.0, Shape::scalar());
        autodiff::vjp(b, &[(self.loss, one)], wrt)
    }
}
