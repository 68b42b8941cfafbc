//! Flows in this process, whose child is given up and started again sooner than that of the program.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ferrowire_core::{ContextStores, Map, Message, Registry, StopReason};
use ferrowire_engine::{DeployType, Engine, Event, FlowFile};
use ferrowire_hosted::{Hosted, Options, Pace, Packages};
use serde_json::Value;
use tokio::sync::broadcast::Receiver;

use crate::installed::UserDir;
use crate::support::soon;

/// The flows, and what happens in them.
pub(crate) struct Flows {
    pub(crate) engine: Engine,
    events: Receiver<Event>,
    _folder: UserDir,
}

impl Flows {
    /// Runs `nodes` with the package `script`.
    pub(crate) async fn start(pace: Pace, nodes: &Value) -> Self {
        Self::start_in(UserDir::with(&["script"]), Path::new("node"), pace, nodes).await
    }

    pub(crate) async fn start_in(
        folder: UserDir,
        node_js: &Path,
        pace: Pace,
        nodes: &Value,
    ) -> Self {
        // Else the linker would leave the plugins out.
        assert!(!ferrowire_bundle::PLUGINS.is_empty());
        let mut registry = Registry::linked().unwrap();
        let stores = Arc::new(ContextStores::default());
        let options = Options {
            node_js: node_js.to_owned(),
            user_dir: folder.path().to_owned(),
            memory: None,
            settings: Map::new(),
            stop_limit: Duration::from_secs(10),
            pace,
        };
        let hosted = hosted(options, &mut registry, &stores);
        let engine = Engine::builder(registry).contexts(stores).companion(hosted).build();
        let events = engine.events();
        engine.start(parsed(nodes)).await.unwrap();
        Flows { engine, events, _folder: folder }
    }

    pub(crate) async fn deploy(&self, nodes: &Value) {
        self.engine.deploy(parsed(nodes), DeployType::Full).await.unwrap();
    }

    /// Sends a message to a node. Completes when it has accepted it.
    pub(crate) async fn send(&self, id: &str, payload: &str) {
        self.engine.deliver(id, Message::with_payload(payload)).unwrap().await;
    }

    /// The next status of a node whose text begins with `start`: the rest of the text.
    pub(crate) async fn status(&mut self, id: &str, start: &str) -> String {
        self.next(&format!("the status `{start}` of {id}"), |event| match event {
            Event::Status { node, status } if node.id == id => rest(status.text.as_ref(), start),
            _ => None,
        })
        .await
    }

    /// The next error of a node that contains `part`.
    pub(crate) async fn failure(&mut self, id: &str, part: &str) -> String {
        self.next(&format!("the error `{part}` of {id}"), |event| match event {
            Event::Failed { node, text, .. } if node.id == id && text.contains(part) => {
                Some(text.to_string())
            }
            _ => None,
        })
        .await
    }

    async fn next(&mut self, what: &str, find: impl Fn(&Event) -> Option<String>) -> String {
        let found = async {
            loop {
                if let Some(found) = find(&self.events.recv().await.unwrap()) {
                    return found;
                }
            }
        };
        soon(what, found).await
    }

    pub(crate) async fn stop(self) {
        soon("the end", self.engine.stop(StopReason::ShuttingDown)).await.unwrap();
    }
}

fn rest(text: &str, start: &str) -> Option<String> {
    text.strip_prefix(start).map(str::to_owned)
}

fn hosted(options: Options, registry: &mut Registry, stores: &Arc<ContextStores>) -> Arc<Hosted> {
    let is_native = |name: &str| registry.get(name).is_some();
    let packages = Packages::find(&options.user_dir, &options.node_js, &is_native);
    Arc::new(Hosted::new(packages, registry, options, Arc::clone(stores), Arc::new(drop)))
}

fn parsed(nodes: &Value) -> FlowFile {
    FlowFile::parse(nodes.to_string().as_bytes()).unwrap()
}
