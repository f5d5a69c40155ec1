//! The static parameters of ops, as text shows them: `{axes=[0, 1], value=0.5}`.

use std::fmt;
use std::sync::Arc;

use crate::module::Function;
use crate::text::{Lines, Quoted};
use crate::types::write_list;

/// The value of one attribute.
#[derive(Clone, PartialEq, Debug)]
pub enum Attribute {
    /// `0.5`
    Float(f64),
    /// `[0, 1]`
    List(Vec<usize>),
    /// `3`
    Int(usize),
    /// `"x"`
    Text(String),
    /// `true`
    Flag(bool),
    /// `{ … }`: the lines of a function
    Body(Arc<Function>),
}

/// Attributes by name, in order.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Attributes(pub Vec<(String, Attribute)>);

/// An attribute that is missing, unknown, or of the wrong kind.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AttributeError {
    /// It is not there.
    #[error("attribute `{name}` is missing")]
    Missing {
        /// Its name.
        name: &'static str,
    },
    /// The op has no such attribute.
    #[error("there is no attribute `{name}`")]
    Unknown {
        /// Its name.
        name: String,
    },
    /// Its value is of another kind.
    #[error("attribute `{name}` must be {expected}")]
    Kind {
        /// Its name.
        name: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// The node's declared type is not one that the op can have.
    #[error("the declared type must be {expected}")]
    Declared {
        /// What it must be.
        expected: &'static str,
    },
}

impl Attributes {
    /// These, with one more.
    pub fn with(mut self, name: &str, value: Attribute) -> Self {
        self.0.push((name.to_owned(), value));
        self
    }

    fn get(&self, name: &'static str) -> Result<&Attribute, AttributeError> {
        let found = self.0.iter().find(|(n, _)| n == name);
        found.map(|(_, value)| value).ok_or(AttributeError::Missing { name })
    }

    /// A float attribute; an integer serves.
    pub fn float(&self, name: &'static str) -> Result<f64, AttributeError> {
        match self.get(name)? {
            Attribute::Float(value) => Ok(*value),
            Attribute::Int(value) => Ok(*value as f64),
            _ => Err(AttributeError::Kind { name, expected: "a number" }),
        }
    }

    /// An integer attribute.
    pub fn int(&self, name: &'static str) -> Result<usize, AttributeError> {
        match self.get(name)? {
            Attribute::Int(value) => Ok(*value),
            _ => Err(AttributeError::Kind { name, expected: "an integer" }),
        }
    }

    /// A list of integers.
    pub fn list(&self, name: &'static str) -> Result<Vec<usize>, AttributeError> {
        match self.get(name)? {
            Attribute::List(values) => Ok(values.clone()),
            _ => Err(AttributeError::Kind { name, expected: "a list of integers" }),
        }
    }

    /// A text.
    pub fn text(&self, name: &'static str) -> Result<&str, AttributeError> {
        match self.get(name)? {
            Attribute::Text(value) => Ok(value),
            _ => Err(AttributeError::Kind { name, expected: "a text in quotes" }),
        }
    }

    /// A truth value.
    pub fn flag(&self, name: &'static str) -> Result<bool, AttributeError> {
        match self.get(name)? {
            Attribute::Flag(value) => Ok(*value),
            _ => Err(AttributeError::Kind { name, expected: "`true` or `false`" }),
        }
    }

    /// A function.
    pub fn body(&self, name: &'static str) -> Result<Arc<Function>, AttributeError> {
        match self.get(name)? {
            Attribute::Body(body) => Ok(body.clone()),
            _ => Err(AttributeError::Kind { name, expected: "lines of nodes in braces" }),
        }
    }

    /// Refuses attributes other than these.
    pub fn only(&self, names: &[&str]) -> Result<(), AttributeError> {
        match self.0.iter().find(|(name, _)| !names.contains(&name.as_str())) {
            Some((name, _)) => Err(AttributeError::Unknown { name: name.clone() }),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // Debug keeps the point (`1.0`) and round-trips.
            Attribute::Float(value) => write!(f, "{value:?}"),
            Attribute::List(values) => write_list(f, "[", values, "]"),
            Attribute::Int(value) => value.fmt(f),
            Attribute::Text(value) => Quoted(value).fmt(f),
            Attribute::Flag(value) => value.fmt(f),
            Attribute::Body(body) => {
                f.write_str("{\n")?;
                // A step further in than the line that it belongs to.
                let lines =
                    if f.alternate() { format!("{:#}", Lines(body)) } else { Lines(body).to_string() };
                lines.lines().try_for_each(|line| writeln!(f, "  {line}"))?;
                f.write_str("  }")
            }
        }
    }
}

impl fmt::Display for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |(name, value): &(String, Attribute)| match value {
            Attribute::Body(_) if f.alternate() => format!("{name}={value:#}"),
            _ => format!("{name}={value}"),
        };
        let items: Vec<String> = self.0.iter().map(show).collect();
        write_list(f, "{", &items, "}")
    }
}
