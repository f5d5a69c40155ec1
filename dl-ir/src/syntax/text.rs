//! Network text at run time: a literal, a file or a command line argument.

use std::ops::Range;
use std::str::FromStr;

use proc_macro2::TokenStream;

use super::ast::Network;
use super::{MAX_TEXT, parse};
use crate::diagnostics::{Diagnostic, Diagnostics, NetworkError};

/// Parses `text` and hands the network of this name to `check`; without a name, the only network there is.
///
/// # Errors
/// All mistakes that the parser and `check` found. A `check` that returns `None` has found one.
pub(crate) fn with_network<T: Send>(
    text: &str,
    name: Option<&str>,
    check: impl FnOnce(&Network, &mut Vec<Diagnostic>) -> Option<T> + Send,
) -> Result<T, Diagnostics<Range<usize>>> {
    if text.len() > MAX_TEXT {
        let error = NetworkError::TooLong { limit: MAX_TEXT };
        return Err(Diagnostics::one(Diagnostic::new(error, 0..0)));
    }
    // proc-macro2 keeps every text that a thread ever tokenised, for its spans: so the thread is one of our own.
    let result = std::thread::scope(|scope| scope.spawn(|| parse_and_check(text, name, check)).join());
    result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn parse_and_check<T>(
    text: &str,
    name: Option<&str>,
    check: impl FnOnce(&Network, &mut Vec<Diagnostic>) -> Option<T>,
) -> Result<T, Diagnostics<Range<usize>>> {
    // The tokenizer drops a byte order mark, and then its places would be off: it becomes as many spaces.
    let plain = text.strip_prefix('\u{feff}').map(|rest| format!("   {rest}"));
    let text = plain.as_deref().unwrap_or(text);
    let tokens = TokenStream::from_str(text)
        .map_err(|error| Diagnostics::one(invalid_token(text, error.span().byte_range().start)))?;
    let mut diagnostics = Vec::new();
    let networks = parse::parse_file(tokens, &mut diagnostics);
    let checked = if networks.is_empty() && !diagnostics.is_empty() {
        None
    } else {
        let network =
            pick(&networks, name).map_err(|error| Diagnostics::one(Diagnostic::new(error, 0..0)))?;
        check(network, &mut diagnostics)
    };
    match (checked, Diagnostics::new(diagnostics)) {
        (_, Some(diagnostics)) => Err(diagnostics.in_text()),
        (Some(checked), None) => Ok(checked),
        (None, None) => unreachable!("a network is refused for a reason"),
    }
}

/// The network of this name, or the only one.
fn pick<'n>(networks: &'n [Network], name: Option<&str>) -> Result<&'n Network, NetworkError> {
    let name_of = |network: &Network| network.name.as_ref().map(|word| word.text.clone());
    let names =
        || networks.iter().map(|n| name_of(n).unwrap_or_else(|| "one without a name".to_owned())).collect();
    match (name, networks) {
        (_, []) => Err(NetworkError::NoNetwork),
        (Some(name), _) => {
            let found = networks.iter().find(|network| name_of(network).as_deref() == Some(name));
            found.ok_or_else(|| NetworkError::NoSuchNetwork { name: name.to_owned(), names: names() })
        }
        (None, [network]) => Ok(network),
        (None, _) => Err(NetworkError::SeveralNetworks { names: names() }),
    }
}

fn invalid_token(text: &str, at: usize) -> Diagnostic<Range<usize>> {
    let rest = text.get(at..).unwrap_or_default();
    let error = match rest.chars().next() {
        Some(bracket @ ('(' | '[' | '{')) => NetworkError::UnclosedBracket { bracket },
        Some(bracket @ (')' | ']' | '}')) => NetworkError::UnmatchedBracket { bracket },
        Some('/') => NetworkError::UnclosedComment,
        Some(char) => NetworkError::InvalidToken { char },
        None => NetworkError::Expected { expected: "a network", found: "the end".to_owned() },
    };
    Diagnostic::new(error, at..at + rest.chars().next().map_or(0, char::len_utf8))
}
