//! `Folder`: files below a folder, which symbolic links do not lead out of.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use rustix::fs::OFlags;

use crate::leftovers;

/// An open folder. Paths are relative to it. A path that leads out of it, by `..` or a symbolic link,
/// is an error of kind [`PermissionDenied`](io::ErrorKind::PermissionDenied).
#[derive(Debug)]
pub struct Folder(Dir);

/// Without this flag, opening a named pipe waits for a writer.
const NON_BLOCKING: i32 = OFlags::NONBLOCK.bits().cast_signed();

/// Opens a file or a folder for reading, wherever symbolic links lead. A named pipe, a socket or a device is
/// not opened: reading it could block for ever.
///
/// # Errors
/// If it cannot be opened.
pub fn open_file(path: &Path) -> io::Result<File> {
    let mut options = std::fs::OpenOptions::new();
    std::os::unix::fs::OpenOptionsExt::custom_flags(options.read(true), NON_BLOCKING);
    readable(options.open(path)?)
}

/// Refuses what is neither a file nor a folder.
fn readable(file: File) -> io::Result<File> {
    let kind = file.metadata()?.file_type();
    match kind.is_file() || kind.is_dir() {
        true => Ok(file),
        false => Err(io::Error::new(io::ErrorKind::NotFound, "neither a file nor a folder")),
    }
}

/// An entry of a folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Its name; one that is not UTF-8 is not listed.
    pub name: String,
    /// Whether it is a folder.
    pub is_folder: bool,
}

impl Folder {
    /// Opens a folder, which may itself be a symbolic link.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        Dir::open_ambient_dir(path, ambient_authority()).map(Folder)
    }

    /// Opens a folder, and creates it if it does not exist.
    ///
    /// # Errors
    /// If it cannot be created or opened.
    pub fn create(path: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(path)?;
        Self::open(path)
    }

    /// Whether there is a folder at `path`.
    pub fn has_folder(&self, path: &Path) -> bool {
        self.0.is_dir(inner(path))
    }

    /// Opens a file or folder for reading, and nothing else; see [`open_file`].
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn open_file(&self, path: &Path) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).custom_flags(NON_BLOCKING);
        readable(self.0.open_with(inner(path), &options)?.into_std())
    }

    /// The text of a file.
    ///
    /// # Errors
    /// If it cannot be read, or is not UTF-8.
    pub fn read_to_string(&self, path: &Path) -> io::Result<String> {
        self.0.read_to_string(inner(path))
    }

    /// The entries of a folder, sorted by name. An entry that leads out of this folder is not listed.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn list(&self, path: &Path) -> io::Result<Vec<Entry>> {
        let folder = self.0.open_dir(inner(path))?;
        let mut entries = Vec::new();
        for entry in folder.entries()? {
            let Ok(name) = entry?.file_name().into_string() else { continue };
            // From this folder: links within it are followed.
            if let Ok(about) = self.0.metadata(inner(&path.join(&name))) {
                entries.push(Entry { name, is_folder: about.is_dir() });
            }
        }
        entries.sort();
        Ok(entries)
    }

    /// Replaces a file atomically, and creates the folders that it is in. An existing file keeps its
    /// permissions.
    ///
    /// # Errors
    /// If it cannot be written, or is a symbolic link: links are never written to.
    pub fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        let parent = inner(path.parent().unwrap_or(Path::new("")));
        let folder = match self.0.open_dir(&parent) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.0.create_dir_all(&parent)?;
                self.0.open_dir(&parent)?
            }
            opened => opened?,
        };
        let old = match folder.symlink_metadata(name) {
            Ok(old) if old.is_symlink() => {
                let reason =
                    format!("`{}` is a symbolic link, which is not followed", path.display());
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, reason));
            }
            Ok(old) => Some(old.permissions()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let new = leftovers::random_name();
        let written = write_new(&folder, &new, bytes, old)
            .and_then(|_locked| folder.rename(&new, &folder, name));
        if written.is_err() {
            // The first error is the one to report.
            let _unremoved = folder.remove_file(&new);
        }
        written?;
        folder.open(".")?.sync_all()
    }
}

/// Writes a temporary file, and returns it locked.
fn write_new(
    folder: &Dir,
    name: &str,
    bytes: &[u8],
    permissions: Option<cap_std::fs::Permissions>,
) -> io::Result<File> {
    let file = folder.open_with(name, OpenOptions::new().write(true).create_new(true))?;
    if let Some(permissions) = permissions {
        file.set_permissions(permissions)?;
    }
    let mut file = file.into_std();
    leftovers::mark_used(&file);
    file.write_all(bytes)?;
    file.sync_all()?;
    Ok(file)
}

/// The path in a form that names the folder itself as `.`.
fn inner(path: &Path) -> PathBuf {
    Path::new(".").join(path)
}
