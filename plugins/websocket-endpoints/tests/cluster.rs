//! The listener on several instances that meet in memory, on paused time.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "support/instances.rs"]
mod instances;
#[path = "support/mod.rs"]
mod support;

use std::time::Duration;

use ferrowire::cluster::Cluster;
use ferrowire::metric::Reading;
use ferrowire::{Message, Value};
use ferrowire_plugin_websocket_endpoints as _;
use ferrowire_testkit::message;
use futures_util::SinkExt;
use instances::{settled, stop, text, two};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message as Frame;

fn gone() -> u64 {
    match support::read("websocket_messages_dropped", "gone") {
        Reading::Count(count) => count,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_finds_its_socket_from_any_instance_and_is_dropped_and_counted_after_its_end() {
    let (_hub, mut a, mut b) = two(json!({})).await;
    let mut client = a.connect().await;
    client.send(Frame::text("question")).await.unwrap();
    let question: Message = a.node.next_output(0).await;
    let id = question.get("_session").unwrap().get("id").unwrap().as_str().unwrap().to_owned();
    assert!(id.ends_with("@a"), "{id}");
    // As if it had crossed a queue, and so is another object.
    let mut answer = message(json!({"payload": "answer"}));
    let session = Value::from_json_text(&question.get("_session").unwrap().to_json()).unwrap();
    answer.set("_session", session);
    b.node.send(answer.clone()).await;
    assert_eq!(text(&mut client).await, "answer");
    drop(client);
    settled().await;
    let before = gone();
    b.node.send(answer.clone()).await;
    settled().await;
    assert_eq!(gone() - before, 1, "the instance that held it counts it");
    a.member.leave().await;
    settled().await;
    b.node.send(answer).await;
    assert_eq!(gone() - before, 2, "nobody holds it");
    stop([a, b]).await;
}

#[tokio::test(start_paused = true)]
async fn an_instance_is_subscribed_to_what_it_has_clients_for() {
    let (hub, a, b) = two(json!({"clientRooms": "*"})).await;
    let listener = a.node.context().id().to_owned();
    let subjects = |kinds: &[&str]| {
        let of_topic = |kind: &&str| format!("ferrowire.ferrowire.t.ws.{listener}.{kind}");
        let own = ["ferrowire.ferrowire.all", "ferrowire.ferrowire.i.a"].map(str::to_owned);
        let mut all: Vec<String> = own.into_iter().chain(kinds.iter().map(of_topic)).collect();
        all.sort();
        all
    };
    assert_eq!(hub.subjects(&a.member), subjects(&["to.a"]));
    let (mut one, two) = (a.connect().await, a.connect().await);
    assert_eq!(hub.subjects(&a.member), subjects(&["to.a", "all"]));
    one.send(Frame::text(r#"{"join": ["x", "a.b *"]}"#)).await.unwrap();
    text(&mut one).await;
    settled().await;
    assert_eq!(hub.subjects(&a.member), subjects(&["to.a", "all", "room.x", "room.a=2eb=20=2a"]));
    one.send(Frame::text(r#"{"leave": "x"}"#)).await.unwrap();
    text(&mut one).await;
    settled().await;
    assert_eq!(hub.subjects(&a.member), subjects(&["to.a", "all", "room.a=2eb=20=2a"]));
    drop(one);
    settled().await;
    assert_eq!(hub.subjects(&a.member), subjects(&["to.a", "all"]));
    drop(two);
    settled().await;
    assert_eq!(hub.subjects(&a.member), subjects(&["to.a"]));
    stop([a, b]).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_no_message_of_a_listener_is_dropped_and_the_next_one_arrives() {
    let (_hub, a, mut b) = two(json!({})).await;
    let mut client = a.connect().await;
    let listener = a.node.context().id().to_owned();
    let text_of_future = b"\x02\0\0\0\0\x0c{\"to\":\"all\"}";
    for wrong in [&b""[..], b"junk", b"\x01\0\0\0\0\x0c{\"to\":\"all\"}\xff", text_of_future] {
        b.member.publish(&["ws", &listener, "all"], &[wrong]);
    }
    b.broadcast("good").await;
    assert_eq!(text(&mut client).await, "good");
    stop([a, b]).await;
}

#[tokio::test(start_paused = true)]
async fn a_request_that_an_instance_does_not_answer_names_it() {
    let (hub, a, b) = two(json!({})).await;
    let _client = b.connect().await;
    let ask = async |request: serde_json::Value| {
        let answer = a.node.ask("control", Value::from(request)).await.unwrap();
        serde_json::from_str::<serde_json::Value>(&answer.to_json()).unwrap()
    };
    assert_eq!(ask(json!({"action": "count"})).await, json!(1));
    hub.connect(&b.member, false);
    let unanswered = json!(["b"]);
    assert_eq!(
        ask(json!({"action": "count"})).await,
        json!({"count": 0, "unanswered": unanswered})
    );
    assert_eq!(
        ask(json!({"action": "list"})).await,
        json!({"sessions": [], "unanswered": unanswered})
    );
    let close = json!({"action": "close", "to": "all"});
    assert_eq!(ask(close).await, json!({"sessions": 0, "unanswered": unanswered}));
    // After its time to live it is gone.
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(ask(json!({"action": "count"})).await, json!(0));
    stop([a, b]).await;
}
