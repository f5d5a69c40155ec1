//! Cuts text into tokens.

/// A piece of text. Anything that is no other token is a mark.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Token<'a> {
    /// `dense0.weight`
    Word(&'a str),
    /// `%12`, without the sign
    Value(&'a str),
    /// `784`, `3B`, `-1e-20`
    Number(&'a str),
    /// What stands between two quotes, escapes and all.
    Text(&'a str),
    /// A quote that no other one on its line ends.
    OpenText,
    /// `=`
    Mark(char),
    /// The end.
    End,
}

/// The tokens of a text, one after the other.
pub(super) struct Lexer<'a> {
    text: &'a str,
    /// Where the next token, or the space before it, begins.
    position: usize,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Lexer { text, position: 0 }
    }

    /// The next token and where it begins.
    pub(super) fn next(&mut self) -> (Token<'a>, usize) {
        self.skip_space();
        let start = self.position;
        let Some(first) = self.text[start..].chars().next() else { return (Token::End, start) };
        let token = match first {
            '"' => self.text_token(),
            '%' => {
                self.position += 1;
                Token::Value(self.take_while(is_word_char))
            }
            '-' | '0'..='9' => self.number(),
            c if is_word_start(c) => Token::Word(self.take_while(is_word_char)),
            c => {
                self.position += c.len_utf8();
                Token::Mark(c)
            }
        };
        (token, start)
    }

    fn skip_space(&mut self) {
        loop {
            self.take_while(char::is_whitespace);
            let rest = &self.text[self.position..];
            if !rest.starts_with(';') && !rest.starts_with("//") {
                return;
            }
            self.take_while(|c| c != '\n');
        }
    }

    fn take_while(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        let rest = &self.text[self.position..];
        let length = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
        self.position += length;
        &rest[..length]
    }

    /// A number: everything that may belong to one; what reads it decides whether it is one.
    fn number(&mut self) -> Token<'a> {
        let rest = &self.text[self.position..];
        let mut before = ' ';
        let ends = |c: char| {
            let sign = matches!(c, '-' | '+') && matches!(before, ' ' | 'e' | 'E');
            before = c;
            !(sign || c.is_ascii_alphanumeric() || c == '.')
        };
        let length = rest.find(ends).unwrap_or(rest.len());
        self.position += length;
        Token::Number(&rest[..length])
    }

    fn text_token(&mut self) -> Token<'a> {
        self.position += 1;
        let rest = &self.text[self.position..];
        let mut escaped = false;
        let ends = |c: char| {
            let ends = c == '\n' || c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        };
        let length = rest.find(ends).unwrap_or(rest.len());
        self.position += length;
        if !rest[length..].starts_with('"') {
            return Token::OpenText;
        }
        self.position += 1;
        Token::Text(&rest[..length])
    }
}

impl Token<'_> {
    /// The token as messages name it.
    pub(super) fn describe(self) -> String {
        match self {
            Token::Word(text) | Token::Number(text) => format!("`{}`", clipped(text)),
            Token::Value(name) => format!("`%{}`", clipped(name)),
            Token::Text(text) => format!("\"{}\"", clipped(text)),
            Token::OpenText => "a text without its closing quote".to_owned(),
            Token::Mark(c) => format!("`{c}`"),
            Token::End => "the end of the text".to_owned(),
        }
    }
}

/// The beginning of a text, as much as a message can show.
pub(super) fn clipped(text: &str) -> String {
    const SHOWN: usize = 40;
    text.chars().take(SHOWN).collect()
}

/// Whether all of `text` is one word.
pub(super) fn is_word(text: &str) -> bool {
    text.starts_with(is_word_start) && text.chars().all(is_word_char)
}

fn is_word_start(c: char) -> bool {
    c.is_alphabetic() || c == '_'
}

fn is_word_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '.'
}
