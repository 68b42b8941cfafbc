//! `Reporter`: publishes events of the engine in the form that the editor reads.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use ferrowire_core::{Map, NodeInfo, Status, Value};
use ferrowire_engine::{Engine, Event, Problem, Severity};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use crate::Admin;
use crate::comms::encode::{Encoded, MAX_LENGTH, encode, encode_error};
use crate::comms::hub::Hub;
use crate::flows_state::{CurrentState, FlowsState};

/// Node-RED's levels of log lines.
const ERROR: u32 = 20;
const WARNING: u32 = 30;

/// Publishes events of the engine.
pub(crate) struct Reporter {
    engine: Engine,
    state: Arc<CurrentState>,
    hub: Arc<Hub>,
    /// Whether flows have been deployed before: the editor treats the first deploy as the start.
    is_deploy: bool,
}

impl Reporter {
    pub(crate) fn new(admin: &Admin, hub: Arc<Hub>) -> Self {
        let (engine, state) = (admin.engine().clone(), Arc::clone(&admin.state));
        Reporter { engine, state, hub, is_deploy: false }
    }

    /// Publishes all `events`, until the engine ends.
    pub(crate) async fn run(mut self, mut events: broadcast::Receiver<Event>) {
        loop {
            match events.recv().await {
                Ok(event) => self.report(event),
                Err(RecvError::Lagged(count)) => self.catch_up(count),
                Err(RecvError::Closed) => return,
            }
        }
    }

    fn report(&mut self, event: Event) {
        match event {
            Event::Status { node, status } => self.status(&node, &status),
            Event::Published { topic: "debug", data, .. } => self.debug(data),
            Event::Published { topic, data, .. } => self.hub.publish(topic, &data.to_json()),
            Event::Failed { node, value: Some(value), .. } => {
                self.log(ERROR, &node, encode(Some(&value), MAX_LENGTH));
            }
            Event::Failed { node, text, details, .. } => match details.get("stack") {
                Some(_) => self.log(ERROR, &node, encode_error(&text, &details)),
                None => self.log(ERROR, &node, shown(&text)),
            },
            Event::Logged { node, level, text, value } => {
                let level = match level {
                    ferrowire_core::Level::Error => ERROR,
                    ferrowire_core::Level::Warn => WARNING,
                    _ => return,
                };
                match value {
                    Some(value) => self.log(level, &node, encode(Some(&value), MAX_LENGTH)),
                    None => self.log(level, &node, shown(&text)),
                }
            }
            Event::Deployed { rev, running } => self.deployed(&rev, running),
            Event::Stopped => {
                self.is_deploy = false;
                self.hub.retain("notification/runtime-state", r#"{"state":"stop"}"#);
                self.hub.event_log("out", "the flows are stopped");
            }
            _ => {}
        }
    }

    fn status(&self, node: &NodeInfo, status: &Status) {
        let topic = format!("status/{}", node.id);
        if status.is_empty() {
            return self.hub.clear(&topic);
        }
        let shown: Map = [
            ("text", status.text.clone()),
            ("fill", status.fill.into()),
            ("shape", status.shape.into()),
        ]
        .into_iter()
        .filter(|(_, text)| !text.is_empty())
        .collect();
        self.hub.retain(&topic, &Value::from(shown).to_json());
    }

    /// Publishes the output of a debug node.
    fn debug(&self, data: Value) {
        if !self.hub.is_heard() {
            return;
        }
        let Some(entry) = data.as_object() else { return };
        let Encoded { format, msg } = encode(entry.get("msg"), MAX_LENGTH);
        let mut shown: Map = entry
            .iter()
            .filter(|(key, _)| !matches!(key.as_str(), "msg" | "_msgid"))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        shown.insert("msg", msg);
        shown.insert("format", format);
        self.hub.publish("debug", &Value::from(shown).to_json());
    }

    fn log(&self, level: u32, node: &NodeInfo, Encoded { format, msg }: Encoded) {
        if !self.hub.is_heard() {
            return;
        }
        let path = if node.path.is_empty() { "global" } else { &node.path };
        let mut entry: Map = [
            ("level", Value::from(level)),
            ("id", node.id.as_str().into()),
            ("type", node.node_type.as_str().into()),
            ("msg", msg),
        ]
        .into_iter()
        .collect();
        for (key, text) in [("z", &node.flow), ("name", &node.name), ("_alias", &node.alias)] {
            if !text.is_empty() {
                entry.insert(key, text.as_str());
            }
        }
        entry.insert("path", path);
        entry.insert("timestamp", milliseconds());
        entry.insert("format", format);
        self.hub.publish("debug", &Value::from(entry).to_json());
    }

    fn deployed(&mut self, rev: &str, running: bool) {
        let state = |state: &str| {
            let mut data = serde_json::json!({"state": state});
            if self.is_deploy {
                data["deploy"] = true.into();
            }
            data
        };
        let publish = |data: serde_json::Value| {
            self.hub.retain("notification/runtime-state", &data.to_string());
        };
        if self.is_deploy {
            publish(state("stop"));
        }
        match running {
            true => publish(state("start")),
            false => publish(not_running(&self.engine.problems(), self.state.get())),
        }
        let revision = Value::from(rev).to_json();
        self.hub.retain("notification/runtime-deploy", &format!(r#"{{"revision":{revision}}}"#));
        self.is_deploy = true;
        let problems = self.engine.problems();
        self.problems(&problems);
        for problem in problems.iter() {
            self.hub.event_log("err", &problem.to_string());
        }
        let now = if running { "run" } else { "are deployed, but do not run" };
        self.hub.event_log("out", &format!("the flows of revision {rev} {now}"));
    }

    /// Publishes the errors of nodes that were not built, in their name.
    fn problems(&self, problems: &[Problem]) {
        for problem in problems.iter().filter(|problem| problem.severity == Severity::Node) {
            let place = &problem.place;
            let node = NodeInfo {
                id: place.id.clone(),
                node_type: place.node_type.clone(),
                name: place.name.clone(),
                flow: place.flow.clone(),
                path: place.flow.clone(),
                ..NodeInfo::default()
            };
            let text = match problem.property.as_str() {
                "" => problem.text.clone(),
                property => format!("property `{property}`: {}", problem.text),
            };
            self.log(ERROR, &node, shown(&text));
        }
    }

    /// Publishes the current state, after events were lost.
    fn catch_up(&mut self, lost: u64) {
        let statuses = self.engine.statuses();
        for topic in self.hub.retained_below("status/") {
            let id = topic.strip_prefix("status/").unwrap_or_default();
            if !statuses.iter().any(|(node, _)| node.id == id) {
                self.hub.clear(&topic);
            }
        }
        for (node, status) in &statuses {
            self.status(node, status);
        }
        let rev = Value::from(&*self.engine.rev()).to_json();
        self.hub.retain("notification/runtime-deploy", &format!(r#"{{"revision":{rev}}}"#));
        let text = format!("{lost} events of the flows were lost: they came too fast to be shown");
        let Encoded { format, msg } = encode(Some(&text.into()), MAX_LENGTH);
        let notice = serde_json::json!({
            "level": WARNING, "msg": msg, "timestamp": milliseconds(), "format": format
        });
        self.hub.publish("debug", &notice.to_string());
    }
}

fn shown(text: &str) -> Encoded {
    encode(Some(&text.into()), MAX_LENGTH)
}

/// The reason why deployed flows do not run.
fn not_running(problems: &[Problem], state: FlowsState) -> serde_json::Value {
    let missing = problems.iter().filter(|problem| problem.severity == Severity::MissingType);
    let types: Vec<&str> = missing.map(|problem| problem.place.node_type.as_str()).collect();
    match (types.is_empty(), state) {
        (false, _) => serde_json::json!({
            "state": "stop",
            "error": "missing-types",
            "type": "warning",
            "text": "notification.warnings.missing-types",
            "types": types,
        }),
        (true, FlowsState::Safe) => serde_json::json!({
            "state": state.name(),
            "error": "safe-mode",
            "type": "warning",
            "text": "notification.warnings.safe-mode",
        }),
        (true, FlowsState::Started | FlowsState::Stopped) => serde_json::json!({"state": "stop"}),
    }
}

pub(crate) fn milliseconds() -> f64 {
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    time.as_millis() as f64
}
