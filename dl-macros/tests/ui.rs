//! Networks with mistakes, as rustc shows them: those of the gallery in `dl-ir/tests/errors`, a file of `ui/gallery` for each of its
//! topics, and a few about where the macro stands.
//!
//! `DL_BLESS=1 TRYBUILD=overwrite cargo test -p dl-macros --test ui` rewrites all of it; read the difference before you commit it.

#[path = "../../dl-ir/tests/common/gallery.rs"]
mod gallery;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use dl_ir::diagnostics::{Diagnostic, Diagnostics};
use dl_ir::network::Network;
use gallery::{WrongNetwork, gallery};

/// The topic of texts that no macro gets to see: rustc itself refuses brackets without partners, and a macro has one network.
const TEXT_ALONE: &str = "text";

/// A mistake as users see it: its line and column, and all that is said about it.
type Shown = ((usize, usize), String);

/// A source file made of a topic, and the mistakes that it must show.
#[derive(Default)]
struct Source {
    text: String,
    mistakes: Vec<Shown>,
}

#[test]
fn mistakes_are_shown_under_their_tokens() {
    let bless = std::env::var_os("DL_BLESS").is_some();
    let sources = sources();
    for (topic, source) in &sources {
        let path = ui_file(topic, "rs");
        if bless {
            fs::write(&path, &source.text).expect("a writable file");
        }
        let found = fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(found, source.text, "{}: set DL_BLESS=1 to accept", path.display());
    }
    trybuild_all();
    for (topic, source) in &sources {
        let path = ui_file(topic, "stderr");
        let shown = fs::read_to_string(&path).expect("what trybuild has compared");
        let shown = shown_by_rustc(&shown);
        for (by_rustc, in_text) in shown.iter().zip(&source.mistakes) {
            assert_eq!(by_rustc, in_text, "{}", path.display());
        }
        assert_eq!(shown.len(), source.mistakes.len(), "{}", path.display());
    }
    assert_eq!(n_files("rs"), sources.len(), "a file for each topic");
    assert_eq!(n_files("stderr"), sources.len(), "a file for each topic");
}

/// Compiles all sources; `TestCases` does its work when it is dropped.
fn trybuild_all() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/*.rs");
    cases.compile_fail("tests/ui/gallery/*.rs");
}

/// The sources of all topics but that of texts alone.
fn sources() -> BTreeMap<String, Source> {
    let mut sources: BTreeMap<String, Source> = BTreeMap::new();
    for wrong in gallery() {
        let topic = wrong.path.parent().and_then(Path::file_name).expect("a topic").to_string_lossy();
        if topic != TEXT_ALONE {
            sources.entry(topic.into_owned()).or_insert_with(Source::begin).add(&wrong);
        }
    }
    sources.values_mut().for_each(|source| source.text.push_str("}\n"));
    sources
}

impl Source {
    fn begin() -> Self {
        let text = "use dl_macros::network;\n\nfn main() {\n";
        Source { text: text.to_owned(), mistakes: Vec::new() }
    }

    /// Adds a network, its text on lines of its own so that columns are the same.
    fn add(&mut self, wrong: &WrongNetwork) {
        let (text, name) = (&wrong.text, wrong.path.file_stem().expect("a file's name").to_string_lossy());
        let wrapped = text.contains("network!");
        let (before, after) = match wrapped {
            true => ("", ";\n"),
            // An expression.
            false if text.starts_with('<') => ("    let _ = network!(\n", "\n    );\n"),
            false => ("    network!(\n", "\n    );\n"),
        };
        self.text.push_str(&format!("    // {name}\n{before}"));
        let lines_before = self.text.lines().count();
        self.text.push_str(&format!("{text}{after}"));
        let mistakes = Network::parse(text).expect_err("a wrong network");
        for mistake in mistakes.iter() {
            let (line, column) = line_and_column(text, mistake.place.start);
            self.mistakes.push(((lines_before + line, column), everything_about(mistake)));
        }
    }
}

/// Line and column of a byte, both from 1.
fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let before = &text[..at];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

fn everything_about(mistake: &Diagnostic<std::ops::Range<usize>>) -> String {
    Diagnostics::one(mistake.clone()).to_string()
}

/// The mistakes in what rustc shows.
fn shown_by_rustc(stderr: &str) -> Vec<Shown> {
    let mut shown = Vec::new();
    let mut message = String::new();
    for line in stderr.lines() {
        if let Some(first) = line.strip_prefix("error: ") {
            message = first.to_owned();
        } else if let Some(place) = line.trim_start().strip_prefix("--> ") {
            let mut numbers = place.rsplit(':').map(|number| number.parse().expect("a line or column"));
            let (column, line) = (numbers.next().expect("a column"), numbers.next().expect("a line"));
            shown.push(((line, column), std::mem::take(&mut message)));
        } else if !message.is_empty() {
            message.push_str(&format!("\n{}", line.trim_start()));
        } else if line.starts_with("error") || line.starts_with("warning") {
            panic!("rustc says more: {line}");
        }
    }
    shown
}

fn ui_file(topic: &str, extension: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui/gallery").join(topic).with_extension(extension)
}

fn n_files(extension: &str) -> usize {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui/gallery");
    let entries = fs::read_dir(folder).expect("a folder");
    let paths = entries.map(|entry| entry.expect("a readable folder").path());
    paths.filter(|path| path.extension().is_some_and(|found| found == extension)).count()
}
