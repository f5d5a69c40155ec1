//! Rules about the repository itself: files, lists, documents.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The crates, by their folders; `src` and the rest of the root are `dl`.
const CRATES: &[&str] = &["dl-ir", "dl-codegen", "dl-macros", "dl-cli", "runtime"];

/// A file beyond this many lines does too much.
const MAX_LINES: usize = 500;

/// Where `unsafe` may stand: memory for code, calls of kernels, the arena, the pool. Tests in folders of their own may have it anywhere.
const UNSAFE: &[&str] = &[
    "dl-codegen/src/emit/testing.rs",
    "dl-codegen/src/encode/testing.rs",
    "dl-codegen/src/jit.rs",
    "runtime/src/arena.rs",
    "runtime/src/machine/mod.rs",
    "runtime/src/machine/phase.rs",
    "runtime/src/machine/prepared.rs",
    "runtime/src/machine/tests.rs",
    "runtime/src/pool/mod.rs",
    "runtime/src/pool/stages.rs",
    "runtime/src/pool/worker.rs",
    "runtime/src/program.rs",
];

/// Marks of unfinished work; in pieces, so that this file has none.
const UNFINISHED: &[&str] = &[
    concat!("to", "do!"),
    concat!("unimple", "mented!"),
    concat!("FIX", "ME"),
    concat!("TO", "DO"),
    concat!("dbg", "!("),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// All files below `folder` with this extension, as paths from the root with `/`, sorted.
fn files(folder: &str, extension: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from(folder)];
    while let Some(folder) = folders.pop() {
        let entries =
            fs::read_dir(root().join(&folder)).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
        for entry in entries {
            let entry = entry.expect("an entry of a folder");
            let path = folder.join(entry.file_name());
            let kind = entry.file_type().expect("a kind of file");
            let name = entry.file_name();
            if kind.is_dir() && name != "target" && !name.to_string_lossy().starts_with('.') {
                folders.push(path);
            } else if kind.is_file() && path.extension().is_some_and(|found| found == extension) {
                let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
                found.push(parts.join("/"));
            }
        }
    }
    found.sort();
    found
}

fn rust_files() -> Vec<String> {
    files("", "rs")
}

/// Whether a path is in a folder of tests.
fn is_in_tests(path: &str) -> bool {
    path.split('/').any(|part| part == "tests")
}

/// The names of the files of a folder, without extension, except these.
fn stems(folder: &str, except: &[&str]) -> BTreeSet<String> {
    let in_folder =
        |path: &str| path.strip_prefix(folder)?.strip_prefix('/')?.strip_suffix(".rs").map(str::to_owned);
    let stems = rust_files().into_iter().filter_map(|path| in_folder(&path));
    stems.filter(|stem| !stem.contains('/') && !except.contains(&stem.as_str())).collect()
}

fn set<'a>(names: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    names.into_iter().map(str::to_owned).collect()
}

#[test]
fn files_are_short() {
    for path in rust_files() {
        let lines = read(&path).lines().count();
        assert!(lines <= MAX_LINES, "{path} has {lines} lines; divide it");
    }
}

#[test]
fn nothing_is_unfinished() {
    for path in rust_files().into_iter().chain(files("", "md")) {
        let text = read(&path);
        for mark in UNFINISHED {
            assert!(!text.contains(mark), "{path} contains {mark}");
        }
    }
}

#[test]
fn unsafe_code_is_where_it_is_listed() {
    let is_unsafe = |line: &str| {
        let code = line.split("//").next().unwrap_or_default();
        code.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "unsafe")
    };
    let found: BTreeSet<String> = rust_files()
        .into_iter()
        .filter(|path| !is_in_tests(path) && read(path).lines().any(is_unsafe))
        .collect();
    assert_eq!(found, set(UNSAFE.iter().copied()), "found (left), listed in tests/tidy.rs (right)");
}

/// A file that no `mod` names is not compiled.
#[test]
fn every_file_is_part_of_its_crate() {
    for path in rust_files() {
        let (folder, stem) = path.trim_end_matches(".rs").rsplit_once('/').expect("a folder");
        let is_root = matches!(stem, "lib" | "main") || folder.ends_with("tests") && !folder.contains("src");
        // Programs of their own, for rustc to reject.
        let is_program = folder.ends_with("examples") || path.contains("/tests/ui/");
        if is_root || is_program {
            continue;
        }
        let (parent, name) =
            if stem == "mod" { folder.rsplit_once('/').expect("a folder") } else { (folder, stem) };
        let outer = ["/mod.rs", "/lib.rs", "/main.rs", ".rs"].map(|end| format!("{parent}{end}"));
        // The list of ops declares their modules; tests and examples also name files of a folder beside them.
        let names = [format!("mod {name};"), format!("\n    {name}::"), format!("/{name}.rs\"]")];
        let is_named = |text: String| names.iter().any(|name| text.contains(name));
        let is_example = |path: &str| path.starts_with("examples/");
        let shares = |other: &String| {
            is_in_tests(parent) && is_in_tests(other) || is_example(&path) && is_example(other)
        };
        let sharing = rust_files().into_iter().filter(shares);
        let mut candidates = outer.into_iter().chain(sharing).filter(|other| root().join(other).is_file());
        assert!(candidates.any(|other| is_named(read(&other))), "no `mod {name};` for {path}");
    }
}

#[test]
fn every_rule_is_listed() {
    let ops = stems("dl-ir/src/ops", &["attributes", "map_rule", "mod", "rule"]);
    assert_eq!(ops, set(dl_ir::ops::NAMES.iter().copied()), "files of ops, ops");
    let passes = stems("dl-ir/src/passes", &["mod"]);
    let listed = dl_ir::passes::PIPELINE.iter().map(|pass| pass.name.replace('-', "_")).collect();
    assert_eq!(passes, listed, "files of passes, passes");
    let losses = stems("dl-ir/src/losses", &["mod"]);
    assert_eq!(losses, set(dl_ir::losses::rules().map(|rule| rule.name())), "files of losses, losses");
    let optimizers = stems("dl-ir/src/optimizers", &["mod"]);
    assert_eq!(
        optimizers,
        set(dl_ir::optimizers::rules().map(|rule| rule.name())),
        "files of optimizers, optimizers"
    );
}

#[test]
fn the_language_is_documented() {
    let text = read("docs/language.md");
    let layers = dl_ir::layers::rules().map(|rule| rule.name());
    let losses = dl_ir::losses::rules().map(|rule| rule.name());
    for name in layers.chain(losses).chain(dl_ir::optimizers::rules().map(|rule| rule.name())) {
        let is_named = text
            .split('`')
            .skip(1)
            .step_by(2)
            .any(|code| code == name || code.starts_with(&format!("{name}(")));
        assert!(is_named, "docs/language.md says nothing about `{name}`");
    }
}

/// The names in the sections of a Cargo.toml that hold dependencies.
fn dependencies(manifest: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut inside = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line.trim_end().ends_with("dependencies]");
        } else if inside && line.starts_with(|c: char| c.is_ascii_alphabetic()) {
            names.extend(line.split(['.', ' ', '=']).next().map(str::to_owned));
        }
    }
    names
}

/// The first cells of the table behind a heading of a document, without backticks.
fn first_cells(document: &str, heading: &str) -> BTreeSet<String> {
    let (_, section) = document.split_once(heading).unwrap_or_else(|| panic!("no heading {heading}"));
    let lines = section.lines().skip(1).take_while(|line| !line.starts_with("## "));
    let cells = lines.filter_map(|line| line.strip_prefix("| `")?.split(" |").next());
    cells.flat_map(|cell| cell.split(", ")).map(|name| name.trim_matches('`').to_owned()).collect()
}

#[test]
fn every_dependency_is_accounted_for() {
    let manifests =
        CRATES.iter().map(|folder| format!("{folder}/Cargo.toml")).chain(["Cargo.toml".to_owned()]);
    let used: BTreeSet<String> = manifests.flat_map(|path| dependencies(&read(&path))).collect();
    let own = |name: &String| name != "dl" && !CRATES.contains(&name.as_str()) && name != "dl-runtime";
    let used: BTreeSet<String> = used.into_iter().filter(own).collect();
    let explained = first_cells(&read("ARCHITECTURE.md"), "## Dependencies");
    assert_eq!(used, explained, "in Cargo.toml, in ARCHITECTURE.md");
}

#[test]
fn the_code_map_is_the_code() {
    let map = first_cells(&read("ARCHITECTURE.md"), "## Code map");
    for place in &map {
        assert!(root().join(place).exists(), "ARCHITECTURE.md maps {place}, which does not exist");
    }
    for path in rust_files() {
        let (folder, _) = path.rsplit_once('/').expect("a folder");
        let is_mapped =
            Path::new(folder).ancestors().any(|part| map.contains(&format!("{}/", part.display())));
        assert!(is_mapped, "{path} is on no line of the code map of ARCHITECTURE.md");
    }
}

#[test]
fn every_crate_carries_its_licences() {
    for folder in [""].iter().chain(CRATES) {
        let text = |name: &str| read(&format!("{folder}{}{name}", if folder.is_empty() { "" } else { "/" }));
        assert!(text("LICENSE-MIT").contains("The dl developers"), "{folder}");
        assert!(text("LICENSE-APACHE").contains("Version 2.0, January 2004"), "{folder}");
    }
    for data in ["auto_mpg", "genesis_exodus", "mnist"] {
        let note = read(&format!("examples/data/{data}/README.md"));
        assert!(note.contains("Licence: "), "the licence of {data}");
    }
}
