//! `Tree`: the folders that the system watches.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ferrowire::NodeError;
use notify::{ErrorKind, RecommendedWatcher, RecursiveMode, Watcher as _};

use super::changed::Changed;

/// Folders that are watched one by one. The library could watch all below a folder, but misses what is created in a
/// new folder before it is watched, and does not say which ones it may not read.
///
/// Links are not followed, so no link leads out of the folder, or around in it.
#[derive(Debug)]
pub(super) struct Tree {
    watcher: RecommendedWatcher,
    watched: BTreeSet<PathBuf>,
    changed: Arc<Changed>,
}

impl Tree {
    /// Watches nothing yet. What changes goes to `changed`.
    ///
    /// # Errors
    /// As those of the system.
    pub(super) fn new(changed: Arc<Changed>) -> Result<Self, NodeError> {
        let reported = Arc::clone(&changed);
        let watcher = notify::recommended_watcher(move |event| reported.report(event))
            .map_err(|error| NodeError::caused_by("files cannot be watched", io_error(error)))?;
        Ok(Tree { watcher, watched: BTreeSet::new(), changed })
    }

    /// Watches a folder.
    ///
    /// # Errors
    /// As those of the system.
    pub(super) fn add(&mut self, folder: &Path) -> io::Result<()> {
        if !self.watched.contains(folder) {
            self.watcher.watch(folder, RecursiveMode::NonRecursive).map_err(io_error)?;
            self.watched.insert(folder.to_owned());
        }
        Ok(())
    }

    /// Watches `path` and the folders below it if it is a folder that is not watched. What is in it has changed.
    /// Returns what could not be watched.
    pub(super) fn add_if_new(&mut self, path: &Path) -> Option<NodeError> {
        let is_new = !self.watched.contains(path)
            && fs::symlink_metadata(path).is_ok_and(|found| found.is_dir());
        if !is_new {
            return None;
        }
        match self.add(path) {
            Ok(()) => self.add_below(path, true),
            Err(error) => Refused { first: path.to_owned(), error, count: 1 }.reported(),
        }
    }

    /// Watches all folders below a watched one. `is_new` says that what is in them has changed. Returns what could
    /// not be watched.
    pub(super) fn add_below(&mut self, folder: &Path, is_new: bool) -> Option<NodeError> {
        let mut refused: Option<Refused> = None;
        let mut unread = vec![folder.to_owned()];
        while let Some(folder) = unread.pop() {
            if self.changed.is_closed() {
                return None;
            }
            // One that cannot be read cannot be watched either, and was refused.
            for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if is_new {
                    self.changed.add(path.clone(), false);
                }
                if !entry.file_type().is_ok_and(|found| found.is_dir()) {
                    continue;
                }
                match self.add(&path) {
                    Ok(()) => unread.push(path),
                    // It was removed meanwhile.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) if refused.is_none() => {
                        refused = Some(Refused { first: path, error, count: 1 });
                    }
                    Err(_) => refused.iter_mut().for_each(|refused| refused.count += 1),
                }
            }
        }
        refused.and_then(Refused::reported)
    }

    /// Forgets a folder that was removed or moved, with those below it. Returns whether it was watched.
    pub(super) fn forget(&mut self, folder: &Path) -> bool {
        let below = self.watched.range(folder.to_owned()..);
        let gone: Vec<_> = below.take_while(|path| path.starts_with(folder)).cloned().collect();
        for path in &gone {
            self.watched.remove(path);
            // One that was removed is not known any longer.
            let _unknown = self.watcher.unwatch(path);
        }
        !gone.is_empty()
    }
}

/// Folders that cannot be watched.
struct Refused {
    first: PathBuf,
    error: io::Error,
    count: usize,
}

impl Refused {
    fn reported(self) -> Option<NodeError> {
        let Refused { first, error, count } = self;
        let folders = if count == 1 { "folder".to_owned() } else { format!("{count} folders") };
        let text = format!("{folders} that cannot be watched: `{}`", first.display());
        Some(NodeError::caused_by(text, error))
    }
}

/// The error of the system that `error` is made of.
fn io_error(error: notify::Error) -> io::Error {
    match error.kind {
        ErrorKind::Io(error) => error,
        ErrorKind::PathNotFound => io::Error::from_raw_os_error(libc::ENOENT),
        ErrorKind::MaxFilesWatch => io::Error::other(
            "the system watches as many files as it may; raise `fs.inotify.max_user_watches`",
        ),
        _ => io::Error::other(error),
    }
}
