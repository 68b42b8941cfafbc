//! Configuration nodes and their users: who there is, what they send each other, and requests.

use std::sync::Arc;

use ferrowire_core::{
    FromConfig, Handled, Message, Node, NodeConfig, NodeContext, NodeError, NodeType, Reference,
    Registry, StopReason, Value, async_trait,
};
use ferrowire_engine::{DeployType, Engine, FlowFile};
use serde_json::{Value as Json, json};

use crate::support::Journal;

/// Notes its users, passes what one sends to the others, and answers their requests.
struct Hub;

impl FromConfig for Hub {
    fn from_config(_: &mut NodeConfig<'_>) -> Self {
        Hub
    }
}

fn journal(cx: &NodeContext) -> Arc<Journal> {
    cx.resource::<Journal>().unwrap()
}

fn note_users(cx: &NodeContext) {
    let users = cx.users();
    let users = users.borrow().clone();
    let user = |user: &ferrowire_core::User| {
        let topic = user.properties.get("topic").and_then(Value::as_str).unwrap_or("-");
        assert!(!user.properties.contains_key("credentials"));
        format!("{}:{}:{topic}", user.info.id, user.references.join("+"))
    };
    let users: Vec<_> = users.iter().map(user).collect();
    journal(cx).note(format!("users {}", users.join(" ")));
}

#[async_trait]
impl Node for Hub {
    async fn start(&self, cx: &NodeContext) -> Result<(), NodeError> {
        note_users(cx);
        let (mut users, context) = (cx.users(), cx.clone());
        users.mark_unchanged();
        cx.spawn(async move {
            while users.changed().await.is_ok() {
                note_users(&context);
            }
        });
        Ok(())
    }

    async fn on_message(&self, msg: Message, cx: &NodeContext) -> Result<(), NodeError> {
        let users = cx.users().borrow().clone();
        for user in users.iter().filter(|it| it.properties.get("topic") == msg.get("topic")) {
            cx.send_to(&user.info.id, msg.clone())?.await;
        }
        Ok(())
    }

    async fn on_request(
        &self,
        from: &str,
        request: Value,
        cx: &NodeContext,
    ) -> Result<Value, NodeError> {
        match request.as_str() {
            Some("users") => Ok(cx.users().borrow().len().into()),
            Some("panic") => panic!("on purpose"),
            Some("wait") => std::future::pending().await,
            _ => Err(NodeError::new(format!("`{from}` asks for nothing known"))),
        }
    }
}

/// Sends what arrives with a `to` there, asks what arrives with an `ask`, and notes the rest.
struct Peer;

impl FromConfig for Peer {
    fn from_config(_: &mut NodeConfig<'_>) -> Self {
        Peer
    }
}

#[async_trait]
impl Node for Peer {
    fn on_message_now(&self, mut msg: Message, cx: &NodeContext) -> Handled {
        let text =
            |msg: &mut Message, key| msg.remove(key).and_then(|it| it.as_str().map(str::to_owned));
        if let Some(request) = text(&mut msg, "ask") {
            let (hub, cx) = (text(&mut msg, "hub").unwrap_or_default(), cx.clone());
            let asked = cx.ask(&hub, request);
            return Handled::Later(Box::pin(async move {
                let answer = asked.await.map(|value| value.to_json());
                journal(&cx).note(format!("answer {}", answer.unwrap_or_else(|e| e.chain())));
                Ok(())
            }));
        }
        match text(&mut msg, "to") {
            Some(to) => match cx.send_to(&to, msg) {
                Ok(sending) => Handled::Kept(sending),
                Err(error) => Handled::Failed(error),
            },
            None => {
                let payload = msg.payload().map(Value::to_json).unwrap_or_default();
                journal(cx).note(format!("{} got {payload}", cx.id()));
                // Back to the hub, for as long as there is something to count down.
                match msg.payload().and_then(Value::as_f64) {
                    Some(count) if count > 0.0 => {
                        msg.set("payload", count - 1.0);
                        match cx.send_to("hub", msg) {
                            Ok(sending) => Handled::Kept(sending),
                            Err(error) => Handled::Failed(error),
                        }
                    }
                    _ => Handled::Done,
                }
            }
        }
    }

    async fn stop(&self, _: StopReason, _: &NodeContext) {}
}

const HUBS: &[Reference] = &[Reference::new("hub", "hub"), Reference::new("second", "hub")];

async fn start(nodes: Json) -> (Engine, Arc<Journal>) {
    let mut registry = Registry::new();
    registry.add(NodeType::shared::<Hub>("hub").category("config")).unwrap();
    registry.add(NodeType::shared::<Peer>("peer").uses(HUBS)).unwrap();
    let journal = Journal::new();
    let engine = Engine::builder(registry).provide(Arc::clone(&journal)).build();
    engine.start(file(nodes)).await.unwrap();
    (engine, journal)
}

fn file(nodes: Json) -> FlowFile {
    FlowFile::parse(nodes.to_string().as_bytes()).unwrap()
}

fn flow(peers: &[(&str, &str)]) -> Json {
    let mut nodes = vec![
        json!({"id": "t", "type": "tab"}),
        json!({"id": "hub", "type": "hub"}),
        json!({"id": "other", "type": "hub"}),
    ];
    nodes.extend(peers.iter().map(|(id, topic)| {
        json!({"id": id, "type": "peer", "z": "t", "hub": "hub", "topic": topic, "wires": []})
    }));
    nodes.into()
}

async fn deliver(engine: &Engine, id: &str, properties: Json) {
    let properties = Value::from(properties);
    let msg = Message::from(properties.as_object().unwrap().clone());
    engine.deliver(id, msg).unwrap().await;
}

#[tokio::test(start_paused = true)]
async fn users_are_known_with_their_properties_as_they_come_change_and_go() {
    let (engine, journal) = start(flow(&[("a", "x"), ("b", "y")])).await;
    assert!(journal.take().contains(&"users a:hub:x b:hub:y".to_owned()));
    engine.deploy(file(flow(&[("a", "x"), ("b", "z")])), DeployType::Nodes).await.unwrap();
    journal.until("users a:hub:x b:hub:z").await;
    engine.deploy(file(flow(&[("a", "x")])), DeployType::Nodes).await.unwrap();
    journal.until("users a:hub:x").await;
    journal.take();
    let mut moved = flow(&[("a", "x")]);
    moved[0]["label"] = json!("a deploy that changes no user");
    engine.deploy(file(moved), DeployType::Nodes).await.unwrap();
    tokio::task::yield_now().await;
    assert_eq!(journal.take(), [""; 0]);
    engine.stop(StopReason::ShuttingDown).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_user_sends_to_its_configuration_node_which_sends_to_one_user() {
    let (engine, journal) = start(flow(&[("a", "x"), ("b", "y")])).await;
    journal.take();
    deliver(&engine, "a", json!({"to": "hub", "topic": "y", "payload": "hello"})).await;
    assert_eq!(journal.take(), [r#"b got "hello""#]);
    deliver(&engine, "a", json!({"to": "b", "payload": "neither"})).await;
    deliver(&engine, "a", json!({"to": "other", "payload": "not referred to"})).await;
    assert_eq!(journal.take(), [""; 0], "an error of `a`, and no delivery");
    engine.stop(StopReason::ShuttingDown).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_circle_of_deliveries_ends_neither_the_stack_nor_the_order() {
    let (engine, journal) = start(flow(&[("a", "x")])).await;
    journal.take();
    deliver(&engine, "a", json!({"to": "hub", "topic": "x", "payload": 10000})).await;
    journal.until("a got 0").await;
    let lines = journal.take();
    assert_eq!(lines.len(), 10001);
    assert!(lines.iter().rev().enumerate().all(|(at, line)| *line == format!("a got {at}")));
    engine.stop(StopReason::ShuttingDown).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_user_asks_and_is_answered_or_told_why_not() {
    let (engine, journal) = start(flow(&[("a", "x"), ("b", "y")])).await;
    journal.take();
    for (hub, ask, answer) in [
        ("hub", "users", "answer 2"),
        ("hub", "else", "answer `a` asks for nothing known"),
        ("hub", "panic", "answer the node panicked: on purpose"),
        ("other", "users", "answer the node `other` does not run, or is not used by this one"),
    ] {
        deliver(&engine, "a", json!({"hub": hub, "ask": ask})).await;
        assert_eq!(journal.take(), [answer]);
    }
    let waiting = engine.deliver("a", {
        let properties = Value::from(json!({"hub": "hub", "ask": "wait"}));
        Message::from(properties.as_object().unwrap().clone())
    });
    let waiting = waiting.unwrap();
    let (_, stopped) = tokio::join!(waiting, engine.stop(StopReason::ShuttingDown));
    stopped.unwrap();
    assert!(journal.lines().contains(&"answer the node `hub` was stopped".to_owned()));
}
