//! Walks through the tokens of a text, one ahead.

use super::lexer::{Lexer, Token, clipped};
use super::quote::unquote;
use super::{MAX_LIST, ParseProblem};
use crate::closest::closest;

/// A problem and the byte where it is.
pub(super) struct Located {
    pub(super) offset: usize,
    pub(super) problem: Box<ParseProblem>,
}

pub(super) type Result<T, E = Located> = std::result::Result<T, E>;

/// This problem at this byte.
pub(super) fn located(offset: usize, problem: ParseProblem) -> Located {
    Located { offset, problem: Box::new(problem) }
}

/// The error of this problem at this byte.
pub(super) fn fail<T>(offset: usize, problem: ParseProblem) -> Result<T> {
    Err(located(offset, problem))
}

/// A place in a text: the next token, not yet taken.
pub(super) struct Cursor<'a> {
    lexer: Lexer<'a>,
    /// The next token.
    pub(super) token: Token<'a>,
    /// Where it begins.
    pub(super) offset: usize,
    /// In how many bodies of scans the place is.
    pub(super) depth: usize,
}

impl<'a> Cursor<'a> {
    /// The first token of a text.
    pub(super) fn new(text: &'a str) -> Self {
        let mut lexer = Lexer::new(text);
        let (token, offset) = lexer.next();
        Cursor { lexer, token, offset, depth: 0 }
    }

    /// Takes the next token.
    pub(super) fn advance(&mut self) {
        (self.token, self.offset) = self.lexer.next();
    }

    /// The error that something else should be here.
    pub(super) fn expected<T>(&self, expected: &'static str) -> Result<T> {
        fail(self.offset, ParseProblem::Expected { expected, found: self.token.describe() })
    }

    /// Takes this word if it is next.
    pub(super) fn takes_word(&mut self, word: &str) -> bool {
        let takes = self.token == Token::Word(word);
        if takes {
            self.advance();
        }
        takes
    }

    /// Takes this mark if it is next.
    pub(super) fn takes_mark(&mut self, mark: char) -> bool {
        let takes = self.token == Token::Mark(mark);
        if takes {
            self.advance();
        }
        takes
    }

    /// Takes this mark, which messages show as `shown`.
    pub(super) fn mark(&mut self, mark: char, shown: &'static str) -> Result<()> {
        if self.takes_mark(mark) { Ok(()) } else { self.expected(shown) }
    }

    /// Takes a word; where it begins comes with it.
    pub(super) fn word(&mut self, expected: &'static str) -> Result<(&'a str, usize)> {
        let Token::Word(word) = self.token else { return self.expected(expected) };
        let offset = self.offset;
        self.advance();
        Ok((word, offset))
    }

    /// Takes the name of a node; where it begins comes with it.
    pub(super) fn value(&mut self) -> Result<(&'a str, usize)> {
        let Token::Value(name) = self.token else { return self.expected("a node, like %0") };
        let offset = self.offset;
        self.advance();
        Ok((name, offset))
    }

    /// Takes a name: a word, or a text in quotes.
    pub(super) fn name(&mut self) -> Result<String> {
        match self.token {
            Token::Text(_) => self.text(),
            _ => self.word("a name").map(|(word, _)| word.to_owned()),
        }
    }

    /// Takes a text in quotes.
    pub(super) fn text(&mut self) -> Result<String> {
        let Token::Text(inner) = self.token else { return self.expected("a text in quotes") };
        match unquote(inner) {
            Some(text) => {
                self.advance();
                Ok(text)
            }
            None => self.expected("a text whose backslashes stand before \", \\ or n"),
        }
    }

    /// Takes the text of a number.
    pub(super) fn number(&mut self) -> Result<&'a str> {
        match self.token {
            Token::Number(text) | Token::Word(text @ ("NaN" | "inf")) => {
                self.advance();
                Ok(text)
            }
            _ => self.expected("a number"),
        }
    }

    /// Takes an integer.
    pub(super) fn integer(&mut self) -> Result<usize> {
        match self.token {
            Token::Number(text) if text.parse::<usize>().is_ok() => {}
            _ => return self.expected("an integer"),
        }
        self.number().map(|text| text.parse().expect("just parsed"))
    }

    /// Takes a number.
    pub(super) fn float(&mut self) -> Result<f64> {
        let unread = (self.token, self.offset);
        let text = self.number()?;
        text.parse().or_else(|_| {
            let (found, offset) = (unread.0.describe(), unread.1);
            fail(offset, ParseProblem::Expected { expected: "a number", found })
        })
    }

    /// Items between commas up to `end`, the opening mark already taken.
    pub(super) fn list<T>(&mut self, end: char, item: impl Fn(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let mut items = Vec::new();
        if self.takes_mark(end) {
            return Ok(items);
        }
        loop {
            self.check_list(items.len())?;
            items.push(item(self)?);
            if self.takes_mark(end) {
                return Ok(items);
            }
            if !self.takes_mark(',') {
                return self.expected("`,` or the end of the list");
            }
        }
    }

    /// Refuses one more item in a list of this length.
    pub(super) fn check_list(&self, length: usize) -> Result<()> {
        if length == MAX_LIST { fail(self.offset, ParseProblem::TooManyItems) } else { Ok(()) }
    }
}

/// The error for a word that is none of the known ones.
pub(super) fn unknown<T>(
    offset: usize,
    what: &'static str,
    name: &str,
    known: impl IntoIterator<Item = &'static str>,
) -> Result<T> {
    let suggestion = closest(name, known);
    fail(offset, ParseProblem::Unknown { what, name: clipped(name), suggestion })
}
