//! What the grammar cannot tell: known names, fitting shapes, one function per rule.

use std::collections::HashMap;
use std::sync::Arc;

use proc_macro2::Span;

use super::Network;
use crate::arguments::{Arguments, Resolved, Setting, resolve};
use crate::diagnostics::{Diagnostic, NetworkError, What, suggest};
use crate::layers::{self, CheckedLayer, LayerRule, Misfit, n_elements};
use crate::origin::{Origin, Part, Place};
use crate::syntax::ast;
use crate::types::MAX_ELEMENTS;

/// The largest number of trained elements of a network: 8 GiB of f32.
pub const MAX_PARAMETERS: usize = MAX_ELEMENTS;

/// The largest number of elements of an example, and of what a layer makes of it: code reaches them by 32-bit offsets.
pub const MAX_EXAMPLE: usize = 1 << 25;

/// The network that `parsed` describes. `None` if it has mistakes.
pub(super) fn check(parsed: &ast::Network, diagnostics: &mut Vec<Diagnostic>) -> Option<Network> {
    let n_before = diagnostics.len();
    let mut checker = Checker::new(diagnostics);
    let layers = checker.layers(&parsed.layers, None);
    let clauses = checker.clauses(&parsed.clauses);
    let last = parsed.layers.layers.last().and_then(Option::as_ref);
    let loss = checker.loss(clauses.loss, layers.last().cloned().flatten().as_ref(), last);
    let optimizer = checker.optimizer(clauses.optimizer);
    let budget = checker.budget(clauses.budget);
    if diagnostics.len() > n_before {
        return None;
    }
    let layers = layers.into_iter().collect::<Option<Vec<_>>>()?;
    let input = layers.first()?.input.clone();
    let name = parsed.name.as_ref().map(|name| name.text.clone());
    let (loss, optimizer) = (loss?, optimizer?);
    let network = Network { name, layers, input, loss, optimizer, budget, records_origins: true };
    if let Some(clause) = clauses.budget {
        Checker::new(diagnostics).check_budget(&network, clause, &parsed.layers);
    }
    (diagnostics.len() == n_before).then_some(network)
}

pub(super) struct Checker<'d> {
    pub(super) diagnostics: &'d mut Vec<Diagnostic>,
    /// How many layers there have been of each kind.
    ordinals: HashMap<&'static str, usize>,
    /// Where each label stands.
    labels: HashMap<String, Span>,
    n_parameters: usize,
}

/// What comes into a layer.
#[derive(Clone)]
struct Incoming {
    /// Its shape; `None` behind a layer with a mistake, where nothing can be said.
    shape: Option<Vec<usize>>,
    /// The layer that it comes from.
    from: Span,
    /// What kind of layer that is.
    kind: String,
    /// Whether it is the network's input as such, which may hold integers.
    is_input: bool,
    /// That layer, written so that it gives all time steps, if it gives the last one only.
    all_steps: Option<String>,
}

impl<'d> Checker<'d> {
    fn new(diagnostics: &'d mut Vec<Diagnostic>) -> Self {
        Checker { diagnostics, ordinals: HashMap::new(), labels: HashMap::new(), n_parameters: 0 }
    }

    pub(super) fn error(&mut self, error: NetworkError, span: Span) {
        self.diagnostics.push(Diagnostic::new(error, span));
    }

    /// Checks a list; `None` stands for a layer with a mistake.
    fn layers(&mut self, list: &ast::Layers, mut incoming: Option<Incoming>) -> Vec<Option<CheckedLayer>> {
        let mut checked = Vec::with_capacity(list.layers.len());
        for layer in &list.layers {
            let Some(layer) = layer else {
                let from = incoming.as_ref().map_or(list.span, |incoming| incoming.from);
                incoming = Some(Incoming {
                    shape: None,
                    from,
                    kind: String::new(),
                    is_input: false,
                    all_steps: None,
                });
                checked.push(None);
                continue;
            };
            let result = self.layer(layer, incoming.as_ref());
            let shape = result.as_ref().and_then(|result| result.shape.clone());
            let new = result.and_then(|result| result.layer);
            let is_input = incoming.is_none() && new.as_ref().is_some_and(|new| new.rule.only_first());
            let (from, kind) = (layer.call.span, layer.call.name.text.clone());
            let all_steps = new.as_ref().and_then(with_all_steps);
            incoming = Some(Incoming { shape, from, kind, is_input, all_steps });
            checked.push(new);
        }
        checked
    }

    /// `None` if not even the output's shape is known.
    fn layer(&mut self, layer: &ast::Layer, incoming: Option<&Incoming>) -> Option<LayerResult> {
        let rule = self.layer_rule(&layer.call.name);
        let name = self.layer_name(layer.label.as_ref(), rule);
        let rule = rule?;
        if rule.only_first() && incoming.is_some() {
            self.error(NetworkError::LateInput, layer.call.name.span);
        }
        let mut resolved = resolve(rule.name(), rule.signature(), &layer.call, self.diagnostics)?;
        let implied = rule.implied_input(&resolved.arguments);
        let input = match incoming {
            Some(incoming) => incoming.shape.clone(),
            None if implied.is_none() => {
                let input = rule.input_form(&resolved.arguments);
                self.error(NetworkError::NoInputShape { kind: rule.name(), input }, layer.call.name.span);
                None
            }
            None => implied.clone(),
        };
        if let Some(body) = resolved.body {
            let kind = incoming.map_or(rule.name().to_owned(), |incoming| incoming.kind.clone());
            let from = incoming.map_or(layer.call.span, |incoming| incoming.from);
            let all_steps = incoming.and_then(|incoming| incoming.all_steps.clone());
            let first = Incoming { shape: input.clone(), from, kind, is_input: false, all_steps };
            let inside = self.layers(body, Some(first));
            resolved.arguments.body = inside.into_iter().collect::<Option<_>>()?;
        }
        self.check_parameters(rule, &resolved, layer);
        // Behind a mistake a layer that says what it expects is taken at its word.
        let input = input.or(implied.clone())?;
        let output = match infer(rule, &resolved.arguments, &input, incoming) {
            Ok(output) => output,
            Err(misfit) => {
                self.misfit(misfit, &resolved, layer, incoming);
                let shape = implied.and_then(|implied| rule.infer(&resolved.arguments, &implied).ok());
                let shape = shape.filter(|shape| n_elements(shape).is_some());
                return Some(LayerResult { layer: None, shape });
            }
        };
        let example = incoming.is_none().then_some(input.as_slice());
        self.check_size(rule, &resolved, example, (&input, &output), layer)?;
        let label = layer.label.as_ref().map(|label| label.text.clone());
        let shape = Some(output.clone());
        let part = Part::Layer { name: name.as_str().into(), place: place(layer.call.span) };
        let origin = Some(Arc::new(Origin::of(part)));
        let arguments = resolved.arguments;
        let layer = CheckedLayer { label, name, rule, arguments, input, output, origin };
        Some(LayerResult { layer: Some(layer), shape })
    }

    fn layer_rule(&mut self, kind: &ast::Word) -> Option<&'static dyn LayerRule> {
        let found = layers::rules().find(|rule| rule.name() == kind.text);
        if found.is_none() {
            self.unknown(
                What::Layer,
                kind.text.clone(),
                kind.span,
                layers::rules().map(LayerRule::name).collect(),
            );
        }
        found
    }

    pub(super) fn unknown(&mut self, what: What, found: String, span: Span, known: Vec<&'static str>) {
        let suggestion = suggest(&found, &known);
        self.error(NetworkError::Unknown { what, found, suggestion, known }, span);
    }

    /// The label, or the kind and its ordinal, which counts labelled layers too.
    fn layer_name(&mut self, label: Option<&ast::Word>, rule: Option<&'static dyn LayerRule>) -> String {
        let automatic = rule.map(|rule| {
            let ordinal = self.ordinals.entry(rule.name()).or_default();
            let name = format!("{}{ordinal}", rule.name());
            *ordinal += 1;
            name
        });
        if let Some(label) = label {
            self.check_label(label);
        }
        label.map(|label| label.text.clone()).or(automatic).unwrap_or_default()
    }

    fn check_label(&mut self, label: &ast::Word) {
        if let Some(kind) = automatic_kind(&label.text) {
            self.error(NetworkError::AutomaticLabel { label: label.text.clone(), kind }, label.span);
        }
        if let Some(&first) = self.labels.get(&label.text) {
            let error = NetworkError::DuplicateLabel { label: label.text.clone() };
            let cause = (first, format!("`{}` is this layer's label already", label.text));
            self.diagnostics.push(Diagnostic::new(error, label.span).with_cause(cause));
        } else {
            self.labels.insert(label.text.clone(), label.span);
        }
    }

    fn misfit(
        &mut self,
        mut misfit: Misfit,
        resolved: &Resolved<'_>,
        layer: &ast::Layer,
        incoming: Option<&Incoming>,
    ) {
        if let NetworkError::NotASequence { all_steps, .. } = &mut misfit.error {
            *all_steps = incoming.and_then(|incoming| incoming.all_steps.clone());
        }
        let place = misfit.argument.and_then(|argument| resolved.place(argument));
        let diagnostic = Diagnostic::new(misfit.error, place.unwrap_or(layer.call.name.span));
        let cause = incoming.and_then(|incoming| {
            let shape = incoming.shape.as_ref()?;
            Some((incoming.from, format!("`{}` gives the shape {shape:?}", incoming.kind)))
        });
        self.diagnostics.push(match cause {
            Some(cause) => diagnostic.with_cause(cause),
            None => diagnostic,
        });
    }

    /// Each parameter, and all of the network together, must be of a size that buffers can have.
    fn check_parameters(&mut self, rule: &dyn LayerRule, resolved: &Resolved<'_>, layer: &ast::Layer) {
        let sizes = rule.parameters(&resolved.arguments).into_iter().map(|p| n_elements(&p.shape));
        let total = sizes.into_iter().try_fold(self.n_parameters, |sum, size| sum.checked_add(size?));
        match total.filter(|total| *total <= MAX_PARAMETERS) {
            Some(total) => self.n_parameters = total,
            None => {
                let layer_text = rule.text(&resolved.arguments);
                let error = NetworkError::TooManyParameters { layer: layer_text, limit: MAX_PARAMETERS };
                self.error(error, layer.call.span);
            }
        }
    }

    fn check_size(
        &mut self,
        rule: &dyn LayerRule,
        resolved: &Resolved<'_>,
        example: Option<&[usize]>,
        (input, output): (&[usize], &[usize]),
        layer: &ast::Layer,
    ) -> Option<()> {
        let layer_text = rule.text(&resolved.arguments);
        let intermediate = rule.intermediate(&resolved.arguments, input);
        let is_too_large = |shape| n_elements(shape).is_none_or(|elements| elements > MAX_EXAMPLE);
        let error = if example.is_some_and(is_too_large) {
            NetworkError::ExampleTooLarge { layer: layer_text, limit: MAX_EXAMPLE }
        } else if is_too_large(output) {
            NetworkError::ResultTooLarge { layer: layer_text, limit: MAX_EXAMPLE }
        } else if intermediate.is_some_and(|shape| n_elements(&shape).is_none()) {
            NetworkError::IntermediateTooLarge { layer: layer_text, limit: MAX_ELEMENTS }
        } else {
            return Some(());
        };
        self.error(error, layer.call.span);
        None
    }
}

/// A layer that gives the last time step only, written so that it gives all.
fn with_all_steps(layer: &CheckedLayer) -> Option<String> {
    const KEY: &str = "return_sequences";
    let gives_last = layer.rule.signature().iter().any(|spec| spec.name == KEY) && !layer.arguments.flag(KEY);
    gives_last.then(|| layer.rule.text(&layer.arguments.with(KEY, Setting::Bool(true))))
}

/// Where in its text a span begins; `None` where spans know nothing of that, as in macros of older compilers.
fn place(span: Span) -> Option<Place> {
    let start = span.start();
    let column = u32::try_from(start.column).ok()?.checked_add(1)?;
    u32::try_from(start.line).ok().filter(|&line| line > 0).map(|line| Place { line, column })
}

/// A layer's output shape, or why what comes in does not fit.
fn infer(
    rule: &dyn LayerRule,
    arguments: &Arguments,
    input: &[usize],
    incoming: Option<&Incoming>,
) -> Result<Vec<usize>, Misfit> {
    if rule.vocabulary(arguments).is_some() && incoming.is_some_and(|incoming| !incoming.is_input) {
        let error = NetworkError::NeedsIntegers { layer: rule.text(arguments) };
        return Err(Misfit { error, argument: None });
    }
    rule.infer(arguments, input)
}

/// A layer, unless it has a mistake, and the shape that it gives, if that is known all the same.
struct LayerResult {
    layer: Option<CheckedLayer>,
    shape: Option<Vec<usize>>,
}

/// The kind of layer whose automatic names have this form: `dense` for `dense0`.
fn automatic_kind(label: &str) -> Option<&'static str> {
    let is_ordinal = |rest: &str| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit());
    layers::rules().map(LayerRule::name).find(|kind| label.strip_prefix(kind).is_some_and(is_ordinal))
}
