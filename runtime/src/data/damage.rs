//! Files of every kind, damaged in every way: what is read from them is a data set or an error.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use super::mnist::testing::{gz, idx};
use super::npy::testing::npy;
use super::zip::testing::zip;
use super::{DataError, DataSet, Split};
use crate::files::testing::Folder;
use crate::files::{TensorFile, tensors};
use crate::random::Stream;
use crate::tensor::{Data, Tensor};

/// Files damaged at random, of each kind.
const RANDOM_FILES: u64 = 2000;

/// A kind of file, and a small one of it.
struct Kind {
    name: &'static str,
    path: PathBuf,
    /// What is opened: the file, or the folder that it is in.
    opened: PathBuf,
    whole: Vec<u8>,
}

/// Files of every kind that data sets come in, each in a folder of its own.
fn kinds(folder: &Folder) -> Vec<Kind> {
    let kind = |name: &'static str, file: &str, whole: Vec<u8>| {
        let inner = folder.path().join(name);
        std::fs::create_dir_all(&inner).unwrap();
        let path = inner.join(file);
        let opened = if file.contains("ubyte") { inner } else { path.clone() };
        Kind { name, path, opened, whole }
    };
    let tensor = |shape: &[usize], data: Data| Tensor::new(shape.to_vec(), data).unwrap();
    let set = BTreeMap::from([
        ("x".to_owned(), tensor(&[2, 3], vec![0.5f32; 6].into())),
        ("y".to_owned(), tensor(&[2], vec![1i64, 0].into())),
    ]);
    let path = folder.path().join("set");
    tensors::write(&path, &set).unwrap();
    let safetensors = std::fs::read(&path).unwrap();
    let (x, y) = (npy("<f4", "(2, 3)", &[0; 24]), npy("|u1", "(2,)", &[0, 1]));
    let archive = |deflate| zip(&[("x_train.npy", &x), ("y_train.npy", &y)], deflate);
    let (images, labels) = (idx(&[2, 1, 3], &[0, 1, 2, 3, 4, 255]), idx(&[2], &[7, 9]));
    let (image_file, label_file) = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte");
    let kinds = vec![
        kind("safetensors", "set.safetensors", safetensors),
        kind("npz, stored", "set.npz", archive(false)),
        kind("npz, deflated", "set.npz", archive(true)),
        kind("idx of images", image_file, images.clone()),
        kind("idx of labels", label_file, labels.clone()),
        kind("idx.gz of images", "train-images-idx3-ubyte.gz", gz(&images)),
        kind("idx.gz of labels", "train-labels-idx1-ubyte.gz", gz(&labels)),
    ];
    for kind in kinds.iter().filter(|kind| kind.opened != kind.path) {
        let (other, contents) =
            if kind.name.contains("images") { (label_file, &labels) } else { (image_file, &images) };
        std::fs::write(kind.opened.join(other), contents).unwrap();
    }
    kinds
}

impl Kind {
    /// What comes of these contents. Whatever it is, all of it can be read, or told.
    fn open(&self, contents: &[u8]) -> Result<DataSet, DataError> {
        std::fs::write(&self.path, contents).unwrap();
        let outcome = DataSet::open(&self.opened);
        match &outcome {
            Ok(set) => [Some(&set.train), set.test.as_ref()].into_iter().flatten().for_each(read_all),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
        outcome
    }
}

/// Reads all examples; what they are worth does not matter here.
fn read_all(split: &Split) {
    let all: Vec<usize> = (0..split.n_examples()).collect();
    let batch = split.batch(&all).unwrap();
    assert_eq!(batch.x.to_reals().map_or(all.len(), |x| x.shape()[0]), all.len());
    assert_eq!(batch.y.to_reals().map_or(all.len(), |y| y.shape()[0]), all.len());
}

#[test]
fn a_part_of_a_file_is_an_error() {
    let folder = Folder::new("truncated-data");
    for kind in kinds(&folder) {
        assert!(kind.open(&kind.whole).is_ok(), "{}", kind.name);
        for len in 0..kind.whole.len() {
            assert!(kind.open(&kind.whole[..len]).is_err(), "{}: the first {len} bytes", kind.name);
        }
    }
}

/// Where a byte is of an example's value, a file with another one is as good. Where there is a checksum, none is.
#[test]
fn every_byte_may_be_wrong() {
    let folder = Folder::new("flipped-data");
    for kind in kinds(&folder) {
        let good = kind.open(&kind.whole).unwrap();
        let is_checked = kind.name.contains("npz") || kind.name.contains("gz");
        for at in 0..kind.whole.len() {
            for flip in [1, 0x20, 0x80, 0xff] {
                let mut damaged = kind.whole.clone();
                damaged[at] ^= flip;
                let unnoticed = kind.open(&damaged).is_ok_and(|set| set != good);
                assert!(!(is_checked && unnoticed), "{}: byte {at} ^ {flip:#x}", kind.name);
            }
        }
    }
}

/// Contents with one to eight stretches removed, repeated, overwritten or exchanged for extreme numbers.
fn damaged(whole: &[u8], random: Stream) -> Vec<u8> {
    let mut contents = whole.to_vec();
    let below = |element: u64, bound: usize| random.word(element) as usize % bound.max(1);
    for step in 0..1 + below(0, 8) as u64 {
        let word = |of: u64| 1 + 8 * step + of;
        let at = below(word(0), contents.len() + 1);
        let end = (at + below(word(1), 9)).min(contents.len());
        let stretch: Vec<u8> = match below(word(2), 5) {
            0 => Vec::new(),
            1 => contents[at..end].repeat(2),
            2 => vec![0xff; end - at],
            3 => vec![0; end - at],
            _ => (0..end - at).map(|byte| random.word(word(3) + 1000 + byte as u64) as u8).collect(),
        };
        contents.splice(at..end, stretch);
    }
    contents
}

#[test]
fn random_damage_is_an_error_or_a_data_set() {
    let folder = Folder::new("random-data");
    for kind in kinds(&folder) {
        let start = Instant::now();
        let opened = (0..RANDOM_FILES).filter(|&seed| {
            let random = Stream::new(seed, 0, 0);
            kind.open(&damaged(&kind.whole, random)).is_ok()
        });
        let (opened, seconds) = (opened.count(), start.elapsed().as_secs_f64());
        println!("{RANDOM_FILES} files, {}: {opened} are data sets, {seconds:.2} s", kind.name);
        assert!(opened < RANDOM_FILES as usize, "{}: damage that nobody sees is none", kind.name);
    }
}

/// Nothing of a file but what it begins with.
#[test]
fn random_bytes_are_an_error() {
    let folder = Folder::new("random-bytes");
    for kind in kinds(&folder) {
        for seed in 0..RANDOM_FILES / 4 {
            let random = Stream::new(seed, 1, 0);
            let (kept, len) = (random.word(0) % 8, random.word(1) % 200);
            let kept = (kept as usize).min(kind.whole.len() - 1);
            let rest = (0..u64::from(len)).map(|byte| random.word(2 + byte) as u8);
            let contents: Vec<u8> = kind.whole[..kept].iter().copied().chain(rest).collect();
            assert!(kind.open(&contents).is_err(), "{}: seed {seed}", kind.name);
        }
    }
}

/// Weights and checkpoints, which have no checksum or one.
#[test]
fn random_damage_to_tensors() {
    let folder = Folder::new("random-tensors");
    let path = folder.path().join("tensors");
    let weights = BTreeMap::from([
        ("dense0.bias".to_owned(), Tensor::new(vec![3], vec![0.0f32, 1.0, -1.0]).unwrap()),
        ("dense0.weight".to_owned(), Tensor::new(vec![2, 3], vec![0.25f32; 6]).unwrap()),
    ]);
    tensors::write(&path, &weights).unwrap();
    let file = std::fs::read(&path).unwrap();
    tensors::write_checkpoint(&path, &weights, "steps = 1").unwrap();
    let checkpoint = std::fs::read(&path).unwrap();
    for seed in 0..RANDOM_FILES {
        let random = Stream::new(seed, 2, 0);
        if let Ok(mut file) = TensorFile::parse(&path, &damaged(&file, random)) {
            // What has the right shape can be taken, and nothing else.
            let taken = file.take_finite("dense0.weight", &[2, 3]);
            assert!(taken.is_err() || taken.is_ok_and(|values| values.len() == 6));
        }
        let checkpoint = TensorFile::parse(&path, &damaged(&checkpoint, random));
        let sealed = checkpoint.is_ok_and(|file| file.about().is_some() && file.tensors() != &weights);
        assert!(!sealed, "seed {seed}: a damaged checkpoint that is sealed");
    }
}
