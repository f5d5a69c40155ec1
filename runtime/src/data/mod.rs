//! Data sets: examples and targets, to train on and to test on.

mod batch;
#[cfg(test)]
mod damage;
mod mnist;
mod npy;
mod npz;
mod split;
mod zip;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

pub use split::{Batch, Rows, Split};

use crate::files::{self, FileError, MAX_FILE_BYTES};

/// Examples with their targets, and others held back to test on.
#[derive(Debug, Clone, PartialEq)]
pub struct DataSet {
    /// What to train on.
    pub train: Split,
    /// What to test on.
    pub test: Option<Split>,
}

impl DataSet {
    /// Reads a data set: a folder in the MNIST layout, an `.npz`, or a safetensors file. The contents tell which.
    ///
    /// ```no_run
    /// let mnist = dl_runtime::data::DataSet::open("data/mnist".as_ref())?;
    /// assert_eq!(mnist.train.example_shape(), [28, 28]);
    /// # Ok::<(), dl_runtime::data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// If it cannot be read, or is not what it seems, or its parts do not fit together.
    pub fn open(path: &Path) -> Result<Self, DataError> {
        let set = if path.is_dir() {
            mnist::open(path)?
        } else {
            let contents = files::read(path)?;
            if zip::is_zip(&contents) { npz::parse(path, &contents)? } else { batch::parse(path, &contents)? }
        };
        set.check(path)?;
        Ok(set)
    }

    /// Sees the examples of both parts in another shape with as many elements: the input shape of a network.
    ///
    /// # Errors
    /// [`DataError::Reshape`].
    pub fn reshape_examples(&mut self, shape: &[usize]) -> Result<(), DataError> {
        self.train.reshape_examples(shape)?;
        self.test.as_mut().map_or(Ok(()), |test| test.reshape_examples(shape))
    }

    /// That both parts are of one kind.
    fn check(&self, path: &Path) -> Result<(), DataError> {
        let Some(test) = &self.test else { return Ok(()) };
        let shapes = |split: &Split| (split.example_shape().to_vec(), split.target_shape().to_vec());
        let (train, test) = (shapes(&self.train), shapes(test));
        if train != test {
            let (train, test) = (Box::new(train), Box::new(test));
            return Err(DataError::TestShape { path: path.to_owned(), train, test });
        }
        Ok(())
    }
}

/// Why a data set cannot be used.
#[derive(Debug, Error)]
pub enum DataError {
    /// A file of it cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// A folder that is not in the MNIST layout.
    #[error("{} has no {missing} and no {missing}.gz, so it is not a data set in the MNIST layout", folder.display())]
    NotMnist {
        /// The folder.
        folder: PathBuf,
        /// The file it lacks.
        missing: &'static str,
    },
    /// A file is not what its format says.
    #[error("{}: {defect}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        defect: Defect,
    },
    /// An entry of an archive is not what its format says.
    #[error("{}: entry {entry}: {defect}", path.display())]
    MalformedEntry {
        /// The archive.
        path: PathBuf,
        /// The entry.
        entry: String,
        /// What is wrong with it.
        defect: Defect,
    },
    /// An archive lacks an entry.
    #[error("{} has no entry {entry}; a data set needs x_train and y_train", path.display())]
    MissingEntry {
        /// The archive.
        path: PathBuf,
        /// The entry.
        entry: &'static str,
    },
    /// Examples without targets, or targets without examples.
    #[error("{}: {examples} examples in {x}, but {targets} targets in {y}", path.display())]
    Count {
        /// The file or folder.
        path: PathBuf,
        /// The tensor of examples.
        x: &'static str,
        /// Their number.
        examples: usize,
        /// The tensor of targets.
        y: &'static str,
        /// Their number.
        targets: usize,
    },
    /// No examples, or examples or targets without elements.
    #[error("{}: {tensor} has shape {shape:?}, which holds no examples", path.display())]
    Empty {
        /// The file or folder.
        path: PathBuf,
        /// The tensor.
        tensor: &'static str,
        /// Its shape.
        shape: Vec<usize>,
    },
    /// The two parts have different shapes.
    #[error("{}: training examples and targets have shapes {train:?}, test ones {test:?}", path.display())]
    TestShape {
        /// The file or folder.
        path: PathBuf,
        /// The shapes of a training example and its target.
        train: Box<(Vec<usize>, Vec<usize>)>,
        /// The shapes of a test example and its target.
        test: Box<(Vec<usize>, Vec<usize>)>,
    },
    /// The examples do not have as many elements as the network reads.
    #[error(
        "examples of shape {found:?} do not fit a network with input shape {expected:?}: they have {} elements, it reads {}",
        count(found),
        count(expected)
    )]
    Reshape {
        /// The shape the network reads.
        expected: Vec<usize>,
        /// The shape of an example.
        found: Vec<usize>,
    },
    /// An example that is not there was asked for.
    #[error("there is no example {index}: the data set has {examples}")]
    NoExample {
        /// Its index.
        index: usize,
        /// The number of examples.
        examples: usize,
    },
}

/// How a file breaks the rules of its format.
#[derive(Debug, Error)]
pub enum Defect {
    /// It ends early, or cannot be decompressed.
    #[error("cannot be read to its end: {0}")]
    Unreadable(#[from] io::Error),
    /// It starts with something else than its format.
    #[error("starts with bytes {found}, but {expected} starts with {magic}")]
    Magic {
        /// What it should be.
        expected: &'static str,
        /// How that starts.
        magic: Bytes,
        /// How it starts.
        found: Bytes,
    },
    /// It is shorter or longer than it says.
    #[error("should hold {expected} bytes, but holds {found}")]
    Size {
        /// The size it says it has.
        expected: u64,
        /// The size it has, or a larger one than expected if it goes on.
        found: u64,
    },
    /// It says it holds more than is ever read.
    #[error("says it holds more than {MAX_FILE_BYTES} bytes")]
    TooLarge,
    /// A part of an archive lies outside of it.
    #[error("the archive's directory is damaged")]
    Directory,
    /// The archive is too large for the plain format.
    #[error("is a zip64 archive, which is not supported; save fewer than 4 GiB, or as safetensors")]
    Zip64,
    /// The archive is encrypted or compressed in another way than deflate.
    #[error("is compressed by method {0} or encrypted; save it with numpy.savez or numpy.savez_compressed")]
    Compression(u16),
    /// The contents do not match their checksum.
    #[error("does not match its checksum; the file is damaged")]
    Checksum,
    /// A header that is not numpy's.
    #[error("has no valid numpy header")]
    Header,
    /// An array of a type that networks do not use.
    #[error("holds elements of numpy type {0:?}; <f4, <f8, <i4, <i8 and |u1 are supported")]
    ElementType(String),
    /// An array in column-major order.
    #[error("is in Fortran order; save numpy.ascontiguousarray(…) of it")]
    FortranOrder,
}

/// A few bytes, to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            write!(f, "{}{byte:02x}", if index == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

/// The number of elements of a shape, for messages: of shapes that no tensor has, too.
fn count(shape: &[usize]) -> u128 {
    shape.iter().fold(1, |product, &dim| product.saturating_mul(dim as u128))
}

/// That contents start with `magic`.
fn check_magic(contents: &[u8], magic: &[u8], expected: &'static str) -> Result<(), Defect> {
    let found = &contents[..contents.len().min(magic.len())];
    if found == magic {
        return Ok(());
    }
    Err(Defect::Magic { expected, magic: Bytes(magic.to_vec()), found: Bytes(found.to_vec()) })
}

/// Reads exactly `size` bytes and the end; never more, whatever a compressed stream expands to.
fn read_exactly(reader: impl io::Read, size: u64) -> Result<Vec<u8>, Defect> {
    if size > MAX_FILE_BYTES {
        return Err(Defect::TooLarge);
    }
    let mut contents = Vec::new();
    // Not reserved ahead: a small damaged file may promise much.
    io::Read::read_to_end(&mut io::Read::take(reader, size + 1), &mut contents)?;
    let found = contents.len() as u64;
    if found == size { Ok(contents) } else { Err(Defect::Size { expected: size, found }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::testing::Folder;

    #[test]
    fn a_stream_is_read_no_further_than_promised() {
        assert_eq!(read_exactly(&[1u8, 2][..], 2).unwrap(), [1, 2]);
        assert!(matches!(read_exactly(&[1u8][..], 2), Err(Defect::Size { expected: 2, found: 1 })));
        assert!(matches!(read_exactly(io::repeat(0), 2), Err(Defect::Size { expected: 2, found: 3 })));
        assert!(matches!(read_exactly(io::repeat(0), u64::MAX), Err(Defect::TooLarge)));
    }

    #[test]
    fn nothing_at_all_is_an_error() {
        let folder = Folder::new("no-data");
        let error = DataSet::open(&folder.path().join("nothing")).unwrap_err();
        assert!(matches!(error, DataError::File(FileError::Read { .. })), "{error}");
        let error = DataSet::open(folder.path()).unwrap_err();
        assert!(matches!(error, DataError::NotMnist { missing: "train-images-idx3-ubyte", .. }), "{error}");
    }
}
