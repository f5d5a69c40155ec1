//! Programs that print a line of JSON.

use std::io;
use std::path::PathBuf;
use std::process::Command;

use serde::de::DeserializeOwned;
use thiserror::Error;

/// Why nothing was measured.
#[derive(Debug, Error)]
pub enum Error {
    /// There is no such program, or it may not run.
    #[error("`{program}` cannot be started: {source}")]
    Start { program: String, source: io::Error },
    /// It ended with an error.
    #[error("{message}")]
    Failed { message: String },
    /// It ended well and did not say what was asked for.
    #[error("`{program}` was to print a line of JSON with its times, but: {source}")]
    Line { program: String, source: serde_json::Error },
    /// A result cannot be kept.
    #[error("{} cannot be written: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
    /// The repository has gone since this was built.
    #[error("the folder of the repository cannot be entered: {source}")]
    Folder { source: io::Error },
    /// No case was measured.
    #[error("no case was measured: dl runs none of those whose names contain `{chosen}`")]
    NoCase { chosen: String },
    /// The machine's limits are not to be had.
    #[error(transparent)]
    Limits(#[from] dl_codegen::compile::CompileError),
    /// The library refused.
    #[error(transparent)]
    Dl(#[from] dl::Error),
}

/// The command line of dl, as it was built for this benchmark.
pub fn dlc(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dlc"));
    command.args(arguments);
    command
}

/// Runs a program to its end, and reads the last line that it prints.
pub fn last_line<T: DeserializeOwned>(command: &mut Command) -> Result<T, Error> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|source| Error::Start { program: program.clone(), source })?;
    let (printed, complaints) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let last = |text: &str| text.trim_end().lines().last().unwrap_or_default().to_owned();
    if !output.status.success() {
        // rustc-like messages of dlc say what is wrong in their first line, Python in its last.
        let first = complaints.lines().find(|line| line.starts_with("error: ")).map(str::to_owned);
        let message = first.unwrap_or_else(|| format!("{}: {}", output.status, last(&complaints)));
        return Err(Error::Failed { message });
    }
    serde_json::from_str(&last(&printed)).map_err(|source| Error::Line { program, source })
}
