//! `Hosted`: the handle to the nodes from npm.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use arc_swap::{ArcSwap, ArcSwapOption};
use ferrowire_core::{ContextStores, Map, MutexExt as _, NodeType, Registry, Value, async_trait};
use ferrowire_engine::{Companion, HostedFlows};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::jobs::{Call, CallError, Deployment, Orders, Work};
use crate::node::HostedNodes;
use crate::outbox::Outbox;
use crate::packages::Packages;
use crate::placement::{FUNCTION, HostedTypes, runs_in_node_js};
use crate::proxy::{Access, Proxy};
use crate::shared::{Options, Shared, Tell};
use crate::supervise::supervise;

/// The nodes from npm, and the child that runs them when flows have some.
pub struct Hosted {
    shared: Arc<Shared>,
    builder: &'static HostedNodes,
    orders: Arc<Orders>,
    calls: mpsc::Sender<Call>,
    _supervising: JoinSet<()>,
}

impl Hosted {
    /// Adds the types of `packages` to `registry`, and prepares a child for them. Starts nothing yet.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn new(
        packages: Packages,
        registry: &mut Registry,
        options: Options,
        stores: Arc<ContextStores>,
        tell: Tell,
    ) -> Self {
        let outbox = Arc::new(Outbox::new());
        let native = registry.iter().map(|node_type| node_type.name.to_owned()).collect();
        // The nodes of a type stay as long as the process.
        let builder: &'static HostedNodes = Box::leak(Box::new(HostedNodes(Arc::clone(&outbox))));
        let hosted = Arc::new(add(&packages, registry, builder));
        let shared = Arc::new(Shared {
            options,
            packages: ArcSwap::from_pointee(packages),
            hosted: ArcSwap::new(Arc::clone(&hosted)),
            native,
            stores,
            tell,
            outbox,
            nodes: Arc::new(ArcSwap::default()),
            held: watch::Sender::new(false),
            seq: AtomicU32::new(0),
            ready: ArcSwapOption::empty(),
            credentials: ArcSwap::default(),
            is_shown: AtomicBool::new(false),
            stop: CancellationToken::new(),
            stopped: CancellationToken::new(),
        });
        let (work, orders, calls) = Work::new(Deployment::none(hosted));
        let mut supervising = JoinSet::new();
        supervising.spawn({
            let shared = Arc::clone(&shared);
            async move { supervise(&shared, work).await }
        });
        Hosted { shared, builder, orders, calls, _supervising: supervising }
    }

    /// Calls Node-RED's runtime API in the child, which is started for it if need be. `name` is one of
    /// those in `CALLS` of `child.js`.
    ///
    /// # Errors
    /// If the runtime refuses the call, or there is no child.
    pub async fn call(&self, name: &'static str, args: Value) -> Result<Value, CallError> {
        let (answer, answered) = oneshot::channel();
        let gone = || CallError::NotRunning("it is stopped".into());
        self.calls.send(Call { name, args, answer }).await.map_err(|_| gone())?;
        answered.await.unwrap_or_else(|_| Err(CallError::NotRunning("it ended".into())))
    }

    /// Passes requests on to the routes of packages; `access` says what they may do.
    pub fn proxy(&self, access: Access) -> Proxy {
        Proxy::new(Arc::clone(&self.shared), access)
    }

    /// The properties of a type that are not stored in flow files, if a child has said them.
    pub fn credentials_of(&self, node_type: &str) -> Option<Value> {
        self.shared.credentials.load().get(node_type).cloned()
    }

    /// Has the child say them again, after packages were installed or removed.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub async fn learn_credentials(&self) -> Result<(), CallError> {
        let declared = self.call("credentials", Map::new().into()).await?;
        self.shared.credentials.store(Arc::new(declared));
        Ok(())
    }

    /// Replaces the child, so that it loads packages anew. Nodes are stopped first, messages to them wait, and
    /// calls that are made from now on wait for the next child.
    pub fn restart(&self) {
        self.orders.restart();
    }

    /// The child and its packages, for reports: `packages` with their versions, `isRunning`, `starts`, and if
    /// it runs, `nodeRed` and `nodeJs` (versions) and `memory` (bytes).
    pub fn describe(&self) -> Map {
        self.shared.describe()
    }

    /// Whether a child has loaded the packages.
    pub fn is_ready(&self) -> bool {
        self.shared.is_ready()
    }

    /// Whether any package has nodes, which may be disabled.
    pub fn has_packages(&self) -> bool {
        !self.shared.hosted.load().types.is_empty() || self.shared.packages.load().has_disabled
    }

    /// Replaces the types of packages in `registry` by those of `packages`, after packages were
    /// installed or removed.
    pub fn replace_types(&self, packages: Packages, registry: &mut Registry) {
        registry.retain(|node_type| !node_type.is_hosted());
        self.shared.hosted.store(Arc::new(add(&packages, registry, self.builder)));
        self.shared.packages.store(Arc::new(packages));
    }
}

/// Adds the types of `packages` to `registry`, to check flows without running them.
pub fn add_types(packages: &Packages, registry: &mut Registry) {
    let builder = Box::leak(Box::new(HostedNodes(Arc::new(Outbox::new()))));
    add(packages, registry, builder);
}

/// Adds the types, and returns them. A type of two packages is that of the first, as in Node-RED.
fn add(packages: &Packages, registry: &mut Registry, builder: &'static HostedNodes) -> HostedTypes {
    let mut added = HostedTypes::default();
    for set in &packages.sets {
        let folder = intern(&set.folder.to_string_lossy());
        let (package, version) = (intern(&set.package), intern(&set.version));
        for name in set.types.iter().map(|name| intern(name)) {
            let node_type = NodeType::hosted(name, folder, builder)
                .summary("from npm")
                .provided_by(package, version);
            if registry.add(node_type).is_ok() {
                added.types.insert(name);
            }
        }
    }
    if let (Some(core), Some(_)) = (&packages.core_nodes, registry.get(FUNCTION)) {
        let folder = intern(&core.to_string_lossy());
        let node_type = NodeType::hosted(FUNCTION, folder, builder)
            .summary("JavaScript in Node.js")
            .provided_by("node-red", "");
        registry.add_instead(node_type, runs_in_node_js);
        added.has_functions = true;
    }
    added
}

/// A text that stays as long as the process, as those of node types do. What packages are called is
/// kept once, however often they are looked for.
fn intern(text: &str) -> &'static str {
    static TEXTS: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut texts = TEXTS.locked();
    if let Some(known) = texts.get(text) {
        return known;
    }
    let text: &'static str = text.to_owned().leak();
    texts.insert(text);
    text
}

#[async_trait]
impl Companion for Hosted {
    fn hold(&self) {
        self.shared.held.send_replace(true);
        if self.shared.is_ready() {
            self.shared.outbox.hold();
        }
    }

    fn deploy(&self, flows: HostedFlows) {
        self.shared.nodes.store(flows.nodes);
        self.shared.held.send_replace(false);
        let seq = self.shared.seq.fetch_add(1, Ordering::Relaxed) + 1;
        let hosted = self.shared.hosted.load_full();
        let HostedFlows { file, deploy_type, .. } = flows;
        let deployment = Deployment { seq, file, deploy_type, hosted };
        if deployment.has_hosted() {
            self.shared.outbox.hold();
        }
        self.orders.deploy(deployment);
    }

    async fn stop(&self) {
        self.shared.stop.cancel();
        self.shared.stopped.cancelled().await;
    }
}

impl fmt::Debug for Hosted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hosted")
            .field("user_dir", &self.shared.options.user_dir)
            .finish_non_exhaustive()
    }
}
