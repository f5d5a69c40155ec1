//! What can be wrong with text, and where.

use std::fmt::{self, Display, Formatter};

use super::{MAX_DEPTH, MAX_LENGTH, MAX_LIST, MAX_NODES, VERSION};
use crate::ops::{AttributeError, InferError};
use crate::types::{MAX_ELEMENTS, MAX_RANK, Type};
use crate::verify::Violation;

/// An error in the text of a module. It shows itself with the line and a caret under the place.
#[derive(Clone, PartialEq, Debug)]
pub struct ParseError {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub problem: Box<ParseProblem>,
    /// The line's text, or its part around the place if it is long.
    excerpt: String,
    /// How many characters of the excerpt stand before the place.
    indent: usize,
}

/// What is wrong with text.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum ParseProblem {
    /// More text than is read.
    #[error("the text has {length} bytes, more than {MAX_LENGTH}")]
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// Something else than the grammar wants.
    #[error("expected {expected}, found {found}")]
    Expected {
        /// What the grammar wants.
        expected: &'static str,
        /// What there is.
        found: String,
    },
    /// A format that this version cannot read.
    #[error("this is format version {found}, but only version {VERSION} can be read: write the text anew")]
    Version {
        /// The version in the text.
        found: usize,
    },
    /// A word that means nothing in its place.
    #[error("unknown {what} `{name}`{}", suggest(*.suggestion))]
    Unknown {
        /// What it should be.
        what: &'static str,
        /// The word.
        name: String,
        /// What may have been meant.
        suggestion: Option<&'static str>,
    },
    /// A node used before its line, or never defined.
    #[error("`%{name}` is not defined on a line before this one")]
    Undefined {
        /// Its name.
        name: String,
    },
    /// A second node or attribute of one name.
    #[error("{what} `{name}` is there already")]
    Redefined {
        /// What it is.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// Attributes that do not fit the op.
    #[error("`{op}`: {source}")]
    Attribute {
        /// The op.
        op: &'static str,
        /// What is wrong.
        source: AttributeError,
    },
    /// Operands that do not fit the op.
    #[error("`{op}`: {source}")]
    Infer {
        /// The op.
        op: &'static str,
        /// What is wrong.
        source: InferError,
    },
    /// A declared type that is not the op's.
    #[error("type mismatch: declared {declared}, inferred {inferred}")]
    TypeMismatch {
        /// The type in the text.
        declared: Type,
        /// The type that the op gives.
        inferred: Type,
    },
    /// A tensor that is too large.
    #[error("a tensor can have {MAX_RANK} dimensions, {MAX_ELEMENTS} elements and the batch size once")]
    TooLarge,
    /// Too many nodes in a function.
    #[error("a function can have {MAX_NODES} nodes")]
    TooManyNodes,
    /// Bodies in bodies in bodies.
    #[error("bodies of scans can nest {MAX_DEPTH} deep")]
    TooDeep,
    /// A list that is too long.
    #[error("a list can have {MAX_LIST} items")]
    TooManyItems,
    /// A rule of the verifier that the text breaks.
    #[error(transparent)]
    Invalid(#[from] Violation),
}

fn suggest(suggestion: Option<&str>) -> String {
    suggestion.map(|name| format!(": did you mean `{name}`?")).unwrap_or_default()
}

impl ParseError {
    /// The problem at this byte of `text`.
    pub(super) fn at(text: &str, offset: usize, problem: Box<ParseProblem>) -> Self {
        const SHOWN_BEFORE: usize = 60;
        const SHOWN: usize = 120;
        let before = &text[..offset];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let column = text[line_start..offset].chars().count();
        let skipped = column.saturating_sub(SHOWN_BEFORE);
        let line = text[line_start..].lines().next().unwrap_or("");
        ParseError {
            line: before.matches('\n').count() + 1,
            column: column + 1,
            problem,
            excerpt: line
                .chars()
                .skip(skipped)
                .take(SHOWN)
                .map(|c| if c == '\t' { ' ' } else { c })
                .collect(),
            indent: column - skipped,
        }
    }
}

impl Display for ParseError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let ParseError { line, column, problem, excerpt, indent } = self;
        let margin = line.to_string().len();
        writeln!(f, "line {line}, column {column}: {problem}")?;
        writeln!(f, "{:margin$} |", "")?;
        writeln!(f, "{line} | {excerpt}")?;
        write!(f, "{:margin$} | {:indent$}^", "", "")
    }
}

impl std::error::Error for ParseError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.problem.source()
    }
}
