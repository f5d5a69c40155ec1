//! The gallery of wrong networks, `dl-ir/tests/errors`: a folder for each topic, a file for each network, with its text, a line `---`, and
//! what is shown for it. The tests of dl-ir, of the macro and of `dlc` all go through this one list.

use std::fs;
use std::path::{Path, PathBuf};

pub const SEPARATOR: &str = "\n---\n";

pub struct WrongNetwork {
    /// Its file, in the folder of its topic.
    pub path: PathBuf,
    pub text: String,
}

/// All wrong networks, sorted by topic and name.
pub fn gallery() -> Vec<WrongNetwork> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a crate of the workspace");
    let topics = entries(&workspace.join("dl-ir/tests/errors"));
    let files: Vec<PathBuf> = topics.iter().flat_map(|topic| entries(topic)).collect();
    assert!(files.len() > 100, "the gallery is there");
    files.into_iter().map(read).collect()
}

fn read(path: PathBuf) -> WrongNetwork {
    let content = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let text = content.split_once(SEPARATOR).map_or(content.trim_end(), |(text, _)| text);
    WrongNetwork { text: text.to_owned(), path }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("a readable folder").path()).collect();
    paths.sort();
    paths
}
