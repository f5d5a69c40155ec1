//! Every mistake that a network can have: message, label and help.

use super::help::{image_form, sequence_form};
use crate::types::MAX_ELEMENTS;

/// A mistake in a network. The message (its `Display`) names what was found; [`label`](Self::label) says what was
/// expected there.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the fields are what the message shows")]
pub enum NetworkError {
    // Text as a whole.
    /// The text is longer than [`MAX_TEXT`](crate::syntax::MAX_TEXT).
    #[error("the network text has more than {limit} bytes")]
    TooLong { limit: usize },
    /// Nesting beyond [`MAX_DEPTH`](crate::syntax::MAX_DEPTH).
    #[error("brackets or lists of layers nest more than {limit} deep")]
    TooDeep { limit: usize },
    /// More layers than [`MAX_LAYERS`](crate::syntax::MAX_LAYERS).
    #[error("more than {limit} layers")]
    TooManyLayers { limit: usize },
    /// A bracket without its partner behind it.
    #[error("this `{bracket}` is not closed")]
    UnclosedBracket { bracket: char },
    /// A bracket without its partner before it.
    #[error("`{bracket}` closes nothing")]
    UnmatchedBracket { bracket: char },
    /// A character that Rust does not know.
    #[error("`{char}` does not begin a word, a number or a sign")]
    InvalidToken { char: char },
    /// A `/*` without its `*/`.
    #[error("this comment is not closed")]
    UnclosedComment,
    /// An empty text.
    #[error("there is no network in this text")]
    NoNetwork,
    /// Several networks and no name to pick one by.
    #[error("there are several networks: {}", names.join(", "))]
    SeveralNetworks { names: Vec<String> },
    /// A name that no network of the text has.
    #[error("there is no network `{name}`")]
    NoSuchNetwork { name: String, names: Vec<String> },

    // Grammar.
    /// Something else than the grammar asks for.
    #[error("expected {expected}, found {found}")]
    Expected { expected: &'static str, found: String },
    /// A `<` without its `>`.
    #[error("this `<` is not closed")]
    UnclosedLayers,
    /// A `>` without its `<`.
    #[error("this `>` closes nothing")]
    ExtraClose,
    /// A Rust keyword for a network's name.
    #[error("`{name}` is a word of Rust's own")]
    KeywordName { name: String },
    /// `< >`
    #[error("there is no layer in `< >`")]
    NoLayers,
    /// `loss = …` or the like before `>`.
    #[error("`{clause}` stands among the layers")]
    ClauseAmongLayers { clause: String },
    /// `784usize`
    #[error("`{number}{suffix}` has a suffix")]
    NumberSuffix { number: String, suffix: String },
    /// `.5`
    #[error("`{sign}.{digits}` begins with a point")]
    LeadingDot { sign: &'static str, digits: String },
    /// `"784"`
    #[error("{literal} stands in quotes")]
    Quoted { literal: String },
    /// `0x10`
    #[error("`{number}` is not a decimal number")]
    NotDecimal { number: String },
    /// A number beyond what 64 bits hold.
    #[error("`{number}` is too large a number")]
    NumberTooLarge { number: String },
    /// `28 * 28`
    #[error("`{operator}` in a value")]
    Arithmetic { operator: char },
    /// `r#in`
    #[error("`r#{word}` is a raw identifier")]
    RawIdentifier { word: String },

    // Names.
    /// A name that names nothing.
    #[error("unknown {what} `{found}`")]
    Unknown { what: What, found: String, suggestion: Option<&'static str>, known: Vec<&'static str> },
    /// A key that names no argument.
    #[error("`{callee}` has no argument `{found}`")]
    UnknownKey {
        callee: &'static str,
        found: String,
        suggestion: Option<&'static str>,
        known: Vec<&'static str>,
    },
    /// A label that another layer has.
    #[error("the label `{label}` occurs twice")]
    DuplicateLabel { label: String },
    /// A label such as `dense0`.
    #[error("the label `{label}` is the name that `{kind}` layers get by themselves")]
    AutomaticLabel { label: String, kind: &'static str },
    /// An argument or clause that is given again.
    #[error("`{key}` is given twice")]
    DuplicateKey { key: String },

    // Arguments.
    /// Required arguments that are not given.
    #[error("`{callee}` lacks {}", list_missing(missing))]
    MissingArguments { callee: &'static str, missing: Vec<Missing>, signature: String },
    /// More arguments than there are.
    #[error("`{callee}` takes {}, found {found}{}", at_most(*takes), if *takes == 0 { "" } else { " besides" })]
    ExtraArgument { callee: &'static str, takes: usize, found: String, signature: String },
    /// `dense(4, out = 2, relu)`
    #[error("an argument without a name stands behind one with a name")]
    PositionalAfterKey { callee: &'static str, signature: String },
    /// A value of another kind than the argument takes.
    #[error("`{argument}` of `{callee}` is {expected}, found {found}")]
    WrongKind {
        callee: &'static str,
        argument: &'static str,
        meaning: &'static str,
        expected: &'static str,
        found: String,
    },
    /// A constant's or variable's name where a size belongs.
    #[error("`{name}` stands where a size belongs")]
    ConstantSize { name: String },
    /// A size of zero or less.
    #[error("`{argument}` of `{callee}` is {found}, but a size is at least 1")]
    SizeTooSmall { callee: &'static str, argument: &'static str, found: i64 },
    /// A size with a fraction.
    #[error("`{argument}` of `{callee}` is {found:?}, but a size is a whole number")]
    FractionalSize { callee: &'static str, argument: &'static str, found: f64 },
    /// A size beyond [`MAX_ELEMENTS`].
    #[error("`{argument}` of `{callee}` is {found}, but a size is at most {MAX_ELEMENTS}")]
    SizeTooLarge { callee: &'static str, argument: &'static str, found: i64 },
    /// More sizes than [`MAX_AXES`](crate::arguments::MAX_AXES).
    #[error("`{callee}` has more than {limit} sizes")]
    TooManyAxes { callee: &'static str, limit: usize },
    /// A number outside its range.
    #[error("`{argument}` of `{callee}` is {found:?}, but must be {expected}")]
    OutOfRange { callee: &'static str, argument: &'static str, found: f64, expected: &'static str },

    // Shapes.
    /// A last axis of another size than the layer takes.
    #[error("{layer} expects {}, but the layer before gives {found}", count(*expected, "feature"))]
    Features {
        layer: String,
        fitting: String,
        expected: usize,
        found: usize,
        /// Whether it would fit behind `flatten`.
        flat_fits: bool,
    },
    /// Fewer axes than the layer works on.
    #[error("{layer} expects at least {}, but gets the shape {found:?}", count(*expected, "axis"))]
    TooFewAxes { layer: String, expected: usize, found: Vec<usize> },
    /// Another number of channels than the layer takes.
    #[error("{layer} expects {}, but the layer before gives {found}", count(*expected, "channel"))]
    Channels { layer: String, fitting: String, expected: usize, found: usize },
    /// Another shape than that of an image.
    #[error("{layer} takes an image, [{}], but gets the shape {found:?}", image_form(*channels))]
    NotAnImage { layer: String, channels: Option<usize>, found: Vec<usize> },
    /// An image in which no window has room.
    #[error(
        "{layer} needs an image of at least {} × {}, but gets one of {} × {}",
        window[0], window[1], found[0], found[1]
    )]
    ImageTooSmall { layer: String, window: [usize; 2], found: [usize; 2] },
    /// Columns that do not divide among heads.
    #[error("{layer} divides {} among {}", count(*features, "feature"), count(*heads, "head"))]
    Heads { layer: String, features: usize, heads: usize },
    /// A layer that reads integers behind one that gives numbers.
    #[error("{layer} reads integers, but the layer before gives real numbers")]
    NeedsIntegers { layer: String },
    /// Another shape than time steps of features.
    #[error("{layer} takes a sequence, [{}], but gets the shape {found:?}", sequence_form(*features))]
    NotASequence {
        layer: String,
        features: Option<usize>,
        found: Vec<usize>,
        /// The layer before, written so that it gives all time steps, if it can.
        all_steps: Option<String>,
    },
    /// A `reshape` to another number of elements.
    #[error("{layer} has {} elements, but gets {found}", beyond_limit(*expected))]
    Elements { layer: String, expected: Option<usize>, found: usize },
    /// A residual body that changes the shape.
    #[error("the layers of `residual` turn the shape {input:?} into {output:?}")]
    ResidualShape { input: Vec<usize>, output: Vec<usize> },
    /// A first layer that does not imply the input shape.
    #[error("a network that begins with `{kind}` does not say what shape its input has")]
    NoInputShape {
        kind: &'static str,
        /// What the layer's input looks like: `t, 28`.
        input: String,
    },
    /// `input` behind other layers.
    #[error("`input` stands behind other layers")]
    LateInput,
    /// An example beyond [`MAX_EXAMPLE`](crate::network::MAX_EXAMPLE).
    #[error("{layer} takes examples of more than {limit} elements")]
    ExampleTooLarge { layer: String, limit: usize },
    /// A result beyond [`MAX_EXAMPLE`](crate::network::MAX_EXAMPLE).
    #[error("the result of {layer} has more than {limit} elements for each example")]
    ResultTooLarge { layer: String, limit: usize },
    /// Something on the way to a result that is beyond [`MAX_ELEMENTS`].
    #[error("on the way to its result {layer} has more than {limit} elements for each example")]
    IntermediateTooLarge { layer: String, limit: usize },
    /// Parameters beyond [`MAX_PARAMETERS`](crate::network::MAX_PARAMETERS).
    #[error("with {layer} the network has more than {limit} trained elements")]
    TooManyParameters { layer: String, limit: usize },

    // Losses and optimizers.
    /// A loss that is computed from the value before an activation that is not there.
    #[error("the loss {loss} needs the network to end with {needed}")]
    LossNeedsActivation { loss: &'static str, needed: &'static str },

    // Budgets.
    /// A network that costs more than its budget.
    #[error("the network {}, but its budget is {most}", costs(limit, *found))]
    OverBudget {
        /// `parameters` or `flops`.
        limit: &'static str,
        /// The budget.
        most: u64,
        /// What it is.
        found: u64,
        /// The layers that cost most, and what they cost.
        layers: Vec<(String, u64)>,
    },
    /// `budget(batch = 32)`
    #[error("`batch` says for how many examples `arena` is meant, which is not given")]
    BatchWithoutArena,
}

/// A required argument that is not there.
#[derive(Clone, PartialEq, Debug)]
pub struct Missing {
    /// Its name.
    pub name: &'static str,
    /// What it means.
    pub meaning: &'static str,
}

/// What kind of thing a name should name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum What {
    /// A layer.
    Layer,
    /// An activation.
    Activation,
    /// A way to choose initial weights.
    Initializer,
    /// What surrounds an image.
    Padding,
    /// A loss.
    Loss,
    /// An optimizer.
    Optimizer,
    /// The key of a clause.
    Clause,
}

impl std::fmt::Display for What {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            What::Layer => "layer",
            What::Activation => "activation",
            What::Initializer => "initial value",
            What::Padding => "padding",
            What::Loss => "loss",
            What::Optimizer => "optimizer",
            What::Clause => "clause",
        })
    }
}

impl NetworkError {
    /// A few words under the caret: what was expected there.
    pub fn label(&self) -> String {
        use NetworkError::*;
        match self {
            TooLong { .. } | NoNetwork | NoSuchNetwork { .. } => "expected a network".to_owned(),
            SeveralNetworks { .. } => "expected one network".to_owned(),
            TooDeep { .. } => "too deep".to_owned(),
            TooManyLayers { .. } => "one layer too many".to_owned(),
            UnclosedBracket { .. } | UnclosedLayers => "opened here".to_owned(),
            UnmatchedBracket { .. } | ExtraClose => "nothing to close".to_owned(),
            InvalidToken { .. } => "unexpected character".to_owned(),
            UnclosedComment => "opened here".to_owned(),
            Expected { expected, .. } => format!("expected {expected}"),
            KeywordName { .. } => "expected another name".to_owned(),
            NoLayers => "expected a layer or more in here".to_owned(),
            ClauseAmongLayers { .. } => "expected a layer".to_owned(),
            NumberSuffix { .. } => "expected a number without a suffix".to_owned(),
            LeadingDot { .. } => "expected a digit before the point".to_owned(),
            Quoted { .. } => "expected no quotes".to_owned(),
            NotDecimal { .. } => "expected decimal digits".to_owned(),
            NumberTooLarge { .. } => "too large".to_owned(),
            Arithmetic { .. } => "expected `,` or `)`".to_owned(),
            RawIdentifier { .. } => "expected a plain word".to_owned(),
            Unknown { what, suggestion, .. } => match suggestion {
                Some(suggestion) => format!("did you mean `{suggestion}`?"),
                None => format!("expected the name of {}", what.with_article()),
            },
            UnknownKey { suggestion: Some(suggestion), .. } => format!("did you mean `{suggestion}`?"),
            UnknownKey { .. } => "no such argument".to_owned(),
            DuplicateLabel { .. } => "expected another label".to_owned(),
            AutomaticLabel { .. } => "expected another label".to_owned(),
            DuplicateKey { .. } => "given again here".to_owned(),
            MissingArguments { missing, .. } => format!("expected {}", list_meanings(missing)),
            ExtraArgument { .. } => "one too many".to_owned(),
            PositionalAfterKey { .. } => "expected `name = value`".to_owned(),
            WrongKind { expected, .. } => format!("expected {expected}"),
            ConstantSize { .. } => "expected a whole number".to_owned(),
            SizeTooSmall { .. } => "expected 1 or more".to_owned(),
            FractionalSize { .. } => "expected a whole number".to_owned(),
            TooManyAxes { .. } => "one too many".to_owned(),
            SizeTooLarge { .. } => "too large".to_owned(),
            OutOfRange { expected, .. } => format!("expected a number that is {expected}"),
            Features { found, .. } => format!("expected {found}"),
            TooFewAxes { found, .. } => format!("gets the shape {found:?}"),
            Channels { found, .. } => format!("expected {found}"),
            NotAnImage { channels, .. } => format!("expected [{}]", image_form(*channels)),
            ImageTooSmall { .. } => "no room for a single window".to_owned(),
            Heads { features, .. } => format!("expected a divisor of {features}"),
            NeedsIntegers { .. } => "expected right behind `input(…)`".to_owned(),
            NotASequence { features, .. } => format!("expected [{}]", sequence_form(*features)),
            Elements { found, .. } => format!("expected sizes with the product {found}"),
            ResidualShape { input, .. } => format!("expected layers that give {input:?} again"),
            NoInputShape { .. } => "expected `input(…)` before this".to_owned(),
            LateInput => "expected only as the first layer".to_owned(),
            ExampleTooLarge { .. }
            | ResultTooLarge { .. }
            | IntermediateTooLarge { .. }
            | TooManyParameters { .. } => "too large".to_owned(),
            LossNeedsActivation { needed, .. } => format!("expected {needed} as the last layer"),
            OverBudget { most, found, .. } => format!("{} too many", found - most),
            BatchWithoutArena => "expected `arena = …` beside this".to_owned(),
        }
    }
}

impl What {
    fn with_article(self) -> String {
        match self {
            What::Activation | What::Initializer | What::Optimizer => format!("an {self}"),
            What::Layer | What::Padding | What::Loss | What::Clause => format!("a {self}"),
        }
    }

    pub(super) fn plural(self) -> String {
        match self {
            What::Loss => "losses".to_owned(),
            _ => format!("{self}s"),
        }
    }
}

/// "1 argument", "2 arguments", "2 axes".
fn count(n: usize, word: &str) -> String {
    match (n, word) {
        (0, _) => format!("no {word}s"),
        (1, _) => format!("1 {word}"),
        (_, "axis") => format!("{n} axes"),
        _ => format!("{n} {word}s"),
    }
}

/// "has 5 parameters", "computes 10 FLOPs for an example".
fn costs(limit: &str, found: u64) -> String {
    match limit {
        "flops" => format!("computes {found} FLOPs for an example"),
        _ => format!("has {found} {limit}"),
    }
}

/// "no arguments", "at most 2 arguments".
fn at_most(n: usize) -> String {
    if n == 0 { count(n, "argument") } else { format!("at most {}", count(n, "argument")) }
}

/// A number of elements, `None` being one beyond the limit.
fn beyond_limit(n: Option<usize>) -> String {
    n.map_or_else(|| format!("more than {MAX_ELEMENTS}"), |n| n.to_string())
}

fn list_missing(missing: &[Missing]) -> String {
    let names: Vec<String> = missing.iter().map(|missing| format!("`{}`", missing.name)).collect();
    names.join(" and ")
}

fn list_meanings(missing: &[Missing]) -> String {
    let meanings: Vec<&str> = missing.iter().map(|missing| missing.meaning).collect();
    meanings.join(" and ")
}
