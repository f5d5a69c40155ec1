//! Every mistake that a network can have: message, label and help.

use crate::types::MAX_ELEMENTS;

/// A mistake in a network. The message (its `Display`) names what was found; [`label`](Self::label) says what was
/// expected there.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
#[allow(missing_docs, reason = "each field is named in its variant's message")]
pub enum NetworkError {
    // Text as a whole.
    #[error("the network text has {bytes} bytes; the limit is {limit}")]
    TooLong { bytes: usize, limit: usize },
    #[error("brackets or lists of layers nest more than {limit} deep")]
    TooDeep { limit: usize },
    #[error("more than {limit} layers")]
    TooManyLayers { limit: usize },
    #[error("this `{bracket}` is not closed")]
    UnclosedBracket { bracket: char },
    #[error("`{bracket}` closes nothing")]
    UnmatchedBracket { bracket: char },
    #[error("`{char}` does not begin a word, a number or a sign")]
    InvalidToken { char: char },
    #[error("a comment or quote is not closed")]
    UnclosedComment,
    #[error("there is no network in this text")]
    NoNetwork,
    #[error("there are several networks: {}", names.join(", "))]
    SeveralNetworks { names: Vec<String> },
    #[error("there is no network `{name}`")]
    NoSuchNetwork { name: String, names: Vec<String> },

    // Grammar.
    #[error("expected {expected}, found {found}")]
    Expected { expected: &'static str, found: String },
    #[error("this `<` is not closed")]
    UnclosedLayers,
    #[error("this `>` closes nothing")]
    ExtraClose,
    #[error("a network needs at least one layer")]
    EmptyNetwork,
    #[error("`{key} = …` stands among the layers")]
    ClauseAmongLayers { key: String },
    #[error("`{number}{suffix}` has a suffix")]
    NumberSuffix { number: String, suffix: String },
    #[error("`.{digits}` begins with a point")]
    LeadingDot { digits: String },
    #[error("`{number}` is not a decimal number")]
    NotDecimal { number: String },
    #[error("`{number}` is too large a number")]
    NumberTooLarge { number: String },
    #[error("`{operator}` in a value")]
    Arithmetic { operator: char },
    #[error("`r#{word}` is a raw identifier")]
    RawIdentifier { word: String },

    // Names.
    #[error("unknown {what} `{found}`")]
    Unknown { what: What, found: String, suggestion: Option<&'static str>, known: Vec<&'static str> },
    #[error("`{callee}` has no argument `{found}`")]
    UnknownKey {
        callee: &'static str,
        found: String,
        suggestion: Option<&'static str>,
        known: Vec<&'static str>,
    },
    #[error("the label `{label}` occurs twice")]
    DuplicateLabel { label: String },
    #[error("the label `{label}` is the name that `{kind}` layers get by themselves")]
    AutomaticLabel { label: String, kind: &'static str },
    #[error("`{key}` is given twice")]
    DuplicateKey { key: String },

    // Arguments.
    #[error("`{callee}` lacks {}", list_missing(missing))]
    MissingArguments { callee: &'static str, missing: Vec<Missing>, signature: String },
    #[error("`{callee}` takes {}, found one more", count(*takes, "argument"))]
    ExtraArgument { callee: &'static str, takes: usize, signature: String },
    #[error("an argument without a name stands behind one with a name")]
    PositionalAfterKey { callee: &'static str, signature: String },
    #[error("`{argument}` of `{callee}` is {expected}, found {found}")]
    WrongKind {
        callee: &'static str,
        argument: &'static str,
        meaning: &'static str,
        expected: &'static str,
        found: String,
    },
    #[error("`{name}` stands where a size belongs")]
    ConstantSize { name: String },
    #[error("`{argument}` of `{callee}` is {found}, but a size is at least 1")]
    SizeTooSmall { callee: &'static str, argument: &'static str, found: i64 },
    #[error("`{argument}` of `{callee}` is {found:?}, but a size is a whole number")]
    FractionalSize { callee: &'static str, argument: &'static str, found: f64 },
    #[error("`{argument}` of `{callee}` is {found}, but a size is at most {MAX_ELEMENTS}")]
    SizeTooLarge { callee: &'static str, argument: &'static str, found: i64 },
    #[error("`{callee}` has more than {limit} sizes")]
    TooManyAxes { callee: &'static str, limit: usize },
    #[error("`{argument}` of `{callee}` is {found:?}, but must be {expected}")]
    OutOfRange { callee: &'static str, argument: &'static str, found: f64, expected: &'static str },

    // Shapes.
    #[error("{layer} expects {}, but the layer before gives {found}", count(*expected, "feature"))]
    Features { layer: String, expected: usize, found: usize },
    #[error("{layer} expects at least {}, but gets the shape {found:?}", count(*expected, "axis"))]
    TooFewAxes { layer: String, expected: usize, found: Vec<usize> },
    #[error("{layer} has {} elements, but gets {found}", beyond_limit(*expected))]
    Elements { layer: String, expected: Option<usize>, found: usize },
    #[error("the layers of `residual` turn the shape {input:?} into {output:?}")]
    ResidualShape { input: Vec<usize>, output: Vec<usize> },
    #[error("a network that begins with `{kind}` does not say what shape its input has")]
    NoInputShape { kind: &'static str },
    #[error("`input` stands behind other layers")]
    LateInput,
    #[error("{layer} has more than {limit} elements in {what}")]
    TooLarge { layer: String, what: &'static str, limit: usize },

    // Losses and optimizers.
    #[error("the loss {loss} needs the network to end with {needed}")]
    LossNeedsActivation { loss: &'static str, needed: &'static str },
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
            UnclosedComment => "opened before".to_owned(),
            Expected { expected, .. } => format!("expected {expected}"),
            EmptyNetwork => "no layers in here".to_owned(),
            ClauseAmongLayers { .. } => "expected a layer".to_owned(),
            NumberSuffix { .. } => "expected a number without a suffix".to_owned(),
            LeadingDot { .. } => "expected a digit before the point".to_owned(),
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
            Elements { found, .. } => format!("expected sizes with the product {found}"),
            ResidualShape { input, .. } => format!("expected layers that give {input:?} again"),
            NoInputShape { .. } => "expected `input(…)` before this".to_owned(),
            LateInput => "expected only as the first layer".to_owned(),
            TooLarge { .. } => "too large".to_owned(),
            LossNeedsActivation { needed, .. } => format!("expected {needed} as the last layer"),
        }
    }

    /// What to do about it, where that is more than the label says.
    pub fn help(&self) -> Option<String> {
        use NetworkError::*;
        Some(match self {
            NoNetwork => {
                "write `network!(< dense(784, 10, softmax) >)`, or `< dense(784, 10, softmax) >` alone"
                    .to_owned()
            }
            SeveralNetworks { .. } => "say which one: `FILE.dl#Name`".to_owned(),
            NoSuchNetwork { names, .. } => format!("there is {}", names.join(", ")),
            UnclosedLayers => "write `>` behind the last layer".to_owned(),
            EmptyNetwork => "write a layer: `< dense(784, 10, softmax) >`".to_owned(),
            ExtraClose => "remove this `>`".to_owned(),
            ClauseAmongLayers { key } => format!("move it behind the layers: `< … >, {key} = …`"),
            NumberSuffix { number, .. } => format!("write `{number}`"),
            LeadingDot { digits } => format!("write `0.{digits}`"),
            Arithmetic { .. } => "values are not computed here: write the result".to_owned(),
            RawIdentifier { word } => format!("write `{word}`: Rust's keywords may be labels"),
            Unknown { what, suggestion: None, known, .. } => {
                format!("{} are {}", what.plural(), known.join(", "))
            }
            UnknownKey { callee, suggestion: None, known, .. } => match known.as_slice() {
                [] => format!("`{callee}` takes no arguments"),
                known => format!("`{callee}` has {}", known.join(", ")),
            },
            AutomaticLabel { label, .. } => format!("write another word, such as `{label}_layer`"),
            MissingArguments { signature, .. } => format!("write `{signature}`"),
            ExtraArgument { signature, .. } => format!("write `{signature}`"),
            PositionalAfterKey { signature, .. } => format!("the order is `{signature}`"),
            WrongKind { argument, meaning, .. } => format!("`{argument}` is {meaning}"),
            ConstantSize { name } => format!(
                "sizes are written as numbers; to use `{name}`, build the text at run time: `Network::parse(&format!(\"< dense({{}}, 10) >\", {name}))`"
            ),
            Features { layer, found, .. } => match layer.split_once('(').zip(layer.split_once(',')) {
                Some(((kind, _), (_, rest))) => {
                    format!("write `{kind}({found},{rest}`, or change the layer before")
                }
                None => format!("write {found}, or change the layer before"),
            },
            NoInputShape { .. } => "write its sizes first: `< input(28, 28), … >`".to_owned(),
            LateInput => "remove it: the layer before says what shape comes in".to_owned(),
            LossNeedsActivation { loss, needed } => {
                format!(
                    "end with {needed}, or choose another loss: {loss} is computed from the value before it"
                )
            }
            _ => return None,
        })
    }
}

impl What {
    fn with_article(self) -> String {
        match self {
            What::Activation | What::Initializer | What::Optimizer => format!("an {self}"),
            What::Layer | What::Loss | What::Clause => format!("a {self}"),
        }
    }

    fn plural(self) -> String {
        match self {
            What::Loss => "losses".to_owned(),
            _ => format!("{self}s"),
        }
    }
}

/// "1 argument", "2 arguments", "2 axes".
fn count(n: usize, word: &str) -> String {
    match (n, word) {
        (1, _) => format!("1 {word}"),
        (_, "axis") => format!("{n} axes"),
        _ => format!("{n} {word}s"),
    }
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
