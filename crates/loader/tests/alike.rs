//! Whatever a node asks of its runtime, it gets the same answer whether it is linked or loaded.

#![expect(clippy::unwrap_used, reason = "a failed expectation fails the test")]

#[path = "fixture/src/asks.rs"]
mod asks;
mod support;

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ferrowire_core::bus::{RunningNode, Services, Watchers, Wire};
use ferrowire_core::{
    BuiltNode, ContextStore, ContextStores, Handled, Level, MemoryStore, Message, Node, NodeConfig,
    NodeContext, NodeError, NodeInfo, NodeType, Status, StopReason, User, Value, async_trait,
};
use ferrowire_testkit::{json, message};
use tokio::sync::mpsc;

/// The runtime around the node; it writes down what reaches it.
struct World {
    contexts: ContextStores,
    others: Mutex<HashMap<String, Arc<RunningNode>>>,
    seen: mpsc::Sender<String>,
}

impl Services for World {
    fn status(&self, node: &Arc<NodeInfo>, status: Status) {
        self.see(format!("{} shows {status:?}", node.id));
    }
    fn log(&self, node: &NodeInfo, level: Level, text: std::fmt::Arguments<'_>) {
        self.see(format!("{} logs {level:?} {text}", node.id));
    }
    fn log_value(
        &self,
        node: &NodeInfo,
        level: Level,
        value: Value,
        text: std::fmt::Arguments<'_>,
    ) {
        self.see(format!("{} logs {level:?} {value:?} as {text}", node.id));
    }
    fn publish(&self, node: &Arc<NodeInfo>, topic: &'static str, data: Value) {
        self.see(format!("{} publishes {topic} {data:?}", node.id));
    }
    fn env(&self, _: &NodeInfo, name: &str) -> Option<Value> {
        (name == "ANSWER").then(|| 42.into())
    }
    fn resource(&self, _: TypeId) -> Option<Arc<dyn Any + Send + Sync>> {
        None
    }
    fn failed(&self, node: &Arc<NodeInfo>, error: &NodeError, caught: bool) {
        let details = error.details();
        self.see(format!("{} failed: {} {details:?} {caught}", node.id, error.chain()));
    }
    fn addressed(&self, id: &str) -> Option<Arc<RunningNode>> {
        self.others.lock().unwrap().get(id).cloned()
    }
    fn find_linked(&self, node: &NodeInfo, name: &str) -> Result<String, NodeError> {
        match name {
            "other" => Ok(format!("found from {}", node.id)),
            _ => Err(NodeError::new(format!("there is no `{name}`"))),
        }
    }
    fn contexts(&self) -> &ContextStores {
        &self.contexts
    }
    fn parent_flow(&self, flow: &str) -> Option<String> {
        (flow == "instance").then(|| "tab".to_owned())
    }
}

impl World {
    fn see(&self, what: String) {
        self.seen.try_send(what).unwrap();
    }
}

/// Writes down what arrives at it.
struct Sink(&'static str, mpsc::Sender<String>);

#[async_trait]
impl Node for Sink {
    fn on_message_now(&self, mut msg: Message, _: &NodeContext) -> Handled {
        if msg.id().is_some_and(|id| !id.ends_with("id")) {
            // Made up by the runtime, for what has none.
            msg.set("_msgid", "random");
        }
        self.1.try_send(format!("{} got {}", self.0, msg.to_json())).unwrap();
        Handled::Done
    }

    async fn on_request(
        &self,
        from: &str,
        request: Value,
        _: &NodeContext,
    ) -> Result<Value, NodeError> {
        match request.as_str() {
            Some("fail") => Err(NodeError::new("no answer").with("code", "E7")),
            _ => Ok(Value::from(vec![from.into(), request])),
        }
    }
}

/// A node of the type in a world of its own.
struct Setting {
    node: Arc<RunningNode>,
    seen: mpsc::Receiver<String>,
    world: Arc<World>,
    /// Nodes know each other weakly.
    _peers: [Arc<RunningNode>; 2],
}

impl Setting {
    async fn new(node_type: NodeType, info: NodeInfo, watched: bool) -> Self {
        let (sender, seen) = mpsc::channel(1024);
        let contexts = ContextStores::default()
            .with("second", Arc::new(MemoryStore::default()) as Arc<dyn ContextStore>);
        let others = Mutex::default();
        let world = Arc::new(World { contexts, others, seen: sender.clone() });
        let services = Arc::clone(&world) as Arc<dyn Services>;
        let sink = |name: &'static str| {
            let sink = BuiltNode::Shared(Box::new(Sink(name, sender.clone())));
            let info = NodeInfo { id: name.to_owned(), ..NodeInfo::default() };
            RunningNode::new(info, sink, Arc::clone(&services))
        };
        let sinks = ["other", "next", "catch", "complete", "status", "hub", "member"].map(sink);
        for sink in &sinks {
            sink.start().await;
        }
        let [other, next, catch, complete, status, hub, member] = sinks;
        world.others.lock().unwrap().insert("other".to_owned(), other);
        let find = |_: &str| None;
        let mut config = NodeConfig::new(info.clone(), Message::new().into(), &find);
        let node = node_type.build(&mut config);
        let node = RunningNode::new(info, node, Arc::clone(&services));
        node.set_wires(vec![vec![Wire::direct(next)], vec![]]);
        node.set_endpoint("an endpoint");
        let user = User::named(NodeInfo { id: "member".to_owned(), ..NodeInfo::default() });
        node.set_users(vec![(user, Arc::clone(&member))]);
        node.set_config_nodes(&[Arc::clone(&hub)]);
        if watched {
            node.set_watchers(Watchers {
                errors: vec![catch.aside()],
                completions: vec![complete.aside()],
                statuses: vec![status.aside()],
            });
        }
        node.start().await;
        Setting { node, seen, world, _peers: [hub, member] }
    }

    /// All that happens after a question, and no more.
    async fn ask(&mut self, question: &str) -> Vec<String> {
        let msg = message(json!({"_msgid": "id", "topic": [1, {"a": null}], "payload": question}));
        self.node.deliver(msg).await;
        self.happened().await
    }

    async fn happened(&mut self) -> Vec<String> {
        // What goes beside the wires is handled by other tasks of this thread.
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
        let mut seen = Vec::new();
        while let Ok(what) = self.seen.try_recv() {
            seen.push(what);
        }
        seen
    }

    async fn stop(self) {
        self.node.stop(StopReason::Removed, Duration::from_secs(10)).await;
        self.world.others.lock().unwrap().clear();
    }
}

fn info(flow: &str) -> NodeInfo {
    NodeInfo {
        id: "asker".into(),
        node_type: "fixture-ask".into(),
        name: "A. S. Ker".into(),
        flow: flow.into(),
        alias: if flow == "instance" { "alias".into() } else { String::new() },
        path: if flow.is_empty() { String::new() } else { format!("tab/{flow}") },
    }
}

/// A question, and a part of what has to happen then: so that the two sides do not agree in
/// being wrong.
const QUESTIONS: &[(&str, &str)] = &[
    ("info", r#"(\"asker\", \"A. S. Ker\", \"instance\", \"alias\", \"tab/instance\")"#),
    ("wired", "[true, false, false]"),
    ("env", "(Some(Number(42.0)), None)"),
    ("endpoint", r#"(Some(\"an endpoint\"), 1)"#),
    ("send-to hub", "hub got {\"payload\":\"sent\",\"_msgid\":\"another id\"}"),
    ("send-to hub", "Ok(Sending { done: true })"),
    ("send-to member", "member got"),
    ("send-to other", "Err(\\\"the node `other` neither uses this one nor is used by it\\\")"),
    ("status-of member", "member shows"),
    ("status-of member", "Ok(())"),
    ("status-of hub", "Err(\\\"the node `hub` does not use this one\\\")"),
    ("ask hub hello", "Ok(Array([String(\\\"asker\\\"), String(\\\"hello\\\")]))"),
    ("ask hub fail", "no answer"),
    ("ask hub fail", "E7"),
    ("ask member hello", "the node `member` does not run, or is not used by this one"),
    ("resource", "None"),
    ("workers", "[true, true, true]"),
    ("find other", r#"Ok(\"found from asker\")"#),
    ("find nobody", r#"Err(\"there is no `nobody`\")"#),
    ("deliver other", "Ok(Sending { done: true })"),
    ("deliver nobody", r#"Err(\"there is no node `nobody`\")"#),
    ("deliver", "other got {\"_msgid\":\"id\","),
    ("node - get a", "Ok(None)"),
    ("node - set a 1", "Ok(())"),
    ("node - get a", "Ok(Some(Number(1.0)))"),
    ("node - set list.x[1]['a.name'] text", "Ok(())"),
    ("node - get list.x[1]['a.name']", "text"),
    ("node - get list.x.length", "Ok(Some(Number(2.0)))"),
    ("node - get list.x[0]", "Ok(None)"),
    ("node - set a.b 1", "Err(\\\"cannot set a property"),
    ("node - keys", "Ok("),
    ("node - remove a", "Ok(())"),
    ("node - keys", "list"),
    ("flow - get a", "Ok(None)"),
    ("flow - set a 2", "Ok(())"),
    ("flow - get a", "Ok(Some(Number(2.0)))"),
    ("flow - get $parent.a", "Ok(None)"),
    ("flow - set $parent.a.b 3", "Ok(())"),
    ("flow - get $parent.a.b", "Ok(Some(Number(3.0)))"),
    ("flow - get $parent.$parent.a", "Ok(None)"),
    ("global - get a", "Ok(None)"),
    ("global second set a 4", "Ok(())"),
    ("global second get a", "Ok(Some(Number(4.0)))"),
    ("global - get a", "Ok(None)"),
    ("global second keys", "Ok("),
    ("global third get a", "there is no context store `third`"),
    ("jsonata payload + $two", "[Some(Number(7.0)), None]"),
    ("jsonata $sum($)", "the JSONata expression `$sum($)` failed"),
    ("jsonata $", "Date"),
    ("jsonata $flowContext('$parent.a.b') + $env('ANSWER')", "Number"),
    ("jsonata $globalContext('a', 'second')", "[Some(Number(4.0)), Some(Number(4.0))]"),
    ("jsonata payload +", "invalid JSONata expression at line 1, column 10"),
    ("regexp (?<name>b)|(c) abc", r#"true true Some(\\\"1..2 [Some(\\\\\\\"b"#),
    ("regexp x(?=y) abc", "false false None"),
    ("regexp (a abc", "invalid regular expression `(a`: unclosed group"),
    ("regexp ^(?:(a)|\\1a|a)*(?=c) aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "steps back"),
    ("date", "Fri Jul 14 2017"),
    ("now YYYY-MM-DD", "Ok(())"),
    ("keep and complete", "asker"),
    ("keep and fail", "it does not work: on purpose"),
    ("fail", "E42"),
    ("fail later", "E42"),
    ("fail in a future", "E42"),
    ("fail aside", "E42"),
    ("show", "shown"),
    ("log a value", "asker logs Warn Array([Number(1.0), String(\"two\")]) as two values"),
];

/// Where nothing need happen at all if nobody watches.
const SILENT: [&str; 1] = ["keep and complete"];

#[tokio::test]
async fn a_loaded_node_gets_the_answers_that_a_linked_one_gets() {
    let here = NodeType::shared::<asks::Ask>("fixture-ask");
    let there = support::node_type("fixture-ask");
    for watched in [false, true] {
        let mut linked = Setting::new(here, info("instance"), watched).await;
        let mut loaded = Setting::new(there, info("instance"), watched).await;
        for (question, expected) in QUESTIONS {
            let (one, other) = (linked.ask(question).await, loaded.ask(question).await);
            let silent = !watched && SILENT.contains(question);
            let found = one.iter().any(|seen| seen.contains(expected));
            assert!(silent || found, "`{question}` gave {one:#?}");
            assert_eq!(one, other, "`{question}`");
        }
        assert!(linked.ask("keep and forget").await.is_empty());
        assert!(loaded.ask("keep and forget").await.is_empty(), "what is kept is not complete");
        linked.stop().await;
        loaded.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_loaded_node_gives_the_worker_of_its_host_away() {
    for node_type in
        [NodeType::shared::<asks::Ask>("fixture-ask"), support::node_type("fixture-ask")]
    {
        let mut setting = Setting::new(node_type, info("instance"), false).await;
        // The first calls of a node run aside as a whole.
        for _ in 0..8 {
            setting.ask("info").await;
        }
        for (question, expected) in [("workers", "[false, true, true]"), ("panic", "true")] {
            let answer = setting.ask(question).await.concat();
            assert!(answer.contains(expected), "`{question}` gave {answer}");
        }
        assert!(setting.ask("workers").await.concat().contains("[false, true, true]"));
        setting.stop().await;
    }
}

#[tokio::test]
async fn a_loaded_configuration_node_answers_as_a_linked_one_does() {
    let here = NodeType::shared::<asks::Ask>("fixture-ask");
    for node_type in [here, support::node_type("fixture-ask")] {
        let mut setting = Setting::new(node_type, info("instance"), false).await;
        let answer = setting.node.answer("member", "hello".into()).await.unwrap();
        assert_eq!(answer, Value::from(vec![Value::from("member"), "hello".into()]));
        let error = setting.node.answer("member", "fail".into()).await.unwrap_err();
        assert_eq!(error.chain(), "it does not work: on purpose");
        assert!(format!("{:?}", error.details()).contains("E42"), "{error:?}");
        let error = setting.node.answer("member", "panic".into()).await.unwrap_err();
        assert!(error.chain().contains("panicked: on purpose"), "{error:?}");
        let mut given_up = Box::pin(setting.node.answer("member", "wait".into()));
        assert!(futures_util::poll!(&mut given_up).is_pending());
        drop(given_up);
        assert!(setting.happened().await.concat().contains("given up"));
        let mut stopped = Box::pin(setting.node.answer("member", "wait".into()));
        assert!(futures_util::poll!(&mut stopped).is_pending());
        setting.node.stop(StopReason::Removed, Duration::from_secs(10)).await;
        assert_eq!(stopped.await.unwrap_err().chain(), "the node `asker` was stopped");
        let late = setting.node.answer("member", "hello".into()).await.unwrap_err();
        assert_eq!(late.chain(), "the node `asker` was stopped");
        setting.stop().await;
    }
}

#[tokio::test]
async fn a_configuration_node_that_takes_no_requests_says_so_linked_and_loaded() {
    for node_type in ["fixture-pass", "fixture-counter"] {
        let node = support::run(support::node_type(node_type));
        node.start().await;
        let error = node.answer("member", "hello".into()).await.unwrap_err();
        assert_eq!(error.chain(), "the node takes no requests", "{node_type}");
        node.stop(StopReason::Removed, Duration::from_secs(10)).await;
    }
}

#[tokio::test]
async fn a_loaded_node_without_a_flow_is_told_what_a_linked_one_is() {
    let mut linked =
        Setting::new(NodeType::shared::<asks::Ask>("fixture-ask"), info(""), false).await;
    let mut loaded = Setting::new(support::node_type("fixture-ask"), info(""), false).await;
    for question in ["info", "flow - get a", "flow - set a 1", "flow - keys", "node - set a 1"] {
        assert_eq!(linked.ask(question).await, loaded.ask(question).await, "`{question}`");
    }
    let refused = loaded.ask("flow - keys").await;
    assert!(refused[0].contains("a global configuration node has no flow context"), "{refused:?}");
    linked.stop().await;
    loaded.stop().await;
}
