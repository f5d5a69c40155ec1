//! What to do about a mistake.

use super::error::NetworkError;

impl NetworkError {
    /// What to do about it, where that is more than the label says.
    pub fn help(&self) -> Option<String> {
        use NetworkError::*;
        Some(match self {
            NoNetwork => {
                "write `network!(< dense(784, 10, softmax) >)`, or `< dense(784, 10, softmax) >` alone"
                    .to_owned()
            }
            SeveralNetworks { .. } => "say which one: `FILE.dl#Name`".to_owned(),
            NoSuchNetwork { names, .. } => format!("the text has {}", names.join(", ")),
            UnclosedBracket { bracket } => format!("write `{}` where it ends", partner(*bracket)),
            UnclosedComment => "write `*/` where it ends".to_owned(),
            UnclosedLayers => "write `>` behind the last layer".to_owned(),
            NoLayers => "write a layer: `< dense(784, 10, softmax) >`".to_owned(),
            ExtraClose => "remove this `>`".to_owned(),
            ClauseAmongLayers { clause } => format!("move it behind the layers: `< … >, {clause}`"),
            NumberSuffix { number, .. } => format!("write `{number}`"),
            LeadingDot { sign, digits } => format!("write `{sign}0.{digits}`"),
            Quoted { literal } => format!("write `{}`", literal.trim_matches('"')),
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
            ExtraArgument { callee: "linear", .. } => {
                "the layer with a weight is `dense(in, out [, act])`; `linear` is an activation".to_owned()
            }
            ExtraArgument { signature, .. } => format!("write `{signature}`"),
            PositionalAfterKey { signature, .. } => format!("the order is `{signature}`"),
            WrongKind { argument, meaning, .. } => format!("`{argument}`: {meaning}"),
            ConstantSize { name } => format!(
                "sizes are written as numbers; to use `{name}`, build the text at run time: `Network::parse(&format!(\"< dense({{}}, 10) >\", {name}))`"
            ),
            FractionalSize { found, .. } if found.fract() == 0.0 => format!("write `{found}`"),
            Features { fitting, flat_fits: true, .. } => {
                format!("write `flatten` before it, or `{fitting}`")
            }
            Features { fitting, .. } | Channels { fitting, .. } => {
                format!("write `{fitting}`, or change the layer before")
            }
            NeedsIntegers { layer } => {
                format!("write `< input(…), {layer}, … >`: what `input` takes are integers then")
            }
            NotAnImage { channels, found, .. } => image_help(*channels, found),
            ImageTooSmall { .. } => {
                "take a smaller window, or let the layers before shrink the image less".to_owned()
            }
            NotASequence { all_steps: Some(layer), .. } => {
                format!("write the layer before as `{layer}`, which gives all time steps")
            }
            NotASequence { features, found, .. } => sequence_help(*features, found),
            ResidualShape { .. } => {
                "`residual` adds what its layers give to what they get, so both have one shape".to_owned()
            }
            NoInputShape { input, .. } => {
                format!("write the sizes of an example first: `< input({input}), … >`")
            }
            LateInput => "remove it: the layer before says what shape comes in".to_owned(),
            ExampleTooLarge { .. } => "divide examples into several smaller ones".to_owned(),
            ResultTooLarge { .. } => "let it have fewer features, or give it smaller examples".to_owned(),
            LossNeedsActivation { loss, needed } => {
                format!(
                    "write `{needed}` as the last layer or as the activation of the last, or choose another loss: {loss} is computed from the value before it"
                )
            }
            OverBudget { layers, .. } => {
                let layers = layers.iter().map(|(name, cost)| format!("{name} ({cost})"));
                format!("most of it is in {}", layers.collect::<Vec<_>>().join(", "))
            }
            _ => return None,
        })
    }
}

fn partner(bracket: char) -> char {
    match bracket {
        '(' => ')',
        '[' => ']',
        _ => '}',
    }
}

/// The sizes of an image of so many channels.
pub(crate) fn image_form(channels: Option<usize>) -> String {
    match channels {
        Some(channels) => format!("height, width, {channels}"),
        None => "height, width, channels".to_owned(),
    }
}

/// The sizes of a sequence of so many features: t time steps of them.
pub(super) fn sequence_form(features: Option<usize>) -> String {
    match features {
        Some(features) => format!("t, {features}"),
        None => "t, d".to_owned(),
    }
}

/// How an example becomes an image: a square one where nothing says more.
fn image_help(channels: Option<usize>, found: &[usize]) -> String {
    let elements: usize = found.iter().product();
    let sizes = match (found, channels) {
        ([height, width], None | Some(1)) => format!("{height}, {width}, 1"),
        (_, Some(channels)) if elements.is_multiple_of(channels) => {
            let side = (elements / channels).isqrt();
            match side * side * channels == elements && side > 0 {
                true => format!("{side}, {side}, {channels}"),
                false => image_form(Some(channels)),
            }
        }
        _ => image_form(channels),
    };
    format!("begin with `input({sizes})`, or write `reshape({sizes})` before it")
}

/// How an example becomes a sequence.
fn sequence_help(features: Option<usize>, found: &[usize]) -> String {
    let elements: usize = found.iter().product();
    let steps = features.filter(|&features| elements.is_multiple_of(features) && elements > features);
    let sizes = match steps {
        Some(features) => format!("{}, {features}", elements / features),
        None => sequence_form(features),
    };
    format!("begin with `input({sizes})` or an embedding, or write `reshape({sizes})` before it")
}
