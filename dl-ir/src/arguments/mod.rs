//! What layers and optimizers may be told: declared arguments, and their values checked against the declaration.

mod resolve;

use crate::layers::{self, CheckedLayer};

pub(crate) use resolve::{Resolved, resolve};

/// The largest number of axes of an example.
pub const MAX_AXES: usize = 8;

/// What may surround an image: nothing, or as many zeros as keep its size where the stride is 1.
pub const PADDINGS: [&str; 2] = ["valid", "same"];

/// The declaration of one argument.
#[derive(PartialEq, Debug)]
pub struct ArgSpec {
    /// Its name: what messages call it, and the key to give it by.
    pub name: &'static str,
    /// What values it takes.
    pub kind: ArgKind,
    /// Whether it may be given by position, without its name. Of these only the last may have a default.
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
    /// A size for height and width alike, or one for each: `3`, `(3, 5)`.
    Pair,
    /// What surrounds an image: one of [`PADDINGS`].
    Padding,
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
    /// From 0 to below 1.
    Fraction,
}

impl Range {
    fn contains(self, value: f64) -> bool {
        match self {
            Range::NotNegative => value >= 0.0,
            Range::Fraction => (0.0..1.0).contains(&value),
        }
    }

    fn words(self) -> &'static str {
        match self {
            Range::NotNegative => "0 or more",
            Range::Fraction => "at least 0 and less than 1",
        }
    }
}

impl ArgKind {
    fn words(self) -> &'static str {
        match self {
            ArgKind::Size | ArgKind::Sizes => "a size",
            ArgKind::Pair => "a size, or a pair of sizes `(height, width)`",
            ArgKind::Padding => "`valid` or `same`",
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
    /// Of [`ArgKind::Pair`]: height, width.
    Pair([usize; 2]),
    /// As another argument; only by default.
    Like(&'static str),
    /// Of [`ArgKind::Float`].
    Float(f64),
    /// Of [`ArgKind::Bool`].
    Bool(bool),
    /// Of [`ArgKind::Activation`], [`ArgKind::Initializer`] and [`ArgKind::Padding`]: a known name.
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

    /// These arguments with another setting of one.
    pub(crate) fn with(&self, name: &str, setting: Setting) -> Self {
        let mut changed = self.clone();
        let index = self.specs.iter().position(|spec| spec.name == name).expect("a declared argument");
        changed.settings[index] = Some(setting);
        changed
    }

    fn setting(&self, name: &str) -> &Setting {
        let index = self.specs.iter().position(|spec| spec.name == name).expect("a declared argument");
        match self.settings[index].as_ref().expect("not a list of layers") {
            Setting::Like(other) => self.setting(other),
            setting => setting,
        }
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

    /// A height and a width.
    pub fn pair(&self, name: &str) -> [usize; 2] {
        match self.setting(name) {
            Setting::Pair(pair) => *pair,
            other => unreachable!("`{name}` is a pair, not {other:?}"),
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

    /// The name of an activation, initializer or padding.
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

    fn text_from(&self, by_position: bool) -> String {
        let mut parts = Vec::new();
        for (spec, setting) in self.specs.iter().zip(&self.settings) {
            if *setting == spec.default && setting.is_some() {
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
        Setting::Pair([height, width]) if height == width => height.to_string(),
        Setting::Pair([height, width]) => format!("({height}, {width})"),
        Setting::Like(other) => (*other).to_owned(),
        Setting::Float(value) => format!("{value:?}"),
        Setting::Bool(value) => value.to_string(),
        Setting::Word(word) => (*word).to_owned(),
    }
}
