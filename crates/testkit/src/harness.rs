//! `Harness`: a running node with its inputs and outputs.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ferrowire_core::bus::{RunningNode, Services, Watchers, Wire};
use ferrowire_core::{
    BuiltNode, ConfigProblem, Level, Message, MutexExt as _, NodeContext, NodeError, NodeInfo,
    NodeType, Status, StopReason, User, Value,
};

use crate::builder::{HarnessBuilder, linked};
use crate::record::{Collector, Record, World};

/// The time limit for a stop.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// A running node. It must be [stopped](Self::stop), or the test fails.
pub struct Harness {
    pub(crate) node: Arc<RunningNode>,
    world: Arc<World>,
    outputs: Vec<Collector>,
    others: HashMap<String, Collector>,
    completed: Collector,
    caught: Collector,
    patience: Duration,
    stopped: bool,
}

impl Harness {
    /// A node of the type `name` of a linked crate.
    ///
    /// # Panics
    /// If no linked crate provides it.
    pub fn of(name: &str) -> HarnessBuilder {
        HarnessBuilder::new(linked(name))
    }

    /// A node of a type that need not be registered.
    pub fn with(node_type: NodeType) -> HarnessBuilder {
        HarnessBuilder::new(node_type)
    }

    pub(crate) async fn start(builder: HarnessBuilder) -> Harness {
        let (info, built, problems) = builder.build();
        assert!(
            problems.is_empty(),
            "expected a configuration without problems, found {}",
            problems.iter().map(described).collect::<Vec<_>>().join("; ")
        );
        let HarnessBuilder { provided, endpoint, outputs, linked, watched, patience, .. } = builder;
        let world = Arc::new(World::new(provided));
        let services: Arc<dyn Services> = Arc::clone(&world) as _;
        let node = RunningNode::new(info, built, Arc::clone(&services));
        let outputs: Vec<Collector> = (0..outputs).map(|_| Collector::default()).collect();
        let wire = |output: &Collector| {
            let built = BuiltNode::Shared(Box::new(output.clone()));
            vec![Wire::direct(RunningNode::new(NodeInfo::default(), built, Arc::clone(&services)))]
        };
        node.set_wires(outputs.iter().map(wire).collect());
        if let Some(endpoint) = endpoint {
            node.set_endpoint(&endpoint);
        }
        let mut others = HashMap::new();
        for id in linked {
            let (info, other) = (NodeInfo { id, ..NodeInfo::default() }, Collector::default());
            let built = BuiltNode::Shared(Box::new(other.clone()));
            let running = RunningNode::new(info.clone(), built, Arc::clone(&services));
            // Messages without a wire wait until their node has started.
            running.start().await;
            world.running.locked().insert(info.id.clone(), running);
            others.insert(info.id, other);
        }
        let (completed, caught) = (Collector::default(), Collector::default());
        if watched {
            let watcher = |collector: &Collector| {
                let built = BuiltNode::Shared(Box::new(collector.clone()));
                RunningNode::new(NodeInfo::default(), built, Arc::clone(&services))
            };
            let (catch, complete) = (watcher(&caught), watcher(&completed));
            node.set_watchers(Watchers {
                errors: vec![catch.aside()],
                completions: vec![complete.aside()],
                statuses: Vec::new(),
            });
            catch.start().await;
            complete.start().await;
        }
        let harness =
            Harness { node, world, outputs, others, completed, caught, patience, stopped: false };
        harness.within("the end of `start`", harness.node.start()).await;
        harness
    }

    async fn within<T>(&self, what: &str, work: impl Future<Output = T>) -> T {
        let outcome = tokio::time::timeout(self.patience, work).await;
        outcome.unwrap_or_else(|_| self.missed(what))
    }

    async fn next<T>(&self, what: &str, record: &Record<T>) -> T {
        record.next(self.patience).await.unwrap_or_else(|| self.missed(what))
    }

    /// Fails the test, with what the node did instead of `what`.
    fn missed(&self, what: &str) -> ! {
        let mut found: Vec<String> = self.world.unread().collect();
        let shown = |msg: &Message| msg.to_json();
        let outputs = self.outputs.iter().enumerate().filter_map(|(port, output)| {
            output.0.unread(&format!("a message through output {port}"), shown)
        });
        found.extend(outputs);
        let others = self.others.iter();
        found.extend(
            others.filter_map(|(id, it)| it.0.unread(&format!("a message for `{id}`"), shown)),
        );
        found.extend(self.completed.0.unread("the completed message", shown));
        found.extend(self.caught.0.unread("the failed message", shown));
        let found = if found.is_empty() { "nothing".to_owned() } else { found.join("; ") };
        panic!("expected {what} within {:?}, found {found}", self.patience)
    }

    /// The node's context, to act as the runtime.
    pub fn context(&self) -> &NodeContext {
        self.node.context()
    }

    /// Sets the nodes that use this configuration node.
    pub fn set_users(&self, users: Vec<User>) {
        self.node.set_named_users(users);
    }

    /// Sends a request to this configuration node, as its user `from` does with
    /// [`NodeContext::ask`](ferrowire_core::NodeContext::ask).
    ///
    /// # Errors
    /// The node's error.
    pub async fn ask(&self, from: &str, request: impl Into<Value>) -> Result<Value, NodeError> {
        self.within("an answer to a request", self.node.answer(from, request.into())).await
    }

    /// Enables or disables the node, like the button of a debug node. Returns whether it supports
    /// that.
    pub fn set_active(&self, active: bool) -> bool {
        self.node.set_active(active)
    }

    /// Delivers `msg` to the node and waits until it is accepted.
    ///
    /// # Panics
    /// If it takes too long.
    pub async fn send(&mut self, msg: Message) {
        self.within("the acceptance of a message", self.node.deliver(msg)).await;
    }

    /// The next message on output `port`.
    ///
    /// # Panics
    /// If there is none in time.
    pub async fn next_output(&mut self, port: usize) -> Message {
        self.next(&format!("a message through output {port}"), &self.output(port).0).await
    }

    /// The next message to the [linked](HarnessBuilder::linked) node `id`.
    ///
    /// # Panics
    /// If there is none in time, or no such node.
    pub async fn next_delivered(&mut self, id: &str) -> Message {
        let other = self.others.get(id);
        let other = other.unwrap_or_else(|| {
            let known: Vec<_> = self.others.keys().collect();
            panic!("expected a node that was added with `linked`, found `{id}`; added: {known:?}")
        });
        self.next(&format!("a message for `{id}`"), &other.0).await
    }

    /// The next message that the [watched](HarnessBuilder::watched) node completes, with
    /// `msg.complete`.
    ///
    /// # Panics
    /// If it completes none in time.
    pub async fn next_completed(&mut self) -> Message {
        self.next("a completed message", &self.completed.0).await
    }

    /// The completed messages that were not read yet.
    pub fn completed(&mut self) -> Vec<Message> {
        self.completed.0.take()
    }

    /// The next message that the [watched](HarnessBuilder::watched) node fails, with `msg.error`.
    ///
    /// # Panics
    /// If it fails none in time.
    pub async fn next_caught(&mut self) -> Message {
        self.next("a failed message", &self.caught.0).await
    }

    /// The messages on output `port` that were not read yet.
    pub fn outputs(&mut self, port: usize) -> Vec<Message> {
        self.output(port).0.take()
    }

    fn output(&self, port: usize) -> &Collector {
        let count = self.outputs.len();
        self.outputs.get(port).unwrap_or_else(|| {
            panic!("expected an output below {count}, found {port}; `outputs` records more of them")
        })
    }

    /// Advances the paused clock by `time` and runs everything that becomes due.
    pub async fn wait(&mut self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    /// The next status that the node shows.
    ///
    /// # Panics
    /// If there is none in time.
    pub async fn next_status(&mut self) -> Status {
        self.next("a status", &self.world.statuses).await
    }

    /// The statuses that were not read yet.
    pub fn statuses(&mut self) -> Vec<Status> {
        self.world.statuses.take()
    }

    /// The log lines that were not read yet.
    pub fn logs(&mut self) -> Vec<(Level, String)> {
        self.world.logs.take()
    }

    /// What the debug sidebar shows for log lines and errors that are not only texts, and that were
    /// not read yet.
    pub fn logged_values(&mut self) -> Vec<Value> {
        self.world.logged_values.take()
    }

    /// The next failure: of a message, of `start`, or of a task.
    ///
    /// # Panics
    /// If there is none in time.
    pub async fn next_error(&mut self) -> String {
        self.next("an error", &self.world.errors).await
    }

    /// The failures that were not read yet, each with its causes in one line.
    pub fn errors(&mut self) -> Vec<String> {
        self.world.errors.take()
    }

    /// The next data that the node publishes.
    ///
    /// # Panics
    /// If there is none in time.
    pub async fn next_published(&mut self) -> (&'static str, Value) {
        self.next("published data", &self.world.published).await
    }

    /// The published data that was not read yet, with its topics.
    pub fn published(&mut self) -> Vec<(&'static str, Value)> {
        self.world.published.take()
    }

    /// Stops the node as if a deploy removed it, and returns the unread records.
    ///
    /// # Panics
    /// If the node does not stop in time.
    pub async fn stop(self) -> Stopped {
        self.stop_because(StopReason::Removed).await
    }

    /// Has the node let its clients go, spread over `window`, and waits until none is left.
    pub async fn drain(&self, window: Duration) {
        self.node.drain(window).await;
    }

    /// Stops the node for `reason`.
    ///
    /// # Panics
    /// If the node does not stop in time.
    pub async fn stop_because(mut self, reason: StopReason) -> Stopped {
        self.stopped = true;
        let start = tokio::time::Instant::now();
        self.node.stop(reason, STOP_LIMIT).await;
        // Breaks the reference cycle between the nodes and the world.
        self.world.running.locked().clear();
        assert!(
            start.elapsed() < STOP_LIMIT,
            "expected the end of `stop` within {STOP_LIMIT:?}; it was cut off"
        );
        Stopped {
            node: Arc::clone(&self.node),
            statuses: self.statuses(),
            logs: self.logs(),
            errors: self.errors(),
            outputs: self.outputs.iter().map(|o| o.0.take()).collect(),
            published: self.published(),
        }
    }
}

/// A problem of a configuration: the property and what is wrong with it.
fn described(problem: &ConfigProblem) -> String {
    format!("`{}`: {}", problem.property, problem.text)
}

impl Drop for Harness {
    fn drop(&mut self) {
        if !self.stopped && !std::thread::panicking() {
            panic!("the test ends without `stop().await`, so the node's `stop` was never run");
        }
    }
}

impl fmt::Debug for Harness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Harness").field("node", &self.node).finish_non_exhaustive()
    }
}

/// The records of a stopped node that were not read.
#[derive(Debug)]
#[non_exhaustive]
pub struct Stopped {
    pub(crate) node: Arc<RunningNode>,
    /// The statuses.
    pub statuses: Vec<Status>,
    /// The log lines.
    pub logs: Vec<(Level, String)>,
    /// The failures.
    pub errors: Vec<String>,
    /// The messages, by output port.
    pub outputs: Vec<Vec<Message>>,
    /// The published data with its topics.
    pub published: Vec<(&'static str, Value)>,
}
