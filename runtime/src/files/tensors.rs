//! Named tensors in safetensors files.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensorError, SafeTensors, View};

use super::{FileError, atomic, read, seal};
use crate::tensor::{Data, Tensor};

/// The tensors of a file, to be taken out one by one.
///
/// Reading is strict: what the file says about itself must be true to the byte.
#[derive(Debug)]
pub struct TensorFile {
    path: PathBuf,
    tensors: BTreeMap<String, Tensor>,
    about: Option<String>,
}

impl TensorFile {
    /// Reads a safetensors file whole.
    ///
    /// # Errors
    /// If it cannot be read, is not valid, holds other types than F32, I32, I64 and U8, or is a checkpoint whose contents are not
    /// what was written.
    pub fn read(path: &Path) -> Result<Self, FileError> {
        Self::parse(path, &read(path)?)
    }

    /// Reads the contents of a safetensors file; `path` is for messages.
    ///
    /// # Errors
    /// As [`read`](TensorFile::read).
    pub fn parse(path: &Path, contents: &[u8]) -> Result<Self, FileError> {
        let invalid = |source| FileError::NotSafetensors { path: path.to_owned(), source };
        let file = SafeTensors::deserialize(contents).map_err(invalid)?;
        let mut tensors = BTreeMap::new();
        for (name, view) in file.iter() {
            let data = decode(&view).ok_or_else(|| FileError::UnsupportedType {
                path: path.to_owned(),
                tensor: name.to_owned(),
                found: view.dtype(),
            })?;
            let tensor = Tensor::new(view.shape().to_vec(), data);
            // The reader has compared sizes and shapes before.
            tensors.insert(name.to_owned(), tensor.map_err(|_| invalid(SafeTensorError::TensorInvalidInfo))?);
        }
        let mut file = TensorFile { path: path.to_owned(), tensors, about: None };
        let (_, header) = SafeTensors::read_metadata(contents).map_err(invalid)?;
        if let Some(text) = header.metadata().as_ref().and_then(|metadata| metadata.get(seal::KEY)) {
            let unsealed = seal::unseal(text, &file.tensors);
            file.about = Some(unsealed.map_err(|source| FileError::Seal { path: path.to_owned(), source })?);
        }
        Ok(file)
    }

    /// The file's name, as it was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The text about its tensors, where it is a checkpoint.
    pub fn about(&self) -> Option<&str> {
        self.about.as_deref()
    }

    /// The tensors not taken yet, by name.
    pub fn tensors(&self) -> &BTreeMap<String, Tensor> {
        &self.tensors
    }

    /// Takes a tensor out, if it is there.
    pub fn take_optional(&mut self, name: &str) -> Option<Tensor> {
        self.tensors.remove(name)
    }

    /// Takes a tensor out.
    ///
    /// # Errors
    /// [`FileError::Missing`].
    pub fn take(&mut self, name: &str) -> Result<Tensor, FileError> {
        let missing = || FileError::Missing { path: self.path.clone(), tensor: name.to_owned() };
        self.tensors.remove(name).ok_or_else(missing)
    }

    /// Takes a tensor of real numbers of this shape out.
    ///
    /// # Errors
    /// [`FileError::Missing`], [`FileError::Shape`], [`FileError::Type`].
    pub fn take_f32(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>, FileError> {
        match self.take_shaped(name, shape)? {
            Data::F32(values) => Ok(values),
            other => Err(self.wrong_type(name, "f32", &other)),
        }
    }

    /// Takes a tensor of finite real numbers of this shape out.
    ///
    /// # Errors
    /// As [`take_f32`](TensorFile::take_f32), and [`FileError::NotFinite`].
    pub fn take_finite(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>, FileError> {
        let values = self.take_f32(name, shape)?;
        let Some(index) = values.iter().position(|value| !value.is_finite()) else { return Ok(values) };
        let (path, tensor, value) = (self.path.clone(), name.to_owned(), values[index]);
        Err(FileError::NotFinite { path, tensor, index, value })
    }

    /// Takes a tensor of integers of this shape out.
    ///
    /// # Errors
    /// [`FileError::Missing`], [`FileError::Shape`], [`FileError::Type`].
    pub fn take_i32(&mut self, name: &str, shape: &[usize]) -> Result<Vec<i32>, FileError> {
        match self.take_shaped(name, shape)? {
            Data::I32(values) => Ok(values),
            other => Err(self.wrong_type(name, "i32", &other)),
        }
    }

    /// Ends the reading: all tensors must have been taken.
    ///
    /// # Errors
    /// [`FileError::Unknown`] for the first that was not.
    pub fn finish(self) -> Result<(), FileError> {
        match self.tensors.into_keys().next() {
            Some(tensor) => Err(FileError::Unknown { path: self.path, tensor }),
            None => Ok(()),
        }
    }

    fn take_shaped(&mut self, name: &str, shape: &[usize]) -> Result<Data, FileError> {
        let tensor = self.take(name)?;
        if tensor.shape() != shape {
            return Err(FileError::Shape {
                path: self.path.clone(),
                tensor: name.to_owned(),
                expected: shape.to_vec(),
                found: tensor.shape().to_vec(),
            });
        }
        Ok(tensor.into_data())
    }

    fn wrong_type(&self, name: &str, expected: &'static str, found: &Data) -> FileError {
        let (path, tensor) = (self.path.clone(), name.to_owned());
        FileError::Type { path, tensor, expected, found: found.type_name() }
    }
}

/// Writes tensors to a safetensors file, whole or not at all. The same tensors give the same bytes.
///
/// # Errors
/// If the file cannot be written.
pub fn write(path: &Path, tensors: &BTreeMap<String, Tensor>) -> Result<(), FileError> {
    write_with(path, tensors, None)
}

/// The same as a checkpoint: with a text about the tensors, and a checksum of it all.
///
/// # Errors
/// If the file cannot be written.
pub fn write_checkpoint(
    path: &Path,
    tensors: &BTreeMap<String, Tensor>,
    about: &str,
) -> Result<(), FileError> {
    // One entry: the order of several would be another in each run.
    write_with(path, tensors, Some(HashMap::from([(seal::KEY.to_owned(), seal::seal(about, tensors))])))
}

fn write_with(
    path: &Path,
    tensors: &BTreeMap<String, Tensor>,
    metadata: Option<HashMap<String, String>>,
) -> Result<(), FileError> {
    let failed = |source| FileError::Serialize { path: path.to_owned(), source };
    let stored = tensors.iter().map(|(name, tensor)| (name, Stored(tensor)));
    atomic::write(path, &safetensors::serialize(stored, metadata).map_err(failed)?)
}

/// A tensor as the writer wants it.
struct Stored<'t>(&'t Tensor);

impl View for Stored<'_> {
    fn dtype(&self) -> Dtype {
        match self.0.data() {
            Data::F32(_) => Dtype::F32,
            Data::I32(_) => Dtype::I32,
            Data::I64(_) => Dtype::I64,
            Data::U8(_) => Dtype::U8,
        }
    }

    fn shape(&self) -> &[usize] {
        self.0.shape()
    }

    fn data(&self) -> Cow<'_, [u8]> {
        bytes(self.0.data())
    }

    fn data_len(&self) -> usize {
        self.0.data().len() * self.dtype().bitsize() / 8
    }
}

/// Numbers as files hold them.
pub(super) fn bytes(data: &Data) -> Cow<'_, [u8]> {
    match data {
        Data::F32(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        Data::I32(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        Data::I64(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        Data::U8(values) => Cow::Borrowed(values),
    }
}

fn decode(view: &TensorView<'_>) -> Option<Data> {
    Some(match view.dtype() {
        Dtype::F32 => Data::F32(words(view.data()).map(f32::from_le_bytes).collect()),
        Dtype::I32 => Data::I32(words(view.data()).map(i32::from_le_bytes).collect()),
        Dtype::I64 => Data::I64(words(view.data()).map(i64::from_le_bytes).collect()),
        Dtype::U8 => Data::U8(view.data().to_vec()),
        _ => return None,
    })
}

/// Bytes as words of N bytes each.
pub(crate) fn words<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = [u8; N]> {
    bytes.as_chunks::<N>().0.iter().copied()
}

#[cfg(test)]
mod tests {
    use super::super::testing::Folder;
    use super::*;

    fn sample() -> BTreeMap<String, Tensor> {
        let tensor = |shape: &[usize], data: Data| Tensor::new(shape.to_vec(), data).unwrap();
        BTreeMap::from([
            (
                "dense0.weight".into(),
                tensor(&[2, 3], vec![1.0f32, -0.0, f32::MIN_POSITIVE, 4.0, 5.0, 6.5].into()),
            ),
            ("dense0.bias".into(), tensor(&[0], Vec::<f32>::new().into())),
            ("step".into(), tensor(&[1], vec![i64::MIN].into())),
            ("y".into(), tensor(&[2], vec![-1i32, 7].into())),
            ("x".into(), tensor(&[1, 3], vec![0u8, 128, 255].into())),
        ])
    }

    #[test]
    fn makes_the_round_trip() {
        let folder = Folder::new("round-trip");
        let path = folder.path().join("w.safetensors");
        write(&path, &sample()).unwrap();
        let first = std::fs::read(&path).unwrap();
        assert_eq!(TensorFile::read(&path).unwrap().tensors(), &sample());
        write(&path, &sample()).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), first);
    }

    #[test]
    fn tensors_are_taken_and_checked() {
        let folder = Folder::new("taken");
        let path = folder.path().join("w");
        write(&path, &sample()).unwrap();
        let message = |error: FileError| error.to_string().replace(&path.display().to_string(), "w");
        let mut file = TensorFile::read(&path).unwrap();
        assert_eq!(file.take("step").unwrap().data(), &Data::I64(vec![i64::MIN]));
        assert_eq!(message(file.take("step").unwrap_err()), "w has no tensor step");
        assert_eq!(
            message(file.take_f32("dense0.weight", &[3, 2]).unwrap_err()),
            "w: tensor dense0.weight has shape [2, 3], but [3, 2] is needed"
        );
        assert_eq!(
            message(file.take_f32("y", &[2]).unwrap_err()),
            "w: tensor y holds i32, but f32 is needed"
        );
        assert_eq!(
            message(file.take_i32("dense0.bias", &[0]).unwrap_err()),
            "w: tensor dense0.bias holds f32, but i32 is needed"
        );
        assert_eq!(message(file.finish().unwrap_err()), "w holds an unexpected tensor x");
    }

    #[test]
    fn checkpoints_come_back_with_their_text() {
        let folder = Folder::new("checkpoint");
        let path = folder.path().join("c");
        write_checkpoint(&path, &sample(), "steps = 3\n\"quoted\"").unwrap();
        let file = TensorFile::read(&path).unwrap();
        assert_eq!(file.about(), Some("steps = 3\n\"quoted\""));
        assert_eq!(file.tensors(), &sample());
        write(&path, &sample()).unwrap();
        assert_eq!(TensorFile::read(&path).unwrap().about(), None);
    }

    #[test]
    fn a_damaged_checkpoint_is_refused_or_the_same() {
        let folder = Folder::new("damaged-checkpoint");
        let path = folder.path().join("c");
        write_checkpoint(&path, &sample(), "steps = 3").unwrap();
        let contents = std::fs::read(&path).unwrap();
        for len in 0..contents.len() {
            assert!(TensorFile::parse(&path, &contents[..len]).is_err(), "the first {len} bytes");
        }
        for (at, bit) in (0..contents.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
            let mut flipped = contents.clone();
            flipped[at] ^= 1 << bit;
            // What no longer says that it is a checkpoint is not checked as one, and serves nobody as one.
            let same = |file: TensorFile| file.tensors() == &sample() && file.about() == Some("steps = 3");
            let accepted =
                TensorFile::parse(&path, &flipped).is_ok_and(|file| file.about().is_some() && !same(file));
            assert!(!accepted, "bit {bit} of byte {at} flipped");
        }
    }

    #[test]
    fn numbers_that_are_not_finite_are_found() {
        let tensor = Tensor::new(vec![3], vec![0.0, f32::MAX, f32::NEG_INFINITY]).unwrap();
        let folder = Folder::new("not-finite");
        let path = folder.path().join("w");
        write(&path, &BTreeMap::from([("w".to_owned(), tensor)])).unwrap();
        let error = TensorFile::read(&path).unwrap().take_finite("w", &[3]).unwrap_err();
        assert!(matches!(error, FileError::NotFinite { index: 2, .. }), "{error}");
    }

    /// A file with this header over that many bytes of data.
    fn file(header: &str, data: usize) -> Vec<u8> {
        let mut contents = (header.len() as u64).to_le_bytes().to_vec();
        contents.extend_from_slice(header.as_bytes());
        contents.resize(contents.len() + data, 0);
        contents
    }

    #[test]
    fn lies_about_the_contents_are_found() {
        let good = r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;
        assert!(TensorFile::parse(Path::new("w"), &file(good, 8)).is_ok());
        let overlap = r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#;
        let overflow = r#"{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]}}"#;
        let wrong_size = r#"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#;
        let backwards = r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#;
        let mut huge_header = file(good, 8);
        huge_header[..8].copy_from_slice(&u64::MAX.to_le_bytes());
        let cases = [
            ("empty", Vec::new()),
            ("foreign", b"PK\x03\x04 something else entirely".to_vec()),
            ("truncated data", file(good, 7)),
            ("trailing data", file(good, 9)),
            ("truncated header", file(good, 8)[..20].to_vec()),
            ("huge header", huge_header),
            ("overlap", file(overlap, 8)),
            ("overflow", file(overflow, 8)),
            ("wrong size", file(wrong_size, 8)),
            ("backwards", file(backwards, 8)),
        ];
        for (name, contents) in cases {
            let error = TensorFile::parse(Path::new("w"), &contents).unwrap_err();
            assert!(matches!(error, FileError::NotSafetensors { .. }), "{name}: {error}");
            assert!(error.to_string().starts_with("w is not a valid safetensors file: "), "{name}: {error}");
        }
    }

    #[test]
    fn other_types_are_named() {
        let f64s = r#"{"a":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}}"#;
        let error = TensorFile::parse(Path::new("w"), &file(f64s, 8)).unwrap_err();
        assert_eq!(error.to_string(), "w: tensor a has type F64; F32, I32, I64 and U8 are supported");
    }
}
