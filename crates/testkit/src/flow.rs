//! `Flow`: a complete flow without a server, with probes that record messages.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ferrowire_core::{
    FromConfig, Handled, Message, MutexExt as _, Node, NodeConfig, NodeContext, NodeType, Registry,
    Setting, SettingValues, Status, StopReason, Value,
};
use ferrowire_engine::{Engine, Environment, Event, FlowFile};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::builder::set;
use crate::record::{LIMIT, Record};

/// How long a test waits for an expected event.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running flow of the node types that are linked into the test. Nodes of the type `probe` record
/// their messages. It must be [stopped](Self::stop), or the test fails.
pub struct Flow {
    engine: Engine,
    events: Receiver<Event>,
    /// Events that the test has not read yet.
    pending: VecDeque<Event>,
    probes: Arc<Probes>,
    stopped: bool,
}

impl Flow {
    /// Starts the flow in `nodes`: an array, as in a flow file.
    ///
    /// # Panics
    /// If the flow has problems.
    pub async fn start(nodes: serde_json::Value) -> Flow {
        Self::start_with(nodes, |_| None).await
    }

    /// Starts a flow with environment variables.
    ///
    /// # Panics
    /// If the flow has problems.
    pub async fn start_with(
        nodes: serde_json::Value,
        env: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Flow {
        Self::run(nodes, Environment::new(env), SettingValues::default()).await
    }

    /// A flow whose nodes have other settings than the declared defaults.
    pub fn of(nodes: serde_json::Value) -> FlowBuilder {
        FlowBuilder { nodes, settings: SettingValues::default() }
    }

    async fn run(nodes: serde_json::Value, env: Environment, settings: SettingValues) -> Flow {
        let file = FlowFile::parse(nodes.to_string().as_bytes())
            .unwrap_or_else(|error| panic!("the flow: {error}"));
        let mut registry = Registry::linked().unwrap_or_else(|error| panic!("{error}"));
        let probe = NodeType::shared::<Probe>("probe");
        registry.add(probe).unwrap_or_else(|error| panic!("{error}"));
        let probes = Arc::new(Probes::default());
        let engine = Engine::builder(registry)
            .environment(env)
            .settings(settings)
            .provide(Arc::clone(&probes))
            .build();
        let events = engine.events();
        let deployed = engine.start(file).await.unwrap_or_else(|error| panic!("{error}"));
        let problems: Vec<_> = deployed.problems.iter().map(ToString::to_string).collect();
        assert!(problems.is_empty(), "the flow has problems: {problems:#?}");
        Flow { engine, events, pending: VecDeque::new(), probes, stopped: false }
    }

    /// Delivers `msg` to the node `id` like a message from a wire, and waits until it is accepted.
    ///
    /// # Panics
    /// If no such node runs, or it takes too long.
    pub async fn send(&self, id: &str, msg: Message) {
        let sending = self.engine.deliver(id, msg).unwrap_or_else(|error| panic!("{error}"));
        let accepted = tokio::time::timeout(PATIENCE, sending).await;
        assert!(
            accepted.is_ok(),
            "expected the acceptance of a message by `{id}` within {PATIENCE:?}, found none"
        );
    }

    /// The next message at the probe `id`.
    ///
    /// # Panics
    /// If none arrives in time.
    pub async fn next_at(&self, id: &str) -> Message {
        let next = self.probes.of(id).next(PATIENCE).await;
        next.unwrap_or_else(|| {
            let found = self.probes.unread();
            panic!(
                "expected a message at the probe `{id}` within {PATIENCE:?}, found {}",
                if found.is_empty() { "none at any probe".to_owned() } else { found.join("; ") }
            )
        })
    }

    /// The messages at the probe `id` that were not read yet.
    pub fn arrived_at(&self, id: &str) -> Vec<Message> {
        self.probes.of(id).take()
    }

    /// Advances the paused clock by `time` and runs everything that becomes due.
    pub async fn wait(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    /// The next failure of a node: its id and the error.
    ///
    /// # Panics
    /// If there is none in time.
    pub async fn next_error(&mut self) -> (String, String) {
        self.next_event("an error", |event| match event {
            Event::Failed { node, text, .. } => Some((node.id.clone(), text.to_string())),
            _ => None,
        })
        .await
    }

    /// The next status of the node `id`.
    ///
    /// # Panics
    /// If there is none in time.
    pub async fn next_status(&mut self, id: &str) -> Status {
        self.next_event(&format!("a status of `{id}`"), |event| match event {
            Event::Status { node, status } if node.id == id => Some(status.clone()),
            _ => None,
        })
        .await
    }

    /// The next data that a node publishes: the node's id, the topic, the data.
    ///
    /// # Panics
    /// If there is none in time.
    pub async fn next_published(&mut self) -> (String, &'static str, Value) {
        self.next_event("published data", |event| match event {
            Event::Published { node, topic, data } => Some((node.id.clone(), *topic, data.clone())),
            _ => None,
        })
        .await
    }

    /// The next event that `choose` accepts; the others are kept.
    async fn next_event<T>(&mut self, what: &str, choose: impl Fn(&Event) -> Option<T>) -> T {
        let mut at = 0;
        let next = async {
            loop {
                if let Some(event) = self.pending.get(at) {
                    if let Some(chosen) = choose(event) {
                        self.pending.remove(at);
                        return chosen;
                    }
                    at += 1;
                    continue;
                }
                assert!(at < LIMIT, "expected {what}, found {at} other events");
                match self.events.recv().await {
                    Ok(event) => self.pending.push_back(event),
                    Err(RecvError::Lagged(lost)) => panic!("the test missed {lost} events"),
                    Err(RecvError::Closed) => panic!("expected {what}, found the end of the flow"),
                }
            }
        };
        if let Ok(chosen) = tokio::time::timeout(PATIENCE, next).await {
            return chosen;
        }
        let found: Vec<String> = self.pending.iter().filter_map(described).collect();
        let found = if found.is_empty() { "nothing".to_owned() } else { found.join("; ") };
        panic!("expected {what} within {PATIENCE:?}, found {found}")
    }

    /// Stops all nodes.
    ///
    /// # Panics
    /// If it is interrupted.
    pub async fn stop(mut self) {
        self.stopped = true;
        let stopped = self.engine.stop(StopReason::ShuttingDown).await;
        stopped.unwrap_or_else(|error| panic!("{error}"));
    }
}

impl Drop for Flow {
    fn drop(&mut self) {
        if !self.stopped && !std::thread::panicking() {
            panic!("the test ends without `stop().await`, so the nodes' `stop` was never run");
        }
    }
}

impl fmt::Debug for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flow").field("engine", &self.engine).finish_non_exhaustive()
    }
}

/// Configures a flow; [`start`](Self::start) runs it.
#[must_use = "call `start`"]
#[derive(Debug)]
pub struct FlowBuilder {
    nodes: serde_json::Value,
    settings: SettingValues,
}

impl FlowBuilder {
    /// Sets a setting of a node's crate, in the syntax of environment variables.
    ///
    /// # Panics
    /// If the value is invalid.
    pub fn setting<T>(mut self, setting: &Setting<T>, text: &str) -> Self {
        set(&mut self.settings, setting, text);
        self
    }

    /// Starts the flow.
    ///
    /// # Panics
    /// If the flow has problems.
    pub async fn start(self) -> Flow {
        Flow::run(self.nodes, Environment::new(|_| None), self.settings).await
    }
}

/// An event in words, if a test can read it.
fn described(event: &Event) -> Option<String> {
    match event {
        Event::Failed { node, text, .. } => Some(format!("the error `{text}` of `{}`", node.id)),
        Event::Status { node, status } => {
            Some(format!("the status `{}` of `{}`", status.text, node.id))
        }
        Event::Published { node, topic, .. } => {
            Some(format!("data of `{}` for `{topic}`", node.id))
        }
        _ => None,
    }
}

/// The messages at each probe, by its id.
#[derive(Debug, Default)]
struct Probes(Mutex<HashMap<String, Arc<Record<Message>>>>);

impl Probes {
    fn of(&self, id: &str) -> Arc<Record<Message>> {
        let mut all = self.0.locked();
        Arc::clone(all.entry(id.to_owned()).or_default())
    }

    /// Describes the messages that were not read.
    fn unread(&self) -> Vec<String> {
        let all = self.0.locked();
        let unread = all.iter().filter_map(|(id, probe)| {
            probe.unread(&format!("a message at the probe `{id}`"), Message::to_json)
        });
        unread.collect()
    }
}

/// The node that records its messages.
struct Probe;

impl FromConfig for Probe {
    fn from_config(_: &mut NodeConfig<'_>) -> Self {
        Probe
    }
}

impl Node for Probe {
    fn on_message_now(&self, msg: Message, cx: &NodeContext) -> Handled {
        match cx.resource::<Probes>() {
            Some(probes) => {
                probes.of(cx.id()).push(msg);
                Handled::Done
            }
            None => Handled::Failed("a probe must be in a flow of the test kit".into()),
        }
    }
}
