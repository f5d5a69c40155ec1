//! Folders for files.

use std::fs;
use std::path::{Path, PathBuf};

/// A folder of one test's own, removed at its end.
pub struct Folder(PathBuf);

impl Folder {
    /// `test` is its name among those of this program.
    pub fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("dl-test-{}-{test}", std::process::id()));
        fs::create_dir_all(&path).expect("a folder for temporary files");
        Folder(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A place in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// What is in it.
    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).expect("the folder");
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
