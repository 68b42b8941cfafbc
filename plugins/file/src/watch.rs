//! The node `watch`: a message for each change of files and folders.

mod change;
mod changed;
mod root;
mod tree;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ferrowire::{
    FromConfig, Message, Node, NodeConfig, NodeContext, NodeError, Value, async_trait,
};
use tokio::sync::oneshot;

use crate::place::{Places, warn_if_exposed};
use change::Changes;
use changed::{Batch, Changed, Closing};
use root::Root;
use tree::Tree;

/// How long changes are collected, as in Node-RED's library: several of one file are one message.
const DELAY: Duration = Duration::from_millis(200);

/// How long the start waits until all folders are watched. Those of a larger tree follow while the flow runs.
const START: Duration = Duration::from_secs(5);

/// Node-RED's `watch`.
#[derive(Clone, Debug)]
pub struct Watch {
    files: Vec<String>,
    is_recursive: bool,
}

impl FromConfig for Watch {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        Watch {
            files: config.text("files").split(',').map(|name| name.trim().to_owned()).collect(),
            is_recursive: config.boolean("recursive", false),
        }
    }
}

#[async_trait]
impl Node for Watch {
    async fn start(&self, cx: &NodeContext) -> Result<(), NodeError> {
        warn_if_exposed(cx);
        let (ready, is_ready) = oneshot::channel();
        cx.spawn(self.clone().run(cx.clone(), ready));
        let _late = tokio::time::timeout(START, is_ready).await;
        Ok(())
    }
}

impl Watch {
    async fn run(self, cx: NodeContext, ready: oneshot::Sender<()>) {
        let topic = self.topic();
        let changed = Arc::new(Changed::default());
        // A thread that still looks for folders ends with this task.
        let _closing = Closing(Arc::clone(&changed));
        let (places, collecting) = (Places::of(&cx), Arc::clone(&changed));
        let opening = move || Watching::open(&self, places, collecting);
        let Some((mut watching, errors)) = aside(opening, &cx).await else { return };
        drop(ready);
        report(errors, &cx).await;
        loop {
            changed.arrive().await;
            tokio::time::sleep(DELAY).await;
            let batch = changed.take();
            let (loss, work) = (batch.loss(), move || watching.look(batch));
            let Some((returned, changes, errors)) = aside(work, &cx).await else { return };
            watching = returned;
            if let Some(loss) = loss {
                cx.warn(loss);
            }
            for change in changes {
                cx.send(0, change.message(&topic)).await;
            }
            report(errors, &cx).await;
        }
    }

    /// The name, or all names as JSON.
    fn topic(&self) -> Value {
        match self.files.as_slice() {
            [name] => name.as_str().into(),
            names => {
                let names = names.iter().map(|name| Value::from(name.as_str()));
                Value::from(names.collect::<Vec<_>>()).to_json().into()
            }
        }
    }
}

/// Runs what waits for the disk. `None` if it failed.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
    cx: &NodeContext,
) -> Option<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| cx.fail(NodeError::caused_by("files are no longer watched", error))).ok()
}

/// Tells catch nodes, with the message of Node-RED.
async fn report(errors: Vec<NodeError>, cx: &NodeContext) {
    for error in errors {
        cx.fail_with(error, Message::with_payload("")).await;
    }
}

/// What is watched. Its functions wait for the disk.
struct Watching {
    roots: Vec<Root>,
    is_recursive: bool,
    /// `None` if nothing is watched.
    tree: Option<Tree>,
    places: Places,
}

impl Watching {
    fn open(node: &Watch, places: Places, changed: Arc<Changed>) -> (Self, Vec<NodeError>) {
        let (mut roots, mut errors) = (Vec::<Root>::new(), Vec::new());
        for name in &node.files {
            match Root::find(name, &places) {
                Ok(root) if roots.contains(&root) => {}
                Ok(root) => roots.push(root),
                Err(error) => errors.push(error),
            }
        }
        let is_recursive = node.is_recursive;
        let mut watching = Watching { roots, is_recursive, tree: None, places };
        if watching.roots.is_empty() {
            return (watching, errors);
        }
        match Tree::new(changed) {
            Ok(tree) => watching.tree = Some(tree),
            Err(error) => errors.push(error),
        }
        for root in watching.roots.clone() {
            errors.extend(watching.watch(&root));
        }
        (watching, errors)
    }

    /// Watches a file or folder of the configuration. Returns what could not be watched.
    fn watch(&mut self, root: &Root) -> Option<NodeError> {
        let tree = self.tree.as_mut()?;
        if let Err(error) = tree.add(root.watched_folder()) {
            return Some(root.failure(error));
        }
        let is_deep = self.is_recursive && root.is_folder();
        is_deep.then(|| tree.add_below(root.watched_folder(), false)).flatten()
    }

    /// Looks at what changed: what messages say, and the errors for catch nodes.
    fn look(mut self, batch: Batch) -> (Self, Vec<change::Change>, Vec<NodeError>) {
        let mut changes = Changes::default();
        let mut errors = batch.errors();
        for (path, seen) in batch.paths {
            if seen.is_gone {
                errors.extend(self.forget(&path));
            }
            let names: Vec<_> = self
                .roots
                .iter()
                .filter_map(|root| root.name_of(&path, self.is_recursive))
                .collect();
            if !names.is_empty() && self.is_recursive {
                errors.extend(self.tree.as_mut().and_then(|tree| tree.add_if_new(&path)));
            }
            for name in names {
                changes.add(name, seen.is_repeated, &self.places);
            }
        }
        (self, changes.reported(), errors)
    }

    /// Forgets the watches of a folder that was removed or moved. Those of the configuration are watched again if
    /// there is one in their place already.
    fn forget(&mut self, path: &Path) -> Vec<NodeError> {
        if !self.tree.as_mut().is_some_and(|tree| tree.forget(path)) {
            return Vec::new();
        }
        let mut errors = Vec::new();
        let of_folder = |root: &&Root| root.watched_folder() == path;
        for root in self.roots.iter().filter(of_folder).cloned().collect::<Vec<_>>() {
            if path.is_dir() {
                errors.extend(self.watch(&root));
            } else {
                let text =
                    format!("`{}` is not watched any longer: its folder is gone", root.name());
                errors.push(NodeError::new(text));
            }
        }
        errors
    }
}
