//! What a command found, for people or for programs.

use std::fmt::Display;
use std::io::{self, Write};
use std::path::Path;

use dl_runtime::files::atomic;
use serde::Serialize;

use crate::error::{Error, Result};

/// Prints a report: its text, or one line of JSON.
pub fn print(report: &(impl Display + Serialize), json: bool) -> Result<()> {
    if json {
        let line = serde_json::to_string(report).expect("reports have names as keys");
        return print_text(&(line + "\n"));
    }
    print_text(&report.to_string())
}

/// Prints text as it is.
pub fn print_text(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(Error::Output)
}

/// Prints text, or writes it to a file.
pub fn print_or_write(text: &str, output: Option<&Path>) -> Result<()> {
    match output {
        Some(path) => Ok(atomic::write(path, text.as_bytes())?),
        None => print_text(text),
    }
}

/// To thousandths: clocks know no more.
pub fn rounded(value: f64) -> f64 {
    (1e3 * value).round() / 1e3
}
