//! `Change`: what a message says about a file.

use std::path::{Path, PathBuf};

use ferrowire::{Message, Value};
use indexmap::IndexMap;

use crate::place::{Kind, Places, State};

/// A file that has changed.
#[derive(Debug)]
pub(super) struct Change {
    name: PathBuf,
    /// `None` if there is none of that name.
    state: Option<State>,
}

impl Change {
    /// The message of Node-RED.
    pub(super) fn message(&self, topic: &Value) -> Message {
        let name = Value::from(self.name.to_string_lossy().as_ref());
        let file = self.name.file_name().unwrap_or_default().to_string_lossy();
        let mut msg = Message::with_payload(name.clone());
        msg.set("topic", topic.clone());
        msg.set("file", file.as_ref());
        msg.set("filename", name);
        msg.set("event", if self.state.is_some() { "update" } else { "remove" });
        if let Some(State { kind: Kind::File, size }) = self.state {
            msg.set("size", size as f64);
        }
        msg.set("type", self.state.map_or("none", |state| state.kind.name()));
        msg
    }
}

/// The changes of a while, each name once.
#[derive(Debug, Default)]
pub(super) struct Changes {
    states: IndexMap<PathBuf, Option<State>>,
    is_repeated: bool,
}

impl Changes {
    /// Adds a name, and looks at what it names. `is_repeated` says that it has changed more than once.
    pub(super) fn add(&mut self, name: PathBuf, is_repeated: bool, places: &Places) {
        self.is_repeated |= is_repeated;
        let state = places.find(&name).and_then(|place| place.state()).ok();
        self.is_repeated |= self.states.insert(name, state).is_some();
    }

    /// What is reported: all, or without what is gone if an editor has saved a file by way of others.
    pub(super) fn reported(self) -> Vec<Change> {
        let is_editor = self.is_editor();
        let changes = self.states.into_iter().map(|(name, state)| Change { name, state });
        changes.filter(|change| !is_editor || change.state.is_some()).collect()
    }

    /// Whether there are names as editors give to temporary files, and a file that changed more than once, or whose
    /// name such a one was made of: the rule of Node-RED's library.
    fn is_editor(&self) -> bool {
        let backups: Vec<&Path> = self.states.keys().filter_map(|name| original(name)).collect();
        let has_original = || backups.iter().any(|name| self.states.contains_key(*name));
        !backups.is_empty() && (self.is_repeated || has_original())
    }
}

/// `a` of `a~`.
fn original(name: &Path) -> Option<&Path> {
    name.to_str()?.strip_suffix('~').map(Path::new)
}
