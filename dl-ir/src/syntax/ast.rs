//! The syntax tree of network text. Every part knows its place.

use proc_macro2::{Span, TokenStream};

/// A network as written.
#[derive(Clone, Debug)]
pub struct Network {
    /// Attributes and doc comments, as Rust tokens.
    pub attributes: TokenStream,
    /// The visibility, as Rust tokens; empty if there is none.
    pub visibility: TokenStream,
    /// Its name, if it has one.
    pub name: Option<Word>,
    /// The layers between `<` and `>`.
    pub layers: Layers,
    /// What follows the layers: `loss = …`, `optimizer = …`.
    pub clauses: Vec<Clause>,
}

/// A word and its place.
#[derive(Clone, Debug)]
pub struct Word {
    /// The word.
    pub text: String,
    /// Where it stands.
    pub span: Span,
}

/// `< layer, … >`
#[derive(Clone, Debug)]
pub struct Layers {
    /// The layers in order; `None` where there is a mistake, so that nobody takes its neighbours for each other's.
    pub layers: Vec<Option<Layer>>,
    /// Where the list stands (in the macro, its `<`).
    pub span: Span,
}

/// `label: kind(args)`
#[derive(Clone, Debug)]
pub struct Layer {
    /// The label before the colon.
    pub label: Option<Word>,
    /// What kind of layer, with its arguments.
    pub call: Call,
}

/// `name(args)`, or `name` alone.
#[derive(Clone, Debug)]
pub struct Call {
    /// The word before the parentheses.
    pub name: Word,
    /// What is between the parentheses; `None` if there are none.
    pub args: Option<Vec<Arg>>,
    /// Where all of it stands (in the macro, its name).
    pub span: Span,
}

impl Call {
    /// The arguments, none if there are no parentheses.
    pub fn args(&self) -> &[Arg] {
        self.args.as_deref().unwrap_or_default()
    }
}

/// `value`, or `key = value`
#[derive(Clone, Debug)]
pub struct Arg {
    /// The key, unless the argument is given by position.
    pub key: Option<Word>,
    /// The value.
    pub value: Value,
}

/// `key = value` behind the layers, or `budget(…)`, which is its own key
#[derive(Clone, Debug)]
pub struct Clause {
    /// The key.
    pub key: Word,
    /// The value.
    pub value: Value,
}

/// A value and its place.
#[derive(Clone, Debug)]
pub struct Value {
    /// The value.
    pub kind: ValueKind,
    /// Where it stands.
    pub span: Span,
}

/// What kinds of values there are.
#[derive(Clone, Debug)]
pub enum ValueKind {
    /// `784`
    Int(i64),
    /// `0.001`
    Float(f64),
    /// `true`
    Bool(bool),
    /// `relu`, also a path such as `config::WIDTH`, which has no meaning but gets a good message
    Name(String),
    /// `adam(lr = 0.001)`
    Call(Call),
    /// `(3, 3)`
    Tuple(Vec<Value>),
    /// `< dense(8, 8) >`
    Layers(Layers),
}

impl ValueKind {
    /// The value in words, for messages: "the number `0.5`".
    pub fn describe(&self) -> String {
        match self {
            ValueKind::Int(number) => format!("the number `{number}`"),
            ValueKind::Float(number) => format!("the number `{number:?}`"),
            ValueKind::Bool(value) => format!("`{value}`"),
            ValueKind::Name(name) => format!("the word `{name}`"),
            ValueKind::Call(call) => format!("`{}(…)`", call.name.text),
            ValueKind::Tuple(_) => "a tuple".to_owned(),
            ValueKind::Layers(_) => "a list of layers".to_owned(),
        }
    }
}
