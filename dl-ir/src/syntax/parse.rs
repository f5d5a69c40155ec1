//! The parser: recursive descent over syn's token cursor. After a mistake it goes on behind the next comma at the same
//! depth, so that every mistake is reported once.

use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};
use syn::buffer::TokenBuffer;

use super::ast::{Arg, Call, Clause, Layer, Layers, Network, Value, ValueKind, Word};
use super::cursor::{Parser, join, shorten};
use super::number::read_number;
use super::{MAX_DEPTH, MAX_LAYERS};
use crate::diagnostics::{Diagnostic, NetworkError};

/// The one network of a token stream, as the macro gets it. `None` if mistakes leave no network to check.
pub(crate) fn parse_one(tokens: TokenStream, diagnostics: &mut Vec<Diagnostic>) -> Option<Network> {
    if tokens.is_empty() {
        diagnostics.push(Diagnostic::new(NetworkError::NoNetwork, Span::call_site()));
        return None;
    }
    parse_with(tokens, diagnostics, |parser| parser.whole_network())
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

impl<'a> Parser<'a, '_> {
    fn file(&mut self) -> Vec<Network> {
        let mut networks = Vec::new();
        while !self.cursor.eof() {
            match self.wrapped_network() {
                Some(network) => networks.push(network),
                // Behind a mistake outside any list there is no telling where the next network begins.
                None => break,
            }
            while self.eat(';') {}
            if !self.at_network() {
                self.expect_end();
                break;
            }
        }
        networks
    }

    /// Whether a network can begin here.
    fn at_network(&self) -> bool {
        let visible = self.peek_word().as_deref() == Some("pub");
        visible || self.at('<') || self.at('#') || self.at_word_then('<') || self.at_word_then('!')
    }

    /// A network, bare or behind `network!` with or without brackets.
    fn wrapped_network(&mut self) -> Option<Network> {
        let start = self.cursor;
        self.attributes();
        if self.peek_word().as_deref() != Some("network") || !self.at_word_then('!') {
            self.cursor = start;
            return self.network();
        }
        self.advance();
        self.advance();
        match self.cursor.any_group() {
            Some((inside, delimiter, span, after)) => {
                let network = self.inside(inside, (delimiter, span.close()), Self::whole_network);
                self.cursor = after;
                network
            }
            None => self.network(),
        }
    }

    /// A network and nothing behind it.
    fn whole_network(&mut self) -> Option<Network> {
        let network = self.network()?;
        self.expect_end();
        Some(network)
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
        if let Some(name) = name.as_ref().filter(|name| syn::parse_str::<syn::Ident>(&name.text).is_err()) {
            self.error(NetworkError::KeywordName { name: name.text.clone() }, name.span);
        }
        let layers = self.layers()?;
        if layers.layers.is_empty() && self.diagnostics.is_empty() {
            self.error(NetworkError::NoLayers, layers.span);
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
            let clause = if self.at_word_then('=') {
                self.clause()
            } else if self.at_call() {
                self.clause_call()
            } else {
                break;
            };
            match clause {
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

    /// A clause that is a call: `budget(…)`.
    fn clause_call(&mut self) -> Option<Clause> {
        let key = self.word("a clause")?;
        let call = self.call(key.clone())?;
        let span = call.span;
        Some(Clause { key, value: Value { kind: ValueKind::Call(call), span } })
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
            if self.n_layers == MAX_LAYERS + 1 {
                self.error(NetworkError::TooManyLayers { limit: MAX_LAYERS }, self.here());
            }
            if self.n_layers > MAX_LAYERS {
                return None;
            }
            let is_budget = self.at_call() && self.peek_word().as_deref() == Some("budget");
            if is_budget || self.at_word_then('=') {
                let key = self.word("a key")?;
                let clause = format!("{}{}", key.text, if is_budget { "(…)" } else { " = …" });
                stray_clauses.push(Diagnostic::new(NetworkError::ClauseAmongLayers { clause }, key.span));
                self.skip_item();
            } else {
                let layer = self.layer();
                if layer.is_none() {
                    self.skip_item();
                }
                layers.push(layer);
            }
            if !self.layer_separator() {
                layers.push(None);
            }
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
            Some(clause) => (clause.place, "a clause, so the layers end before it".to_owned()),
            None => (self.here(), "nothing comes behind this".to_owned()),
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
            if self.cursor.any_group().is_some() {
                self.expected("`(`");
                self.advance();
                return None;
            }
            return Some(Call { name, args: None, span: start });
        };
        let args = self.inside(inside, (Delimiter::Parenthesis, span.close()), Self::args);
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
        let key = if self.at_word_then('=') {
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
            if layers.layers.is_empty() {
                self.error(NetworkError::NoLayers, span);
            }
            return Some(Value { kind: ValueKind::Layers(layers), span });
        }
        if let Some((inside, span, after)) = self.cursor.group(Delimiter::Parenthesis) {
            let values = self.inside(inside, (Delimiter::Parenthesis, span.close()), Self::integers);
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
            return self.leading_dot(start, if negative { "-" } else { "" });
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

    fn leading_dot(&mut self, start: Span, sign: &'static str) -> Option<Value> {
        self.advance();
        let Some((digits, after)) = self.cursor.literal() else {
            self.error(NetworkError::Expected { expected: "a value", found: "`.`".to_owned() }, start);
            return None;
        };
        self.cursor = after;
        let span = join(start, digits.span());
        self.error(NetworkError::LeadingDot { sign, digits: shorten(&digits.to_string()) }, span);
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

    /// The comma behind a layer, unless the list ends here; whether there is nothing else.
    fn layer_separator(&mut self) -> bool {
        if self.eat(',') || self.at('>') || self.cursor.eof() {
            return true;
        }
        self.expected("`,` or `>`");
        self.skip_item();
        self.eat(',');
        false
    }

    fn expect_end(&mut self) {
        if self.at('>') {
            self.error(NetworkError::ExtraClose, self.here());
        } else if !self.cursor.eof() {
            self.expected("`, loss = …`, `, optimizer = …`, `, budget(…)` or the end");
        }
    }
}
