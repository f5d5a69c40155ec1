//! Texts and names in quotes.

use std::fmt::{self, Display, Formatter};

use super::lexer;

/// A text in quotes: quotes, backslashes and line breaks in it become `\"`, `\\` and `\n`.
pub(crate) struct Quoted<'a>(pub &'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        let mut rest = self.0;
        while let Some(at) = rest.find(['"', '\\', '\n']) {
            let (plain, special) = (&rest[..at], &rest[at..at + 1]);
            write!(f, "{plain}\\{}", if special == "\n" { "n" } else { special })?;
            rest = &rest[at + 1..];
        }
        write!(f, "{rest}\"")
    }
}

/// What stands between two quotes, its escapes undone; `None` if there is one that does not exist.
pub(super) fn unquote(inner: &str) -> Option<String> {
    let mut text = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        text.push(match rest.as_bytes().get(at + 1)? {
            b'n' => '\n',
            b'"' => '"',
            b'\\' => '\\',
            _ => return None,
        });
        rest = &rest[at + 2..];
    }
    text.push_str(rest);
    Some(text)
}

/// A name, in quotes unless it is a word.
pub(crate) struct Name<'a>(pub &'a str);

impl Display for Name<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if lexer::is_word(self.0) { f.write_str(self.0) } else { Quoted(self.0).fmt(f) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_back() {
        for text in ["", "plain", "a \"b\" \\ c\n", "größe", "\\n"] {
            let quoted = Quoted(text).to_string();
            assert!(!quoted.contains('\n'));
            assert_eq!(unquote(&quoted[1..quoted.len() - 1]).as_deref(), Some(text));
        }
    }

    #[test]
    fn refuses_unknown_escapes() {
        assert_eq!(unquote("a\\tb"), None);
        assert_eq!(unquote("a\\"), None);
    }

    #[test]
    fn names_are_quoted_when_needed() {
        assert_eq!(Name("adam.m.dense0.weight").to_string(), "adam.m.dense0.weight");
        assert_eq!(Name("größe").to_string(), "größe");
        assert_eq!(Name("0th").to_string(), "\"0th\"");
        assert_eq!(Name("").to_string(), "\"\"");
    }
}
