//! The parser's view of the tokens: one at a time, with places and what messages call them.

use proc_macro2::{Delimiter, Spacing, Span, TokenTree};
use syn::buffer::Cursor;

use super::ast::Word;
use crate::diagnostics::{Diagnostic, NetworkError};

/// The parser's state; its grammar is in [`parse`](super::parse).
pub(super) struct Parser<'a, 'd> {
    pub(super) cursor: Cursor<'a>,
    /// The last token that was consumed: where the text ends, if it ends too early.
    pub(super) last: Span,
    /// The bracket that ends the group we are in.
    pub(super) closing: Option<(Delimiter, Span)>,
    /// How deep we are in lists of layers.
    pub(super) depth: usize,
    pub(super) n_layers: usize,
    pub(super) diagnostics: &'d mut Vec<Diagnostic>,
}

impl<'a> Parser<'a, '_> {
    pub(super) fn word(&mut self, expected: &'static str) -> Option<Word> {
        let Some((ident, after)) = self.cursor.ident() else {
            self.expected(expected);
            return None;
        };
        self.cursor = after;
        self.last = ident.span();
        let text = ident.to_string();
        if let Some(plain) = text.strip_prefix("r#") {
            self.error(NetworkError::RawIdentifier { word: plain.to_owned() }, ident.span());
            return None;
        }
        Some(Word { text, span: ident.span() })
    }

    /// Parses what is inside a group that ends with this bracket.
    pub(super) fn inside<T>(
        &mut self,
        cursor: Cursor<'a>,
        closing: (Delimiter, Span),
        parse: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let outside = (self.cursor, self.closing);
        self.cursor = cursor;
        self.closing = Some(closing);
        let result = parse(self);
        (self.cursor, self.closing) = outside;
        self.last = closing.1;
        result
    }

    /// Skips to the comma or `>` that ends the item at this depth.
    pub(super) fn skip_item(&mut self) {
        let mut depth = 0usize;
        while !self.cursor.eof() && !(depth == 0 && (self.at(',') || self.at('>'))) {
            depth = if self.at('<') { depth + 1 } else { depth - usize::from(self.at('>')) };
            self.advance();
        }
    }

    pub(super) fn skip_to_comma(&mut self) {
        while !self.cursor.eof() && !self.at(',') {
            self.advance();
        }
    }

    pub(super) fn at(&self, char: char) -> bool {
        matches!(self.cursor.punct(), Some((punct, _)) if punct.as_char() == char)
    }

    /// Whether the token at the cursor is followed by `char` without a space.
    pub(super) fn at_joint(&self, char: char) -> bool {
        matches!(self.cursor.punct(), Some((first, after)) if first.spacing() == Spacing::Joint
            && matches!(after.punct(), Some((second, _)) if second.as_char() == char))
    }

    /// Whether there is a word at the cursor, and `char` behind it.
    pub(super) fn at_word_then(&self, char: char) -> bool {
        let after = self.cursor.ident().and_then(|(_, after)| after.punct());
        matches!(after, Some((punct, _)) if punct.as_char() == char)
    }

    /// Whether a word with parentheses behind it comes next.
    pub(super) fn at_call(&self) -> bool {
        let after = self.cursor.ident().map(|(_, after)| after);
        after.is_some_and(|after| after.group(proc_macro2::Delimiter::Parenthesis).is_some())
    }

    pub(super) fn peek_word(&self) -> Option<String> {
        self.cursor.ident().map(|(ident, _)| ident.to_string())
    }

    pub(super) fn eat(&mut self, char: char) -> bool {
        let found = self.at(char);
        if found {
            self.advance();
        }
        found
    }

    pub(super) fn advance(&mut self) -> Option<TokenTree> {
        let (token, after) = self.cursor.token_tree()?;
        self.cursor = after;
        self.last = token.span();
        Some(token)
    }

    /// The place of the token at the cursor, or of what ends the group or text.
    pub(super) fn here(&self) -> Span {
        match (self.cursor.token_tree(), self.closing) {
            (Some((TokenTree::Group(group), _)), _) => group.span_open(),
            (Some((token, _)), _) => token.span(),
            (None, Some((_, close))) => close,
            (None, None) => self.last,
        }
    }

    pub(super) fn found(&self) -> String {
        match (self.cursor.token_tree(), self.closing) {
            (Some((TokenTree::Group(group), _)), _) => brackets(group.delimiter()).0.to_owned(),
            (Some((token, _)), _) => format!("`{}`", shorten(&token.to_string())),
            (None, Some((delimiter, _))) => brackets(delimiter).1.to_owned(),
            (None, None) => "the end".to_owned(),
        }
    }

    pub(super) fn expected(&mut self, expected: &'static str) {
        let found = self.found();
        self.error(NetworkError::Expected { expected, found }, self.here());
    }

    pub(super) fn error(&mut self, error: NetworkError, span: Span) {
        self.diagnostics.push(Diagnostic::new(error, span));
    }
}

/// How messages write the brackets of a group.
fn brackets(delimiter: Delimiter) -> (&'static str, &'static str) {
    match delimiter {
        Delimiter::Parenthesis => ("`(`", "`)`"),
        Delimiter::Brace => ("`{`", "`}`"),
        Delimiter::Bracket => ("`[`", "`]`"),
        // What a `macro_rules!` argument stands for has brackets that nobody sees.
        Delimiter::None => ("a macro argument", "the end of a macro argument"),
    }
}

/// At most 40 characters of a token, for messages.
pub(super) fn shorten(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Both places and what is between; rustc joins none, and there the first stands for both.
pub(super) fn join(first: Span, last: Span) -> Span {
    first.join(last).unwrap_or(first)
}
