//! `Lock`: a file that one process holds, and others see.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// A lock file that this process holds. Removed on drop; after a kill the file stays, without a lock.
#[derive(Debug)]
pub struct Lock {
    path: PathBuf,
    /// Locked until it is closed.
    file: File,
}

/// Why a lock cannot be taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotLocked {
    /// Another process holds it.
    #[error("in use by {}", holder(.0))]
    Held(
        /// The other process, if it has written its id.
        Option<u32>,
    ),
    /// The file cannot be created, or its file system has no locks.
    #[error(transparent)]
    Unsupported(#[from] io::Error),
}

fn holder(process: &Option<u32>) -> String {
    match process {
        Some(id) => format!("process {id}"),
        None => "another process".to_owned(),
    }
}

impl Lock {
    /// Takes the lock file `path` with the id of this process as its content, without waiting.
    ///
    /// # Errors
    /// When another process holds it, or this file cannot be locked.
    pub fn take(path: &Path) -> Result<Self, NotLocked> {
        loop {
            let mut options = OpenOptions::new();
            // A process that does not get the lock reads which one holds it.
            let mut file =
                options.read(true).write(true).create(true).truncate(false).open(path)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    return Err(NotLocked::Held(process_in(&mut file)));
                }
                Err(TryLockError::Error(error)) => return Err(error.into()),
            }
            if is_at(&file, path)? {
                file.set_len(0)?;
                writeln!(file, "{}", std::process::id())?;
                return Ok(Lock { path: path.to_owned(), file });
            }
            // The former holder removed the file in between.
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // While it is locked, no other process has it at this path.
        let _read_only = fs::remove_file(&self.path);
        let _closed = self.file.unlock();
    }
}

fn process_in(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

/// Whether `path` still leads to the open `file`.
pub(crate) fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let open = file.metadata()?;
    match fs::metadata(path) {
        Ok(there) => Ok((open.dev(), open.ino()) == (there.dev(), there.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
