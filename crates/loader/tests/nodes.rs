//! Loaded nodes behave as linked ones do: messages, timers, sockets, tasks, errors, panics.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed expectation fails the test")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ferrowire_core::bus::{RunningNode, Wire};
use ferrowire_core::{
    BuiltNode, Credential, Editor, Handled, Level, Links, Message, Node, NodeContext, NodeInfo,
    Reference, Source, StopReason, Text, User, Value, Watches,
};
use ferrowire_testkit::{Harness, json, message};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use support::{Nothing, library_name, node_type, run};

async fn start(name: &str) -> Harness {
    Harness::with(node_type(name)).start().await
}

fn address(value: &Value) -> usize {
    match value {
        Value::String(text) => text.as_ptr() as usize,
        Value::Buffer(bytes) => bytes.as_ptr() as usize,
        other => panic!("{other:?} has no address"),
    }
}

/// A message with every kind of value, and with strings around every limit.
fn everything() -> Message {
    let mut deep = Value::Null;
    for level in 0..5000 {
        deep = if level % 2 == 0 { vec![deep].into() } else { message(json!({})).into() };
    }
    for _ in 0..100 {
        deep = vec![deep, Value::Number(-0.5)].into();
    }
    let mut msg = message(json!({
        "_msgid": "0123456789abcdef", "null": null, "yes": true, "no": false, "number": 1e21,
        "10": "first", "": "no name", "ünïcödé \u{1F980}": "\u{0}", "list": [], "object": {},
        "nested": {"a": [1, {"b": [[]]}]},
    }));
    for len in [0, 1, 23, 24, 1023, 1024, 100_000] {
        msg.set(format!("text{len}"), "é".repeat(len).get(..len & !1).unwrap());
        msg.set(format!("bytes{len}"), Bytes::from(vec![b'x'; len]));
    }
    msg.set("deep", deep);
    msg
}

#[tokio::test]
async fn a_message_that_nobody_looks_into_crosses_as_it_is() {
    let mut node = start("fixture-pass").await;
    let msg = everything();
    let payloads: Vec<_> = [1024, 100_000].map(|len| format!("text{len}")).into();
    let before: Vec<_> = payloads.iter().map(|key| address(msg.get(key).unwrap())).collect();
    node.send(msg.clone()).await;
    let out = node.next_output(0).await;
    let after: Vec<_> = payloads.iter().map(|key| address(out.get(key).unwrap())).collect();
    assert_eq!(before, after);
    assert_eq!(out, msg);
    node.stop().await;
}

#[tokio::test]
async fn every_kind_of_value_crosses_both_ways() {
    let mut node = start("fixture-inspect").await;
    let msg = everything();
    node.send(msg.clone()).await;
    let mut out = node.next_output(0).await;
    assert_eq!(out.get("json").unwrap().as_str(), Some(msg.to_json().as_str()));
    assert_eq!(out.remove("made"), Some(vec![7; 4096].into()));
    out.remove("json");
    out.remove("address");
    assert_eq!(out, msg);
    node.stop().await;
}

#[tokio::test]
async fn large_payloads_are_shared_with_the_library_and_come_back_as_they_were() {
    let mut node = start("fixture-inspect").await;
    for payload in [
        Value::String(Text::from_utf8(Bytes::from(vec![b'x'; 70_000])).unwrap()),
        Value::Buffer(Bytes::from(vec![1; 1024])),
        // A slice in the middle of something larger.
        Value::Buffer(Bytes::from(vec![1; 9000]).slice(4000..8000)),
    ] {
        let here = address(&payload);
        let mut msg = Message::with_payload(payload);
        for _ in 0..100 {
            msg.remove("json");
            node.send(msg).await;
            msg = node.next_output(0).await;
            assert_eq!(msg.get("address").unwrap().as_str(), Some(here.to_string().as_str()));
            assert_eq!(address(msg.payload().unwrap()), here, "it was wrapped on its way");
        }
    }
    node.stop().await;
}

#[tokio::test]
async fn what_the_library_made_is_read_where_it_is_and_outlives_the_node() {
    let mut node = start("fixture-inspect").await;
    node.send(Message::with_payload(1)).await;
    let mut first = node.next_output(0).await;
    let made = first.remove("made").unwrap();
    let there = address(&made);
    node.send(Message::with_payload(made.clone())).await;
    let second = node.next_output(0).await;
    assert_eq!(second.get("address").unwrap().as_str(), Some(there.to_string().as_str()));
    node.stop().await;
    drop((first, second));
    assert_eq!(made, vec![7; 4096].into());
}

#[tokio::test]
async fn a_clone_of_an_unread_message_is_independent() {
    let mut node = Harness::with(node_type("fixture-many")).start().await;
    node.send(message(json!({"payload": [1]}))).await;
    let (mut one, two) = (node.next_output(0).await, node.next_output(1).await);
    one.set("payload", 2);
    assert_eq!(two.payload(), Some(&json!([1]).into()));
    node.stop().await;
}

#[tokio::test]
async fn timers_of_the_library_run_wherever_its_code_does() {
    let mut node = start("fixture-waits").await;
    node.send(Message::with_payload("x")).await;
    assert_eq!(node.outputs(0).len(), 1, "the sender waited until the message was handled");
    node.stop().await;
    let mut node = start("fixture-many").await;
    node.send(message(json!({"later": true}))).await;
    assert_eq!(node.outputs(0).len(), 1);
    node.stop().await;
}

#[tokio::test]
async fn an_error_comes_with_its_causes() {
    let mut node = start("fixture-waits").await;
    node.send(Message::new()).await;
    assert_eq!(node.next_error().await, "there is no payload: the sender forgot it");
    node.stop().await;
}

#[tokio::test]
async fn an_exclusive_node_handles_one_message_after_the_other() {
    let mut node = Harness::with(node_type("fixture-counter"))
        .config(json!({"other": "c"}))
        .other_node(json!({"id": "c", "from": 40}))
        .start()
        .await;
    for _ in 0..100 {
        node.send(Message::new()).await;
    }
    for count in 41..=140 {
        assert_eq!(node.next_output(0).await.get("count"), Some(&count.into()));
    }
    let stopped = node.stop().await;
    assert_eq!(stopped.logs, [(Level::Info, "counted to 140 (Removed)".to_owned())]);
}

#[tokio::test]
async fn sockets_and_tasks_of_a_library_work_and_end_with_the_node() {
    let mut node = start("fixture-tcp").await;
    let port = node.next_output(0).await.payload().and_then(Value::as_f64).unwrap() as u16;
    let mut peer = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    peer.write_all(b"hello").await.unwrap();
    peer.shutdown().await.unwrap();
    assert_eq!(node.next_output(0).await.payload(), Some(&"hello".into()));
    let mut answer = String::new();
    peer.read_to_string(&mut answer).await.unwrap();
    assert_eq!(answer, "thanks");
    node.stop().await;
    let refused = TcpStream::connect(("127.0.0.1", port)).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused, "the task goes on");
}

#[tokio::test]
async fn a_context_across_the_border_offers_what_a_linked_one_does() {
    let mut node = Harness::with(node_type("fixture-world"))
        .config(json!({"id": "w", "z": "tab"}))
        .endpoint("the endpoint")
        .env("ANSWER", 42)
        .start()
        .await;
    let status = node.next_status().await;
    assert_eq!((status.fill, status.shape, status.text.as_str()), ("green", "dot", "ready"));
    assert_eq!(status.details.get("event"), Some(&"ready".into()));
    assert_eq!(node.next_published().await, ("fixture", json!([1, "two"]).into()));
    let told = node.next_output(0).await;
    assert_eq!(told.get("starter"), told.payload(), "tasks run where the host is, as `start` does");
    assert_eq!(told.get("endpoint"), Some(&"the endpoint".into()));
    assert_eq!(told.get("env"), Some(&42.into()));
    assert_eq!(told.get("resource"), Some(&false.into()));
    node.set_users(vec![User::named(NodeInfo::default()); 3]);
    assert_eq!(node.next_output(1).await.payload(), Some(&3.into()));
    node.send(Message::new()).await;
    assert_eq!(node.next_error().await, "a failure of its own");
    assert_eq!(node.next_error().await, "a failure of the message");
    let stopped = node.stop().await;
    let texts: Vec<_> = stopped.logs.iter().map(|(level, text)| (*level, text.as_str())).collect();
    assert_eq!(texts, [(Level::Debug, "fixture-world of tab"), (Level::Warn, "stopped")]);
    assert!(stopped.statuses.last().unwrap().is_empty());
}

#[tokio::test]
async fn problems_of_a_configuration_cross() {
    let problems =
        Harness::with(node_type("fixture-world")).config(json!({"wrong": "true"})).problems();
    assert_eq!(problems.len(), 1);
    assert_eq!(
        (problems[0].property.as_str(), problems[0].text.as_str()),
        ("wrong", "it must not be `true`")
    );
}

#[tokio::test]
async fn a_panic_in_any_place_is_the_error_of_that_node() {
    let plugin = "of the plugin `ferrowire-loader-fixture` panicked: on purpose, in";
    let problems = Harness::with(node_type("fixture-panics-in-build")).problems();
    assert_eq!(
        problems[0].text,
        "the plugin `ferrowire-loader-fixture` panicked while it built the node: on purpose, in \
         build"
    );
    let mut node = start("fixture-panics-in-start").await;
    assert_eq!(node.next_error().await, format!("`start` {plugin} start"));
    node.stop().await;
    for (name, place) in [
        ("now", "`on_message_now` {} on_message_now"),
        ("message", "`on_message` {} on_message"),
        ("later", "`on_message_now` {} a future"),
    ] {
        let mut node = start(&format!("fixture-panics-in-{name}")).await;
        for _ in 0..2 {
            node.send(Message::new()).await;
            assert_eq!(node.next_error().await, place.replace("{}", plugin));
        }
        node.stop().await;
    }
    let mut node = start("fixture-panics-in-task").await;
    assert_eq!(node.next_error().await, format!("a task {plugin} a task"));
    node.stop().await;
    let stopped = start("fixture-panics-in-stop").await.stop().await;
    assert_eq!(stopped.errors, [format!("`stop` {plugin} stop")]);
}

#[tokio::test]
async fn a_destructor_that_panics_harms_nobody() {
    drop(start("fixture-panics-in-drop").await.stop().await);
    let mut node = start("fixture-pass").await;
    node.send(Message::with_payload(1)).await;
    node.next_output(0).await;
    node.stop().await;
}

#[tokio::test]
async fn a_panic_in_any_place_of_an_exclusive_node_is_the_error_of_that_node() {
    let exclusive = |place| {
        Harness::with(node_type("fixture-panics-exclusive")).config(json!({"in": place})).start()
    };
    let text = |place| {
        let shown = if place == "drop" { "the destructor".into() } else { format!("`{place}`") };
        format!("{shown} of the plugin `ferrowire-loader-fixture` panicked: on purpose, in {place}")
    };
    let mut node = exclusive("start").await;
    assert_eq!(node.next_error().await, text("start"));
    node.stop().await;
    let mut node = exclusive("on_message").await;
    for _ in 0..2 {
        node.send(Message::new()).await;
        assert_eq!(node.next_error().await, text("on_message"), "the next message is handled");
    }
    node.stop().await;
    assert_eq!(exclusive("stop").await.stop().await.errors, [text("stop")]);
    assert_eq!(exclusive("drop").await.stop().await.errors, [text("drop")]);
}

#[tokio::test]
async fn a_panic_when_a_node_is_switched_is_the_error_of_that_node() {
    let mut switch = start("fixture-panics-in-switch").await;
    for active in [true, false] {
        assert!(!switch.set_active(active), "it was not switched");
        assert_eq!(
            switch.next_error().await,
            "`set_active` of the plugin `ferrowire-loader-fixture` panicked: on purpose, in \
             set_active"
        );
    }
    switch.send(Message::with_payload(1)).await;
    assert_eq!(switch.next_output(0).await.payload(), Some(&1.into()));
    switch.stop().await;
}

#[tokio::test]
async fn futures_that_panic_when_they_are_dropped_harm_nobody() {
    let node = run(node_type("fixture-panics-in-future-drop"));
    node.start().await;
    let mut sending = Box::pin(node.deliver(Message::new()));
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(sending.as_mut().poll(&mut cx).is_pending());
    drop(sending);
    node.stop(StopReason::Removed, Duration::from_secs(10)).await;
    drop(node);
    let mut other = start("fixture-pass").await;
    other.send(Message::with_payload(1)).await;
    other.next_output(0).await;
    other.stop().await;
}

#[test]
fn all_that_a_node_type_says_crosses() {
    let switch = node_type("fixture-switch");
    assert_eq!((switch.category, switch.plugin), ("fixtures", "ferrowire-loader-fixture"));
    const SERVER: &[Reference] = &[Reference::new("server", "fixture-server")];
    assert_eq!((switch.receives_from, switch.sends_to), (SERVER, &[][..]));
    assert_eq!(switch.uses, [Reference::new("tls", "fixture-tls")]);
    assert_eq!(switch.unique, ["path"]);
    assert_eq!(switch.credentials, [Credential::Text("user"), Credential::Password("word")]);
    let Editor::Own(part) = switch.editor else { panic!("{:?}", switch.editor) };
    assert_eq!((part.name, part.html), ("switch", include_str!("fixture/src/switch.html")));
    assert_eq!(part.help, [("fr", "aide"), ("de", "Hilfe")]);
    assert_eq!(part.catalogs, [("en-US", r#"{"switch": {"label": {"path": "The path"}}}"#)]);
    assert_eq!(part.icons, [("switch.svg", b"<svg/>".as_slice())]);
    assert!(matches!(switch.source, Source::Loaded(file) if file.ends_with(&library_name())));
    let plain = node_type("fixture-pass");
    assert!(matches!(plain.editor, Editor::None));
    assert_eq!((plain.watches, plain.links), (Watches::Nothing, Links::None));
    assert_eq!(node_type("fixture-errors").watches, Watches::Errors);
    assert_eq!(node_type("fixture-statuses").watches, Watches::Statuses);
    assert_eq!(node_type("fixture-completions").watches, Watches::Completions);
    assert_eq!(node_type("fixture-out").links, Links::Out("outs"));
    assert_eq!(node_type("fixture-in").links, Links::In("ins"));
    assert_eq!(node_type("fixture-call").links, Links::Call("calls"));
}

/// Tells when a message arrives.
struct Arrival(tokio::sync::mpsc::Sender<()>);

impl Node for Arrival {
    fn on_message_now(&self, _: Message, _: &NodeContext) -> Handled {
        self.0.try_send(()).unwrap();
        Handled::Done
    }
}

#[tokio::test]
async fn a_loaded_node_is_switched_on_and_off() {
    let switch = run(node_type("fixture-switch"));
    let (reached, mut arrivals) = tokio::sync::mpsc::channel(1);
    let arrival = BuiltNode::Shared(Box::new(Arrival(reached)));
    let arrival = RunningNode::new(NodeInfo::default(), arrival, Arc::new(Nothing::default()));
    switch.set_wires(vec![vec![Wire::direct(arrival)]]);
    switch.start().await;
    for active in [true, false, true] {
        assert!(switch.set_active(active));
        switch.deliver(Message::new()).await;
        assert_eq!(arrivals.try_recv().is_ok(), active);
    }
    assert!(!run(node_type("fixture-pass")).set_active(true), "it has no switch");
    switch.stop(StopReason::Removed, Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_tasks_use_one_node_at_the_same_time() {
    let (inspect, waits) = (run(node_type("fixture-inspect")), run(node_type("fixture-waits")));
    inspect.set_wires(vec![vec![Wire::direct(Arc::clone(&waits))]]);
    inspect.start().await;
    waits.start().await;
    let payload = Bytes::from(vec![1; 2000]);
    let mut tasks = JoinSet::new();
    for _ in 0..8 {
        let (inspect, payload) = (Arc::clone(&inspect), payload.clone());
        tasks.spawn(async move {
            for _ in 0..100 {
                inspect.deliver(Message::with_payload(payload.clone())).await;
            }
        });
    }
    tasks.join_all().await;
    for node in [inspect, waits] {
        node.stop(StopReason::Removed, Duration::from_secs(10)).await;
    }
}
