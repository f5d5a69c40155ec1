//! Folders in the MNIST layout: four files in the IDX format, plain or compressed with gzip.
//!
//! An IDX file holds two zero bytes, the element type (8: unsigned bytes), the number of axes, the length of each axis as
//! a big-endian 32-bit integer, and the elements (<http://yann.lecun.com/exdb/mnist/>).

use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;

use super::{DataError, DataSet, Defect, Split, check_magic, read_exactly};
use crate::files;
use crate::tensor::Tensor;

/// Reads the four files; those to test on may be missing both.
pub(super) fn open(folder: &Path) -> Result<DataSet, DataError> {
    let split = |images, labels| {
        let x = read(&require(folder, images)?, 3)?;
        let y = read(&require(folder, labels)?, 1)?;
        Split::new(folder, (images, x), (labels, y))
    };
    let (images, labels) = ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte");
    let tested = find(folder, images).is_some() || find(folder, labels).is_some();
    Ok(DataSet {
        train: split("train-images-idx3-ubyte", "train-labels-idx1-ubyte")?,
        test: tested.then(|| split(images, labels)).transpose()?,
    })
}

/// The file of this name, plain or compressed.
fn find(folder: &Path, name: &str) -> Option<PathBuf> {
    [folder.join(name), folder.join(format!("{name}.gz"))].into_iter().find(|path| path.exists())
}

fn require(folder: &Path, name: &'static str) -> Result<PathBuf, DataError> {
    find(folder, name).ok_or_else(|| DataError::NotMnist { folder: folder.to_owned(), missing: name })
}

fn read(path: &Path, axes: u8) -> Result<Tensor, DataError> {
    let file = BufReader::new(files::open(path)?);
    let outcome = if path.extension().is_some_and(|extension| extension == "gz") {
        parse(GzDecoder::new(file), axes)
    } else {
        parse(file, axes)
    };
    outcome.map_err(|defect| DataError::Malformed { path: path.to_owned(), defect })
}

fn parse(mut reader: impl Read, axes: u8) -> Result<Tensor, Defect> {
    let mut magic = [0; 4];
    reader.read_exact(&mut magic)?;
    let expected = if axes == 3 { "an IDX file of images" } else { "an IDX file of labels" };
    check_magic(&magic, &[0, 0, 8, axes], expected)?;
    let mut shape = Vec::new();
    let mut size = 1u64;
    for _ in 0..axes {
        let mut dim = [0; 4];
        reader.read_exact(&mut dim)?;
        let dim = u32::from_be_bytes(dim);
        size = size.checked_mul(u64::from(dim)).ok_or(Defect::TooLarge)?;
        shape.push(dim as usize);
    }
    let pixels = read_exactly(reader, size)?;
    // An axis of length 0 makes any size 0; the others may still be too long.
    Tensor::new(shape, pixels).map_err(|_| Defect::TooLarge)
}

#[cfg(test)]
pub(super) mod testing {
    //! Writes IDX files for tests.

    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    /// An IDX file of bytes.
    pub(in crate::data) fn idx(shape: &[u32], elements: &[u8]) -> Vec<u8> {
        let mut contents = vec![0, 0, 8, shape.len() as u8];
        contents.extend(shape.iter().flat_map(|dim| dim.to_be_bytes()));
        contents.extend_from_slice(elements);
        contents
    }

    /// The same, compressed.
    pub(in crate::data) fn gz(contents: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(contents).unwrap();
        encoder.finish().unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{gz, idx};
    use super::*;
    use crate::files::testing::Folder;

    fn defect(contents: &[u8]) -> Defect {
        parse(contents, 3).unwrap_err()
    }

    #[test]
    fn plain_and_compressed_files_are_read() {
        let folder = Folder::new("mnist");
        folder.file("train-images-idx3-ubyte", &idx(&[2, 1, 3], &[0, 1, 2, 3, 4, 255]));
        folder.file("train-labels-idx1-ubyte.gz", &gz(&idx(&[2], &[7, 9])));
        let set = DataSet::open(folder.path()).unwrap();
        assert_eq!(set.test, None);
        assert_eq!(set.train.x(), &Tensor::new(vec![2, 1, 3], vec![0u8, 1, 2, 3, 4, 255]).unwrap());
        assert_eq!(set.train.y(), &Tensor::new(vec![2], vec![7u8, 9]).unwrap());

        folder.file("t10k-labels-idx1-ubyte", &idx(&[1], &[7]));
        let error = DataSet::open(folder.path()).unwrap_err();
        assert!(matches!(error, DataError::NotMnist { missing: "t10k-images-idx3-ubyte", .. }), "{error}");
        folder.file("t10k-images-idx3-ubyte.gz", &gz(&idx(&[1, 3, 1], &[1, 2, 3])));
        let error = DataSet::open(folder.path()).unwrap_err();
        assert!(matches!(error, DataError::TestShape { .. }), "{error}");
        folder.file("t10k-images-idx3-ubyte.gz", &gz(&idx(&[1, 1, 3], &[1, 2, 3])));
        assert_eq!(DataSet::open(folder.path()).unwrap().test.unwrap().n_examples(), 1);
    }

    #[test]
    fn counts_must_agree() {
        let folder = Folder::new("mnist-counts");
        folder.file("train-images-idx3-ubyte", &idx(&[2, 1, 1], &[0, 1]));
        folder.file("train-labels-idx1-ubyte", &idx(&[3], &[0, 1, 2]));
        assert!(matches!(
            DataSet::open(folder.path()),
            Err(DataError::Count { examples: 2, targets: 3, .. })
        ));
    }

    #[test]
    fn damaged_files_are_errors() {
        let good = idx(&[2, 1, 1], &[5, 6]);
        assert!(parse(&good[..], 3).is_ok());
        assert!(matches!(defect(&[]), Defect::Unreadable(_)));
        assert!(matches!(defect(&good[..9]), Defect::Unreadable(_)));
        assert!(matches!(defect(&good[..17]), Defect::Size { expected: 2, found: 1 }));
        assert!(matches!(defect(&[&good[..], &[0]].concat()), Defect::Size { expected: 2, found: 3 }));
        assert!(matches!(defect(&idx(&[u32::MAX; 3], &[])), Defect::TooLarge));
        assert!(matches!(defect(&idx(&[1 << 30, 1 << 10, 1], &[])), Defect::TooLarge));
        assert_eq!(
            defect(&idx(&[2], &[5, 6])).to_string(),
            "starts with bytes 00 00 08 01, but an IDX file of images starts with 00 00 08 03"
        );
    }

    #[test]
    fn damaged_compression_is_an_error_that_names_the_file() {
        let folder = Folder::new("mnist-gz");
        let whole = gz(&idx(&[2], &[7, 9]));
        let path = folder.file("labels.gz", &whole[..whole.len() - 3]);
        let error = read(&path, 1).unwrap_err();
        assert!(error.to_string().starts_with(&format!("{}: cannot be read", path.display())), "{error}");
        let path = folder.file("plain.gz", b"not compressed");
        assert!(read(&path, 1).is_err());
    }
}
