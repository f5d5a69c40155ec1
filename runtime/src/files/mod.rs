//! Files: reading with limits, writing so that nothing is left half-written, and named tensors.

pub mod atomic;
mod seal;
pub mod tensors;

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use safetensors::{Dtype, SafeTensorError};
use thiserror::Error;

pub use seal::SealError;
pub use tensors::TensorFile;

/// Larger files are not read into memory: 16 GiB.
pub const MAX_FILE_BYTES: u64 = 16 << 30;

/// Why a file could not be read, written or used.
#[derive(Debug, Error)]
pub enum FileError {
    /// The system says no.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The system says no.
    #[error("cannot write {}: {source}; what was there before is unchanged", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A folder, a device or a pipe where a file is needed.
    #[error("{} is not a file", path.display())]
    NotAFile {
        /// What was named.
        path: PathBuf,
    },
    /// The file is too large to be read into memory.
    #[error("{} has {bytes} bytes; at most {limit} are read", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// The largest size that is read.
        limit: u64,
    },
    /// The contents are not a safetensors file.
    #[error("{} is not a valid safetensors file: {source}", path.display())]
    NotSafetensors {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: SafeTensorError,
    },
    /// The tensors cannot be put into a safetensors file.
    #[error("cannot write these tensors to {}: {source}", path.display())]
    Serialize {
        /// The file.
        path: PathBuf,
        /// What is wrong with them.
        source: SafeTensorError,
    },
    /// A tensor of a type that networks do not use.
    #[error("{}: tensor {tensor} has type {found}; F32, I32, I64 and U8 are supported", path.display())]
    UnsupportedType {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// Its type.
        found: Dtype,
    },
    /// A tensor that is needed is not there.
    #[error("{} has no tensor {tensor}", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
    },
    /// A tensor has another shape than is needed.
    #[error("{}: tensor {tensor} has shape {found:?}, but {expected:?} is needed", path.display())]
    Shape {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// The shape needed.
        expected: Vec<usize>,
        /// The shape it has.
        found: Vec<usize>,
    },
    /// A tensor has another type than is needed.
    #[error("{}: tensor {tensor} holds {found}, but {expected} is needed", path.display())]
    Type {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// The type needed.
        expected: &'static str,
        /// The type it has.
        found: &'static str,
    },
    /// A tensor holds a number that is not finite.
    #[error("{}: element {index} of tensor {tensor} is {value}, but finite numbers are needed", path.display())]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// The element's position, row-major.
        index: usize,
        /// Its value.
        value: f32,
    },
    /// The file says that it is a checkpoint, and is none that can be used.
    #[error("{} is not a valid checkpoint: {source}", path.display())]
    Seal {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: SealError,
    },
    /// A tensor that nobody asked for.
    #[error("{} holds an unexpected tensor {tensor}", path.display())]
    Unknown {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
    },
}

/// Opens a regular file.
pub(crate) fn open(path: &Path) -> Result<File, FileError> {
    let failed = |source| FileError::Read { path: path.to_owned(), source };
    // Looked at before it is opened: to open a pipe is to wait for who writes to it.
    if !fs::metadata(path).map_err(failed)?.is_file() {
        return Err(FileError::NotAFile { path: path.to_owned() });
    }
    File::open(path).map_err(failed)
}

/// Reads a whole regular file of at most [`MAX_FILE_BYTES`].
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    let failed = |source| FileError::Read { path: path.to_owned(), source };
    let file = open(path)?;
    let bytes = file.metadata().map_err(failed)?.len();
    let too_large = || FileError::TooLarge { path: path.to_owned(), bytes, limit: MAX_FILE_BYTES };
    let mut contents = Vec::new();
    let size = usize::try_from(bytes).ok().filter(|_| bytes <= MAX_FILE_BYTES).ok_or_else(too_large)?;
    contents.try_reserve_exact(size).map_err(|_| failed(io::ErrorKind::OutOfMemory.into()))?;
    file.take(bytes).read_to_end(&mut contents).map_err(failed)?;
    Ok(contents)
}

#[cfg(test)]
pub(crate) mod testing {
    //! Folders for tests.

    use std::path::{Path, PathBuf};

    /// A folder of one test's own, removed at its end.
    pub(crate) struct Folder(PathBuf);

    impl Folder {
        /// `name` is unique among tests.
        pub(crate) fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("dl-runtime-{}-{name}", std::process::id()));
            std::fs::create_dir_all(&path).unwrap();
            Folder(path)
        }

        pub(crate) fn path(&self) -> &Path {
            &self.0
        }

        pub(crate) fn file(&self, name: &str, contents: &[u8]) -> PathBuf {
            let path = self.0.join(name);
            std::fs::write(&path, contents).unwrap();
            path
        }

        pub(crate) fn names(&self) -> Vec<String> {
            let entries = std::fs::read_dir(&self.0).unwrap();
            let mut names: Vec<_> =
                entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::Folder;
    use super::*;

    #[test]
    fn only_files_are_read() {
        let folder = Folder::new("only-files");
        assert!(matches!(read(folder.path()), Err(FileError::NotAFile { .. })));
        let error = read(&folder.path().join("nothing")).unwrap_err();
        assert!(error.to_string().contains("nothing: "), "{error}");
        assert_eq!(read(&folder.file("a", b"abc")).unwrap(), b"abc");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn devices_are_not_read() {
        assert!(matches!(read(Path::new("/dev/zero")), Err(FileError::NotAFile { .. })));
    }
}
