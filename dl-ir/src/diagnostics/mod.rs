//! What is wrong with a network, where, why, and what to do.
//!
//! A [`NetworkError`] is found by the parser or by a check; a [`Diagnostic`] adds its place. One error is shown in
//! three ways: as the macro's `compile_error!`, as rustc would show it under the text (feature `render`), and as a
//! plain message.

mod error;
mod help;
#[cfg(feature = "render")]
mod render;
mod suggest;

use std::fmt;
use std::ops::Range;

use proc_macro2::{Span, TokenStream};

pub use error::{Missing, NetworkError, What};
pub(crate) use help::image_form;
pub(crate) use suggest::suggest;

/// How many mistakes are kept; a text with more is most likely not a network at all.
pub const MAX_DIAGNOSTICS: usize = 32;

/// One mistake at its place: a [`Span`] in the macro, a range of bytes in text.
#[derive(Clone, PartialEq, Debug)]
pub struct Diagnostic<P = Span> {
    /// What is wrong.
    pub error: NetworkError,
    /// The wrong token.
    pub place: P,
    /// What it disagrees with, and why.
    pub cause: Option<(P, String)>,
}

impl<P> Diagnostic<P> {
    /// A mistake at this place.
    pub fn new(error: NetworkError, place: P) -> Self {
        Diagnostic { error, place, cause: None }
    }

    /// With the place of what it disagrees with, and a few words on that.
    pub fn with_cause(self, cause: (P, String)) -> Self {
        Diagnostic { cause: Some(cause), ..self }
    }

    /// The whole mistake in one sentence.
    pub fn message(&self) -> String {
        self.error.to_string()
    }

    /// A few words under the caret.
    pub fn label(&self) -> String {
        self.error.label()
    }

    /// What to do about it.
    pub fn help(&self) -> Option<String> {
        self.error.help()
    }

    fn map_place<Q>(self, place: impl Fn(P) -> Q) -> Diagnostic<Q> {
        let cause = self.cause.map(|(cause, text)| (place(cause), text));
        Diagnostic { error: self.error, place: place(self.place), cause }
    }

    /// Message, label, cause and help as one text, for where there is one place only.
    fn full_message(&self) -> String {
        let (mut text, label) = (self.message(), self.label());
        if !text.contains(&label) {
            text.push_str(&format!(": {label}"));
        }
        if let Some((_, cause)) = &self.cause {
            text.push_str(&format!("\nnote: {cause}"));
        }
        if let Some(help) = self.help() {
            text.push_str(&format!("\nhelp: {help}"));
        }
        text
    }
}

/// All mistakes of a network; at least one.
#[derive(Clone, PartialEq, Debug)]
pub struct Diagnostics<P = Span> {
    all: Vec<Diagnostic<P>>,
    /// How many more there were than [`MAX_DIAGNOSTICS`].
    n_hidden: usize,
}

impl<P> Diagnostics<P> {
    /// These mistakes, the first [`MAX_DIAGNOSTICS`] of them; `None` if there are none.
    pub fn new(mut all: Vec<Diagnostic<P>>) -> Option<Self> {
        let n_hidden = all.len().saturating_sub(MAX_DIAGNOSTICS);
        all.truncate(MAX_DIAGNOSTICS);
        if all.is_empty() { None } else { Some(Diagnostics { all, n_hidden }) }
    }

    /// This one mistake.
    pub fn one(diagnostic: Diagnostic<P>) -> Self {
        Diagnostics { all: vec![diagnostic], n_hidden: 0 }
    }

    /// The mistakes; in text, in the order of their places.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic<P>> {
        self.all.iter()
    }
}

impl Diagnostics<Span> {
    /// One `compile_error!` per mistake, at its place, in the order of the places.
    pub fn to_compile_errors(&self) -> impl Iterator<Item = TokenStream> {
        let mut all: Vec<&Diagnostic> = self.iter().collect();
        all.sort_by_key(|diagnostic| diagnostic.place.start());
        all.into_iter()
            .map(|diagnostic| syn::Error::new(diagnostic.place, diagnostic.full_message()).to_compile_error())
    }

    /// The same mistakes with their places in text, sorted by them.
    pub(crate) fn in_text(self) -> Diagnostics<Range<usize>> {
        let place = |span: Span| span.byte_range();
        let mut all: Vec<_> = self.all.into_iter().map(|diagnostic| diagnostic.map_place(place)).collect();
        all.sort_by_key(|diagnostic| diagnostic.place.start);
        Diagnostics { all, n_hidden: self.n_hidden }
    }
}

impl<P> fmt::Display for Diagnostics<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, diagnostic) in self.all.iter().enumerate() {
            if i > 0 {
                f.write_str("\n\n")?;
            }
            f.write_str(&diagnostic.full_message())?;
        }
        if self.n_hidden > 0 {
            write!(f, "\n\nand {} more mistakes", self.n_hidden)?;
        }
        Ok(())
    }
}

impl<P: fmt::Debug> std::error::Error for Diagnostics<P> {}
