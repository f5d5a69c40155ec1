//! The checked network: layers whose shapes fit, a loss and an optimizer.

mod budget;
mod check;
mod clauses;

use std::fmt;
use std::ops::Range;
use std::str::FromStr;
use std::sync::Arc;

use proc_macro2::TokenStream;

use crate::builder::Builder;
use crate::diagnostics::Diagnostics;
use crate::graph::NodeId;
use crate::layers::{CheckedLayer, Effects, LayerValues, Mode, Parameter};
use crate::losses::LossRule;
use crate::module::{StateDecl, StateRole};
use crate::optimizers::Optimizer;
use crate::origin::{Origin, Part};
use crate::random;
use crate::syntax::{self, ast};
use crate::types::{DType, Shape, TensorType};

pub use budget::{Budget, DEFAULT_BATCH};
pub use check::{MAX_EXAMPLE, MAX_PARAMETERS};

/// A network without mistakes.
///
/// ```
/// use dl_ir::network::Network;
///
/// let network = Network::parse("< dense(784, 128, relu), dense(128, 10, softmax) >")?;
/// assert_eq!(network.output_shape(), [10]);
/// assert_eq!(network.loss().name(), "cross_entropy");
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
///
/// Its `Display` is its canonical text, which parses to the same network.
#[derive(Clone, PartialEq, Debug)]
pub struct Network {
    name: Option<String>,
    layers: Vec<CheckedLayer>,
    input: Vec<usize>,
    loss: &'static dyn LossRule,
    optimizer: Optimizer,
    budget: Option<Budget>,
    records_origins: bool,
}

/// A network as the macro gets it, with what becomes of its item.
#[derive(Clone, Debug)]
pub struct NetworkItem {
    /// The network.
    pub network: Network,
    /// Attributes and doc comments.
    pub attributes: TokenStream,
    /// The visibility; empty if there is none.
    pub visibility: TokenStream,
    /// The name, at its place; without one the network is an expression.
    pub name: Option<ast::Word>,
}

/// The nodes of a forward pass.
#[derive(Clone, PartialEq, Debug)]
pub struct Forward {
    /// The output before a trailing softmax or sigmoid; the output itself if there is neither.
    pub logits: NodeId,
    /// The output, f32 [B, …].
    pub output: NodeId,
    /// What a training step does besides.
    pub effects: Effects,
}

/// A layer as summaries show it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LayerInfo {
    /// Its label, or its kind with its ordinal.
    pub name: String,
    /// Its kind.
    pub kind: &'static str,
    /// Its arguments as text, without those that are as by default.
    pub arguments: String,
    /// The shape that goes in, without the batch.
    pub input: Vec<usize>,
    /// The shape that comes out, without the batch.
    pub output: Vec<usize>,
    /// The number of trained elements, those of nested layers included.
    pub n_parameters: usize,
}

impl Network {
    /// The only network of a text: what stands between `network!(` and `)`, or that with its wrapper, or a whole
    /// `.dl` file.
    ///
    /// # Errors
    /// All mistakes, with their places in `text`.
    pub fn parse(text: &str) -> Result<Self, Diagnostics<Range<usize>>> {
        syntax::with_network(text, None, check::check)
    }

    /// The network of this name of a text with several.
    ///
    /// # Errors
    /// All mistakes of the text's grammar and of that network.
    pub fn parse_named(text: &str, name: &str) -> Result<Self, Diagnostics<Range<usize>>> {
        syntax::with_network(text, Some(name), check::check)
    }

    /// The network of a macro's tokens.
    ///
    /// # Errors
    /// All mistakes, with their spans.
    pub fn from_tokens(tokens: TokenStream) -> Result<NetworkItem, Diagnostics> {
        let mut diagnostics = Vec::new();
        let parsed = syntax::parse_one(tokens, &mut diagnostics);
        let checked = parsed.and_then(|parsed| {
            let network = check::check(&parsed, &mut diagnostics)?;
            let ast::Network { attributes, visibility, name, .. } = parsed;
            Some(NetworkItem { network, attributes, visibility, name })
        });
        match (checked, Diagnostics::new(diagnostics)) {
            (_, Some(diagnostics)) => Err(diagnostics),
            (Some(checked), None) => Ok(checked),
            (None, None) => unreachable!("a network is refused for a reason"),
        }
    }

    /// The same network, whose nodes do not know where they come from: to measure what knowing it costs.
    pub fn without_origins(mut self) -> Self {
        self.records_origins = false;
        self.layers.iter_mut().for_each(CheckedLayer::forget_origin);
        self
    }

    /// Where the nodes come from that a part other than a layer builds, if that is recorded.
    pub(crate) fn origin(&self, part: Part) -> Option<Arc<Origin>> {
        self.records_origins.then(|| Arc::new(Origin::of(part)))
    }

    /// Its name, if it has one.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Its layers in order; nested ones are in their layer's arguments.
    pub fn layers(&self) -> &[CheckedLayer] {
        &self.layers
    }

    /// What training makes small.
    pub fn loss(&self) -> &'static dyn LossRule {
        self.loss
    }

    /// How training makes it small.
    pub fn optimizer(&self) -> &Optimizer {
        &self.optimizer
    }

    /// What it may cost at most, if it says so.
    pub fn budget(&self) -> Option<Budget> {
        self.budget
    }

    /// The shape of an example, without the batch.
    pub fn input_shape(&self) -> &[usize] {
        &self.input
    }

    /// The shape of an output, without the batch.
    pub fn output_shape(&self) -> &[usize] {
        self.layers.last().map_or(&self.input, |last| &last.output)
    }

    /// How many different integers examples may hold, from 0 on, where they hold integers: where the first layer behind `input` reads
    /// them.
    pub fn vocabulary(&self) -> Option<usize> {
        let first = self.layers.iter().find(|layer| !layer.rule.only_first());
        first.and_then(|layer| layer.rule.vocabulary(&layer.arguments))
    }

    /// The type of a batch of examples: integers where the first layer behind `input` reads them.
    pub fn input_type(&self) -> TensorType {
        let dtype = if self.vocabulary().is_some() { DType::I32 } else { DType::F32 };
        TensorType::new(dtype, Shape::batched(&self.input))
    }

    /// The type of a batch of outputs.
    pub fn output_type(&self) -> TensorType {
        TensorType::f32(Shape::batched(self.output_shape()))
    }

    /// The types that targets may have, the usual one first.
    pub fn target_types(&self) -> Vec<TensorType> {
        self.loss.target_types(self.output_shape())
    }

    /// The declarations of all parameters, in the order of the layers.
    pub fn parameters(&self) -> Vec<StateDecl> {
        self.declare(StateRole::Parameter, CheckedLayer::parameters)
    }

    /// For each parameter where its layer's nodes come from.
    pub(crate) fn parameter_origins(&self) -> Vec<Option<Arc<Origin>>> {
        let layers = self.layers.iter().flat_map(CheckedLayer::flattened);
        let of_layer = |layer: &CheckedLayer| {
            let n_parameters = layer.rule.parameters(&layer.arguments).len();
            std::iter::repeat_n(layer.origin.clone(), n_parameters)
        };
        layers.flat_map(of_layer).collect()
    }

    /// The declarations of what layers keep without training it, in the order of the layers.
    pub fn buffers(&self) -> Vec<StateDecl> {
        self.declare(StateRole::Buffer, CheckedLayer::buffers)
    }

    fn declare(&self, role: StateRole, of: fn(&CheckedLayer) -> Vec<(String, Parameter)>) -> Vec<StateDecl> {
        let declare = |(name, tensor): (String, Parameter)| {
            let ty = TensorType::f32(Shape::fixed(&tensor.shape));
            StateDecl { name, ty, role, init: tensor.init }
        };
        self.layers.iter().flat_map(of).map(declare).collect()
    }

    /// The declarations of all state: parameters, buffers, what the optimizer keeps, and the generator of random numbers if a
    /// layer draws any.
    pub fn states(&self) -> Vec<StateDecl> {
        let mut states = self.parameters();
        let optimizer = self.optimizer.states(&states);
        states.extend(self.buffers());
        states.extend(optimizer);
        if self.is_random() {
            states.extend(random::states());
        }
        states
    }

    /// Whether training draws random numbers.
    fn is_random(&self) -> bool {
        self.layers.iter().flat_map(CheckedLayer::flattened).any(|layer| layer.rule.is_random())
    }

    /// The layer that asks for the most examples in a batch of training, and how many.
    pub fn min_batch(&self) -> (&CheckedLayer, usize) {
        let layers = self.layers.iter().flat_map(CheckedLayer::flattened);
        let needs = layers.map(|layer| (layer, layer.rule.min_batch(&layer.input)));
        needs.max_by_key(|&(_, n)| n).expect("networks have layers")
    }

    /// The number of trained elements.
    pub fn n_parameters(&self) -> usize {
        self.layers.iter().map(n_parameters).sum()
    }

    /// One entry per layer, for summaries.
    pub fn layer_infos(&self) -> Vec<LayerInfo> {
        let info = |layer: &CheckedLayer| LayerInfo {
            name: layer.name.clone(),
            kind: layer.rule.name(),
            arguments: layer.arguments.text(),
            input: layer.input.clone(),
            output: layer.output.clone(),
            n_parameters: n_parameters(layer),
        };
        self.layers.iter().map(info).collect()
    }

    /// Adds the step count's next value, and gives it by name; nothing if training draws no random numbers.
    pub fn next_step(&self, builder: &mut Builder) -> Vec<(String, NodeId)> {
        if !self.is_random() {
            return Vec::new();
        }
        builder.within(self.origin(Part::Random), random::next_step)
    }

    /// Adds the forward pass of a batch `x` of [`input_type`](Self::input_type).
    pub fn forward(&self, builder: &mut Builder, mode: Mode, x: NodeId) -> Forward {
        let start = LayerValues { before: x, after: x };
        let mut effects = Effects::default();
        let step = |values: LayerValues, layer: &CheckedLayer| {
            layer.forward(builder, mode, &mut effects, values.after)
        };
        let last = self.layers.iter().fold(start, step);
        let from_logits = matches!(self.trailing_activation(), Some("softmax" | "sigmoid"));
        let logits = if from_logits { last.before } else { last.after };
        Forward { logits, output: last.after, effects }
    }

    /// Its text with other clauses, given as they would be written.
    pub fn text_with(&self, loss: &str, optimizer: &str) -> String {
        let name = self.name.as_ref().map(|name| format!("{name} ")).unwrap_or_default();
        let layers = crate::layers::list_text(&self.layers);
        let budget = self.budget.map(|budget| format!(", {budget}")).unwrap_or_default();
        format!("{name}< {layers} >, loss = {loss}, optimizer = {optimizer}{budget}")
    }

    /// The name of the activation that the network ends with.
    fn trailing_activation(&self) -> Option<&'static str> {
        self.layers.last().and_then(CheckedLayer::activation).map(|activation| activation.name)
    }
}

/// Elements of a layer's parameters; the check has bounded their sum.
fn n_parameters(layer: &CheckedLayer) -> usize {
    layer.parameters().iter().map(|(_, parameter)| parameter.shape.iter().product::<usize>()).sum()
}

impl FromStr for Network {
    type Err = Diagnostics<Range<usize>>;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Network::parse(text)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text_with(self.loss.name(), &self.optimizer.to_string()))
    }
}
