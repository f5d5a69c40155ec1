//! Console blocks of documents: commands, and what they print.

use std::path::Path;
use std::process::Command;

use crate::masks::{Masked, masked};

/// Stands for any lines.
const ELLIPSIS: &str = "…";

/// A command, and what the document shows of its output.
struct Example {
    command: String,
    output: Vec<String>,
}

/// Compares what a document shows with what its commands print, or writes that into it if it is to be blessed.
pub fn check(document: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is in a workspace");
    std::fs::create_dir_all(root.join("target")).expect("a folder for what commands write");
    let mut text = std::fs::read_to_string(root.join(document)).expect("a document of the repository");
    let bless = std::env::var_os("DL_BLESS").is_some();
    let examples = examples(&text);
    assert!(!examples.is_empty(), "{document} shows no command");
    for Example { command, output } in examples {
        let printed = run(&command, root);
        let is_shown = fits(&masked(&output), &masked(&printed));
        let (shown, whole) = (as_text(&output), as_text(&printed));
        if bless && !is_shown {
            let abridged = abridged(&output, &printed).unwrap_or_else(|| {
                panic!("{document}: {command}\nshows several parts, so change it by hand; printed:\n{whole}")
            });
            let [old, new] = [shown, as_text(&abridged)].map(|output| format!("$ {command}\n{output}"));
            text = text.replace(&old, &new);
            continue;
        }
        assert!(is_shown, "{document}: {command}\nshown:\n{shown}\nprinted:\n{whole}");
    }
    if bless {
        std::fs::write(root.join(document), text).expect("a document that can be written");
    }
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

/// What a command prints.
fn run(command: &str, root: &Path) -> Vec<String> {
    let words = words(command);
    assert_eq!(words[0], "dlc", "{command}");
    let run = Command::new(env!("CARGO_BIN_EXE_dlc")).args(&words[1..]).current_dir(root).output();
    let run = run.expect("dlc was built");
    let printed = if run.status.success() { run.stdout } else { run.stderr };
    String::from_utf8(printed).expect("text").lines().map(|line| line.trim_end().to_owned()).collect()
}

/// Whether lines are those shown, where `…` stands for any.
fn fits(shown: &[Masked], lines: &[Masked]) -> bool {
    match shown.split_first() {
        None => lines.is_empty(),
        Some((first, rest)) if first.as_slice() == [ELLIPSIS] => {
            (0..=lines.len()).any(|skipped| fits(rest, &lines[skipped..]))
        }
        Some((first, rest)) => lines.first() == Some(first) && fits(rest, &lines[1..]),
    }
}

/// What is printed, in the form of what was shown: as many lines before and behind `…`, if there is one. `None` if there are more.
fn abridged(shown: &[String], printed: &[String]) -> Option<Vec<String>> {
    let Some(before) = shown.iter().position(|line| line == ELLIPSIS) else { return Some(printed.to_vec()) };
    let behind = shown.len() - before - 1;
    if shown[before + 1..].iter().any(|line| line == ELLIPSIS) {
        return None;
    }
    if before + behind >= printed.len() {
        return Some(printed.to_vec());
    }
    let (first, rest) = printed.split_at(before);
    Some([first, &[ELLIPSIS.to_owned()], &rest[rest.len() - behind..]].concat())
}

fn as_text(lines: &[String]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

#[test]
fn an_ellipsis_stands_for_any_lines() {
    let fits = |shown: &str, printed: &str| fits(&masked(&lines(shown)), &masked(&lines(printed)));
    assert!(fits("a\n…\nd", "a\nb\nc\nd"));
    assert!(fits("a\n…\nc\n…", "a\nb\nc\nd"));
    assert!(fits("a\n…", "a"));
    assert!(!fits("a\n…\nd", "a\nb"));
    assert!(!fits("a", "a\nb"));
}

#[test]
fn what_is_blessed_keeps_its_form() {
    let abridged = |shown: &str| abridged(&lines(shown), &lines("a\nb\nc\nd"));
    assert_eq!(abridged("x"), Some(lines("a\nb\nc\nd")));
    assert_eq!(abridged("x\n…\ny"), Some(lines("a\n…\nd")));
    assert_eq!(abridged("…\nx\n…"), None);
}
