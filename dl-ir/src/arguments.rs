//! What layers and optimizers may be told: declared arguments, and their values checked against the declaration.

use proc_macro2::Span;

use crate::closest::closest;
use crate::diagnostics::{Diagnostic, Missing, NetworkError, What};
use crate::layers::{self, CheckedLayer};
use crate::syntax::ast;
use crate::types::MAX_ELEMENTS;

/// The largest number of axes of an example.
pub const MAX_AXES: usize = 8;

/// The declaration of one argument.
#[derive(PartialEq, Debug)]
pub struct ArgSpec {
    /// Its name: what messages call it, and the key to give it by.
    pub name: &'static str,
    /// What values it takes.
    pub kind: ArgKind,
    /// Whether it may be given by position, without its name.
    pub positional: bool,
    /// Its value if it is not given; `None` if it must be.
    pub default: Option<Setting>,
    /// What it means, for messages: "the number of inputs".
    pub meaning: &'static str,
}

/// What values an argument takes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum ArgKind {
    /// A whole number from 1.
    Size,
    /// All further arguments by position, at least one, each a size.
    Sizes,
    /// A number in a range.
    Float(Range),
    /// `true` or `false`.
    Bool,
    /// The name of an activation.
    Activation,
    /// How weights begin.
    Initializer,
    /// A list of layers.
    Layers,
}

/// A range of numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Range {
    /// 0 and above.
    NotNegative,
    /// Above 0.
    Positive,
    /// From 0 to below 1.
    Fraction,
}

impl Range {
    fn contains(self, value: f64) -> bool {
        match self {
            Range::NotNegative => value >= 0.0,
            Range::Positive => value > 0.0,
            Range::Fraction => (0.0..1.0).contains(&value),
        }
    }

    fn words(self) -> &'static str {
        match self {
            Range::NotNegative => "0 or more",
            Range::Positive => "more than 0",
            Range::Fraction => "at least 0 and less than 1",
        }
    }
}

impl ArgKind {
    fn words(self) -> &'static str {
        match self {
            ArgKind::Size | ArgKind::Sizes => "a size",
            ArgKind::Float(_) => "a number",
            ArgKind::Bool => "`true` or `false`",
            ArgKind::Activation => "an activation",
            ArgKind::Initializer => "an initial value",
            ArgKind::Layers => "a list of layers",
        }
    }
}

/// The value of an argument.
#[derive(Clone, PartialEq, Debug)]
pub enum Setting {
    /// Of [`ArgKind::Size`].
    Size(usize),
    /// Of [`ArgKind::Sizes`].
    Sizes(Vec<usize>),
    /// Of [`ArgKind::Float`].
    Float(f64),
    /// Of [`ArgKind::Bool`].
    Bool(bool),
    /// Of [`ArgKind::Activation`] and [`ArgKind::Initializer`]: a known name.
    Word(&'static str),
}

/// The values of all arguments of one layer or optimizer, given or by default.
#[derive(Clone, PartialEq, Debug)]
pub struct Arguments {
    specs: &'static [ArgSpec],
    /// One for each of `specs`; `None` for a list of layers.
    settings: Vec<Option<Setting>>,
    /// The layers of a nested list; none if the layer takes no list.
    pub body: Vec<CheckedLayer>,
}

/// Reading by name. Names are those of the declaration, so a wrong one is a bug in the layer or optimizer that asks.
impl Arguments {
    /// The defaults, and these settings of what has none.
    pub(crate) fn defaults(specs: &'static [ArgSpec], given: &[(&str, Setting)]) -> Self {
        let setting = |spec: &ArgSpec| {
            let given = given.iter().find(|(name, _)| *name == spec.name);
            given.map(|(_, setting)| setting.clone()).or_else(|| spec.default.clone())
        };
        Arguments { specs, settings: specs.iter().map(setting).collect(), body: Vec::new() }
    }

    fn setting(&self, name: &str) -> &Setting {
        let index = self.specs.iter().position(|spec| spec.name == name).expect("a declared argument");
        self.settings[index].as_ref().expect("not a list of layers")
    }

    /// A size.
    pub fn size(&self, name: &str) -> usize {
        match self.setting(name) {
            Setting::Size(size) => *size,
            other => unreachable!("`{name}` is a size, not {other:?}"),
        }
    }

    /// A list of sizes.
    pub fn sizes(&self, name: &str) -> &[usize] {
        match self.setting(name) {
            Setting::Sizes(sizes) => sizes,
            other => unreachable!("`{name}` is a list of sizes, not {other:?}"),
        }
    }

    /// A number.
    pub fn float(&self, name: &str) -> f64 {
        match self.setting(name) {
            Setting::Float(value) => *value,
            other => unreachable!("`{name}` is a number, not {other:?}"),
        }
    }

    /// A truth value.
    pub fn flag(&self, name: &str) -> bool {
        match self.setting(name) {
            Setting::Bool(value) => *value,
            other => unreachable!("`{name}` is a truth value, not {other:?}"),
        }
    }

    /// The name of an activation or initializer.
    pub fn word(&self, name: &str) -> &'static str {
        match self.setting(name) {
            Setting::Word(word) => word,
            other => unreachable!("`{name}` is a word, not {other:?}"),
        }
    }

    /// The arguments as text, without those that are as by default: `784, 128, relu`.
    pub fn text(&self) -> String {
        self.text_from(true)
    }

    /// As [`text`](Self::text), each with its name: `lr = 0.001`.
    pub fn named_text(&self) -> String {
        self.text_from(false)
    }

    fn text_from(&self, mut by_position: bool) -> String {
        let mut parts = Vec::new();
        for (spec, setting) in self.specs.iter().zip(&self.settings) {
            if *setting == spec.default && setting.is_some() {
                // What comes behind one left out can only be given by name.
                by_position = false;
                continue;
            }
            let value = match setting {
                Some(setting) => setting_text(setting),
                None => format!("< {} >", layers::list_text(&self.body)),
            };
            parts.push(match spec.positional && by_position {
                true => value,
                false => format!("{} = {value}", spec.name),
            });
        }
        parts.join(", ")
    }
}

fn setting_text(setting: &Setting) -> String {
    match setting {
        Setting::Size(size) => size.to_string(),
        Setting::Sizes(sizes) => sizes.iter().map(usize::to_string).collect::<Vec<_>>().join(", "),
        Setting::Float(value) => format!("{value:?}"),
        Setting::Bool(value) => value.to_string(),
        Setting::Word(word) => (*word).to_owned(),
    }
}

/// How to write a call: `dense(in, out, act, bias = …)`.
fn signature(callee: &str, specs: &[ArgSpec]) -> String {
    let part = |spec: &ArgSpec| match (spec.kind, spec.positional) {
        (ArgKind::Sizes, _) => format!("{}, …", spec.name),
        (ArgKind::Layers, _) => "< … >".to_owned(),
        (_, true) => spec.name.to_owned(),
        (_, false) => format!("{} = …", spec.name),
    };
    let shown = specs.iter().filter(|spec| spec.positional || spec.default.is_none());
    format!("{callee}({})", shown.map(part).collect::<Vec<_>>().join(", "))
}

/// A call whose arguments have been told apart, but not yet read.
pub(crate) struct Resolver<'a, 'd> {
    callee: &'static str,
    specs: &'static [ArgSpec],
    /// The values given for each of `specs`; several for [`ArgKind::Sizes`] only.
    given: Vec<Vec<&'a ast::Value>>,
    diagnostics: &'d mut Vec<Diagnostic>,
}

/// Arguments with their places, for messages about them.
pub(crate) struct Resolved<'a> {
    /// Their values; a nested list of layers is still to be checked.
    pub arguments: Arguments,
    /// The nested list of layers.
    pub body: Option<&'a ast::Layers>,
    given: Vec<Vec<&'a ast::Value>>,
}

impl Resolved<'_> {
    /// Where an argument stands, if it is given.
    pub(crate) fn place(&self, name: &str) -> Option<Span> {
        let index = self.arguments.specs.iter().position(|spec| spec.name == name)?;
        self.given[index].first().map(|value| value.span)
    }
}

/// Reads the arguments of a call as `specs` declare them. `None` if one is wrong.
pub(crate) fn resolve<'a>(
    callee: &'static str,
    specs: &'static [ArgSpec],
    call: &'a ast::Call,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Resolved<'a>> {
    let n_before = diagnostics.len();
    let mut resolver = Resolver { callee, specs, given: vec![Vec::new(); specs.len()], diagnostics };
    resolver.tell_apart(call.args());
    // An argument that was not understood may be the one that is missing.
    if resolver.diagnostics.len() == n_before {
        resolver.check_missing(call);
    }
    let settings: Vec<Option<Setting>> = (0..specs.len()).map(|index| resolver.read(index)).collect();
    let Resolver { given, diagnostics, .. } = resolver;
    if diagnostics.len() > n_before {
        return None;
    }
    let body = given.iter().flatten().find_map(|value| match &value.kind {
        ast::ValueKind::Layers(layers) => Some(layers),
        _ => None,
    });
    let arguments = Arguments { specs, settings, body: Vec::new() };
    Some(Resolved { arguments, body, given })
}

impl<'a> Resolver<'a, '_> {
    fn error(&mut self, error: NetworkError, span: Span) {
        self.diagnostics.push(Diagnostic::new(error, span));
    }

    /// Finds for each argument the one of `specs` that it is for.
    fn tell_apart(&mut self, args: &'a [ast::Arg]) {
        let mut named = false;
        let mut position = 0;
        for arg in args {
            if let Some(key) = &arg.key {
                named = true;
                self.give_by_name(key, &arg.value);
            } else if named {
                let signature = signature(self.callee, self.specs);
                let error = NetworkError::PositionalAfterKey { callee: self.callee, signature };
                return self.error(error, arg.value.span);
            } else if !self.give_by_position(&mut position, &arg.value) {
                return;
            }
        }
    }

    /// Gives `value` to the argument at `position`; `false` if there is none, and then one message is enough.
    fn give_by_position(&mut self, position: &mut usize, value: &'a ast::Value) -> bool {
        match self.specs.get(*position).filter(|spec| spec.positional) {
            Some(spec) => {
                self.given[*position].push(value);
                *position += usize::from(spec.kind != ArgKind::Sizes);
                true
            }
            None => {
                let signature = signature(self.callee, self.specs);
                let takes = self.specs.iter().filter(|spec| spec.positional).count();
                self.error(NetworkError::ExtraArgument { callee: self.callee, takes, signature }, value.span);
                false
            }
        }
    }

    fn give_by_name(&mut self, key: &ast::Word, value: &'a ast::Value) {
        match self.specs.iter().position(|spec| spec.name == key.text) {
            None => self.unknown_key(key),
            Some(index) => match self.given[index].first() {
                None => self.given[index].push(value),
                Some(first) => {
                    let cause = (first.span, "first given here".to_owned());
                    let error = NetworkError::DuplicateKey { key: key.text.clone() };
                    self.diagnostics.push(Diagnostic::new(error, key.span).with_cause(cause));
                }
            },
        }
    }

    fn unknown_key(&mut self, key: &ast::Word) {
        let known: Vec<&'static str> = self.specs.iter().map(|spec| spec.name).collect();
        let elsewhere = OTHER_NAMES.iter().find(|(other, name)| *other == key.text && known.contains(name));
        let suggestion =
            elsewhere.map(|(_, name)| *name).or_else(|| closest(&key.text, known.iter().copied()));
        let error =
            NetworkError::UnknownKey { callee: self.callee, found: key.text.clone(), suggestion, known };
        self.error(error, key.span);
    }

    /// Reports all required arguments that are not given.
    fn check_missing(&mut self, call: &ast::Call) {
        let missing = |(spec, given): (&ArgSpec, &Vec<_>)| {
            let missing = spec.default.is_none() && given.is_empty();
            missing.then_some(Missing { name: spec.name, meaning: spec.meaning })
        };
        let missing: Vec<Missing> = self.specs.iter().zip(&self.given).filter_map(missing).collect();
        if !missing.is_empty() {
            let signature = signature(self.callee, self.specs);
            let error = NetworkError::MissingArguments { callee: self.callee, missing, signature };
            self.error(error, call.span);
        }
    }

    /// The setting of the argument at `index`; `None` if it is wrong, missing or a list of layers.
    fn read(&mut self, index: usize) -> Option<Setting> {
        let spec = &self.specs[index];
        let given = self.given[index].clone();
        let Some(&value) = given.first() else { return spec.default.clone() };
        match spec.kind {
            ArgKind::Size => self.size(spec, value).map(Setting::Size),
            ArgKind::Sizes => {
                if let Some(extra) = given.get(MAX_AXES) {
                    self.error(
                        NetworkError::TooManyAxes { callee: self.callee, limit: MAX_AXES },
                        extra.span,
                    );
                    return None;
                }
                let sizes: Vec<Option<usize>> = given.iter().map(|value| self.size(spec, value)).collect();
                sizes.into_iter().collect::<Option<_>>().map(Setting::Sizes)
            }
            ArgKind::Float(range) => self.float(spec, range, value).map(Setting::Float),
            ArgKind::Bool => match value.kind {
                ast::ValueKind::Bool(value) => Some(Setting::Bool(value)),
                _ => self.wrong_kind(spec, value),
            },
            ArgKind::Activation => self.known_word(spec, What::Activation, layers::activation_names(), value),
            ArgKind::Initializer => {
                self.known_word(spec, What::Initializer, layers::INITIALIZERS.to_vec(), value)
            }
            ArgKind::Layers => match value.kind {
                ast::ValueKind::Layers(_) => None,
                _ => self.wrong_kind(spec, value),
            },
        }
    }

    fn size(&mut self, spec: &ArgSpec, value: &ast::Value) -> Option<usize> {
        let (callee, argument) = (self.callee, spec.name);
        let error = match &value.kind {
            ast::ValueKind::Int(found @ ..1) => {
                NetworkError::SizeTooSmall { callee, argument, found: *found }
            }
            ast::ValueKind::Int(found) => match usize::try_from(*found) {
                Ok(size) if size <= MAX_ELEMENTS => return Some(size),
                _ => NetworkError::SizeTooLarge { callee, argument, found: *found },
            },
            ast::ValueKind::Float(found) => NetworkError::FractionalSize { callee, argument, found: *found },
            ast::ValueKind::Name(name) if is_constant(name) => {
                NetworkError::ConstantSize { name: name.clone() }
            }
            _ => return self.wrong_kind(spec, value),
        };
        self.error(error, value.span);
        None
    }

    fn float(&mut self, spec: &ArgSpec, range: Range, value: &ast::Value) -> Option<f64> {
        let number = match value.kind {
            ast::ValueKind::Int(number) => number as f64,
            ast::ValueKind::Float(number) => number,
            _ => return self.wrong_kind(spec, value),
        };
        if range.contains(number) {
            return Some(number);
        }
        let (callee, argument, expected) = (self.callee, spec.name, range.words());
        self.error(NetworkError::OutOfRange { callee, argument, found: number, expected }, value.span);
        None
    }

    fn known_word(
        &mut self,
        spec: &ArgSpec,
        what: What,
        known: Vec<&'static str>,
        value: &ast::Value,
    ) -> Option<Setting> {
        let ast::ValueKind::Name(found) = &value.kind else { return self.wrong_kind(spec, value) };
        if let Some(word) = known.iter().find(|word| *word == found) {
            return Some(Setting::Word(word));
        }
        let suggestion = closest(found, known.iter().copied());
        self.error(NetworkError::Unknown { what, found: found.clone(), suggestion, known }, value.span);
        None
    }

    fn wrong_kind<T>(&mut self, spec: &ArgSpec, value: &ast::Value) -> Option<T> {
        let (callee, argument, meaning) = (self.callee, spec.name, spec.meaning);
        let (expected, found) = (spec.kind.words(), value.kind.describe());
        self.error(NetworkError::WrongKind { callee, argument, meaning, expected, found }, value.span);
        None
    }
}

/// Whether a word looks like a Rust constant or variable rather than a misplaced activation.
fn is_constant(word: &str) -> bool {
    !layers::activation_names().contains(&word)
}

/// What other frameworks call some arguments, and what they are called here.
const OTHER_NAMES: &[(&str, &str)] = &[
    ("learning_rate", "lr"),
    ("epsilon", "eps"),
    ("alpha", "rho"),
    ("activation", "act"),
    ("use_bias", "bias"),
    ("kernel_initializer", "init"),
    ("in_features", "in"),
    ("out_features", "out"),
    ("units", "out"),
    ("beta_1", "beta1"),
    ("beta_2", "beta2"),
    ("decay", "weight_decay"),
];
