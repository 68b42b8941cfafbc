//! Atomic replacement of files: after a crash, a file has the old or the new content.

use std::fs::{self, File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempPath};

/// New content that is on the disk, but not yet under the file's name.
#[derive(Debug)]
pub(crate) struct Prepared {
    new: TempPath,
    path: PathBuf,
}

/// Writes the next content of `path` to a file beside it. If `secret`, only the owner can read it.
pub(crate) fn prepare(path: &Path, content: &[u8], secret: bool) -> io::Result<Prepared> {
    // If `path` is a symbolic link, its target is replaced.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = folder_of(&path);
    fs::create_dir_all(folder)?;
    let mode = fs::metadata(&path).map(|old| old.permissions().mode()).ok();
    let mode = mode.unwrap_or(if secret { 0o600 } else { 0o666 });
    let mut builder = tempfile::Builder::new();
    // The process's umask applies as well.
    builder.prefix(".").suffix(".new").permissions(Permissions::from_mode(mode & 0o777));
    let mut file: NamedTempFile = builder.tempfile_in(folder)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    Ok(Prepared { new: file.into_temp_path(), path })
}

impl Prepared {
    /// Renames the new file to its place. The old content is kept as `.name.backup`.
    pub(crate) fn put_in_place(self) -> io::Result<()> {
        let folder = folder_of(&self.path).to_owned();
        keep_old(&self.path, &folder)?;
        self.new.persist(&self.path).map_err(|failed| failed.error)?;
        // Without this, a crash could undo the rename.
        File::open(folder)?.sync_all()
    }
}

/// Replaces one file.
pub(crate) fn replace(path: &Path, content: &[u8], secret: bool) -> io::Result<()> {
    prepare(path, content, secret)?.put_in_place()
}

fn keep_old(path: &Path, folder: &Path) -> io::Result<()> {
    let Some(name) = path.file_name().filter(|_| path.exists()) else { return Ok(()) };
    let name = name.to_string_lossy();
    let (backup, next) =
        (folder.join(format!(".{name}.backup")), folder.join(format!(".{name}.backup.new")));
    match fs::remove_file(&next) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // A hard link needs no copy, but some file systems have none.
    if fs::hard_link(path, &next).is_err() {
        fs::copy(path, &next)?;
    }
    fs::rename(next, backup)
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};
    use std::time::{Duration, Instant};

    use super::*;

    const FOLDER: &str = "FERROWIRE_TEST_FOLDER";

    #[test]
    fn the_content_is_replaced_and_the_old_one_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sub/flows.json");
        replace(&path, b"one", false).unwrap();
        replace(&path, b"two", false).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read(folder.path().join("sub/.flows.json.backup")).unwrap(), b"one");
        assert_eq!(fs::read_dir(folder.path().join("sub")).unwrap().count(), 2);
    }

    #[test]
    fn permissions_are_kept_and_secrets_are_readable_by_their_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let (secret, shared) = (folder.path().join("secret"), folder.path().join("shared"));
        replace(&secret, b"x", true).unwrap();
        assert_eq!(mode(&secret), 0o600);
        fs::write(&shared, "x").unwrap();
        fs::set_permissions(&shared, Permissions::from_mode(0o640)).unwrap();
        replace(&shared, b"y", false).unwrap();
        assert_eq!(mode(&shared), 0o640);
    }

    #[test]
    fn a_link_stays_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real"), folder.path().join("link"));
        fs::write(&real, "x").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        replace(&link, b"y", false).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&real).unwrap(), b"y");
    }

    /// Not a test: the next test starts this as a process and kills it.
    #[test]
    fn writes_until_it_is_killed() {
        let Some(folder) = std::env::var_os(FOLDER) else { return };
        let path = Path::new(&folder).join("flows.json");
        for round in 0_u64.. {
            let content = vec![b'a' + (round % 26) as u8; 300_000];
            replace(&path, &content, false).unwrap();
        }
    }

    #[test]
    fn a_process_that_is_killed_at_any_moment_leaves_a_whole_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("flows.json");
        for round in 0..12_u64 {
            let mut child = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "user_dir::files::tests::writes_until_it_is_killed"])
                .env(FOLDER, folder.path())
                .stdout(Stdio::null())
                .spawn()
                .unwrap();
            let begun = Instant::now();
            let before = fs::metadata(&path).and_then(|m| m.modified()).ok();
            // Waits for the first write, and then for a different time in each round.
            while fs::metadata(&path).and_then(|m| m.modified()).ok() == before {
                assert!(begun.elapsed() < Duration::from_secs(30), "nothing was written");
                std::thread::yield_now();
            }
            let moment = Instant::now() + Duration::from_micros(700 * round);
            while Instant::now() < moment {
                std::hint::spin_loop();
            }
            child.kill().unwrap();
            child.wait().unwrap();
            let content = fs::read(&path).unwrap();
            assert_eq!(content.len(), 300_000);
            assert!(content.iter().all(|byte| *byte == content[0]));
        }
    }
}
