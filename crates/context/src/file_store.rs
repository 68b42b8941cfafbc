//! `FileStore`: values in memory, written to files in the background.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ferrowire_core::{
    Atomic, ContextStore, Key, Map, MemoryStore, Message, MutexExt as _, NodeError, PropertyPath,
    Value,
};
use ferrowire_files::{Content, remove_leftovers, replace};
use futures_util::future::BoxFuture;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::layout::{file_of, indented, place_of};

/// The target of the log lines.
const TARGET: &str = "ferrowire::context";

/// Node-RED's `localfilesystem` store: everything is read at the start and kept in memory; changes
/// are written after a delay, each file by atomic replacement.
#[derive(Debug)]
pub struct FileStore {
    folder: PathBuf,
    interval: Duration,
    values: MemoryStore,
    changed: Mutex<HashSet<String>>,
    change: Notify,
    /// Held while files are written, so that old content never replaces newer content.
    writing: Mutex<()>,
}

/// Why a context store could not be opened: a folder or file cannot be read or created.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the context in `{path}`")]
pub struct CannotOpen {
    /// The folder or file.
    path: PathBuf,
    /// The reason.
    source: io::Error,
}

impl FileStore {
    /// Reads all files in `folder`, which is created if missing. Changes are written after
    /// `interval`, while [`write_behind`](Self::write_behind) runs. A file that is not a JSON object
    /// is renamed, and its context starts empty.
    ///
    /// # Errors
    /// If the folder cannot be read or created.
    pub fn open(folder: impl Into<PathBuf>, interval: Duration) -> Result<Self, CannotOpen> {
        let store = FileStore {
            folder: folder.into(),
            interval,
            values: MemoryStore::default(),
            changed: Mutex::default(),
            change: Notify::new(),
            writing: Mutex::default(),
        };
        let folder = &store.folder;
        fs::create_dir_all(folder).map_err(|error| unreadable(folder, error))?;
        if let Err(error) = remove_leftovers(folder, true) {
            let path = folder.display();
            tracing::warn!(target: TARGET, "cannot remove temporary files in `{path}`: {error}");
        }
        for outer in names(folder)?.into_iter().filter(|name| folder.join(name).is_dir()) {
            for file in names(&folder.join(&outer))? {
                if let Some(place) = place_of(&outer, &file) {
                    store.values.fill(&place, read(&folder.join(&outer).join(file))?);
                }
            }
        }
        Ok(store)
    }

    /// Writes changes until `stop` is cancelled, then the remaining ones.
    pub async fn write_behind(self: Arc<Self>, stop: CancellationToken) {
        loop {
            let pause = async {
                self.change.notified().await;
                tokio::time::sleep(self.interval).await;
            };
            let stopped = stop.run_until_cancelled(pause).await.is_none();
            let store = Arc::clone(&self);
            if tokio::task::spawn_blocking(move || store.flush()).await.is_err() {
                tracing::error!(target: TARGET, "writing the context was interrupted");
            }
            if stopped {
                return;
            }
        }
    }

    /// Writes all changes. Failures are logged and retried the next time.
    pub fn flush(&self) {
        let _alone = self.writing.locked();
        let changed = std::mem::take(&mut *self.changed.locked());
        for place in changed {
            let Some(file) = file_of(&self.folder, &place) else {
                tracing::warn!(target: TARGET, place, "no file can have this name, not written");
                continue;
            };
            let written = match self.values.holds(&place) {
                true => match Message::from(self.values.values(&place)).stringify() {
                    Ok(values) => write(&file, &indented(&values)),
                    Err(error) => {
                        // Retried only when the place changes.
                        tracing::error!(target: TARGET, file = %file.display(), "cannot write: {error}");
                        continue;
                    }
                },
                false => remove(&file),
            };
            if let Err(error) = written {
                tracing::error!(target: TARGET, file = %file.display(), "cannot write: {error}");
                self.note(&place);
            }
        }
    }

    fn note(&self, place: &str) {
        let mut changed = self.changed.locked();
        if !changed.contains(place) {
            changed.insert(place.to_owned());
        }
        drop(changed);
        self.change.notify_one();
    }
}

impl ContextStore for FileStore {
    fn get(&self, place: &str, path: &PropertyPath) -> Option<Value> {
        self.values.get(place, path)
    }

    fn set(&self, place: &str, path: &PropertyPath, value: Option<Value>) -> Result<(), NodeError> {
        let set = self.values.set(place, path, value);
        // Objects on the path may have been created before the failure.
        self.note(place);
        set
    }

    fn change(
        &self,
        place: &str,
        path: &PropertyPath,
        change: Atomic,
    ) -> BoxFuture<'static, Result<Value, NodeError>> {
        let changed = self.values.change(place, path, change);
        self.note(place);
        changed
    }

    fn keys(&self, place: &str) -> Vec<Key> {
        self.values.keys(place)
    }

    fn retain(&self, keep: &dyn Fn(&str) -> bool) {
        let gone: Vec<String> =
            self.values.places().into_iter().filter(|place| !keep(place)).collect();
        self.values.retain(keep);
        gone.iter().for_each(|place| self.note(place));
    }
}

fn unreadable(path: &Path, source: io::Error) -> CannotOpen {
    CannotOpen { path: path.to_owned(), source }
}

/// The names in a folder, without those that start with a dot.
fn names(folder: &Path) -> Result<Vec<String>, CannotOpen> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| unreadable(folder, error))? {
        let name = entry.map_err(|error| unreadable(folder, error))?.file_name();
        names.extend(name.into_string().ok().filter(|name| !name.starts_with('.')));
    }
    Ok(names)
}

fn read(file: &Path) -> Result<Map, CannotOpen> {
    let text = fs::read(file).map_err(|error| unreadable(file, error))?;
    if text.is_empty() {
        return Ok(Map::new());
    }
    match Value::from_json(&text) {
        Ok(Value::Object(values)) => Ok(Arc::unwrap_or_clone(values)),
        _ => {
            let aside = set_aside(file).map_err(|error| unreadable(file, error))?;
            tracing::error!(
                target: TARGET,
                file = %file.display(),
                aside = %aside.display(),
                "the context file is not a JSON object; it is renamed and its context starts empty"
            );
            Ok(Map::new())
        }
    }
}

/// Renames a damaged file to an unused name that is not read at the start.
fn set_aside(file: &Path) -> io::Result<PathBuf> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let named = |number: u32| match number {
        1 => file.with_file_name(format!("{name}.damaged")),
        _ => file.with_file_name(format!("{name}.damaged-{number}")),
    };
    let aside = (1..=u32::MAX).map(named).find(|aside| !aside.exists());
    let aside = aside.unwrap_or_else(|| named(1));
    fs::rename(file, &aside)?;
    Ok(aside)
}

/// Removes the file, and its folder if empty.
fn remove(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // Fails if the folder contains other files.
    let _still_used = file.parent().map(fs::remove_dir);
    Ok(())
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    replace(Content { path, bytes: text.as_bytes(), secret: true, keep_old: false })
}
