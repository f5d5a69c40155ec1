//! Data sets as numpy archives with `x_train`, `y_train`, `x_test` and `y_test`. Other entries are left alone.

use std::path::Path;

use super::zip::{Entry, directory};
use super::{DataError, DataSet, Defect, Split, npy};
use crate::tensor::Tensor;

pub(super) fn parse(path: &Path, archive: &[u8]) -> Result<DataSet, DataError> {
    let malformed = |defect| DataError::Malformed { path: path.to_owned(), defect };
    let archive = Archive { path, contents: archive, entries: directory(archive).map_err(malformed)? };
    let tested = archive.find("x_test").or(archive.find("y_test")).is_some();
    Ok(DataSet {
        train: archive.split("x_train", "y_train")?,
        test: tested.then(|| archive.split("x_test", "y_test")).transpose()?,
    })
}

struct Archive<'a> {
    path: &'a Path,
    contents: &'a [u8],
    entries: Vec<Entry>,
}

impl Archive<'_> {
    fn find(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.name.strip_suffix(".npy") == Some(name))
    }

    fn split(&self, x: &'static str, y: &'static str) -> Result<Split, DataError> {
        Split::new(self.path, (x, self.tensor(x)?), (y, self.tensor(y)?))
    }

    fn tensor(&self, name: &'static str) -> Result<Tensor, DataError> {
        let path = self.path.to_owned();
        let Some(entry) = self.find(name) else {
            return Err(DataError::MissingEntry { path, entry: name });
        };
        let malformed = |defect: Defect| DataError::MalformedEntry { path, entry: name.to_owned(), defect };
        entry.read(self.contents).and_then(|contents| npy::parse(&contents)).map_err(malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::super::npy::testing::npy;
    use super::super::zip::testing::zip;
    use super::*;
    use crate::files::testing::Folder;

    #[test]
    fn archives_are_read() {
        let folder = Folder::new("npz");
        let (x, y) = (npy("|u1", "(2, 3)", &[1, 2, 3, 4, 5, 6]), npy("|u1", "(2,)", &[0, 1]));
        for deflate in [false, true] {
            let archive = zip(&[("x_train.npy", &x), ("y_train.npy", &y), ("notes.npy", b"?")], deflate);
            let set = DataSet::open(&folder.file("a.npz", &archive)).unwrap();
            assert_eq!((set.train.n_examples(), set.train.example_shape(), &set.test), (2, &[3][..], &None));
            let entries: [(&str, &[u8]); 4] =
                [("x_test.npy", &x), ("x_train.npy", &x), ("y_train.npy", &y), ("y_test.npy", &y)];
            let set = DataSet::open(&folder.file("b.npz", &zip(&entries, deflate))).unwrap();
            assert_eq!(set.test, Some(set.train));
        }
    }

    #[test]
    fn errors_name_the_entry() {
        let (x, y) = (npy("|u1", "(2,)", &[1, 2]), npy(">i8", "(2,)", &[0; 16]));
        let message = |archive: &[u8]| parse(Path::new("a.npz"), archive).unwrap_err().to_string();
        assert_eq!(
            message(&zip(&[("x_train.npy", &x)], false)),
            "a.npz has no entry y_train; a data set needs x_train and y_train"
        );
        assert_eq!(
            message(&zip(&[("x_train.npy", &x), ("y_train.npy", &y)], true)),
            "a.npz: entry y_train: holds elements of numpy type \">i8\"; <f4, <f8, <i4, <i8 and |u1 are supported"
        );
        assert_eq!(message(b"PK\x03\x04"), "a.npz: the archive's directory is damaged");
        let tested = zip(&[("x_train.npy", &x), ("y_train.npy", &x), ("y_test.npy", &x)], false);
        assert!(message(&tested).contains("no entry x_test"));
    }
}
