//! `Root`: a file or folder that the configuration names.

use std::io::{self, ErrorKind};
use std::path::{Component, Path, PathBuf};

use ferrowire::NodeError;

use crate::failure::Failure;
use crate::place::{Kind, Places};

/// A file or folder of the configuration, which was there when the node started.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Root {
    /// Its name in messages.
    name: PathBuf,
    /// A folder is watched itself, a file by its folder, as in Node-RED: so a file that is replaced stays watched.
    folder: PathBuf,
    /// The name of the file in the folder.
    file: Option<PathBuf>,
}

impl Root {
    /// The file or folder `text`.
    ///
    /// # Errors
    /// If it is neither, does not exist, or flows may not use it.
    pub(super) fn find(text: &str, places: &Places) -> Result<Self, NodeError> {
        let failed = |error: io::Error| match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => missing(text),
            _ => error_of(Failure::of("watch", text)(error)),
        };
        if text.is_empty() {
            return Err(missing(text));
        }
        let name = normalized(Path::new(text));
        let state = places.find(&name).and_then(|place| place.state()).map_err(failed)?;
        let (folder, file) = match (state.kind, name.parent(), name.file_name()) {
            (Kind::Directory, ..) => (name.as_path(), None),
            (Kind::File, Some(folder), Some(file)) => (folder, Some(file.into())),
            _ => {
                return Err(NodeError::new(format!(
                    "Error: `{text}` is neither a file nor a folder"
                )));
            }
        };
        let folder = places.real_folder(folder).map_err(failed)?;
        Ok(Root { name, folder, file })
    }

    /// Its name in messages.
    pub(super) fn name(&self) -> std::path::Display<'_> {
        self.name.display()
    }

    /// The folder whose changes the system reports.
    pub(super) fn watched_folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn is_folder(&self) -> bool {
        self.file.is_none()
    }

    /// The name in messages of what has changed at `path`; `None` if it is not of this root.
    pub(super) fn name_of(&self, path: &Path, is_recursive: bool) -> Option<PathBuf> {
        let rest = path.strip_prefix(&self.folder).ok()?;
        match &self.file {
            Some(file) => (rest == file).then(|| self.name.clone()),
            None if rest.as_os_str().is_empty() => Some(self.name.clone()),
            None if !is_recursive && rest.components().nth(1).is_some() => None,
            None if self.name == Path::new(".") => Some(rest.to_owned()),
            None => Some(self.name.join(rest)),
        }
    }

    /// The error of the system that the folder cannot be watched.
    pub(super) fn failure(&self, error: io::Error) -> NodeError {
        error_of(Failure::of("watch", &self.name.to_string_lossy())(error))
    }
}

fn missing(text: &str) -> NodeError {
    NodeError::new(format!("Error: {text} does not exist."))
}

fn error_of(failure: Failure) -> NodeError {
    failure.error(format!("Error: {}", failure.text()))
}

/// A path as Node.js joins it: without `.`, and without `..` behind a name.
fn normalized(path: &Path) -> PathBuf {
    let mut joined = PathBuf::new();
    for part in path.components() {
        let last = joined.components().next_back();
        match (part, last) {
            (Component::CurDir, _) | (Component::ParentDir, Some(Component::RootDir)) => {}
            (Component::ParentDir, Some(Component::Normal(_))) => {
                joined.pop();
            }
            _ => joined.push(part),
        }
    }
    if joined.as_os_str().is_empty() { PathBuf::from(".") } else { joined }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_joined_as_in_node_js() {
        for (path, expected) in [
            ("./a/", "a"),
            ("a//b/../c/.", "a/c"),
            ("/../a", "/a"),
            ("../../a/..", "../.."),
            (".", "."),
            ("a/..", "."),
        ] {
            assert_eq!(normalized(Path::new(path)), Path::new(expected), "{path}");
        }
    }
}
