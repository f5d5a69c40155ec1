//! Layers: what a network is written in. One layer is one file and one line in the table below.
//!
//! A layer knows its arguments, its shapes, its parameters and how to compose ops into its forward pass; it knows
//! nothing of gradients or code generation.

pub mod activations;
mod attention;
mod avg_pool2d;
mod batch_norm;
mod conv2d;
mod dense;
mod dropout;
mod embedding;
mod flatten;
mod global_avg_pool2d;
mod gru;
mod image;
mod init;
mod input;
mod last;
mod layer_norm;
mod lstm;
mod max_pool2d;
mod norm;
mod recurrent;
mod reshape;
mod residual;
mod rnn;

use std::fmt;
use std::sync::Arc;

use crate::arguments::{ArgSpec, Arguments, Setting};
use crate::builder::Builder;
use crate::diagnostics::NetworkError;
use crate::graph::NodeId;
use crate::module::Init;
use crate::origin::Origin;
use crate::random;
use crate::types::{Shape, TensorType};

pub use activations::{ACTIVATIONS, Activation};
pub(crate) use init::INITIALIZERS;

/// The layers with a file of their own; each activation is a layer too.
static LAYERS: &[&dyn LayerRule] = &[
    &attention::Attention,
    &avg_pool2d::AvgPool2d,
    &batch_norm::BatchNorm,
    &conv2d::Conv2d,
    &dense::Dense,
    &dropout::Dropout,
    &embedding::Embedding,
    &flatten::Flatten,
    &global_avg_pool2d::GlobalAvgPool2d,
    &gru::Gru,
    &input::Input,
    &last::Last,
    &layer_norm::LayerNorm,
    &lstm::Lstm,
    &max_pool2d::MaxPool2d,
    &reshape::Reshape,
    &residual::Residual,
    &rnn::Rnn,
];

/// All layers, by their rules.
pub fn rules() -> impl Iterator<Item = &'static dyn LayerRule> {
    LAYERS.iter().copied().chain(ACTIVATIONS.iter().map(|activation| activation as &dyn LayerRule))
}

/// The names of all activations.
pub(crate) fn activation_names() -> Vec<&'static str> {
    ACTIVATIONS.iter().map(|activation| activation.name).collect()
}

/// What every layer has to say about itself. Shapes leave out the batch dimension.
pub trait LayerRule: Sync {
    /// Its name in network text.
    fn name(&self) -> &'static str;

    /// Its arguments, in order.
    fn signature(&self) -> &'static [ArgSpec];

    /// The input shape that it implies where it is the first layer.
    fn implied_input(&self, _: &Arguments) -> Option<Vec<usize>> {
        None
    }

    /// Whether it can only be the first layer.
    fn only_first(&self) -> bool {
        false
    }

    /// How many different integers it reads, if its input holds integers: it can then only stand right behind `input`.
    fn vocabulary(&self, _: &Arguments) -> Option<usize> {
        None
    }

    /// What the sizes of its input may look like, as messages show them: `t, 28`.
    fn input_form(&self, _: &Arguments) -> String {
        "28, 28".to_owned()
    }

    /// Its output shape, or why the input does not fit.
    fn infer(&self, arguments: &Arguments, input: &[usize]) -> Result<Vec<usize>, Misfit>;

    /// The largest shape that it computes on the way from such an input to its output, where that may be larger than both.
    fn intermediate(&self, _arguments: &Arguments, _input: &[usize]) -> Option<Vec<usize>> {
        None
    }

    /// Its parameters.
    fn parameters(&self, _: &Arguments) -> Vec<Parameter> {
        Vec::new()
    }

    /// What it keeps from batch to batch without training it: running statistics.
    fn buffers(&self, _: &Arguments) -> Vec<Parameter> {
        Vec::new()
    }

    /// Whether it draws random numbers in training.
    fn is_random(&self) -> bool {
        false
    }

    /// The fewest examples of this shape that it can be trained on at once.
    fn min_batch(&self, _: &[usize]) -> usize {
        1
    }

    /// The activation that is applied to what [`build`](Self::build) gives.
    fn activation(&self, _: &Arguments) -> Option<&'static Activation> {
        None
    }

    /// Its forward pass without its activation: ops from `x` [B, …] to the result.
    fn build(&self, cx: &mut LayerContext<'_>, x: NodeId) -> NodeId;

    /// The layer as text: `dense(784, 128, relu)`.
    fn text(&self, arguments: &Arguments) -> String {
        match arguments.text().as_str() {
            "" => self.name().to_owned(),
            arguments => format!("{}({arguments})", self.name()),
        }
    }
}

impl fmt::Debug for dyn LayerRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// There is one rule of each name.
impl PartialEq for dyn LayerRule {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

/// Why an input does not fit a layer.
#[derive(Clone, PartialEq, Debug)]
pub struct Misfit {
    /// What is wrong.
    pub error: NetworkError,
    /// The argument that disagrees; `None` if it is the layer as such.
    pub argument: Option<&'static str>,
}

/// A tensor that a layer keeps: one that is trained, or a buffer.
#[derive(Clone, PartialEq, Debug)]
pub struct Parameter {
    /// What stands behind the layer's name and a dot: `weight`.
    pub suffix: &'static str,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its first value.
    pub init: Init,
}

/// What a forward pass is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// Training: batch statistics, dropout.
    Training,
    /// Prediction and evaluation.
    Inference,
}

/// A layer whose arguments and shapes have been checked.
#[derive(Clone, Debug)]
pub struct CheckedLayer {
    /// The label it was given.
    pub label: Option<String>,
    /// Its name: the label, or the kind with its ordinal.
    pub name: String,
    /// What kind of layer it is.
    pub rule: &'static dyn LayerRule,
    /// Its arguments.
    pub arguments: Arguments,
    /// The shape that goes in, without the batch.
    pub input: Vec<usize>,
    /// The shape that comes out, without the batch.
    pub output: Vec<usize>,
    /// Where the nodes of its forward pass come from, if that is recorded; takes no part in comparisons.
    pub origin: Option<Arc<Origin>>,
}

impl PartialEq for CheckedLayer {
    fn eq(&self, other: &Self) -> bool {
        let CheckedLayer { label, name, rule, arguments, input, output, origin: _ } = other;
        (&self.label, &self.name, &self.rule, &self.arguments) == (label, name, rule, arguments)
            && (&self.input, &self.output) == (input, output)
    }
}

impl CheckedLayer {
    /// This layer and all that are nested in it, depth first.
    pub fn flattened(&self) -> Vec<&CheckedLayer> {
        let nested = self.arguments.body.iter().flat_map(CheckedLayer::flattened);
        std::iter::once(self).chain(nested).collect()
    }

    /// Its parameters and those of its nested layers, by their full names.
    pub fn parameters(&self) -> Vec<(String, Parameter)> {
        self.tensors(|layer| layer.rule.parameters(&layer.arguments))
    }

    /// Its buffers and those of its nested layers, by their full names.
    pub fn buffers(&self) -> Vec<(String, Parameter)> {
        self.tensors(|layer| layer.rule.buffers(&layer.arguments))
    }

    fn tensors(&self, of: impl Fn(&CheckedLayer) -> Vec<Parameter>) -> Vec<(String, Parameter)> {
        let mut named = Vec::new();
        for layer in self.flattened() {
            named.extend(of(layer).into_iter().map(|tensor| (layer.state_name(tensor.suffix), tensor)));
        }
        named
    }

    /// Its activation, if it ends with one.
    pub fn activation(&self) -> Option<&'static Activation> {
        self.rule.activation(&self.arguments)
    }

    /// Adds its forward pass and gives its value before and after its activation.
    pub(crate) fn forward(
        &self,
        builder: &mut Builder,
        mode: Mode,
        effects: &mut Effects,
        x: NodeId,
    ) -> LayerValues {
        builder.within(self.origin.clone(), |builder| {
            let before = self.rule.build(&mut LayerContext { builder, mode, effects, layer: self }, x);
            let after = match self.activation() {
                Some(activation) => (activation.apply)(builder, before),
                None => before,
            };
            LayerValues { before, after }
        })
    }

    /// Has its nodes, and those of nested layers, come from nowhere.
    pub(crate) fn forget_origin(&mut self) {
        self.origin = None;
        self.arguments.body.iter_mut().for_each(CheckedLayer::forget_origin);
    }

    fn state_name(&self, suffix: &str) -> String {
        format!("{}.{suffix}", self.name)
    }
}

impl fmt::Display for CheckedLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(label) = &self.label {
            write!(f, "{label}: ")?;
        }
        f.write_str(&self.rule.text(&self.arguments))
    }
}

/// The layers of a list as text, with commas.
pub(crate) fn list_text(layers: &[CheckedLayer]) -> String {
    layers.iter().map(CheckedLayer::to_string).collect::<Vec<_>>().join(", ")
}

/// The result of a layer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LayerValues {
    /// Its value before its activation.
    pub before: NodeId,
    /// Its value; the same node if there is no activation.
    pub after: NodeId,
}

/// What a forward pass does besides computing its output.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Effects {
    /// New values of states, by name; none in inference.
    pub updates: Vec<(String, NodeId)>,
    /// How often random numbers were drawn.
    n_draws: usize,
}

/// What a layer builds with.
pub struct LayerContext<'a> {
    /// The graph.
    pub builder: &'a mut Builder,
    /// What the forward pass is for.
    pub mode: Mode,
    effects: &'a mut Effects,
    /// The layer that is being built.
    layer: &'a CheckedLayer,
}

impl<'a> LayerContext<'a> {
    /// The layer's arguments.
    pub fn arguments(&self) -> &'a Arguments {
        &self.layer.arguments
    }

    /// The layer's input shape, without the batch.
    pub fn input(&self) -> &'a [usize] {
        &self.layer.input
    }

    /// The layer's output shape, without the batch.
    pub fn output(&self) -> &'a [usize] {
        &self.layer.output
    }

    /// The layer's parameter of this suffix.
    pub fn parameter(&mut self, suffix: &str) -> NodeId {
        self.tensor(suffix, &self.layer.rule.parameters(self.arguments()))
    }

    /// The layer's buffer of this suffix, before any update.
    pub fn buffer(&mut self, suffix: &str) -> NodeId {
        self.tensor(suffix, &self.layer.rule.buffers(self.arguments()))
    }

    /// Makes `value` the buffer's value after a training step.
    pub fn update_buffer(&mut self, suffix: &str, value: NodeId) {
        self.effects.updates.push((self.layer.state_name(suffix), value));
    }

    /// Random numbers, uniform in [0, 1), others at each call and each training step.
    pub fn uniform(&mut self, shape: Shape) -> NodeId {
        self.effects.n_draws += 1;
        random::uniform(self.builder, self.effects.n_draws - 1, shape)
    }

    /// The value of a nested layer.
    pub fn nested(&mut self, layer: &CheckedLayer, x: NodeId) -> NodeId {
        layer.forward(self.builder, self.mode, self.effects, x).after
    }

    fn tensor(&mut self, suffix: &str, declared: &[Parameter]) -> NodeId {
        let declared = declared.iter().find(|tensor| tensor.suffix == suffix);
        let shape = Shape::fixed(&declared.expect("a declared tensor").shape);
        self.builder.state(&self.layer.state_name(suffix), TensorType::f32(shape))
    }
}

/// Checks that the last axis of `input` has as many elements as the argument `name` says.
fn check_features(
    rule: &dyn LayerRule,
    arguments: &Arguments,
    name: &'static str,
    input: &[usize],
) -> Result<(), Misfit> {
    let expected = arguments.size(name);
    match input.last() {
        Some(&found) if found == expected => Ok(()),
        Some(&found) => {
            let layer = rule.text(arguments);
            let fitting = rule.text(&arguments.with(name, Setting::Size(found)));
            let flat_fits = input.len() > 1 && n_elements(input) == Some(expected);
            let error = NetworkError::Features { layer, fitting, expected, found, flat_fits };
            Err(Misfit { error, argument: Some(name) })
        }
        None => {
            let error = NetworkError::TooFewAxes { layer: rule.text(arguments), expected: 1, found: vec![] };
            Err(Misfit { error, argument: None })
        }
    }
}

/// The number of elements of a shape; `None` beyond [`MAX_ELEMENTS`](crate::types::MAX_ELEMENTS).
pub(crate) fn n_elements(shape: &[usize]) -> Option<usize> {
    Shape::fixed(shape).elements().and_then(|elements| elements.as_static())
}
