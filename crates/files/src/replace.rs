//! Atomic replacement of a file: after a crash, it has the old or the new content.

use std::fs::{self, File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempPath};

use crate::leftovers;

/// The next content of a file.
#[derive(Clone, Copy, Debug)]
pub struct Content<'a> {
    /// The file. If it is a symbolic link, the file that it leads to is replaced.
    pub path: &'a Path,
    /// The content.
    pub bytes: &'a [u8],
    /// Whether only the owner may read the file, if it does not exist yet. An existing file keeps its
    /// permissions.
    pub secret: bool,
    /// Whether the old content is kept as `.NAME.backup` beside `path`.
    pub keep_old: bool,
}

/// Replaces one file, and creates the folders that it is in.
///
/// # Errors
/// If the file cannot be written; then it has its old content.
pub fn replace(content: Content<'_>) -> io::Result<()> {
    let prepared = Prepared::write(content)?;
    prepared.keep_old()?;
    let folder = prepared.folder().to_owned();
    drop(prepared.put_in_place()?);
    sync(&folder)
}

/// New content that is on the disk, but not yet under the file's name.
pub(crate) struct Prepared {
    new: TempPath,
    /// Locked while the temporary file exists, so that it is not taken for a leftover.
    file: File,
    /// The name of the file, which may be a symbolic link.
    path: PathBuf,
    target: PathBuf,
    keep_old: bool,
}

impl Prepared {
    /// Writes the content to a temporary file beside the target.
    pub(crate) fn write(content: Content<'_>) -> io::Result<Self> {
        let target = target_of(content.path);
        let folder = folder_of(&target);
        fs::create_dir_all(folder)?;
        let mode = fs::metadata(&target).map(|old| old.permissions().mode()).ok();
        let mode = mode.unwrap_or(if content.secret { 0o600 } else { 0o666 });
        let mut file: NamedTempFile = leftovers::builder()
            // The process's umask applies as well.
            .permissions(Permissions::from_mode(mode & 0o777))
            .tempfile_in(folder)?;
        leftovers::mark_used(file.as_file());
        file.write_all(content.bytes)?;
        file.as_file().sync_all()?;
        let (file, new) = file.into_parts();
        let path = content.path.to_owned();
        Ok(Prepared { new, file, path, target, keep_old: content.keep_old })
    }

    /// Keeps the present content as `.NAME.backup`, if requested.
    pub(crate) fn keep_old(&self) -> io::Result<()> {
        if !self.keep_old || !self.target.exists() {
            return Ok(());
        }
        let folder = folder_of(&self.path);
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let next = leftovers::builder().tempfile_in(folder)?.into_temp_path();
        fs::remove_file(&next)?;
        // A hard link needs no copy, but some file systems have none.
        if fs::hard_link(&self.target, &next).is_err() {
            fs::copy(&self.target, &next)?;
        }
        next.persist(folder.join(format!(".{name}.backup"))).map_err(|failed| failed.error)
    }

    /// The name of the temporary file.
    pub(crate) fn new_name(&self) -> &std::ffi::OsStr {
        self.new.file_name().unwrap_or_default()
    }

    /// The name of the file, which may be a symbolic link.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The folder that the temporary file and the target are in.
    pub(crate) fn folder(&self) -> &Path {
        folder_of(&self.target)
    }

    /// Renames the temporary file to its place, and returns the file, which is still locked.
    pub(crate) fn put_in_place(self) -> io::Result<File> {
        match self.new.persist(&self.target) {
            Err(failed) if is_mounted(&failed.error) => overwrite(&failed.path, &self.target)?,
            renamed => renamed.map_err(|failed| failed.error)?,
        }
        Ok(self.file)
    }

    /// Leaves the temporary file where it is.
    pub(crate) fn leave(self) -> io::Result<()> {
        self.new.keep().map(drop).map_err(|failed| failed.error)
    }
}

/// Renames `new` to `target`, or overwrites a target that is mounted by itself.
pub(crate) fn move_to(new: &Path, target: &Path) -> io::Result<()> {
    match fs::rename(new, target) {
        Err(error) if is_mounted(&error) => {
            overwrite(new, target)?;
            fs::remove_file(new)
        }
        renamed => renamed,
    }
}

/// Whether a rename failed because the target is a mount point, as a single file that is mounted into
/// a container is.
fn is_mounted(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ResourceBusy | io::ErrorKind::CrossesDevices)
}

/// Writes the content of `new` into `target`. If the process is killed meanwhile, `new` still exists.
fn overwrite(new: &Path, target: &Path) -> io::Result<()> {
    let mut file = File::options().write(true).truncate(true).open(target)?;
    io::copy(&mut File::open(new)?, &mut file)?;
    file.sync_all()
}

/// The file that `path` leads to.
pub(crate) fn target_of(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// Makes renames in `folder` durable: without this, a power failure could undo them.
pub(crate) fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_cannot_be_renamed_over_is_overwritten_and_keeps_its_permissions() {
        let folder = tempfile::tempdir().unwrap();
        let (new, target) = (folder.path().join("new"), folder.path().join("flows.json"));
        fs::write(&new, "next").unwrap();
        fs::write(&target, "present and longer").unwrap();
        fs::set_permissions(&target, Permissions::from_mode(0o640)).unwrap();
        overwrite(&new, &target).unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "next");
        assert_eq!(fs::metadata(&target).unwrap().permissions().mode() & 0o777, 0o640);
        // EBUSY, EXDEV, EACCES.
        for (code, mounted) in [(16, true), (18, true), (13, false)] {
            assert_eq!(is_mounted(&io::Error::from_raw_os_error(code)), mounted, "{code}");
        }
    }
}
