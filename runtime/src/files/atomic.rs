//! Writing a file whole or not at all.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::FileError;

/// Writes a file: beside its target first, then renamed over it.
///
/// A failure leaves what was there before, and nothing beside it. A link is followed; a device or a pipe is written to directly.
///
/// # Errors
/// [`FileError::Write`].
pub fn write(path: &Path, contents: &[u8]) -> Result<(), FileError> {
    write_with(path, |file| file.write_all(contents))
}

/// The same, with contents that `fill` writes piece by piece.
///
/// # Errors
/// [`FileError::Write`], also if `fill` fails.
pub fn write_with(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), FileError> {
    replace(path, fill).map_err(|source| FileError::Write { path: path.to_owned(), source })
}

/// That a file can be written here, before long work that ends in one. Nothing is changed.
///
/// # Errors
/// [`FileError::Write`].
pub fn check(path: &Path) -> Result<(), FileError> {
    let target = target(path);
    let probed = match fs::metadata(&target) {
        Ok(metadata) if metadata.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        Ok(metadata) if !metadata.is_file() => Ok(()),
        _ => Temporary::beside(&target).map(drop),
    };
    probed.map_err(|source| FileError::Write { path: path.to_owned(), source })
}

fn target(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

fn replace(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let target = target(path);
    match fs::metadata(&target) {
        Ok(metadata) if metadata.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
        Ok(metadata) if !metadata.is_file() => {
            return fill(&mut OpenOptions::new().write(true).open(&target)?);
        }
        _ => {}
    }
    let (file, temporary) = Temporary::beside(&target)?;
    let mut writer = BufWriter::new(file);
    fill(&mut writer)?;
    let file = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
    if let Ok(metadata) = fs::metadata(&target) {
        file.set_permissions(metadata.permissions())?;
    }
    file.sync_all()?;
    drop(file);
    fs::rename(&temporary.0, &target)
}

/// A file that is removed unless it has been renamed.
struct Temporary(PathBuf);

impl Temporary {
    fn beside(target: &Path) -> io::Result<(File, Self)> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = target.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
        loop {
            let mut hidden = OsString::from(".");
            hidden.push(name);
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            hidden.push(format!(".{}-{count}.tmp", std::process::id()));
            let path = target.with_file_name(hidden);
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                outcome => return outcome.map(|file| (file, Temporary(path))),
            }
        }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // After the rename there is nothing to remove; an error here has no one to go to.
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Folder;
    use super::*;

    #[test]
    fn writes_and_overwrites() {
        let folder = Folder::new("overwrites");
        let path = folder.path().join("w");
        write(&path, b"one").unwrap();
        write(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(folder.names(), ["w"]);
    }

    #[test]
    fn a_failure_leaves_the_old_file_and_nothing_else() {
        let folder = Folder::new("failure");
        let path = folder.file("w", b"old");
        let error = write_with(&path, |file| {
            file.write_all(&[7; 100_000])?;
            Err(io::Error::other("broken"))
        });
        let message = error.unwrap_err().to_string();
        assert!(message.contains("broken") && message.contains(&path.display().to_string()), "{message}");
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(folder.names(), ["w"]);
    }

    #[test]
    fn a_check_changes_nothing() {
        let folder = Folder::new("check");
        let path = folder.file("w", b"old");
        check(&path).unwrap();
        check(&folder.path().join("new")).unwrap();
        assert!(check(folder.path()).is_err());
        assert!(check(&folder.path().join("a/b")).is_err());
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(folder.names(), ["w"]);
    }

    #[test]
    fn a_folder_or_a_missing_one_is_an_error() {
        let folder = Folder::new("missing-folder");
        assert!(write(folder.path(), b"x").is_err());
        assert!(write(&folder.path().join("a/b"), b"x").is_err());
        assert_eq!(folder.names(), [""; 0]);
    }

    #[test]
    #[cfg(unix)]
    fn links_are_followed_and_devices_stay() {
        let folder = Folder::new("links");
        let path = folder.file("w", b"old");
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        write(&link, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        write(Path::new("/dev/null"), b"gone").unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }
}
