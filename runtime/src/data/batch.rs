//! Data sets as safetensors files with `x` and `y`, and `x_test` and `y_test` if there is something to test on.

use std::path::Path;

use super::{DataError, DataSet, Split};
use crate::files::TensorFile;

pub(super) fn parse(path: &Path, contents: &[u8]) -> Result<DataSet, DataError> {
    let mut file = TensorFile::parse(path, contents)?;
    let train = split(&mut file, "x", "y")?;
    let tested = ["x_test", "y_test"].iter().any(|&name| file.tensors().contains_key(name));
    let test = tested.then(|| split(&mut file, "x_test", "y_test")).transpose()?;
    file.finish()?;
    Ok(DataSet { train, test })
}

fn split(file: &mut TensorFile, x: &'static str, y: &'static str) -> Result<Split, DataError> {
    let (examples, targets) = (file.take(x)?, file.take(y)?);
    Split::new(file.path(), (x, examples), (y, targets))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::files::testing::Folder;
    use crate::files::{FileError, tensors};
    use crate::tensor::Tensor;

    fn open(folder: &Folder, names: &[&str]) -> Result<DataSet, DataError> {
        let path = folder.path().join("data.safetensors");
        let tensor = |name: &str| match name.starts_with('x') {
            true => Tensor::new(vec![2, 1], vec![1.0f32, 2.0]).unwrap(),
            false => Tensor::new(vec![2], vec![0i64, 1]).unwrap(),
        };
        let all: BTreeMap<_, _> = names.iter().map(|&name| (name.to_owned(), tensor(name))).collect();
        tensors::write(&path, &all).unwrap();
        DataSet::open(&path)
    }

    #[test]
    fn the_test_part_is_optional_but_whole() {
        let folder = Folder::new("batch");
        let set = open(&folder, &["x", "y"]).unwrap();
        assert_eq!((set.train.example_shape(), set.test), (&[1][..], None));
        assert!(open(&folder, &["x", "y", "x_test", "y_test"]).unwrap().test.is_some());
        let missing = |names: &[&str]| match open(&folder, names) {
            Err(DataError::File(FileError::Missing { tensor, .. })) => tensor,
            other => panic!("{other:?}"),
        };
        assert_eq!(missing(&["x"]), "y");
        assert_eq!(missing(&["y"]), "x");
        assert_eq!(missing(&["x", "y", "y_test"]), "x_test");
        assert_eq!(missing(&["x", "y", "x_test"]), "y_test");
    }

    #[test]
    fn other_tensors_are_errors() {
        let folder = Folder::new("batch-other");
        let error = open(&folder, &["x", "y", "z"]).unwrap_err();
        assert!(matches!(error, DataError::File(FileError::Unknown { tensor, .. }) if tensor == "z"));
    }
}
