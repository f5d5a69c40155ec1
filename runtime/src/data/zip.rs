//! Reading zip archives: as much of the format as numpy writes.
//!
//! An archive ends with a record that leads to a directory; the directory leads to the entries (PKWARE APPNOTE 4.3). Nothing
//! in it is believed: every position is looked up with bounds, every size and checksum compared.

use flate2::Crc;
use flate2::read::DeflateDecoder;

use super::{Defect, read_exactly};

const ENTRY: &[u8] = b"PK\x03\x04";
const DIRECTORY: &[u8] = b"PK\x01\x02";
const END: &[u8] = b"PK\x05\x06";
/// The length of the end record, without the comment that may follow it.
const END_LEN: usize = 22;
const MAX_COMMENT: usize = u16::MAX as usize;
const STORED: u16 = 0;
const DEFLATED: u16 = 8;

/// Whether contents look like a zip archive.
pub(super) fn is_zip(contents: &[u8]) -> bool {
    contents.starts_with(ENTRY) || contents.starts_with(END)
}

/// What the directory says about an entry.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: String,
    encrypted: bool,
    method: u16,
    checksum: u32,
    compressed: usize,
    size: usize,
    offset: usize,
}

/// The entries of an archive, in the directory's order.
pub(super) fn directory(archive: &[u8]) -> Result<Vec<Entry>, Defect> {
    let end = find_end(archive).ok_or(Defect::Directory)?;
    let count = u16_at(end, 10).ok_or(Defect::Directory)?;
    let start = u32_at(end, 16).ok_or(Defect::Directory)?;
    if count == u16::MAX || start == u32::MAX {
        return Err(Defect::Zip64);
    }
    let mut rest = archive.get(start as usize..).ok_or(Defect::Directory)?;
    let mut entries = Vec::new();
    for _ in 0..count {
        let (entry, len) = directory_entry(rest).ok_or(Defect::Directory)?;
        if [entry.compressed, entry.size, entry.offset].contains(&(u32::MAX as usize)) {
            return Err(Defect::Zip64);
        }
        rest = rest.get(len..).ok_or(Defect::Directory)?;
        entries.push(entry);
    }
    Ok(entries)
}

impl Entry {
    /// The contents of the entry, unpacked and compared with its checksum.
    pub(super) fn read(&self, archive: &[u8]) -> Result<Vec<u8>, Defect> {
        let packed = self.packed(archive).ok_or(Defect::Directory)?;
        let contents = match self.method {
            _ if self.encrypted => return Err(Defect::Compression(self.method)),
            STORED => read_exactly(packed, self.size as u64)?,
            DEFLATED => read_exactly(DeflateDecoder::new(packed), self.size as u64)?,
            other => return Err(Defect::Compression(other)),
        };
        let mut crc = Crc::new();
        crc.update(&contents);
        if crc.sum() == self.checksum { Ok(contents) } else { Err(Defect::Checksum) }
    }

    /// Its bytes in the archive, after a header of its own.
    fn packed<'a>(&self, archive: &'a [u8]) -> Option<&'a [u8]> {
        let header = archive.get(self.offset..)?;
        header.starts_with(ENTRY).then_some(())?;
        let start = 30 + usize::from(u16_at(header, 26)?) + usize::from(u16_at(header, 28)?);
        header.get(start..)?.get(..self.compressed)
    }
}

/// The end record, the last in the archive whose comment reaches just to its end.
fn find_end(archive: &[u8]) -> Option<&[u8]> {
    let last = archive.len().checked_sub(END_LEN)?;
    (last.saturating_sub(MAX_COMMENT)..=last).rev().map(|start| &archive[start..]).find(|end| {
        end.starts_with(END) && u16_at(end, 20).is_some_and(|len| end.len() == END_LEN + usize::from(len))
    })
}

/// The first entry of a directory, and its length there.
fn directory_entry(directory: &[u8]) -> Option<(Entry, usize)> {
    directory.starts_with(DIRECTORY).then_some(())?;
    let len = |at| u16_at(directory, at).map(usize::from);
    let size = |at| u32_at(directory, at).map(|size| size as usize);
    let name = directory.get(46..)?.get(..len(28)?)?;
    let entry = Entry {
        name: String::from_utf8_lossy(name).into_owned(),
        encrypted: u16_at(directory, 8)? & 1 != 0,
        method: u16_at(directory, 10)?,
        checksum: u32_at(directory, 16)?,
        compressed: size(20)?,
        size: size(24)?,
        offset: size(42)?,
    };
    Some((entry, 46 + len(28)? + len(30)? + len(32)?))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().copied().map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_le_bytes)
}

#[cfg(test)]
pub(super) mod testing {
    //! Writes archives for tests.

    use std::io::Write;

    use flate2::Compression;
    use flate2::write::DeflateEncoder;

    use super::*;

    /// An archive of these entries.
    pub(in crate::data) fn zip(entries: &[(&str, &[u8])], deflate: bool) -> Vec<u8> {
        let (mut archive, mut directory) = (Vec::new(), Vec::new());
        for (name, contents) in entries {
            let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(contents).unwrap();
            let packed = if deflate { encoder.finish().unwrap() } else { contents.to_vec() };
            let mut crc = Crc::new();
            crc.update(contents);
            let mut fields = vec![20, 0, 0, 0, if deflate { 8 } else { 0 }, 0, 0, 0, 0, 0];
            for size in [crc.sum(), packed.len() as u32, contents.len() as u32] {
                fields.extend(size.to_le_bytes());
            }
            fields.extend((name.len() as u16).to_le_bytes());
            directory.extend([DIRECTORY, &[20, 0], &fields, &[0; 12]].concat());
            directory.extend((archive.len() as u32).to_le_bytes());
            directory.extend(name.as_bytes());
            // The entry's own header has an extra field, as numpy's have.
            archive.extend([ENTRY, &fields, &[4, 0], name.as_bytes(), &[1, 0, 0, 0], &packed].concat());
        }
        let (start, len, count) = (archive.len() as u32, directory.len() as u32, entries.len() as u8);
        archive.extend(directory);
        archive.extend([END, &[0, 0, 0, 0, count, 0, count, 0]].concat());
        archive.extend([len.to_le_bytes(), start.to_le_bytes()].concat());
        archive.extend([0, 0]);
        archive
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(archive: &[u8]) -> Result<Vec<(String, Vec<u8>)>, Defect> {
        directory(archive)?.into_iter().map(|entry| Ok((entry.name.clone(), entry.read(archive)?))).collect()
    }

    #[test]
    fn stored_and_deflated_entries_are_read() {
        for deflate in [false, true] {
            let archive = testing::zip(&[("a", b"hello"), ("b", &[7; 1000])], deflate);
            assert!(is_zip(&archive));
            let entries = read_all(&archive).unwrap();
            assert_eq!(entries, [("a".into(), b"hello".to_vec()), ("b".into(), vec![7; 1000])]);
        }
        assert!(read_all(&testing::zip(&[], false)).unwrap().is_empty());
    }

    #[test]
    fn a_comment_may_follow() {
        let mut archive = testing::zip(&[("a", b"hello")], false);
        let len = archive.len();
        archive[len - 2] = 3;
        archive.extend(b"abc");
        assert_eq!(read_all(&archive).unwrap().len(), 1);
    }

    #[test]
    fn no_damage_goes_unnoticed_or_panics() {
        let entries: [(&str, &[u8]); 1] = [("name", b"contents that are to be kept")];
        for deflate in [false, true] {
            let archive = testing::zip(&entries, deflate);
            let whole = read_all(&archive).unwrap();
            for cut in 0..archive.len() {
                assert!(read_all(&archive[..cut]).is_err(), "cut at {cut}");
            }
            for at in 0..archive.len() {
                for flip in [1, 0x80, 0xff] {
                    let mut damaged = archive.clone();
                    damaged[at] ^= flip;
                    // Some bytes mean nothing to us: names, times, versions.
                    if let Ok(entries) = read_all(&damaged) {
                        assert!(entries.iter().all(|(_, contents)| *contents == whole[0].1), "byte {at}");
                    }
                }
            }
        }
    }

    #[test]
    fn what_numpy_never_writes_is_refused() {
        let archive = testing::zip(&[("a", b"hello")], false);
        let directory_start = archive.windows(4).position(|window| window == DIRECTORY).unwrap();
        let change = |at: usize, values: &[u8]| {
            let mut changed = archive.clone();
            changed[directory_start + at..][..values.len()].copy_from_slice(values);
            read_all(&changed).unwrap_err()
        };
        assert!(matches!(change(8, &[1]), Defect::Compression(0)));
        assert!(matches!(change(10, &[12]), Defect::Compression(12)));
        assert!(matches!(change(42, &[0xff; 4]), Defect::Zip64));
        assert!(matches!(change(16, &[0; 4]), Defect::Checksum));
    }
}
