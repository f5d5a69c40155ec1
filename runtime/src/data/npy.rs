//! Reading arrays in numpy's `.npy` format: a magic string, a header written as a Python dictionary, the elements
//! (<https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>).

use super::{Defect, check_magic};
use crate::files::MAX_FILE_BYTES;
use crate::files::tensors::words;
use crate::tensor::{Data, Tensor};

const MAGIC: &[u8] = b"\x93NUMPY";
const MAX_HEADER: usize = 1 << 16;
const MAX_AXES: usize = 32;

/// Reads an array; 64-bit real numbers are rounded to 32 bits.
pub(super) fn parse(contents: &[u8]) -> Result<Tensor, Defect> {
    check_magic(contents, MAGIC, "a numpy array")?;
    let (header, elements) = split_header(contents).ok_or(Defect::Header)?;
    let header = Header::parse(header).ok_or(Defect::Header)?;
    if header.fortran_order {
        return Err(Defect::FortranOrder);
    }
    let (width, decode): (u64, fn(&[u8]) -> Data) = match header.element_type.as_str() {
        "<f4" => (4, |bytes| Data::F32(words(bytes).map(f32::from_le_bytes).collect())),
        "<f8" => (8, |bytes| Data::F32(words(bytes).map(|word| f64::from_le_bytes(word) as f32).collect())),
        "<i4" => (4, |bytes| Data::I32(words(bytes).map(i32::from_le_bytes).collect())),
        "<i8" => (8, |bytes| Data::I64(words(bytes).map(i64::from_le_bytes).collect())),
        "|u1" => (1, |bytes| Data::U8(bytes.to_vec())),
        _ => return Err(Defect::ElementType(header.element_type)),
    };
    let size = header.shape.iter().try_fold(width, |size, &dim| size.checked_mul(dim as u64));
    let expected = size.filter(|&size| size <= MAX_FILE_BYTES).ok_or(Defect::TooLarge)?;
    let found = elements.len() as u64;
    if found != expected {
        return Err(Defect::Size { expected, found });
    }
    // An axis of length 0 makes any size 0; the others may still be too long.
    Tensor::new(header.shape, decode(elements)).map_err(|_| Defect::TooLarge)
}

/// The text of the header, and the elements.
fn split_header(contents: &[u8]) -> Option<(&str, &[u8])> {
    let version = *contents.get(MAGIC.len())?;
    let rest = contents.get(MAGIC.len() + 2..)?;
    let (len, rest) = match version {
        1 => {
            let (len, rest) = rest.split_first_chunk()?;
            (usize::from(u16::from_le_bytes(*len)), rest)
        }
        2 | 3 => {
            let (len, rest) = rest.split_first_chunk()?;
            (u32::from_le_bytes(*len) as usize, rest)
        }
        _ => return None,
    };
    let (header, elements) = rest.split_at_checked(len).filter(|_| len <= MAX_HEADER)?;
    Some((std::str::from_utf8(header).ok()?, elements))
}

/// What the header says.
#[derive(Debug, PartialEq, Eq)]
struct Header {
    element_type: String,
    fortran_order: bool,
    shape: Vec<usize>,
}

impl Header {
    /// Parses `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`, keys in any order.
    fn parse(text: &str) -> Option<Self> {
        let (mut element_type, mut fortran_order, mut shape) = (None, None, None);
        let mut rest = Scanner { rest: text };
        rest.expect("{")?;
        while rest.expect("}").is_none() {
            let key = rest.string()?;
            rest.expect(":")?;
            match key {
                "descr" => element_type = Some(rest.string()?.to_owned()),
                "fortran_order" => fortran_order = Some(rest.boolean()?),
                "shape" => shape = Some(rest.tuple()?),
                _ => return None,
            }
            rest.comma_unless("}")?;
        }
        rest.rest.trim().is_empty().then_some(())?;
        Some(Header { element_type: element_type?, fortran_order: fortran_order?, shape: shape? })
    }
}

/// Reads the Python literals of a header; `None` for anything else.
struct Scanner<'h> {
    rest: &'h str,
}

impl<'h> Scanner<'h> {
    fn expect(&mut self, token: &str) -> Option<()> {
        self.rest = self.rest.trim_start().strip_prefix(token)?;
        Some(())
    }

    fn string(&mut self) -> Option<&'h str> {
        self.expect("'")?;
        let (text, rest) = self.rest.split_once('\'')?;
        self.rest = rest;
        Some(text)
    }

    fn boolean(&mut self) -> Option<bool> {
        self.expect("True").map(|()| true).or_else(|| self.expect("False").map(|()| false))
    }

    fn integer(&mut self) -> Option<usize> {
        let text = self.rest.trim_start();
        let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
        self.rest = &text[end..];
        text[..end].parse().ok()
    }

    fn tuple(&mut self) -> Option<Vec<usize>> {
        let mut dims = Vec::new();
        self.expect("(")?;
        while self.expect(")").is_none() {
            dims.push(self.integer().filter(|_| dims.len() < MAX_AXES)?);
            self.comma_unless(")")?;
        }
        Some(dims)
    }

    /// A comma, which may be left out before the closing bracket.
    fn comma_unless(&mut self, close: &str) -> Option<()> {
        if self.rest.trim_start().starts_with(close) { Some(()) } else { self.expect(",") }
    }
}

#[cfg(test)]
pub(super) mod testing {
    /// An array as numpy writes it.
    pub(in crate::data) fn npy(element_type: &str, shape: &str, elements: &[u8]) -> Vec<u8> {
        let header = format!("{{'descr': '{element_type}', 'fortran_order': False, 'shape': {shape}, }}\n");
        with_header(&header, elements)
    }

    pub(super) fn with_header(header: &str, elements: &[u8]) -> Vec<u8> {
        let len = (header.len() as u16).to_le_bytes();
        [super::MAGIC, &[1, 0], &len, header.as_bytes(), elements].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{npy, with_header};
    use super::*;

    #[test]
    fn every_type_is_read() {
        let read = |element_type, bytes: &[u8]| parse(&npy(element_type, "(1, 1)", bytes)).unwrap();
        let tensor = |data: Data| Tensor::new(vec![1, 1], data).unwrap();
        assert_eq!(read("<f4", &1.5f32.to_le_bytes()), tensor(vec![1.5f32].into()));
        assert_eq!(read("<f8", &0.1f64.to_le_bytes()), tensor(vec![0.1f32].into()));
        assert_eq!(read("<i4", &(-3i32).to_le_bytes()), tensor(vec![-3i32].into()));
        assert_eq!(read("<i8", &(-3i64).to_le_bytes()), tensor(vec![-3i64].into()));
        assert_eq!(read("|u1", &[200]), tensor(vec![200u8].into()));
    }

    #[test]
    fn shapes_are_python_tuples() {
        let shape = |text| parse(&npy("|u1", text, &[0; 6])).map(|tensor| tensor.shape().to_vec());
        assert_eq!(shape("(6,)").unwrap(), [6]);
        assert_eq!(shape("(2, 3)").unwrap(), [2, 3]);
        assert_eq!(shape("( 1,2 , 3, )").unwrap(), [1, 2, 3]);
        assert!(matches!(shape("()"), Err(Defect::Size { expected: 1, found: 6 })));
        for bad in ["(2 3)", "(-6,)", "(,)", "(6", "6", "(6.0,)", "(99999999999999999999,)"] {
            assert!(matches!(shape(bad), Err(Defect::Header)), "{bad}");
        }
        assert!(matches!(shape("(4294967296, 4294967296, 16)"), Err(Defect::TooLarge)));
        let empty = npy("|u1", "(0, 4294967296, 4294967296)", &[]);
        assert!(matches!(parse(&empty), Err(Defect::TooLarge)));
        assert!(matches!(shape(&format!("({})", "1,".repeat(33))), Err(Defect::Header)));
    }

    #[test]
    fn later_versions_have_longer_headers() {
        let header = "{'shape': (1,), 'fortran_order': False, 'descr': '|u1'}";
        let len = (header.len() as u32).to_le_bytes();
        let contents = [MAGIC, &[3, 0], &len, header.as_bytes(), &[9]].concat();
        assert_eq!(parse(&contents).unwrap(), Tensor::new(vec![1], vec![9u8]).unwrap());
    }

    #[test]
    fn other_arrays_are_refused() {
        assert!(matches!(parse(b"nothing"), Err(Defect::Magic { .. })));
        assert!(
            matches!(parse(&npy(">f4", "(1,)", &[0; 4])), Err(Defect::ElementType(found)) if found == ">f4")
        );
        assert!(matches!(parse(&npy("|O", "(1,)", &[0; 4])), Err(Defect::ElementType(_))));
        assert!(matches!(parse(&npy("<f4", "(2,)", &[0; 7])), Err(Defect::Size { expected: 8, found: 7 })));
        let fortran = "{'descr': '<f4', 'fortran_order': True, 'shape': (1, 1), }";
        assert!(matches!(parse(&with_header(fortran, &[0; 4])), Err(Defect::FortranOrder)));
        let whole = npy("<f4", "(1,)", &[0; 4]);
        for cut in 0..whole.len() {
            assert!(parse(&whole[..cut]).is_err(), "cut at {cut}");
        }
        for header in ["", "{}", "{'descr': '<f4', 'shape': (1,)}", "{'descr': '<f4'} 1", "{'other': '1'}"] {
            assert!(matches!(parse(&with_header(header, &[])), Err(Defect::Header)), "{header}");
        }
    }
}
