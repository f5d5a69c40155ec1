//! The parser: recursive descent over syn's token cursor. After a mistake it goes on behind the next comma at the same
//! depth, so that every mistake is reported once.

use proc_macro2::{Delimiter, Spacing, Span, TokenStream, TokenTree};
use syn::buffer::{Cursor, TokenBuffer};

use super::ast::{Arg, Call, Clause, Layer, Layers, Network, Value, ValueKind, Word};
use super::{MAX_DEPTH, MAX_LAYERS};
use crate::diagnostics::{Diagnostic, NetworkError};

/// The one network of a token stream, as the macro gets it. `None` if mistakes leave no network to check.
pub(crate) fn parse_one(tokens: TokenStream, diagnostics: &mut Vec<Diagnostic>) -> Option<Network> {
    parse_with(tokens, diagnostics, |parser| {
        let network = parser.network();
        if network.is_some() {
            parser.expect_end();
        }
        network
    })
}

/// All networks of a file, each bare or in `network!( … )`.
pub(super) fn parse_file(tokens: TokenStream, diagnostics: &mut Vec<Diagnostic>) -> Vec<Network> {
    parse_with(tokens, diagnostics, |parser| Some(parser.file())).unwrap_or_default()
}

fn parse_with<T>(
    tokens: TokenStream,
    diagnostics: &mut Vec<Diagnostic>,
    parse: impl FnOnce(&mut Parser<'_, '_>) -> Option<T>,
) -> Option<T> {
    if let Some(span) = too_deep(&tokens) {
        diagnostics.push(Diagnostic::new(NetworkError::TooDeep { limit: MAX_DEPTH }, span));
        return None;
    }
    let buffer = TokenBuffer::new2(tokens);
    let cursor = buffer.begin();
    let end = Span::call_site();
    parse(&mut Parser { cursor, last: end, closing: None, depth: 0, n_layers: 0, diagnostics })
}

/// Where brackets nest too deep for the token buffer, which recurses; found with a stack of our own.
fn too_deep(tokens: &TokenStream) -> Option<Span> {
    let mut open = vec![tokens.clone().into_iter()];
    while let Some(innermost) = open.last_mut() {
        match innermost.next() {
            Some(TokenTree::Group(group)) if open.len() > MAX_DEPTH => return Some(group.span_open()),
            Some(TokenTree::Group(group)) => open.push(group.stream().into_iter()),
            Some(_) => {}
            None => drop(open.pop()),
        }
    }
    None
}

struct Parser<'a, 'd> {
    cursor: Cursor<'a>,
    /// The last token that was consumed: where the text ends, if it ends too early.
    last: Span,
    /// The bracket that ends the group we are in.
    closing: Option<(&'static str, Span)>,
    /// How deep we are in lists of layers.
    depth: usize,
    n_layers: usize,
    diagnostics: &'d mut Vec<Diagnostic>,
}

impl<'a> Parser<'a, '_> {
    fn file(&mut self) -> Vec<Network> {
        let mut networks = Vec::new();
        while !self.cursor.eof() {
            let before = self.cursor;
            match self.wrapped_network() {
                Some(network) => networks.push(network),
                // Behind a mistake outside any list there is no telling where the next network begins.
                None => break,
            }
            while self.eat(';') {}
            if self.at('>') || self.cursor == before {
                self.expect_end();
                break;
            }
        }
        networks
    }

    /// A network, bare or behind `network!` with or without brackets.
    fn wrapped_network(&mut self) -> Option<Network> {
        let start = self.cursor;
        self.attributes();
        if self.peek_word().as_deref() != Some("network") || !self.at_second('!') {
            self.cursor = start;
            return self.network();
        }
        self.advance();
        self.advance();
        match self.cursor.any_group() {
            Some((inside, _, span, after)) => {
                let network = self.inside(inside, span.close(), |parser| {
                    let network = parser.network();
                    if network.is_some() {
                        parser.expect_end();
                    }
                    network
                });
                self.cursor = after;
                network
            }
            None => self.network(),
        }
    }

    fn network(&mut self) -> Option<Network> {
        let attributes = self.attributes();
        let visibility = self.visibility();
        let name =
            if self.at('<') || self.cursor.ident().is_none() { None } else { Some(self.word("a name")?) };
        if !self.at('<') {
            self.expected("`<` and the list of layers");
            return None;
        }
        let layers = self.layers()?;
        if layers.layers.is_empty() && self.diagnostics.is_empty() {
            self.error(NetworkError::EmptyNetwork, layers.span);
        }
        let clauses = self.clauses();
        Some(Network { attributes, visibility, name, layers, clauses })
    }

    fn attributes(&mut self) -> TokenStream {
        let mut tokens = TokenStream::new();
        while self.at('#') {
            let (hash, after) = self.cursor.token_tree().expect("at a token");
            let Some((_, _, _)) = after.group(Delimiter::Bracket) else { break };
            let (brackets, after) = after.token_tree().expect("at a group");
            tokens.extend([hash, brackets]);
            self.cursor = after;
        }
        tokens
    }

    fn visibility(&mut self) -> TokenStream {
        let mut tokens = TokenStream::new();
        if self.peek_word().as_deref() == Some("pub") {
            tokens.extend(self.advance());
            if self.cursor.group(Delimiter::Parenthesis).is_some() {
                tokens.extend(self.advance());
            }
        }
        tokens
    }

    fn clauses(&mut self) -> Vec<Clause> {
        let mut clauses = Vec::new();
        while self.eat(',') {
            if !(self.cursor.ident().is_some() && self.at_second('=')) {
                break;
            }
            match self.clause() {
                Some(clause) => clauses.push(clause),
                None => self.skip_item(),
            }
        }
        clauses
    }

    fn clause(&mut self) -> Option<Clause> {
        let key = self.word("a key")?;
        self.advance();
        let value = self.value()?;
        Some(Clause { key, value })
    }

    /// `< layer, … >`, the cursor at `<`. `None` if the limits are passed.
    fn layers(&mut self) -> Option<Layers> {
        let open = self.here();
        if self.depth == MAX_DEPTH {
            self.error(NetworkError::TooDeep { limit: MAX_DEPTH }, open);
            return None;
        }
        self.depth += 1;
        self.advance();
        let mut layers = Vec::new();
        // A clause among the layers is a mistake of its own, or the sign that `>` is missing before it.
        let mut stray_clauses = Vec::new();
        while !self.at('>') && !self.cursor.eof() {
            self.n_layers += 1;
            if self.n_layers > MAX_LAYERS {
                self.error(NetworkError::TooManyLayers { limit: MAX_LAYERS }, self.here());
                return None;
            }
            if self.cursor.ident().is_some() && self.at_second('=') {
                let key = self.word("a key")?;
                stray_clauses
                    .push(Diagnostic::new(NetworkError::ClauseAmongLayers { key: key.text }, key.span));
                self.skip_item();
            } else if let Some(layer) = self.layer() {
                layers.push(layer);
            } else {
                self.skip_item();
            }
            self.separator('>', "`,` or `>`");
        }
        self.depth -= 1;
        let close = self.here();
        if self.eat('>') {
            self.diagnostics.extend(stray_clauses);
        } else {
            self.unclosed(open, &stray_clauses);
        }
        Some(Layers { layers, span: join(open, close) })
    }

    fn unclosed(&mut self, open: Span, stray_clauses: &[Diagnostic]) {
        let cause = match stray_clauses.first() {
            Some(clause) => (clause.place, "the layers end before this clause".to_owned()),
            None => (self.here(), "the layers end here".to_owned()),
        };
        self.diagnostics.push(Diagnostic::new(NetworkError::UnclosedLayers, open).with_cause(cause));
    }

    fn layer(&mut self) -> Option<Layer> {
        let word = self.word("a layer")?;
        if !self.at(':') || self.at_joint(':') {
            return Some(Layer { label: None, call: self.call(word)? });
        }
        self.advance();
        let kind = self.word("a layer")?;
        Some(Layer { label: Some(word), call: self.call(kind)? })
    }

    /// The arguments behind a name, if there are any.
    fn call(&mut self, name: Word) -> Option<Call> {
        let start = name.span;
        let Some((inside, span, after)) = self.cursor.group(Delimiter::Parenthesis) else {
            return Some(Call { name, args: None, span: start });
        };
        let args = self.inside(inside, span.close(), Self::args);
        self.cursor = after;
        Some(Call { name, args: Some(args?), span: join(start, span.close()) })
    }

    /// Arguments up to the end of the group. `None` if one is wrong: what it might have been is not guessed.
    fn args(&mut self) -> Option<Vec<Arg>> {
        let mut args = Some(Vec::new());
        while !self.cursor.eof() {
            let arg = self.arg();
            if arg.is_none() {
                self.skip_to_comma();
            }
            args = args.zip(arg).map(|(mut args, arg)| {
                args.push(arg);
                args
            });
            if !self.argument_separator() {
                args = None;
            }
        }
        args
    }

    fn arg(&mut self) -> Option<Arg> {
        let key = if self.cursor.ident().is_some() && self.at_second('=') {
            let key = self.word("a key")?;
            self.advance();
            Some(key)
        } else {
            None
        };
        Some(Arg { key, value: self.value()? })
    }

    fn value(&mut self) -> Option<Value> {
        if self.at('<') {
            let layers = self.layers()?;
            let span = layers.span;
            return Some(Value { kind: ValueKind::Layers(layers), span });
        }
        if let Some((inside, span, after)) = self.cursor.group(Delimiter::Parenthesis) {
            let values = self.inside(inside, span.close(), Self::integers);
            self.cursor = after;
            return Some(Value { kind: ValueKind::Tuple(values?), span: join(span.open(), span.close()) });
        }
        if self.cursor.ident().is_some() {
            return self.word_value();
        }
        self.number()
    }

    fn word_value(&mut self) -> Option<Value> {
        let mut word = self.word("a value")?;
        while self.at(':') && self.at_joint(':') {
            self.advance();
            self.advance();
            let part = self.word("a name")?;
            word = Word { text: format!("{}::{}", word.text, part.text), span: join(word.span, part.span) };
        }
        if self.cursor.group(Delimiter::Parenthesis).is_some() {
            let call = self.call(word)?;
            let span = call.span;
            return Some(Value { kind: ValueKind::Call(call), span });
        }
        let kind = match word.text.as_str() {
            "true" => ValueKind::Bool(true),
            "false" => ValueKind::Bool(false),
            _ => ValueKind::Name(word.text),
        };
        Some(Value { kind, span: word.span })
    }

    fn integers(&mut self) -> Option<Vec<Value>> {
        let mut values = Vec::new();
        while !self.cursor.eof() {
            values.push(self.number()?);
            if !self.argument_separator() {
                return None;
            }
        }
        Some(values)
    }

    fn number(&mut self) -> Option<Value> {
        let start = self.here();
        let negative = self.eat('-');
        if self.at('.') {
            return self.leading_dot(start);
        }
        let Some((literal, after)) = self.cursor.literal() else {
            self.expected(if negative { "a number" } else { "a value" });
            return None;
        };
        self.cursor = after;
        self.last = literal.span();
        let span = join(start, literal.span());
        match read_number(&literal.to_string(), negative) {
            Ok(kind) => Some(Value { kind, span }),
            Err(error) => {
                self.error(error, span);
                None
            }
        }
    }

    fn leading_dot(&mut self, start: Span) -> Option<Value> {
        self.advance();
        let Some((digits, after)) = self.cursor.literal() else {
            self.error(NetworkError::Expected { expected: "a value", found: "`.`".to_owned() }, start);
            return None;
        };
        self.cursor = after;
        let span = join(start, digits.span());
        self.error(NetworkError::LeadingDot { digits: digits.to_string() }, span);
        None
    }

    /// The comma behind an argument; whether there is one where it must be.
    fn argument_separator(&mut self) -> bool {
        if self.cursor.eof() || self.eat(',') {
            return true;
        }
        match self.cursor.punct() {
            Some((operator, _)) if "+-*/%".contains(operator.as_char()) => {
                let operator = operator.as_char();
                self.error(NetworkError::Arithmetic { operator }, self.here());
            }
            _ => self.expected("`,` or `)`"),
        }
        self.skip_to_comma();
        self.eat(',');
        false
    }

    /// The comma behind a layer, unless the list ends here.
    fn separator(&mut self, close: char, expected: &'static str) {
        if self.eat(',') || self.at(close) || self.cursor.eof() {
            return;
        }
        self.expected(expected);
        self.skip_item();
        self.eat(',');
    }

    fn expect_end(&mut self) {
        if self.at('>') {
            self.error(NetworkError::ExtraClose, self.here());
        } else if !self.cursor.eof() {
            self.expected("`, loss = …`, `, optimizer = …` or the end");
        }
    }

    fn word(&mut self, expected: &'static str) -> Option<Word> {
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

    fn inside<T>(&mut self, cursor: Cursor<'a>, close: Span, parse: impl FnOnce(&mut Self) -> T) -> T {
        let outside = (self.cursor, self.closing);
        self.cursor = cursor;
        self.closing = Some(("`)`", close));
        let result = parse(self);
        (self.cursor, self.closing) = outside;
        self.last = close;
        result
    }

    /// Skips to the comma or `>` that ends the item at this depth.
    fn skip_item(&mut self) {
        let mut depth = 0usize;
        while !self.cursor.eof() && !(depth == 0 && (self.at(',') || self.at('>'))) {
            depth = if self.at('<') { depth + 1 } else { depth - usize::from(self.at('>')) };
            self.advance();
        }
    }

    fn skip_to_comma(&mut self) {
        while !self.cursor.eof() && !self.at(',') {
            self.advance();
        }
    }

    fn at(&self, char: char) -> bool {
        matches!(self.cursor.punct(), Some((punct, _)) if punct.as_char() == char)
    }

    /// Whether the token at the cursor is followed by `char` without a space.
    fn at_joint(&self, char: char) -> bool {
        matches!(self.cursor.punct(), Some((first, after)) if first.spacing() == Spacing::Joint
            && matches!(after.punct(), Some((second, _)) if second.as_char() == char))
    }

    /// Whether `char` is the token behind the one at the cursor.
    fn at_second(&self, char: char) -> bool {
        let after = self.cursor.token_tree().map(|(_, after)| after);
        matches!(after.and_then(Cursor::punct), Some((punct, _)) if punct.as_char() == char)
    }

    fn peek_word(&self) -> Option<String> {
        self.cursor.ident().map(|(ident, _)| ident.to_string())
    }

    fn eat(&mut self, char: char) -> bool {
        let found = self.at(char);
        if found {
            self.advance();
        }
        found
    }

    fn advance(&mut self) -> Option<TokenTree> {
        let (token, after) = self.cursor.token_tree()?;
        self.cursor = after;
        self.last = token.span();
        Some(token)
    }

    /// The place of the token at the cursor, or of what ends the group or text.
    fn here(&self) -> Span {
        match (self.cursor.token_tree(), self.closing) {
            (Some((TokenTree::Group(group), _)), _) => group.span_open(),
            (Some((token, _)), _) => token.span(),
            (None, Some((_, close))) => close,
            (None, None) => self.last,
        }
    }

    fn found(&self) -> String {
        match (self.cursor.token_tree(), self.closing) {
            (Some((TokenTree::Group(group), _)), _) => match group.delimiter() {
                Delimiter::Parenthesis => "`(`".to_owned(),
                Delimiter::Brace => "`{`".to_owned(),
                Delimiter::Bracket => "`[`".to_owned(),
                Delimiter::None => "a macro argument".to_owned(),
            },
            (Some((token, _)), _) => format!("`{}`", shorten(&token.to_string())),
            (None, Some((bracket, _))) => bracket.to_owned(),
            (None, None) => "the end".to_owned(),
        }
    }

    fn expected(&mut self, expected: &'static str) {
        let found = self.found();
        self.error(NetworkError::Expected { expected, found }, self.here());
    }

    fn error(&mut self, error: NetworkError, span: Span) {
        self.diagnostics.push(Diagnostic::new(error, span));
    }
}

/// The number that a Rust literal's text stands for.
fn read_number(text: &str, negative: bool) -> Result<ValueKind, NetworkError> {
    let n_digits = text.find(|c: char| !c.is_ascii_digit() && c != '_').unwrap_or(text.len());
    let (number, suffix) = text.split_at(number_length(text));
    if n_digits == 0 {
        return Err(NetworkError::Expected { expected: "a number", found: format!("`{}`", shorten(text)) });
    }
    if number == "0" && suffix.starts_with(['x', 'o', 'b']) {
        return Err(NetworkError::NotDecimal { number: shorten(text) });
    }
    if !suffix.is_empty() {
        return Err(NetworkError::NumberSuffix { number: shorten(number), suffix: shorten(suffix) });
    }
    let digits = number.replace('_', "");
    let too_large = || NetworkError::NumberTooLarge { number: shorten(number) };
    let sign = if negative { -1 } else { 1 };
    if n_digits == text.len() {
        return digits.parse::<i64>().map(|value| ValueKind::Int(sign * value)).map_err(|_| too_large());
    }
    let value: f64 = digits.parse().map_err(|_| too_large())?;
    if value.is_infinite() { Err(too_large()) } else { Ok(ValueKind::Float(f64::from(sign as i32) * value)) }
}

/// How many bytes of `text` are digits, point and exponent; the rest is a suffix.
fn number_length(text: &str) -> usize {
    let digits = |text: &str| text.bytes().take_while(|b| b.is_ascii_digit() || *b == b'_').count();
    let mut length = digits(text);
    if text[length..].starts_with('.') {
        length += 1;
        length += digits(&text[length..]);
    }
    if text[length..].starts_with(['e', 'E']) {
        let sign = usize::from(text[length + 1..].starts_with(['+', '-']));
        let exponent = digits(&text[length + 1 + sign..]);
        if exponent > 0 {
            length += 1 + sign + exponent;
        }
    }
    length
}

/// At most 40 characters of a token, for messages.
fn shorten(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Both places and what is between; rustc joins none, and there the first stands for both.
fn join(first: Span, last: Span) -> Span {
    first.join(last).unwrap_or(first)
}
