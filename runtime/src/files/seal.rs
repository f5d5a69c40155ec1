//! Checkpoints: a file of tensors with a text about them, both under a checksum.
//!
//! The seal is one entry of the file's metadata: a line with the format's version and the CRC-32 of everything else, then the text.
//! A file of weights alone has no seal.

use std::collections::BTreeMap;

use flate2::Crc;
use thiserror::Error;

use super::tensors::bytes;
use crate::tensor::Tensor;

/// The name of the seal in a file's metadata.
pub(super) const KEY: &str = "dl.checkpoint";

/// What a seal begins with; the number is the version of the format.
const START: &str = "dl checkpoint ";
const VERSION: &str = "1";

/// What is wrong with a checkpoint.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum SealError {
    /// The seal is not one.
    #[error("its seal cannot be read")]
    Unreadable,
    /// The format is of another version.
    #[error("its format has version {found}, but this program reads version {VERSION}")]
    Version {
        /// The version of the file.
        found: String,
    },
    /// The contents are not what was written.
    #[error("it is damaged: its checksum is {found:08x}, but it was written with {expected:08x}")]
    Damaged {
        /// The checksum that the file says it has.
        expected: u32,
        /// The checksum that it has.
        found: u32,
    },
}

/// The seal of a text and tensors.
pub(super) fn seal(about: &str, tensors: &BTreeMap<String, Tensor>) -> String {
    format!("{START}{VERSION} crc32 {:08x}\n{about}", checksum(about, tensors))
}

/// The text of a seal, if it is that of these tensors.
pub(super) fn unseal(seal: &str, tensors: &BTreeMap<String, Tensor>) -> Result<String, SealError> {
    let (first, about) = seal.split_once('\n').ok_or(SealError::Unreadable)?;
    let (version, checked) =
        first.strip_prefix(START).and_then(|rest| rest.split_once(' ')).ok_or(SealError::Unreadable)?;
    if version != VERSION {
        return Err(SealError::Version { found: version.to_owned() });
    }
    let expected = checked.strip_prefix("crc32 ").and_then(|digits| u32::from_str_radix(digits, 16).ok());
    let (expected, found) = (expected.ok_or(SealError::Unreadable)?, checksum(about, tensors));
    if found != expected {
        return Err(SealError::Damaged { expected, found });
    }
    Ok(about.to_owned())
}

/// Each part with its length before it, so that nothing can move from one to the next.
fn checksum(about: &str, tensors: &BTreeMap<String, Tensor>) -> u32 {
    let mut crc = Crc::new();
    let mut add = |part: &[u8]| {
        crc.update(&(part.len() as u64).to_le_bytes());
        crc.update(part);
    };
    add(about.as_bytes());
    for (name, tensor) in tensors {
        add(name.as_bytes());
        add(tensor.data().type_name().as_bytes());
        tensor.shape().iter().for_each(|size| add(&(*size as u64).to_le_bytes()));
        add(&bytes(tensor.data()));
    }
    crc.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensors(shape: &[usize], values: &[f32]) -> BTreeMap<String, Tensor> {
        BTreeMap::from([("w".to_owned(), Tensor::new(shape.to_vec(), values.to_vec()).unwrap())])
    }

    #[test]
    fn a_seal_belongs_to_its_contents() {
        let sealed = tensors(&[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let seal = seal("steps = 3\n< dense(2, 3) >", &sealed);
        assert_eq!(unseal(&seal, &sealed).unwrap(), "steps = 3\n< dense(2, 3) >");
        let damaged = |seal: &str, tensors: &BTreeMap<String, Tensor>| {
            matches!(unseal(seal, tensors), Err(SealError::Damaged { .. }))
        };
        assert!(damaged(&seal, &tensors(&[3, 2], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])));
        assert!(damaged(&seal, &tensors(&[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.5])));
        assert!(damaged(&seal, &BTreeMap::new()));
        assert!(damaged(&seal.replace("steps = 3", "steps = 2"), &sealed));
    }

    #[test]
    fn other_versions_are_named() {
        let error = |seal: &str| unseal(seal, &BTreeMap::new()).unwrap_err();
        assert_eq!(error("dl checkpoint 7 blake3 0\n"), SealError::Version { found: "7".to_owned() });
        for seal in ["", "\n", "dl checkpoint 1\n", "dl checkpoint 1 crc32 x\n", "dl checkpoint 1 crc32 0"] {
            assert_eq!(error(seal), SealError::Unreadable, "{seal:?}");
        }
    }
}
