//! Replacement of several files: after a crash, all have the old or all have the new content.
//!
//! The new contents are written to temporary files. Then a journal that lists them is put in place:
//! from then on, the replacement counts. The files are renamed, and the journal is removed. If the
//! process is killed in between, [`recover`] does the remaining renames.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use crate::lock::is_at;
use crate::replace::{Content, Prepared, folder_of, move_to, sync, target_of};

/// Replaces the files, which must be in the folder of `journal`; they may be symbolic links there.
///
/// # Errors
/// If they cannot be written. Then all have their old content, unless a rename fails after another one:
/// [`recover`] does those that are missing.
pub fn replace_together(contents: &[Content<'_>], journal: &Path) -> io::Result<()> {
    if contents.iter().any(|content| folder_of(content.path) != folder_of(journal)) {
        let reason = "files that are replaced together must be in the folder of their journal";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
    }
    let prepared = contents.iter().map(|content| Prepared::write(*content));
    let prepared: Vec<Prepared> = prepared.collect::<io::Result<_>>()?;
    prepared.iter().try_for_each(Prepared::keep_old)?;
    let folders: Vec<_> = prepared.iter().map(|file| file.folder().to_owned()).collect();
    sync_all(&folders)?;
    let bytes = entries(&prepared);
    let content = Content { path: journal, bytes: &bytes, secret: true, keep_old: false };
    // Locked until the end, so that a `recover` of another process waits.
    let locked = Prepared::write(content)?.put_in_place()?;
    sync(folder_of(journal))?;
    put_in_place(prepared, journal)?;
    sync_all(&folders)?;
    fs::remove_file(journal)?;
    drop(locked);
    Ok(())
}

fn sync_all(folders: &[std::path::PathBuf]) -> io::Result<()> {
    folders.iter().try_for_each(|folder| sync(folder))
}

fn put_in_place(prepared: Vec<Prepared>, journal: &Path) -> io::Result<()> {
    let mut files = prepared.into_iter();
    if let Some(first) = files.next()
        && let Err(error) = first.put_in_place()
    {
        // Nothing has changed yet, so the replacement does not count.
        fs::remove_file(journal)?;
        return Err(error);
    }
    while let Some(file) = files.next() {
        if let Err(error) = file.put_in_place() {
            files.try_for_each(Prepared::leave)?;
            return Err(error);
        }
    }
    Ok(())
}

/// The journal: for each file the name of the temporary file and its own, each with a zero byte after it.
fn entries(prepared: &[Prepared]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for file in prepared {
        for name in [file.new_name(), file.path().file_name().unwrap_or_default()] {
            bytes.extend_from_slice(name.as_bytes());
            bytes.push(0);
        }
    }
    bytes
}

/// Completes a replacement that was interrupted after its journal had been written. Returns whether
/// there was one.
///
/// # Errors
/// If the journal cannot be read, or a file cannot be renamed.
pub fn recover(journal: &Path) -> io::Result<bool> {
    let mut file = match File::open(journal) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    // If another process is replacing the files, this waits for its end.
    let _on_a_file_system_without_locks = file.lock();
    if !is_at(&file, journal)? {
        return recover(journal);
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let names: Vec<&OsStr> = bytes.split(|byte| *byte == 0).map(OsStr::from_bytes).collect();
    for entry in names.chunks_exact(2) {
        let [new, name] = entry else { continue };
        let target = target_of(&folder_of(journal).join(name));
        match move_to(&folder_of(&target).join(new), &target) {
            // It was renamed before the interruption.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            renamed => renamed?,
        }
        sync(folder_of(&target))?;
    }
    fs::remove_file(journal)?;
    Ok(true)
}
