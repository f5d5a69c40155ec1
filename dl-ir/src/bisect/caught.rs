//! Panics of what is under suspicion: a fault like any other.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A stage panicked.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("it panics: {message}")]
pub struct Panicked {
    /// What it said.
    pub message: String,
}

/// Does some work that may panic.
///
/// # Errors
/// If it does. What it was about to give is lost, and what it changed meanwhile is not to be used any more.
pub fn caught<T>(work: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|payload| Panicked { message: message(&*payload) })
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
    text.unwrap_or("without a message").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_kept() {
        assert_eq!(caught(|| 1), Ok(1));
        let said = |work: fn()| caught(work).expect_err("it panics").message;
        assert_eq!(said(|| panic!("as is")), "as is");
        assert_eq!(said(|| panic!("number {}", 1)), "number 1");
        assert_eq!(said(|| std::panic::panic_any(1)), "without a message");
    }
}
