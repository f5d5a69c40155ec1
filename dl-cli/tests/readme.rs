//! What README.md and docs/language.md show of `dlc` is what it prints.
//!
//! In a block marked `console`, a line `$ dlc …` is a command, and what follows, up to the next command, its standard output, or its
//! standard error if it fails. A line `…` stands for any lines. Commands run one after the other in the root of the repository. What depends on the machine
//! is not compared: numbers with a unit of time (or the size of the process) behind them or in a key before them.
//!
//! `DL_BLESS=1 cargo test -p dl-cli --test readme` writes what is printed into the documents; read the difference before you commit it.

use std::path::Path;
use std::process::Command;

/// What stands behind a number, or at the end of a JSON key before it, that depends on the machine.
const UNITS: &[&str] = &["s", "ms", "us", "µs", "mb", "seconds"];

struct Example {
    command: String,
    output: Vec<String>,
}

fn examples(document: &str) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    for block in document.split("```console\n").skip(1) {
        let block = block.split("```").next().unwrap_or_default();
        let first = examples.len();
        for line in block.lines() {
            match line.strip_prefix("$ ") {
                Some(command) => examples.push(Example { command: command.to_owned(), output: Vec::new() }),
                None if examples.len() > first => {
                    examples.last_mut().expect("the block has a command").output.push(line.to_owned());
                }
                None => panic!("a console block begins with `{line}`, which is no command"),
            }
        }
    }
    examples
}

/// The words of a command; single quotes hold words together.
fn words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for (i, part) in command.split('\'').enumerate() {
        if i % 2 == 1 {
            words.last_mut().expect("never empty").push_str(part);
            continue;
        }
        for (j, piece) in part.split(' ').enumerate() {
            if j > 0 {
                words.push(String::new());
            }
            words.last_mut().expect("never empty").push_str(piece);
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// A line in tokens, with what depends on the machine masked.
fn masked(line: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    for c in line.trim_end().chars() {
        let kind = |c: char| {
            if c.is_alphabetic() || c == '_' {
                1
            } else if c.is_ascii_digit() || c == '.' {
                2
            } else {
                0
            }
        };
        match tokens.last_mut() {
            Some(last) if kind(c) != 0 && last.chars().last().map(kind) == Some(kind(c)) => last.push(c),
            _ => tokens.push(c.to_string()),
        }
    }
    // Columns are as wide as what is in them.
    tokens.retain(|token| token.trim() != "");
    let is_number = |token: &str| token.starts_with(|c: char| c.is_ascii_digit());
    let has_unit =
        |token: &str| UNITS.iter().any(|unit| token == *unit || token.ends_with(&format!("_{unit}")));
    let varies = |i: usize| {
        let before = tokens[..i].iter().rev().find(|token| !matches!(token.as_str(), "\"" | ":"));
        is_number(&tokens[i])
            && (tokens.get(i + 1).is_some_and(|t| has_unit(t))
                || before.is_some_and(|t| t.contains('_') && has_unit(t)))
    };
    (0..tokens.len()).map(|i| if varies(i) { "#".to_owned() } else { tokens[i].clone() }).collect()
}

/// Whether lines are those shown, where `…` stands for any.
fn fits(shown: &[Vec<String>], lines: &[Vec<String>]) -> bool {
    match shown.split_first() {
        None => lines.is_empty(),
        Some((first, rest)) if first.as_slice() == ["…"] => {
            (0..=lines.len()).any(|skipped| fits(rest, &lines[skipped..]))
        }
        Some((first, rest)) => lines.first() == Some(first) && fits(rest, &lines[1..]),
    }
}

/// What a command prints.
fn run(command: &str, root: &Path) -> Vec<String> {
    let words = words(command);
    assert_eq!(words[0], "dlc", "{command}");
    let run = Command::new(env!("CARGO_BIN_EXE_dlc")).args(&words[1..]).current_dir(root).output();
    let run = run.expect("dlc was built");
    let printed = if run.status.success() { run.stdout } else { run.stderr };
    String::from_utf8(printed).expect("text").lines().map(|line| line.trim_end().to_owned()).collect()
}

/// What is printed, in the form of what was shown: as many lines before and behind `…`, if there is one.
fn abridged(shown: &[String], printed: &[String]) -> Vec<String> {
    let Some(before) = shown.iter().position(|line| line == "…") else { return printed.to_vec() };
    let behind = shown.len() - before - 1;
    if before + behind >= printed.len() {
        return printed.to_vec();
    }
    let (first, rest) = printed.split_at(before);
    [first, &["…".to_owned()], &rest[rest.len() - behind..]].concat()
}

fn check(document: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is in a workspace");
    let mut text = std::fs::read_to_string(root.join(document)).expect("a document of the repository");
    let bless = std::env::var_os("DL_BLESS").is_some();
    let examples = examples(&text);
    assert!(!examples.is_empty(), "{document} shows no command");
    for Example { command, output } in examples {
        let printed = run(&command, root);
        let as_text = |lines: &[String]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
        if bless {
            let old = format!("$ {command}\n{}", as_text(&output));
            text = text.replace(&old, &format!("$ {command}\n{}", as_text(&abridged(&output, &printed))));
            continue;
        }
        let [shown, lines] =
            [&output, &printed].map(|lines| lines.iter().map(|line| masked(line)).collect::<Vec<_>>());
        let (output, printed) = (as_text(&output), as_text(&printed));
        assert!(fits(&shown, &lines), "{document}: {command}\nshown:\n{output}\nprinted:\n{printed}");
    }
    if bless {
        std::fs::write(root.join(document), text).expect("a document that can be written");
    }
}

#[test]
fn the_readme_shows_what_dlc_prints() {
    check("README.md");
}

#[test]
fn numbers_that_depend_on_the_machine_are_masked() {
    assert_eq!(masked("step 12.5 us, loss 0.25"), masked("step 9 us, loss 0.25"));
    assert_eq!(masked("{\"step_us\":12.5,\"flops\":7}"), masked("{\"step_us\":3,\"flops\":7}"));
    assert_ne!(masked("{\"step_us\":12.5,\"flops\":7}"), masked("{\"step_us\":12.5,\"flops\":8}"));
    assert_ne!(masked("loss 0.25"), masked("loss 0.26"));
}

#[test]
fn an_ellipsis_stands_for_any_lines() {
    let lines = |text: &str| text.lines().map(masked).collect::<Vec<_>>();
    assert!(fits(&lines("a\n…\nd"), &lines("a\nb\nc\nd")));
    assert!(fits(&lines("a\n…"), &lines("a")));
    assert!(!fits(&lines("a\n…\nd"), &lines("a\nb")));
    assert!(!fits(&lines("a"), &lines("a\nb")));
}
