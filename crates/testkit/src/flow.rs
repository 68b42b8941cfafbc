//! `Flow`: a whole flow without a server, with probes that show what arrives.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ferrowire_core::{
    FromConfig, Handled, Message, Node, NodeConfig, NodeContext, NodeType, Registry, Status,
    StopReason, Value,
};
use ferrowire_engine::{Engine, Environment, Event, FlowFile};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::record::{LIMIT, Record};

/// How long a test waits for what it expects.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running flow of the types that are linked into the test. Nodes of the type `probe` write
/// down what arrives at them. It must be [stopped](Self::stop), or the test fails.
pub struct Flow {
    engine: Engine,
    events: Receiver<Event>,
    /// Events that nobody asked for yet.
    pending: VecDeque<Event>,
    probes: Arc<Probes>,
    stopped: bool,
}

impl Flow {
    /// Starts the flow that `nodes` describe: an array, as a flow file holds it.
    ///
    /// # Panics
    /// When something is wrong with it.
    pub async fn start(nodes: serde_json::Value) -> Flow {
        Self::start_with(nodes, |_| None).await
    }

    /// Starts a flow that sees environment variables.
    ///
    /// # Panics
    /// When something is wrong with it.
    pub async fn start_with(
        nodes: serde_json::Value,
        env: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Flow {
        let file = FlowFile::parse(nodes.to_string().as_bytes())
            .unwrap_or_else(|error| panic!("the flow: {error}"));
        let mut registry = Registry::linked().unwrap_or_else(|error| panic!("{error}"));
        let probe = NodeType::shared::<Probe>("probe");
        registry.add(probe).unwrap_or_else(|error| panic!("{error}"));
        let probes = Arc::new(Probes::default());
        let engine = Engine::builder(registry)
            .environment(Environment::new(env))
            .provide(Arc::clone(&probes))
            .build();
        let events = engine.events();
        let deployed = engine.start(file).await.unwrap_or_else(|error| panic!("{error}"));
        let problems: Vec<_> = deployed.problems.iter().map(ToString::to_string).collect();
        assert!(problems.is_empty(), "the flow has problems: {problems:#?}");
        Flow { engine, events, pending: VecDeque::new(), probes, stopped: false }
    }

    /// Hands `msg` to the node `id` as if it came over a wire, and waits until it is accepted.
    ///
    /// # Panics
    /// When no such node runs, or that takes too long.
    pub async fn send(&self, id: &str, msg: Message) {
        let sending = self.engine.deliver(id, msg).unwrap_or_else(|error| panic!("{error}"));
        let accepted = tokio::time::timeout(PATIENCE, sending).await;
        assert!(accepted.is_ok(), "the node `{id}` did not accept a message within {PATIENCE:?}");
    }

    /// The next message that arrives at the probe `id`.
    ///
    /// # Panics
    /// When none does in time.
    pub async fn next_at(&self, id: &str) -> Message {
        self.probes.of(id).next(&format!("message to the probe `{id}`"), PATIENCE).await
    }

    /// The messages that arrived at the probe `id` and were not taken yet.
    pub fn arrived_at(&self, id: &str) -> Vec<Message> {
        self.probes.of(id).take()
    }

    /// Lets the paused clock go on by `time`, with everything that is due.
    pub async fn wait(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    /// The next failure of a node: its id and why.
    ///
    /// # Panics
    /// When there is none in time.
    pub async fn next_error(&mut self) -> (String, String) {
        self.next_event("error", |event| match event {
            Event::Failed { node, text, .. } => Some((node.id.clone(), text.to_string())),
            _ => None,
        })
        .await
    }

    /// The next status that the node `id` shows.
    ///
    /// # Panics
    /// When it shows none in time.
    pub async fn next_status(&mut self, id: &str) -> Status {
        self.next_event("status", |event| match event {
            Event::Status { node, status } if node.id == id => Some(status.clone()),
            _ => None,
        })
        .await
    }

    /// The next data that a node hands to a topic: the node's id, the topic, the data.
    ///
    /// # Panics
    /// When there is none in time.
    pub async fn next_published(&mut self) -> (String, &'static str, Value) {
        self.next_event("published data", |event| match event {
            Event::Published { node, topic, data } => Some((node.id.clone(), *topic, data.clone())),
            _ => None,
        })
        .await
    }

    /// The next event that `choose` wants; the others wait until they are asked for.
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
                assert!(at < LIMIT, "the flow gave {at} events and no {what}");
                match self.events.recv().await {
                    Ok(event) => self.pending.push_back(event),
                    Err(RecvError::Lagged(lost)) => panic!("the test missed {lost} events"),
                    Err(RecvError::Closed) => panic!("the flow ended without the {what}"),
                }
            }
        };
        match tokio::time::timeout(PATIENCE, next).await {
            Ok(chosen) => chosen,
            Err(_) => panic!("the flow gave no {what} within {PATIENCE:?}"),
        }
    }

    /// Stops all nodes.
    ///
    /// # Panics
    /// When that is interrupted.
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

/// What arrived at each probe, by its id.
#[derive(Debug, Default)]
struct Probes(Mutex<HashMap<String, Arc<Record<Message>>>>);

impl Probes {
    fn of(&self, id: &str) -> Arc<Record<Message>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(id.to_owned()).or_default())
    }
}

/// The node that writes down what arrives.
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
            None => Handled::Failed("a probe stands in a flow of the test kit only".into()),
        }
    }
}
