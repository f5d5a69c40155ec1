//! Optimizers: how a gradient becomes a new parameter. One optimizer is one file and one line in the table below.
//!
//! An optimizer composes ops, as layers do. What it can compute once per step it computes as scalars, so that the
//! work per element stays small.

mod adagrad;
mod adam;
mod adamw;
mod rmsprop;
mod sgd;

use std::fmt;
use std::sync::Arc;

use crate::arguments::{ArgKind, ArgSpec, Arguments, Range, Setting};
use crate::builder::Builder;
use crate::graph::NodeId;
use crate::module::{Init, StateDecl, StateRole};
use crate::ops::compare::Direction;
use crate::types::{Shape, TensorType};

/// The name of the state that holds the learning rate, an f32 scalar.
pub const LEARNING_RATE: &str = "lr";

/// All optimizers.
static OPTIMIZERS: &[&dyn OptimizerRule] =
    &[&adagrad::Adagrad, &adam::Adam, &adamw::AdamW, &rmsprop::RmsProp, &sgd::Sgd];

/// All optimizers, by their rules.
pub fn rules() -> impl Iterator<Item = &'static dyn OptimizerRule> {
    OPTIMIZERS.iter().copied()
}

/// The optimizer of this name.
pub fn find(name: &str) -> Option<&'static dyn OptimizerRule> {
    rules().find(|rule| rule.name() == name)
}

/// What every optimizer has to say about itself.
pub trait OptimizerRule: Sync {
    /// Its name in network text.
    fn name(&self) -> &'static str;

    /// Its arguments; the first is `lr`.
    fn signature(&self) -> &'static [ArgSpec];

    /// The names of its states of a parameter's shape, all zero at first: `m`.
    fn slots(&self, _: &Arguments) -> Vec<&'static str> {
        Vec::new()
    }

    /// The names of its scalar states, all zero at first, each with the factor β of its recurrence c' = βc + (1 − β).
    fn corrections(&self, _: &Arguments) -> Vec<(&'static str, f64)> {
        Vec::new()
    }

    /// The new value of a parameter. New values of slots go to [`UpdateContext::set`].
    fn update(&self, cx: &mut UpdateContext<'_>, parameter: NodeId, gradient: NodeId) -> NodeId;
}

impl fmt::Debug for dyn OptimizerRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// There is one rule of each name.
impl PartialEq for dyn OptimizerRule {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

/// An optimizer with its arguments.
#[derive(Clone, PartialEq, Debug)]
pub struct Optimizer {
    pub(crate) rule: &'static dyn OptimizerRule,
    pub(crate) arguments: Arguments,
}

impl Optimizer {
    /// The optimizer of a network that names none: `adam(lr = 0.001)`.
    pub(crate) fn default_adam() -> Self {
        let rule: &dyn OptimizerRule = &adam::Adam;
        Optimizer { rule, arguments: Arguments::defaults(rule.signature(), &[("lr", Setting::Float(0.001))]) }
    }

    /// Its name: `adam`.
    pub fn name(&self) -> &'static str {
        self.rule.name()
    }

    /// The learning rate that training begins with.
    pub fn learning_rate(&self) -> f64 {
        self.arguments.float("lr")
    }

    /// Its states for these parameters: the learning rate, scalars, then the slots of one parameter after the other.
    pub fn states(&self, parameters: &[StateDecl]) -> Vec<StateDecl> {
        let lr = Init::Constant(self.learning_rate());
        let scalar = |name, role, init| StateDecl { name, ty: TensorType::f32(Shape::scalar()), role, init };
        let mut states = vec![scalar(LEARNING_RATE.to_owned(), StateRole::Hyper, lr)];
        let zero = Init::Constant(0.0);
        for (name, _) in self.rule.corrections(&self.arguments) {
            states.push(scalar(self.scalar_name(name), StateRole::Optimizer, zero));
        }
        for parameter in parameters {
            for slot in self.rule.slots(&self.arguments) {
                let name = self.slot_name(slot, &parameter.name);
                states.push(StateDecl {
                    name,
                    ty: parameter.ty.clone(),
                    role: StateRole::Optimizer,
                    init: zero,
                });
            }
        }
        states
    }

    /// Adds the update of these parameters, each given as its name, its node and its gradient's node, and gives the
    /// new values of parameters and optimizer states by name.
    pub fn build(
        &self,
        builder: &mut Builder,
        parameters: &[(&str, NodeId, NodeId)],
    ) -> Vec<(String, NodeId)> {
        let lr = builder.state(LEARNING_RATE, TensorType::f32(Shape::scalar()));
        let mut updates = Vec::new();
        let mut corrections = Vec::new();
        for (name, beta) in self.rule.corrections(&self.arguments) {
            let correction = self.correction(builder, name, beta);
            updates.push((self.scalar_name(name), correction));
            corrections.push((name, correction));
        }
        for &(name, parameter, gradient) in parameters {
            let origin = builder.graph().origin(parameter).map(|origin| Arc::new(origin.update(name)));
            builder.within(origin, |builder| {
                let (optimizer, corrections, updates) = (self, corrections.as_slice(), &mut updates);
                let mut cx = UpdateContext { builder, lr, optimizer, corrections, parameter: name, updates };
                let new = self.rule.update(&mut cx, parameter, gradient);
                cx.updates.push((name.to_owned(), new));
            });
        }
        updates
    }

    /// c' = βc + (1 − β), which is 1 − βᵗ from c = 0. The running means follow the same recurrence with the same
    /// rounded β, so dividing by it corrects them exactly, where powers of β would drift from them.
    fn correction(&self, builder: &mut Builder, name: &str, beta: f64) -> NodeId {
        let c = builder.state(&self.scalar_name(name), TensorType::f32(Shape::scalar()));
        let kept = builder.scale(beta, c);
        let rest = builder.constant(1.0 - beta, Shape::scalar());
        builder.add(kept, rest)
    }

    fn scalar_name(&self, name: &str) -> String {
        format!("{}.{name}", self.name())
    }

    fn slot_name(&self, slot: &str, parameter: &str) -> String {
        format!("{}.{slot}.{parameter}", self.name())
    }
}

impl fmt::Display for Optimizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.name(), self.arguments.named_text())
    }
}

/// What the update of one parameter is built with.
pub struct UpdateContext<'a> {
    /// The graph.
    pub builder: &'a mut Builder,
    /// The learning rate, a scalar.
    pub lr: NodeId,
    optimizer: &'a Optimizer,
    corrections: &'a [(&'static str, NodeId)],
    /// The parameter's name.
    parameter: &'a str,
    updates: &'a mut Vec<(String, NodeId)>,
}

impl UpdateContext<'_> {
    /// The number that an argument gives.
    pub fn float(&self, name: &str) -> f64 {
        self.optimizer.arguments.float(name)
    }

    /// The truth value that an argument gives.
    pub fn flag(&self, name: &str) -> bool {
        self.optimizer.arguments.flag(name)
    }

    /// The value of a slot before this step; it has the type of `parameter`.
    pub fn slot(&mut self, slot: &str, parameter: NodeId) -> NodeId {
        let ty = self.builder.tensor(parameter).clone();
        self.builder.state(&self.optimizer.slot_name(slot, self.parameter), ty)
    }

    /// Makes `value` the slot's value after this step, and gives it back as it is kept: zero where it is subnormal. The slots
    /// of a unit that no longer gets gradients shrink by a factor each step; in the subnormal range rounding would keep them from ever
    /// reaching zero, and arithmetic on them is slow: ten times for a whole step has been measured.
    pub fn set(&mut self, slot: &str, value: NodeId) -> NodeId {
        let magnitude = self.builder.abs(value);
        let smallest = self.builder.constant_like(f64::from(f32::MIN_POSITIVE), value);
        let is_subnormal = self.builder.compare(Direction::Lt, magnitude, smallest);
        let zero = self.builder.constant_like(0.0, value);
        let kept = self.builder.select(is_subnormal, zero, value);
        self.updates.push((self.optimizer.slot_name(slot, self.parameter), kept));
        kept
    }

    /// The slot as a running mean, mean' = β·mean + (1 − β)·sample: sets it and gives the new value.
    pub fn running_mean(&mut self, slot: &str, beta: f64, sample: NodeId) -> NodeId {
        let old = self.slot(slot, sample);
        let kept = self.builder.scale(beta, old);
        let gained = self.builder.scale(1.0 - beta, sample);
        let mean = self.builder.add(kept, gained);
        self.set(slot, mean)
    }

    /// The value after this step of a scalar state; see [`OptimizerRule::corrections`].
    pub fn correction(&self, name: &str) -> NodeId {
        let found = self.corrections.iter().find(|(known, _)| *known == name);
        found.expect("a declared scalar state").1
    }

    /// What `build` gives: scalars that are the same for all parameters, and so of the optimizer, not of this one.
    pub fn once<T>(&mut self, build: impl FnOnce(&mut Builder) -> T) -> T {
        let origin = self.builder.graph().origin(self.lr).cloned();
        self.builder.within(origin, build)
    }

    /// scalar · x.
    pub fn times(&mut self, scalar: NodeId, x: NodeId) -> NodeId {
        let scalar = self.builder.broadcast_like(scalar, x);
        self.builder.mul(scalar, x)
    }

    /// x / (√v + ε), ε being the argument `eps`.
    pub fn over_root(&mut self, x: NodeId, v: NodeId) -> NodeId {
        let root = self.builder.sqrt(v);
        let eps = self.builder.constant_like(self.float("eps"), root);
        let divisor = self.builder.add(root, eps);
        self.builder.div(x, divisor)
    }

    /// parameter − lr · step.
    pub fn descend(&mut self, parameter: NodeId, step: NodeId) -> NodeId {
        let step = self.times(self.lr, step);
        self.builder.sub(parameter, step)
    }
}

/// The argument `lr`.
const LR: ArgSpec = ArgSpec {
    name: "lr",
    kind: ArgKind::Float(Range::NotNegative),
    positional: true,
    default: None,
    meaning: "the learning rate",
};

/// An argument with a number for its default.
const fn number(name: &'static str, range: Range, default: f64, meaning: &'static str) -> ArgSpec {
    let default = Some(Setting::Float(default));
    ArgSpec { name, kind: ArgKind::Float(range), positional: false, default, meaning }
}
