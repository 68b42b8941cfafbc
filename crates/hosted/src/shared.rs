//! What the handle, the supervisor and a session share.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use ferrowire_core::javascript::MODULES;
use ferrowire_core::{ContextStores, Map, Status, Value};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::child::TARGET;
use crate::deliveries::{Nodes, Target};
use crate::metrics;
use crate::outbox::Outbox;
use crate::packages::{NodeSet, Packages};
use crate::placement::HostedTypes;

/// How the child is started.
#[derive(Clone, Debug)]
pub struct Options {
    /// The program of Node.js.
    pub node_js: PathBuf,
    /// Node-RED's user directory, which has the packages.
    pub user_dir: PathBuf,
    /// The settings of Node-RED that the program decides: `httpAdminRoot`, `httpNodeRoot`, `uiHost`,
    /// `uiPort`, and `https` as a boolean.
    pub settings: Map,
    /// How much memory its JavaScript may take, in MiB; if `None`, what Node.js allows.
    pub memory: Option<usize>,
    /// How long the child may take to end, with all its nodes.
    pub stop_limit: Duration,
    /// When a child is given up, and how soon it is started again.
    pub pace: Pace,
}

/// When a child is given up, and how soon it is started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// How often it is asked whether it is blocked. It is killed when it has not answered three times.
    pub ping: Duration,
    /// The pause before it is started again. Doubled after each early end, up to a minute.
    pub pause: Duration,
    /// One that lives shorter has ended early. After five of these in a row there is no other one until
    /// the next deploy.
    pub early: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Pace {
            ping: Duration::from_secs(5),
            pause: Duration::from_secs(1),
            early: Duration::from_secs(30),
        }
    }
}

/// What the child tells editors.
#[derive(Clone, Debug)]
pub enum Told {
    /// Data of a node for a topic.
    Comms {
        /// The topic.
        topic: String,
        /// Any JSON.
        data: Value,
        /// Whether later editors get it as well.
        retain: bool,
    },
    /// Node sets were added, removed, enabled or disabled.
    Event {
        /// Such as `node/added`.
        id: String,
        /// The node sets.
        payload: Value,
    },
}

/// Gets what the child tells editors.
pub type Tell = Arc<dyn Fn(Told) + Send + Sync>;

/// A child that has loaded all packages.
#[derive(Debug)]
pub(crate) struct Ready {
    /// The versions of Node-RED's runtime and of Node.js.
    version: String,
    node: String,
    /// The socket at which it serves HTTP.
    pub(crate) http: PathBuf,
}

pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) packages: ArcSwap<Packages>,
    /// The nodes that the child runs.
    pub(crate) hosted: ArcSwap<HostedTypes>,
    /// The types that it has stubs for.
    pub(crate) native: Vec<String>,
    pub(crate) stores: Arc<ContextStores>,
    pub(crate) tell: Tell,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) nodes: Arc<ArcSwap<Nodes>>,
    /// True while a deploy replaces native nodes.
    pub(crate) held: watch::Sender<bool>,
    /// The number of the latest deploy.
    pub(crate) seq: AtomicU32,
    pub(crate) ready: ArcSwapOption<Ready>,
    /// The properties of types that are not stored in flow files, as the last child declared them.
    pub(crate) credentials: ArcSwap<Value>,
    /// Whether the hosted nodes show that there is no child.
    pub(crate) is_shown: AtomicBool,
    /// Cancelled when the child is to stop for good.
    pub(crate) stop: CancellationToken,
    /// Cancelled when it has stopped.
    pub(crate) stopped: CancellationToken,
}

impl Shared {
    pub(crate) fn target(&self) -> Target {
        Target {
            nodes: Arc::clone(&self.nodes),
            held: self.held.subscribe(),
            outbox: Arc::clone(&self.outbox),
        }
    }

    /// What the child needs to start Node-RED's runtime.
    pub(crate) fn init(&self, folder: &Path, http: &Path) -> [(&'static str, Value); 12] {
        let path = |path: &Path| Value::from(path.to_string_lossy().as_ref());
        let list = |list: &[String]| {
            Value::from(list.iter().map(|it| it.as_str().into()).collect::<Vec<Value>>())
        };
        let packages = self.packages.load();
        let stores: Vec<String> = self.stores.names().map(str::to_owned).collect();
        let found = |place: &Option<PathBuf>| place.as_deref().map_or(Value::Null, path);
        [
            ("folder", path(folder)),
            ("http", path(http)),
            ("questions", path(&folder.join("questions"))),
            ("answers", path(&folder.join("answers"))),
            ("userDir", path(&self.options.user_dir)),
            ("runtime", found(&packages.runtime)),
            ("coreNodes", found(&packages.core_nodes)),
            ("excludes", list(&packages.excluded)),
            ("types", list(&self.native)),
            ("modules", MODULES.into_iter().map(Value::from).collect::<Vec<_>>().into()),
            ("stores", list(&stores)),
            ("settings", self.options.settings.clone().into()),
        ]
    }

    /// The packages. Without Node-RED's runtime they are looked for again: it may have been installed
    /// meanwhile.
    pub(crate) fn usable_packages(&self) -> Arc<Packages> {
        let known = self.packages.load_full();
        if known.has_runtime() {
            return known;
        }
        let is_native = |name: &str| self.native.iter().any(|native| native == name);
        let Options { user_dir, node_js, .. } = &self.options;
        self.packages.store(Arc::new(Packages::find(user_dir, node_js, &is_native)));
        self.packages.load_full()
    }

    /// Whether a child has loaded the packages.
    pub(crate) fn is_ready(&self) -> bool {
        self.ready.load().is_some()
    }

    /// The child and its packages, for reports.
    pub(crate) fn describe(&self) -> Map {
        let packages = self.packages.load();
        let version = |set: &NodeSet| (set.package.clone(), Value::from(set.version.as_str()));
        let mut report = Map::from_iter([
            ("packages", Value::from(packages.sets.iter().map(version).collect::<Map>())),
            ("starts", (metrics::STARTS.get() as f64).into()),
            ("isRunning", self.is_ready().into()),
        ]);
        if let Some(ready) = self.ready.load().as_ref() {
            report.insert("nodeRed", ready.version.as_str());
            report.insert("nodeJs", ready.node.as_str());
            report.insert("memory", metrics::MEMORY.get() as f64);
        }
        report
    }

    /// The socket at which the child serves HTTP, if it runs.
    pub(crate) fn http(&self) -> Option<PathBuf> {
        self.ready.load().as_ref().map(|ready| ready.http.clone())
    }

    /// The packages are loaded.
    pub(crate) fn set_ready(&self, mut said: Map, http: PathBuf) {
        let text = |key| said.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (version, node) = (text("version"), text("node"));
        tracing::info!(target: TARGET, "Node.js runs the nodes from npm, with Node-RED's runtime {version}");
        for set in said.get("sets").and_then(Value::as_array).unwrap_or_default() {
            if let Some(error) = set.get("err").and_then(Value::as_str) {
                let id = set.get("id").and_then(Value::as_str).unwrap_or_default();
                tracing::warn!(target: TARGET, "the nodes `{id}` cannot be loaded: {error}");
            }
        }
        self.credentials.store(Arc::new(said.remove("credentials").unwrap_or_default()));
        self.ready.store(Some(Arc::new(Ready { version, node, http })));
        metrics::RUNNING.set(1);
    }

    /// There is no child any more.
    pub(crate) fn set_gone(&self) {
        self.ready.store(None);
        metrics::MEMORY.set(0);
        metrics::RUNNING.set(0);
        let lost = self.outbox.child_ended();
        metrics::LOST_TO.add(lost as u64);
        if lost > 0 {
            tracing::warn!(target: TARGET, "{lost} messages to nodes from npm were lost with Node.js");
        }
    }

    /// A deploy has ended in the child.
    pub(crate) fn deployed(&self, seq: u32, error: Option<&str>) {
        // Messages wait for the latest one.
        if seq != self.seq.load(Ordering::Relaxed) {
            return;
        }
        match error {
            None => self.outbox.open(),
            Some(error) => self.refuse(&format!("the flows do not run in Node.js: {error}")),
        }
    }

    /// Refuses messages to hosted nodes, and shows that.
    pub(crate) fn refuse(&self, why: &str) {
        let dropped = self.outbox.refuse(why);
        metrics::LOST_TO.add(dropped as u64);
        tracing::error!(target: TARGET, "nodes from npm do not run: {why}; {dropped} messages were dropped");
        self.show(&Status::new("red", "ring", why));
    }

    /// Shows a status at all hosted nodes, until there is a child.
    pub(crate) fn show(&self, status: &Status) {
        self.is_shown.store(true, Ordering::Relaxed);
        self.show_at_all(status);
    }

    /// Clears the statuses of [`show`](Self::show): the child is about to run the nodes.
    pub(crate) fn clear(&self) {
        if self.is_shown.swap(false, Ordering::Relaxed) {
            self.show_at_all(&Status::default());
        }
    }

    fn show_at_all(&self, status: &Status) {
        let hosted = self.hosted.load();
        for node in self.nodes.load().values() {
            if hosted.types.contains(node.info().node_type.as_str()) {
                node.context().status(status.clone());
            }
        }
    }
}
