//! What to say of a file that is not there.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use dl_ir::closest::closest;
use dl_runtime::files::FileError;

use crate::error::Error;

/// The most names of a folder that are looked at.
const MAX_NAMES: usize = 1000;

/// An error about the file that NET names; if there is no such file, with the name that was probably meant, or what else NET may be.
pub fn explained(error: Error) -> Error {
    let (path, source) = match &error {
        Error::Dl(dl::Error::Read { path, source }) | Error::File(FileError::Read { path, source }) => {
            (path, source)
        }
        _ => return error,
    };
    if source.kind() != ErrorKind::NotFound {
        return error;
    }
    let hint = match nearest(path) {
        Some(near) => format!("did you mean {near}?"),
        None => "if it is meant as network text, write its layers between `<` and `>`".to_owned(),
    };
    Error::NoSuchNet { source: Box::new(error), hint }
}

/// The file with the most similar name in the same folder.
fn nearest(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let entries = fs::read_dir(folder.unwrap_or(Path::new("."))).ok()?.take(MAX_NAMES);
    let names: Vec<String> = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    let near = closest(name, names.iter().map(String::as_str))?;
    Some(folder.map_or(near.into(), |folder| folder.join(near)).display().to_string())
}
