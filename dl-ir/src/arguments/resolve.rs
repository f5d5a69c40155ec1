//! Reads the arguments of a call as they are declared. One function is one rule.

use proc_macro2::Span;

use super::{ArgKind, ArgSpec, Arguments, MAX_AXES, PADDINGS, Range, Setting};
use crate::diagnostics::{Diagnostic, Missing, NetworkError, What, suggest};
use crate::layers;
use crate::syntax::ast;
use crate::types::MAX_ELEMENTS;

/// A call whose arguments have been told apart, but not yet read.
struct Resolver<'a, 'd> {
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
                let found = value.kind.describe();
                let error = NetworkError::ExtraArgument { callee: self.callee, takes, found, signature };
                self.error(error, value.span);
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
                    let cause = (first.span, format!("`{}` has this value already", key.text));
                    let error = NetworkError::DuplicateKey { key: key.text.clone() };
                    self.diagnostics.push(Diagnostic::new(error, key.span).with_cause(cause));
                }
            },
        }
    }

    fn unknown_key(&mut self, key: &ast::Word) {
        let known: Vec<&'static str> = self.specs.iter().map(|spec| spec.name).collect();
        let suggestion = suggest(&key.text, &known);
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
            ArgKind::Pair => self.pair(spec, value).map(Setting::Pair),
            ArgKind::Padding => self.known_word(spec, What::Padding, PADDINGS.to_vec(), value),
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

    /// `3`, or `(3, 5)`.
    fn pair(&mut self, spec: &ArgSpec, value: &ast::Value) -> Option<[usize; 2]> {
        match &value.kind {
            ast::ValueKind::Tuple(values) => match values.as_slice() {
                [height, width] => {
                    let (height, width) = (self.size(spec, height), self.size(spec, width));
                    Some([height?, width?])
                }
                _ => self.wrong_kind(spec, value),
            },
            _ => self.size(spec, value).map(|size| [size, size]),
        }
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
        let suggestion = suggest(found, &known);
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

/// How to write a call: `dense(in, out [, act])`.
fn signature(callee: &str, specs: &[ArgSpec]) -> String {
    let part = |spec: &ArgSpec| match spec.kind {
        ArgKind::Sizes => format!("{}, …", spec.name),
        ArgKind::Layers => "< … >".to_owned(),
        ArgKind::Float(_) => format!("{} = …", spec.name),
        _ => spec.name.to_owned(),
    };
    let shown = |required: bool| {
        let specs = specs.iter().filter(move |spec| spec.positional && spec.default.is_none() == required);
        specs.map(part).collect::<Vec<_>>().join(", ")
    };
    match (shown(true).as_str(), shown(false).as_str()) {
        ("", "") => callee.to_owned(),
        (required, "") => format!("{callee}({required})"),
        (required, optional) => format!("{callee}({required} [, {optional}])"),
    }
}
