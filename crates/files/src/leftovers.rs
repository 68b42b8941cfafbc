//! Temporary files, and their removal after a process was killed.

use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;

const PREFIX: &str = ".ferrowire-";
const SUFFIX: &str = ".new";

/// The number of random characters between them.
const RANDOM: usize = 6;

/// A builder of temporary files with names that [`remove_leftovers`] knows.
pub(crate) fn builder() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX).rand_bytes(RANDOM);
    builder
}

/// A name that [`builder`] could give.
pub(crate) fn random_name() -> String {
    let random: String = std::iter::repeat_with(fastrand::alphanumeric).take(RANDOM).collect();
    format!("{PREFIX}{random}{SUFFIX}")
}

/// Locks a temporary file until `file` is closed, so that no process removes it. On a file system
/// without locks, only an instance that starts in that moment could.
pub(crate) fn mark_used(file: &File) {
    let _unsupported: Result<(), TryLockError> = file.try_lock();
}

/// Removes the temporary files that killed processes have left in `folder`, and with `below` also in
/// the folders in it. Those that a process is using are kept, and symbolic links are not followed.
/// Returns the number of removed files. A folder that does not exist has none.
///
/// # Errors
/// If a folder cannot be read, or a file cannot be removed.
pub fn remove_leftovers(folder: &Path, below: bool) -> io::Result<usize> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    let mut removed = 0;
    for entry in entries {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() && below {
            removed += remove_leftovers(&entry.path(), true)?;
        } else if kind.is_file() && is_temporary(&entry.file_name()) && !is_used(&entry.path())? {
            fs::remove_file(entry.path())?;
            removed += 1;
        }
    }
    Ok(removed)
}

fn is_temporary(name: &OsStr) -> bool {
    let middle = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX));
    middle.is_some_and(|middle| {
        middle.len() == RANDOM && middle.bytes().all(|b| b.is_ascii_alphanumeric())
    })
}

fn is_used(path: &Path) -> io::Result<bool> {
    match File::open(path) {
        Ok(file) => Ok(matches!(file.try_lock(), Err(TryLockError::WouldBlock))),
        // It was just renamed to its place.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}
