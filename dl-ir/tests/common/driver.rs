//! The driver of golden files: finds them, runs their commands, compares or blesses.
//!
//! A file begins with its command (`; test: NAME WORDS…`), goes on with its input, and ends with what the command shows, as comments
//! below `; expect:`.

use std::fmt::{Display, Write};
use std::fs;
use std::path::{Path, PathBuf};

const COMMAND: &str = "; test: ";
const EXPECT: &str = "; expect:";

/// What a command shows, given the words behind its name and the file's text above the expectation.
pub type Command<E> = fn(arguments: &[&str], text: &str) -> Result<String, E>;

#[derive(Debug, thiserror::Error)]
enum GoldenError<E: Display> {
    #[error("it must begin with `{COMMAND}` and a command")]
    NoCommand,
    #[error("unknown command `{name}`, expected one of {known:?}")]
    UnknownCommand { name: String, known: Vec<&'static str> },
    #[error("it must end with `{EXPECT}` and comment lines; DL_BLESS=1 writes them")]
    NoExpectation,
    #[error("expected\n{expected}found\n{found}")]
    Different { expected: String, found: String },
    #[error("{0}")]
    Command(E),
}

/// Checks every `.dlir` file of a folder; with `DL_BLESS=1` in the environment, rewrites their expectations instead.
///
/// # Panics
/// If a file does not show what it expects.
pub fn check_folder<E: Display>(folder: &Path, commands: &[(&'static str, Command<E>)]) {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .expect("the folder of golden files")
        .map(|entry| entry.expect("an entry of that folder").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "dlir"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no golden files in {}", folder.display());
    let bless = std::env::var_os("DL_BLESS").is_some_and(|value| value == "1");
    let mut failures = String::new();
    for file in files {
        if let Err(error) = check_file(&file, commands, bless) {
            writeln!(failures, "{}: {error}", file.display()).expect("writing to a string");
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

fn check_file<E: Display>(
    file: &Path,
    commands: &[(&'static str, Command<E>)],
    bless: bool,
) -> Result<(), GoldenError<E>> {
    let content = fs::read_to_string(file).expect("a readable golden file");
    let (input, expected) = match content.find(EXPECT) {
        Some(at) => (&content[..at], Some(&content[at..])),
        None => (&content[..], None),
    };
    let found = as_expectation(&show(input, commands)?);
    if bless {
        let separator = if input.ends_with('\n') { "" } else { "\n" };
        fs::write(file, format!("{input}{separator}{found}")).expect("a writable golden file");
        return Ok(());
    }
    match expected {
        None => Err(GoldenError::NoExpectation),
        Some(expected) if expected == found => Ok(()),
        Some(expected) => Err(GoldenError::Different { expected: expected.to_owned(), found }),
    }
}

fn show<E: Display>(input: &str, commands: &[(&'static str, Command<E>)]) -> Result<String, GoldenError<E>> {
    let first =
        input.lines().next().and_then(|line| line.strip_prefix(COMMAND)).ok_or(GoldenError::NoCommand)?;
    let words: Vec<&str> = first.split_whitespace().collect();
    let (&name, arguments) = words.split_first().ok_or(GoldenError::NoCommand)?;
    match commands.iter().find(|(known, _)| *known == name) {
        Some((_, command)) => command(arguments, input).map_err(GoldenError::Command),
        None => {
            let known = commands.iter().map(|&(known, _)| known).collect();
            Err(GoldenError::UnknownCommand { name: name.to_owned(), known })
        }
    }
}

fn as_expectation(shown: &str) -> String {
    let line = |line: &str| if line.is_empty() { ";\n".to_owned() } else { format!("; {line}\n") };
    std::iter::once(format!("{EXPECT}\n")).chain(shown.lines().map(line)).collect()
}
