//! The gallery of wrong networks: each file in `tests/errors` is a network text, a line `---`, and what is shown for
//! it. `DL_BLESS=1` rewrites what is shown.

use std::fs;
use std::path::PathBuf;

use dl_ir::network::Network;

const SEPARATOR: &str = "\n---\n";

fn gallery() -> Vec<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/errors");
    let entries = fs::read_dir(folder).expect("the gallery is there");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("readable").path()).collect();
    files.sort();
    files
}

#[test]
fn every_wrong_network_is_shown_as_blessed() {
    let bless = std::env::var_os("DL_BLESS").is_some();
    let mut failures = Vec::new();
    for path in gallery() {
        let content = fs::read_to_string(&path).expect("readable");
        let text = content.split_once(SEPARATOR).map_or(content.trim_end(), |(text, _)| text);
        let Err(errors) = Network::parse(text) else { panic!("{} has no mistake", path.display()) };
        let shown = errors.render("net.dl", text);
        let expected = format!("{text}{SEPARATOR}{shown}\n");
        if bless {
            fs::write(&path, expected).expect("writable");
        } else if content != expected {
            failures.push(format!("{}:\n{expected}", path.display()));
        }
    }
    assert!(failures.is_empty(), "set DL_BLESS=1 to accept:\n{}", failures.join("\n"));
}
