//! Small node types that note what happens to them in a journal, and helpers to run an engine.

use std::sync::Arc;

use ferrowire_core::{
    ContextKey, ExclusiveNode, FromConfig, Handled, Links, Message, Node, NodeConfig, NodeContext,
    NodeError, NodeType, Reference, Registry, Scope, Sending, Status, StopReason, Watches,
    async_trait,
};
use ferrowire_engine::{Deployed, Engine, Environment, FlowFile};
use serde_json::Value as Json;
use tokio::sync::{Semaphore, watch};

/// What happened, in order.
pub(crate) struct Journal {
    lines: watch::Sender<Vec<String>>,
    /// One permit for each message that a `slow` node may finish.
    pub(crate) permits: Semaphore,
}

impl Journal {
    pub(crate) fn new() -> Arc<Self> {
        let (lines, permits) = (watch::Sender::default(), Semaphore::new(0));
        Arc::new(Journal { lines, permits })
    }

    pub(crate) fn note(&self, line: impl Into<String>) {
        self.lines.send_modify(|lines| lines.push(line.into()));
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.borrow().clone()
    }

    /// Takes the lines so far out of the journal.
    pub(crate) fn take(&self) -> Vec<String> {
        let mut taken = Vec::new();
        self.lines.send_modify(|lines| taken = std::mem::take(lines));
        taken
    }

    /// The line after the first `known` lines, once it is there.
    pub(crate) async fn line(&self, known: usize) -> String {
        let mut lines = self.lines.subscribe();
        let lines = lines.wait_for(|lines| lines.len() > known).await.unwrap();
        lines[known].clone()
    }

    pub(crate) fn count(&self, line: &str) -> usize {
        self.lines.borrow().iter().filter(|other| *other == line).count()
    }

    pub(crate) async fn until(&self, line: &str) {
        self.until_count(line, 1).await;
    }

    pub(crate) async fn until_count(&self, line: &str, count: usize) {
        let mut lines = self.lines.subscribe();
        let enough = |lines: &Vec<String>| lines.iter().filter(|l| *l == line).count() >= count;
        lines.wait_for(enough).await.unwrap();
    }
}

fn note(cx: &NodeContext, what: &str) {
    if let Some(journal) = cx.resource::<Journal>() {
        journal.note(format!("{what} {}", cx.id()));
    }
}

fn payload(msg: &Message) -> String {
    msg.payload().map(|p| p.as_str().map_or_else(|| p.to_json(), str::to_owned)).unwrap_or_default()
}

/// Notes messages and passes them on, with its property `mark` appended to the payload.
struct Probe {
    mark: String,
}

impl FromConfig for Probe {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        Probe { mark: config.text("mark") }
    }
}

#[async_trait]
impl Node for Probe {
    async fn start(&self, cx: &NodeContext) -> Result<(), NodeError> {
        note(cx, "start");
        Ok(())
    }

    async fn on_message(&self, mut msg: Message, cx: &NodeContext) -> Result<(), NodeError> {
        msg.set("payload", format!("{}{}", payload(&msg), self.mark));
        note(cx, &format!("message {} at", payload(&msg)));
        cx.send(0, msg).await;
        Ok(())
    }

    async fn stop(&self, reason: StopReason, cx: &NodeContext) {
        note(cx, &format!("stop {reason:?}"));
    }
}

/// Passes messages on and notes nothing.
struct Relay;

impl FromConfig for Relay {
    fn from_config(_: &mut NodeConfig<'_>) -> Self {
        Relay
    }
}

impl Node for Relay {
    fn on_message_now(&self, msg: Message, _: &NodeContext) -> Handled {
        Handled::Send(0, msg)
    }
}

/// An endpoint: notes the messages that it gets, but sends the text after `emit ` on.
struct Listener {
    path: String,
}

impl FromConfig for Listener {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        Listener { path: config.text("path") }
    }
}

#[async_trait]
impl Node for Listener {
    async fn start(&self, cx: &NodeContext) -> Result<(), NodeError> {
        note(cx, "start");
        let mut users = cx.users();
        note(cx, &format!("{} users of", users.borrow_and_update().len()));
        let context = cx.clone();
        cx.spawn(async move {
            while users.changed().await.is_ok() {
                let count = users.borrow_and_update().len();
                note(&context, &format!("{count} users of"));
            }
        });
        Ok(())
    }

    async fn on_message(&self, msg: Message, cx: &NodeContext) -> Result<(), NodeError> {
        match payload(&msg).strip_prefix("emit ") {
            Some(text) => cx.send(0, Message::with_payload(text)).await,
            None => note(cx, &format!("sent {} to {} of", payload(&msg), self.path)),
        }
        Ok(())
    }

    async fn stop(&self, reason: StopReason, cx: &NodeContext) {
        note(cx, &format!("stop {reason:?}"));
    }
}

/// A node with an endpoint.
struct Attached;

impl FromConfig for Attached {
    fn from_config(_: &mut NodeConfig<'_>) -> Self {
        Attached
    }
}

#[async_trait]
impl Node for Attached {
    async fn start(&self, cx: &NodeContext) -> Result<(), NodeError> {
        note(cx, &format!("start at {}", cx.endpoint().unwrap_or("nothing")));
        Ok(())
    }

    fn on_message_now(&self, msg: Message, _: &NodeContext) -> Handled {
        Handled::Send(0, msg)
    }

    async fn stop(&self, reason: StopReason, cx: &NodeContext) {
        note(cx, &format!("stop {reason:?}"));
    }
}

/// Has a number and a boolean as properties.
struct Strict;

impl FromConfig for Strict {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        config.number_in("size", 1.0..=10.0);
        config.boolean("flag", false);
        Strict
    }
}

impl Node for Strict {}

/// Panics at the step that its property `when` names.
struct Panics {
    when: String,
}

impl FromConfig for Panics {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let when = config.text("when");
        assert_ne!(when, "build", "as told");
        Panics { when }
    }
}

#[async_trait]
impl Node for Panics {
    async fn start(&self, _: &NodeContext) -> Result<(), NodeError> {
        assert_ne!(self.when, "start", "as told");
        Ok(())
    }

    async fn on_message(&self, msg: Message, cx: &NodeContext) -> Result<(), NodeError> {
        assert_ne!(self.when, "message", "as told");
        if self.when == "task" {
            cx.spawn(async { panic!("as told") });
        }
        cx.send(0, msg).await;
        Ok(())
    }

    async fn stop(&self, _: StopReason, _: &NodeContext) {
        assert_ne!(self.when, "stop", "as told");
    }
}

/// Waits for a permit of the journal before it finishes a message.
struct Slow;

impl FromConfig for Slow {
    fn from_config(_: &mut NodeConfig<'_>) -> Self {
        Slow
    }
}

#[async_trait]
impl ExclusiveNode for Slow {
    async fn on_message(&mut self, msg: Message, cx: &NodeContext) -> Result<(), NodeError> {
        let journal = cx.resource::<Journal>().unwrap();
        journal.permits.acquire().await.unwrap().forget();
        note(cx, &format!("finished {} at", payload(&msg)));
        Ok(())
    }
}

/// Never finishes its start or its stop.
struct Hangs {
    when: String,
}

impl FromConfig for Hangs {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        Hangs { when: config.text("when") }
    }
}

#[async_trait]
impl Node for Hangs {
    async fn start(&self, _: &NodeContext) -> Result<(), NodeError> {
        if self.when == "start" {
            std::future::pending::<()>().await;
        }
        Ok(())
    }

    async fn stop(&self, _: StopReason, _: &NodeContext) {
        if self.when == "stop" {
            std::future::pending::<()>().await;
        }
    }
}

/// Shows each payload as its status; for `env NAME`, publishes the value of that variable.
struct Shows;

impl FromConfig for Shows {
    fn from_config(_: &mut NodeConfig<'_>) -> Self {
        Shows
    }
}

impl Node for Shows {
    fn on_message_now(&self, msg: Message, cx: &NodeContext) -> Handled {
        let text = payload(&msg);
        match text.strip_prefix("env ") {
            Some(name) => cx.publish("env", cx.env(name)),
            None => cx.status(Status::new("green", "dot", text)),
        }
        Handled::Done
    }
}

/// Fails with each message, in the way that its property `when` names.
struct Fails {
    when: String,
}

impl FromConfig for Fails {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        Fails { when: config.text("when") }
    }
}

#[async_trait]
impl Node for Fails {
    fn on_message_now(&self, msg: Message, cx: &NodeContext) -> Handled {
        match self.when.as_str() {
            "now" => Handled::Failed(NodeError::new("no").with("code", "E_NO")),
            "later" => Handled::Later(Box::pin(async { Err("no".into()) })),
            "panic" => panic!("no"),
            "task" => {
                let context = cx.clone();
                cx.spawn(async move { context.fail("no") });
                Handled::Done
            }
            "kept" => {
                let context = cx.clone();
                cx.spawn(async move { context.fail_with("no", msg).await });
                Handled::Kept(Sending::done())
            }
            _ => Handled::NotNow(msg),
        }
    }

    async fn on_message(&self, _: Message, _: &NodeContext) -> Result<(), NodeError> {
        Err("no".into())
    }
}

/// An exclusive node that fails with each message.
struct FailsAlone;

impl FromConfig for FailsAlone {
    fn from_config(_: &mut NodeConfig<'_>) -> Self {
        FailsAlone
    }
}

#[async_trait]
impl ExclusiveNode for FailsAlone {
    async fn on_message(&mut self, _: Message, _: &NodeContext) -> Result<(), NodeError> {
        Err("no".into())
    }
}

/// Delivers each message to the node that its payload names.
struct Caller;

impl FromConfig for Caller {
    fn from_config(_: &mut NodeConfig<'_>) -> Self {
        Caller
    }
}

#[async_trait]
impl Node for Caller {
    async fn on_message(&self, msg: Message, cx: &NodeContext) -> Result<(), NodeError> {
        let id = cx.find_linked(&payload(&msg))?;
        cx.deliver(&id, msg)?.await;
        Ok(())
    }
}

/// Stores the payload in its flow's context and in its own.
struct Remembers {
    key: String,
}

impl FromConfig for Remembers {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        Remembers { key: config.text("key") }
    }
}

#[async_trait]
impl Node for Remembers {
    async fn on_message(&self, msg: Message, cx: &NodeContext) -> Result<(), NodeError> {
        for (scope, key) in [(Scope::Flow, self.key.as_str()), (Scope::Node, "mine")] {
            let key = ContextKey::parse(scope, key).unwrap();
            key.set(&msg, cx, msg.payload().cloned())?;
        }
        Ok(())
    }
}

/// Notes what it gets as JSON, without the id of the message.
struct Sink;

impl FromConfig for Sink {
    fn from_config(_: &mut NodeConfig<'_>) -> Self {
        Sink
    }
}

impl Node for Sink {
    fn on_message_now(&self, mut msg: Message, cx: &NodeContext) -> Handled {
        msg.remove("_msgid");
        if let Some(journal) = cx.resource::<Journal>() {
            journal.note(format!("{} {}", cx.id(), msg.to_json()));
        }
        Handled::Done
    }
}

const ENDPOINTS: &[Reference] =
    &[Reference::new("server", "listener"), Reference::new("client", "client")];

const BROKEN: &[Reference] = &[Reference::new("broken", "failing config")];

const SERVICE: &[Reference] = &[Reference::new("service", "listener")];

pub(crate) fn registry() -> Registry {
    let mut registry = Registry::new();
    let types = [
        NodeType::shared::<Probe>("probe"),
        NodeType::shared::<Relay>("relay"),
        NodeType::shared::<Listener>("listener").category("config").unique(&["path"]),
        NodeType::shared::<Listener>("client").category("config"),
        NodeType::shared::<Attached>("in").receives_from(ENDPOINTS),
        NodeType::shared::<Attached>("out").sends_to(ENDPOINTS),
        NodeType::shared::<Attached>("both")
            .receives_from(&ENDPOINTS[..1])
            .sends_to(&ENDPOINTS[1..]),
        NodeType::shared::<Probe>("user").uses(SERVICE),
        NodeType::shared::<Relay>("user of broken").uses(BROKEN),
        NodeType::shared::<Strict>("strict"),
        NodeType::shared::<Panics>("panics"),
        NodeType::exclusive::<Slow>("slow"),
        NodeType::shared::<Hangs>("hangs"),
        NodeType::shared::<Shows>("shows"),
        NodeType::shared::<Fails>("fails"),
        NodeType::exclusive::<FailsAlone>("fails alone"),
        NodeType::shared::<Fails>("failing config").category("config"),
        NodeType::shared::<Relay>("link in").links(Links::In("links")),
        NodeType::shared::<Relay>("link out").links(Links::Out("links")),
        NodeType::shared::<Caller>("caller"),
        NodeType::shared::<Remembers>("remembers"),
        NodeType::shared::<Sink>("sink"),
        NodeType::shared::<Relay>("catch").watches(Watches::Errors),
        NodeType::shared::<Relay>("status").watches(Watches::Statuses),
        NodeType::shared::<Relay>("complete").watches(Watches::Completions),
    ];
    for node_type in types {
        registry.add(node_type).unwrap();
    }
    registry
}

/// A flow file of these nodes and a tab `t`, which is the `z` of every node that has none.
pub(crate) fn file(nodes: Json) -> FlowFile {
    let mut all = vec![];
    for mut node in nodes.as_array().unwrap().clone() {
        let structure = ["tab", "subflow", "global-config"];
        let structure = structure.contains(&node["type"].as_str().unwrap());
        if !structure && node.get("z").is_none() {
            node["z"] = "t".into();
        }
        all.push(node);
    }
    if !all.iter().any(|node| node["id"] == "t") {
        all.insert(0, serde_json::json!({"id": "t", "type": "tab", "label": "Tab"}));
    }
    FlowFile::parse(Json::from(all).to_string().as_bytes()).unwrap()
}

pub(crate) fn environment() -> Environment {
    [("HOME", "/home/me"), ("PATH_OF", "chat")].into_iter().collect()
}

pub(crate) struct Bench {
    pub(crate) engine: Engine,
    pub(crate) journal: Arc<Journal>,
    pub(crate) deployed: Deployed,
}

/// Starts an engine with these nodes.
pub(crate) async fn start(nodes: Json) -> Bench {
    let journal = Journal::new();
    let builder = Engine::builder(registry()).environment(environment());
    let engine = builder.provide(Arc::clone(&journal)).build();
    let deployed = engine.start(file(nodes)).await.unwrap();
    Bench { engine, journal, deployed }
}

impl Bench {
    pub(crate) async fn send(&self, id: &str, payload: &str) {
        self.engine.deliver(id, Message::with_payload(payload)).unwrap().await;
    }

    pub(crate) async fn stop(&self) {
        self.engine.stop(StopReason::ShuttingDown).await.unwrap();
    }
}

pub(crate) fn at(lines: &[String], line: &str) -> usize {
    lines.iter().position(|l| l == line).unwrap_or_else(|| panic!("no `{line}` in {lines:?}"))
}
