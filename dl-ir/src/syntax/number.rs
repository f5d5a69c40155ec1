//! Numbers: what the text of a Rust literal means here.

use super::ast::ValueKind;
use super::cursor::shorten;
use crate::diagnostics::NetworkError;

/// The number that a Rust literal's text stands for.
pub(super) fn read_number(text: &str, negative: bool) -> Result<ValueKind, NetworkError> {
    let n_digits = text.find(|c: char| !c.is_ascii_digit() && c != '_').unwrap_or(text.len());
    let (number, suffix) = text.split_at(number_length(text));
    if text.starts_with('"') {
        return Err(NetworkError::Quoted { literal: shorten(text) });
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_and_floats_are_told_apart() {
        for (text, negative, expected) in [("784", false, 784), ("1_000", false, 1000), ("3", true, -3)] {
            assert!(matches!(read_number(text, negative), Ok(ValueKind::Int(n)) if n == expected), "{text}");
        }
        for (text, negative, expected) in [("0.5", true, -0.5), ("1e-3", false, 1e-3), ("2.", false, 2.0)] {
            assert!(
                matches!(read_number(text, negative), Ok(ValueKind::Float(n)) if n == expected),
                "{text}"
            );
        }
    }

    #[test]
    fn other_literals_are_refused() {
        for text in ["1u8", "1.5f32", "1e", "0x1F", "0b1", "\"1\"", "'1'", "1e999", "9223372036854775808"] {
            assert!(read_number(text, false).is_err(), "{text}");
        }
    }
}
