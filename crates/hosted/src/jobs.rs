//! What a child is asked to do: deploys and calls.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use ferrowire_core::{Map, MutexExt as _, Value};
use ferrowire_engine::{DeployType, FlowFile};
use tokio::sync::{Notify, mpsc, oneshot};

use crate::codec::Unsendable;
use crate::placement::HostedTypes;
use crate::records::{Refused, to_child};

/// How many calls may wait.
const CALLS: usize = 256;

/// The work for a child.
pub(crate) struct Work {
    orders: Arc<Orders>,
    calls: mpsc::Receiver<Call>,
    /// The flows that are to run.
    pub(crate) latest: Deployment,
    /// Calls that wait for a child.
    pub(crate) waiting: Vec<Call>,
}

/// Something that a child is asked to do.
pub(crate) enum Job {
    Deploy(Deployment),
    /// Make room for another child.
    Restart,
    Call(Call),
}

/// Where work comes from.
#[derive(Default)]
pub(crate) struct Orders {
    /// The flows of deploys that no child has yet, as one deploy.
    next: Mutex<Option<Deployment>>,
    restart: AtomicBool,
    changed: Notify,
}

impl Orders {
    /// Orders a deploy. One that is still waiting is replaced, and all that it restarts is restarted.
    pub(crate) fn deploy(&self, mut deployment: Deployment) {
        let mut next = self.next.locked();
        if let Some(waiting) = next.take() {
            deployment.widen(waiting.deploy_type);
        }
        *next = Some(deployment);
        drop(next);
        self.changed.notify_one();
    }

    /// Orders another child. Calls that come later are for that one.
    pub(crate) fn restart(&self) {
        self.restart.store(true, Ordering::Relaxed);
        self.changed.notify_one();
    }
}

impl Work {
    /// No work yet, and both ends that it comes from.
    pub(crate) fn new(latest: Deployment) -> (Self, Arc<Orders>, mpsc::Sender<Call>) {
        let (sender, calls) = mpsc::channel(CALLS);
        let orders = Arc::new(Orders::default());
        let work = Work { orders: Arc::clone(&orders), calls, latest, waiting: Vec::new() };
        (work, orders, sender)
    }

    /// The next job; `None` if nobody can order any more. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Option<Job> {
        loop {
            if let Some(deployment) = self.orders.next.locked().take() {
                return Some(Job::Deploy(deployment));
            }
            if self.orders.restart.swap(false, Ordering::Relaxed) {
                return Some(Job::Restart);
            }
            tokio::select! {
                biased;
                () = self.orders.changed.notified() => {}
                call = self.calls.recv() => return call.map(Job::Call),
            }
        }
    }

    /// Takes a job for the next child.
    pub(crate) fn keep(&mut self, job: Job) {
        match job {
            Job::Deploy(deployment) => self.latest = deployment,
            // There is another one soon.
            Job::Restart => {}
            Job::Call(call) => self.waiting.push(call),
        }
    }
}

/// A call of Node-RED's runtime API.
pub(crate) struct Call {
    /// A name in `CALLS` of `child.js`.
    pub(crate) name: &'static str,
    pub(crate) args: Value,
    pub(crate) answer: oneshot::Sender<Result<Value, CallError>>,
}

/// Why a call has no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// Node-RED's runtime refused it.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// There is no child, or it ended meanwhile.
    #[error("Node.js does not run: {0}")]
    NotRunning(Arc<str>),
}

/// The flows of a deploy.
#[derive(Clone, Debug)]
pub(crate) struct Deployment {
    /// The number of the deploy.
    pub(crate) seq: u32,
    pub(crate) file: FlowFile,
    pub(crate) deploy_type: DeployType,
    /// The nodes that the child runs.
    pub(crate) hosted: Arc<HostedTypes>,
}

impl Deployment {
    /// No flows.
    pub(crate) fn none(hosted: Arc<HostedTypes>) -> Self {
        Deployment { seq: 0, file: FlowFile::default(), deploy_type: DeployType::Full, hosted }
    }

    /// Restarts at least what a deploy of `other` type would.
    fn widen(&mut self, other: DeployType) {
        let rank = |deploy_type| match deploy_type {
            DeployType::Nodes => 0,
            DeployType::Flows => 1,
            DeployType::Full | DeployType::Reload => 2,
        };
        if rank(other) > rank(self.deploy_type) {
            self.deploy_type = other;
        }
    }

    /// Whether any node needs a child.
    pub(crate) fn has_hosted(&self) -> bool {
        self.file.nodes().iter().any(|node| self.hosted.has(node))
    }

    /// The same flows for a child that runs none yet.
    pub(crate) fn whole(&self) -> Self {
        Deployment { deploy_type: DeployType::Full, ..self.clone() }
    }

    /// The record for the child.
    ///
    /// # Errors
    /// If the flows are too large for a frame.
    pub(crate) fn frame(&self) -> Result<Bytes, Unsendable> {
        let nodes = self.file.nodes().iter().map(|node| Value::Object(self.with_credentials(node)));
        let kind = match self.deploy_type {
            DeployType::Full | DeployType::Reload => "full",
            DeployType::Flows => "flows",
            DeployType::Nodes => "nodes",
        };
        let flows: Vec<Value> = nodes.collect();
        to_child(
            "deploy",
            [("seq", f64::from(self.seq).into()), ("kind", kind.into()), ("flows", flows.into())],
        )
    }

    /// The object with its credentials, if the child may see them: those of hosted nodes, and of tabs,
    /// groups and subflows, whose variables these nodes can read.
    fn with_credentials(&self, node: &Arc<Map>) -> Arc<Map> {
        let kind = text(node, "type");
        let is_structure = matches!(kind, "tab" | "group") || kind.starts_with("subflow");
        let credentials = self.file.credentials_of(text(node, "id"));
        let Some(credentials) = credentials.filter(|_| is_structure || self.hosted.has(node))
        else {
            return Arc::clone(node);
        };
        let mut node = Map::clone(node);
        node.insert("credentials", credentials.clone());
        Arc::new(node)
    }
}

fn text<'a>(node: &'a Map, key: &str) -> &'a str {
    node.get(key).and_then(Value::as_str).unwrap_or_default()
}
