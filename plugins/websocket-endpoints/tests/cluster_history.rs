//! Histories of a listener on several instances that meet in memory, on paused time.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "support/instances.rs"]
mod instances;

use std::time::Duration;

use ferrowire::Value as FlowValue;
use ferrowire_cluster::memory::Hub;
use ferrowire_plugin_websocket_endpoints as _;
use ferrowire_testkit::message;
use futures_util::{FutureExt as _, SinkExt, StreamExt as _};
use instances::{Instance, settled, stop, text, two};
use serde_json::{Value, json};
use tokio::io::DuplexStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message as Frame;

type Client = WebSocketStream<DuplexStream>;

async fn parsed(client: &mut Client) -> Value {
    serde_json::from_str(&text(client).await).unwrap()
}

/// The introduction of a history, and the position in it.
async fn introduced(client: &mut Client) -> (Value, String) {
    let history = parsed(client).await["history"].take();
    let position = history["position"].as_str().unwrap().to_owned();
    (history, position)
}

/// The next message, and the position after it in the history `of`.
async fn next(client: &mut Client, of: &str) -> (Value, String) {
    let message = parsed(client).await;
    let epoch = of.split(':').next().unwrap();
    let position = format!("{epoch}:{}", message["offset"]);
    (message["data"].clone(), position)
}

fn got_nothing(client: &mut Client) -> bool {
    client.next().now_or_never().is_none()
}

async fn to_room(instance: &mut Instance, session: Value, payload: Value) {
    let mut msg = message(json!({"payload": payload}));
    msg.set("_session", FlowValue::from(session));
    instance.node.send(msg).await;
}

async fn send(instance: &mut Instance, room: &str, payload: &str) {
    let session = json!({"type": "websocket", "id": "", "to": "room", "target": room});
    to_room(instance, session, json!(payload)).await;
    settled().await;
}

async fn join(client: &mut Client, room: &str, after: Option<&str>) {
    let request = match after {
        None => json!({"join": room}),
        Some(after) => json!({"join": room, "after": after}),
    };
    client.send(Frame::text(request.to_string())).await.unwrap();
    settled().await;
}

/// Joins a room with offsets: the answer may come before the history or after it.
async fn joined(client: &mut Client, room: &str, after: Option<&str>) -> (Value, String) {
    join(client, room, after).await;
    let answer = json!({"joined": room});
    let first = parsed(client).await;
    let history = match first == answer {
        true => parsed(client).await,
        false => {
            // What is kept comes before the answer.
            first
        }
    };
    let history = history["history"].clone();
    let position = history["position"].as_str().unwrap().to_owned();
    (history, position)
}

/// The data of the next messages, without answers to joins.
async fn data(client: &mut Client, count: usize) -> Vec<Value> {
    let mut all = Vec::new();
    while all.len() < count {
        let message = parsed(client).await;
        if message.get("joined").is_none() {
            all.push(message["data"].clone());
        }
    }
    all
}

#[tokio::test(start_paused = true)]
async fn all_instances_have_one_history_of_everybody_with_one_numbering() {
    let (_hub, mut a, mut b) = two(json!({"history": "10"})).await;
    let mut plain = a.connect().await;
    let mut first = a.connect_to("/ws?history=").await;
    let (history, start) = introduced(&mut first).await;
    assert_eq!(history.get("recovered"), None);
    b.broadcast("1").await;
    a.broadcast("2").await;
    let (one, after_one) = next(&mut first, &start).await;
    let (two, _) = next(&mut first, &start).await;
    assert_eq!((one, two), (json!("1"), json!("2")));
    assert_eq!((text(&mut plain).await, text(&mut plain).await), ("1".into(), "2".into()));
    let mut other = b.connect_to(&format!("/ws?history={after_one}")).await;
    let (history, _) = introduced(&mut other).await;
    assert_eq!(history["recovered"], true);
    assert_eq!(data(&mut other, 1).await, ["2"]);
    let mut late = b.connect().await;
    assert_eq!((text(&mut late).await, text(&mut late).await), ("1".into(), "2".into()));
    a.broadcast("3").await;
    assert_eq!(data(&mut other, 1).await, ["3"]);
    for client in [&mut plain, &mut late] {
        assert_eq!(text(client).await, "3");
        assert!(got_nothing(client));
    }
    stop([a, b]).await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_comes_to_another_instance_gets_what_its_rooms_had_meanwhile() {
    let (_hub, mut a, mut b) = two(json!({"history": "3", "clientRooms": "*"})).await;
    let mut client = a.connect_to("/ws?history=").await;
    introduced(&mut client).await;
    let (_, start) = joined(&mut client, "r", None).await;
    for text in ["1", "2"] {
        send(&mut b, "r", text).await;
    }
    assert_eq!(data(&mut client, 2).await, ["1", "2"]);
    let (_, quiet) = joined(&mut client, "quiet", None).await;
    drop(client);
    settled().await;
    // Nobody is in the room, on no instance.
    for text in ["3", "4"] {
        send(&mut a, "r", text).await;
    }
    let mut client = b.connect_to("/ws?history=").await;
    introduced(&mut client).await;
    let (history, _) = joined(&mut client, "quiet", Some(&quiet)).await;
    assert_eq!((&history["recovered"], &history["room"]), (&json!(true), &json!("quiet")));
    let (epoch, _) = start.split_once(':').unwrap();
    let (history, _) = joined(&mut client, "r", Some(&format!("{epoch}:2"))).await;
    assert_eq!(history["recovered"], true, "{history}");
    let mut lost = b.connect_to("/ws?history=").await;
    introduced(&mut lost).await;
    let (history, _) = joined(&mut lost, "r", Some(&start)).await;
    assert_eq!(history["recovered"], false, "only three are kept");
    assert_eq!(data(&mut lost, 3).await, ["2", "3", "4"]);
    for position in ["0badc0de:2".to_owned(), format!("{epoch}:4000")] {
        let mut client = a.connect_to("/ws?history=").await;
        introduced(&mut client).await;
        let (history, _) = joined(&mut client, "r", Some(&position)).await;
        assert_eq!(history["recovered"], false, "{position}");
    }
    stop([a, b]).await;
}

#[tokio::test(start_paused = true)]
async fn a_message_names_the_offset_of_the_one_before_it() {
    let (_hub, mut a, b) = two(json!({"history": "9", "clientRooms": "*"})).await;
    let mut client = b.connect_to("/ws?history=").await;
    introduced(&mut client).await;
    let (history, _) = joined(&mut client, "r", None).await;
    let mut last = history["offset"].as_u64().unwrap();
    for (room, text) in [("other", "0"), ("r", "1"), ("other", "2"), ("r", "3")] {
        send(&mut a, room, text).await;
    }
    let mut got = Vec::new();
    while got.len() < 2 {
        let message = parsed(&mut client).await;
        if message.get("joined").is_none() {
            assert_eq!(message["previous"], last, "{message}");
            last = message["offset"].as_u64().unwrap();
            got.push(message["data"].clone());
        }
    }
    assert_eq!(got, ["1", "3"]);
    stop([a, b]).await;
}

#[tokio::test(start_paused = true)]
async fn a_message_to_several_rooms_is_kept_by_each_and_comes_once() {
    let (_hub, mut a, b) = two(json!({"history": "9", "clientRooms": "*"})).await;
    let mut both = b.connect().await;
    for room in ["x", "y"] {
        join(&mut both, room, None).await;
        text(&mut both).await;
    }
    let mut one = b.connect().await;
    join(&mut one, "y", None).await;
    text(&mut one).await;
    let session = json!({
        "type": "websocket", "id": "", "to": "room", "target": ["x", "y", "x"],
    });
    to_room(&mut a, session, json!("1")).await;
    send(&mut a, "y", "2").await;
    for client in [&mut both, &mut one] {
        assert_eq!((text(client).await, text(client).await), ("1".into(), "2".into()));
        assert!(got_nothing(client));
    }
    let mut late = a.connect().await;
    join(&mut late, "x", None).await;
    let mut got = [text(&mut late).await, text(&mut late).await];
    got.sort();
    assert_eq!(got, ["1", r#"{"joined":"x"}"#]);
    stop([a, b]).await;
}

#[tokio::test(start_paused = true)]
async fn who_is_left_out_is_so_on_any_instance_and_gets_the_message_of_the_history() {
    let (_hub, mut a, b) = two(json!({"history": "9"})).await;
    let mut client = b.connect().await;
    client.send(Frame::text("question")).await.unwrap();
    let mut b = b;
    let question = b.node.next_output(0).await;
    let id = question.get("_session").unwrap().get("id").unwrap().as_str().unwrap().to_owned();
    let mut other = b.connect().await;
    let session = json!({"type": "websocket", "id": id, "to": "others"});
    to_room(&mut a, session, json!("1")).await;
    settled().await;
    assert_eq!(text(&mut other).await, "1");
    assert!(got_nothing(&mut client));
    let mut late = a.connect().await;
    assert_eq!(text(&mut late).await, "1");
    stop([a, b]).await;
}

#[tokio::test(start_paused = true)]
async fn while_the_cluster_is_away_messages_wait_and_who_joins_waits_for_what_is_kept() {
    let (hub, mut a, mut b) = two(json!({"history": "9"})).await;
    let mut first = a.connect_to("/ws?history=").await;
    introduced(&mut first).await;
    hub.connect(&a.member, false);
    settled().await;
    b.broadcast("1").await;
    a.broadcast("2").await;
    assert!(got_nothing(&mut first));
    tokio::time::sleep(Duration::from_secs(10)).await;
    let mut second = a.connect_to("/ws?history=").await;
    hub.connect(&a.member, true);
    assert_eq!(data(&mut first, 2).await, ["1", "2"]);
    introduced(&mut second).await;
    a.broadcast("3").await;
    assert_eq!(data(&mut first, 1).await, ["3"]);
    assert_eq!(data(&mut second, 3).await, ["1", "2", "3"]);
    stop([a, b]).await;
}

#[tokio::test(start_paused = true)]
async fn who_is_there_while_the_history_is_deleted_is_told_so_and_goes_on() {
    let (hub, mut a, b) = two(json!({"history": "9"})).await;
    let mut client = b.connect_to("/ws?history=").await;
    let (_, start) = introduced(&mut client).await;
    a.broadcast("1").await;
    assert_eq!(data(&mut client, 1).await, ["1"]);
    hub.lose_journals();
    a.broadcast("2").await;
    let (history, position) = introduced(&mut client).await;
    assert_eq!(history["recovered"], false);
    assert_ne!(start.split(':').next(), position.split(':').next());
    assert_eq!(data(&mut client, 1).await, ["2"]);
    stop([a, b]).await;
}

#[tokio::test(start_paused = true)]
async fn of_each_topic_the_newest_message_is_kept_for_all_instances() {
    let (_hub, mut a, b) = two(json!({"historyKey": "topic"})).await;
    for (topic, payload) in [("a", 1), ("b.*", 2), ("a", 3), ("b.*", 4), ("c", 5)] {
        a.node.send(message(json!({"topic": topic, "payload": payload}))).await;
    }
    settled().await;
    let mut client = b.connect().await;
    let got = [text(&mut client).await, text(&mut client).await, text(&mut client).await];
    assert_eq!(got, ["3", "4", "5"]);
    assert!(got_nothing(&mut client));
    stop([a, b]).await;
}

#[tokio::test(start_paused = true)]
async fn without_journals_each_instance_has_its_own_history_and_nothing_is_lost() {
    let hub = Hub::new();
    hub.refuse_journals("NATS has no JetStream");
    let config = json!({"history": "9", "clientRooms": "*"});
    let mut a = Instance::start(&hub, "a", config.clone()).await;
    let b = Instance::start(&hub, "b", config).await;
    let mut here = a.connect_to("/ws?history=").await;
    introduced(&mut here).await;
    let mut there = b.connect().await;
    for payload in ["1", "2"] {
        a.broadcast(payload).await;
    }
    assert_eq!(data(&mut here, 2).await, ["1", "2"]);
    assert_eq!((text(&mut there).await, text(&mut there).await), ("1".into(), "2".into()));
    let mut late = b.connect().await;
    assert_eq!((text(&mut late).await, text(&mut late).await), ("1".into(), "2".into()));
    stop([a, b]).await;
}
