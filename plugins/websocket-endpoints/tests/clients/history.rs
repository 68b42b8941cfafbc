//! What clients get of the history of a listener and its rooms.

use std::time::Duration;

use ferrowire_testkit::{Harness, message};
use serde_json::{Value, json};

use crate::support::{Peer, TEXT, connect, listener};

const PIPE: usize = 1 << 20;

async fn publish(node: &mut Harness, payload: &str, topic: &str) {
    node.send(message(json!({"payload": payload, "topic": topic}))).await;
}

async fn publish_to(node: &mut Harness, room: &str, payload: &str) {
    let session = json!({"type": "websocket", "to": "room", "target": [room]});
    node.send(message(json!({"payload": payload, "_session": session}))).await;
}

async fn parsed(peer: &mut Peer) -> Value {
    serde_json::from_str(&peer.text().await).unwrap()
}

/// The introduction of a history, and the position in it.
async fn introduced(peer: &mut Peer) -> (Value, String) {
    let history = parsed(peer).await["history"].take();
    let position = history["position"].as_str().unwrap().to_owned();
    (history, position)
}

#[tokio::test(start_paused = true)]
async fn who_connects_gets_the_last_messages_as_they_were_sent_and_then_live_ones() {
    let (mut node, port) = listener(json!({"history": "3"})).await;
    for text in ["a", "b", "c", "d"] {
        publish(&mut node, text, "").await;
    }
    let mut peer = connect(&port, "/ws", PIPE).await;
    publish(&mut node, "e", "").await;
    for text in ["b", "c", "d", "e"] {
        assert_eq!(peer.text().await, text);
    }
    drop(peer);
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn messages_that_are_too_old_are_not_replayed() {
    let (mut node, port) = listener(json!({"history": "10", "historyAge": "30"})).await;
    publish(&mut node, "old", "").await;
    node.wait(Duration::from_secs(20)).await;
    publish(&mut node, "new", "").await;
    node.wait(Duration::from_secs(15)).await;
    let mut peer = connect(&port, "/ws", PIPE).await;
    assert_eq!(peer.text().await, "new");
    drop(peer);
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn by_topic_who_connects_gets_the_newest_message_of_each() {
    let (mut node, port) = listener(json!({"historyKey": "topic"})).await;
    for (payload, topic) in [("1", "a"), ("2", "b"), ("3", ""), ("4", "a"), ("5", "c")] {
        publish(&mut node, payload, topic).await;
    }
    let mut peer = connect(&port, "/ws", PIPE).await;
    for text in ["2", "3", "4", "5"] {
        assert_eq!(peer.text().await, text);
    }
    drop(peer);
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn who_names_its_position_gets_what_it_missed_and_is_told_if_that_is_lost() {
    let (mut node, port) = listener(json!({"history": "2"})).await;
    publish(&mut node, "a", "").await;
    let mut peer = connect(&port, "/ws?history=", PIPE).await;
    let (history, _) = introduced(&mut peer).await;
    assert_eq!(history["offset"], 1);
    assert_eq!(history.get("recovered"), None);
    assert_eq!(parsed(&mut peer).await, json!({"offset": 1, "data": "a"}));
    publish(&mut node, "b", "").await;
    assert_eq!(parsed(&mut peer).await, json!({"offset": 2, "data": "b"}));
    drop(peer);

    let epoch = history["epoch"].as_str().unwrap();
    for text in ["c", "d"] {
        publish(&mut node, text, "").await;
    }
    let mut peer = connect(&port, &format!("/ws?history={epoch}:2"), PIPE).await;
    let (history, _) = introduced(&mut peer).await;
    assert_eq!((&history["recovered"], &history["offset"]), (&json!(true), &json!(4)));
    publish(&mut node, "e", "").await;
    for (offset, data) in [(3, "c"), (4, "d"), (5, "e")] {
        assert_eq!(parsed(&mut peer).await, json!({"offset": offset, "data": data}));
    }
    drop(peer);

    for position in [format!("{epoch}:2"), format!("{epoch}:6"), "0:5".to_owned(), "x".to_owned()] {
        let mut peer = connect(&port, &format!("/ws?history={position}"), PIPE).await;
        let (history, _) = introduced(&mut peer).await;
        assert_eq!(history["recovered"], false, "{position}");
        assert_eq!(parsed(&mut peer).await["offset"], 4);
    }
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn who_joins_a_room_gets_what_the_room_keeps() {
    let (mut node, port) = listener(json!({"history": "5", "clientRooms": "n*"})).await;
    publish_to(&mut node, "news", "one").await;
    publish_to(&mut node, "other", "not for news").await;
    let mut plain = connect(&port, "/ws", PIPE).await;
    plain.send(TEXT, r#"{"join":"news"}"#).await;
    assert_eq!(plain.text().await, "one");
    assert_eq!(parsed(&mut plain).await, json!({"joined": "news"}));
    plain.send(TEXT, r#"{"join":"night","after":"a:1"}"#).await;
    assert!(parsed(&mut plain).await["error"].is_string());

    let mut peer = connect(&port, "/ws?history=", PIPE).await;
    assert_eq!(introduced(&mut peer).await.0["offset"], 0);
    peer.send(TEXT, r#"{"join":"news"}"#).await;
    let (history, position) = introduced(&mut peer).await;
    assert_eq!(history["room"], "news");
    assert_eq!(parsed(&mut peer).await, json!({"offset": 1, "room": "news", "data": "one"}));
    assert_eq!(parsed(&mut peer).await, json!({"joined": "news"}));
    peer.send(TEXT, r#"{"leave":"news"}"#).await;
    assert_eq!(parsed(&mut peer).await, json!({"left": "news"}));
    publish_to(&mut node, "news", "two").await;
    assert_eq!(plain.text().await, "two");
    peer.send(TEXT, &json!({"join": "news", "after": position}).to_string()).await;
    let (history, _) = introduced(&mut peer).await;
    assert_eq!(history["recovered"], true);
    assert_eq!(parsed(&mut peer).await, json!({"offset": 2, "room": "news", "data": "two"}));
    drop((plain, peer));
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn messages_to_one_session_are_not_kept_and_have_no_offset() {
    let (mut node, port) = listener(json!({"history": "5"})).await;
    let mut peer = connect(&port, "/ws?history=", PIPE).await;
    introduced(&mut peer).await;
    peer.send(TEXT, "question").await;
    let question = node.next_output(0).await;
    node.send(question).await;
    assert_eq!(peer.text().await, "question");
    let mut other = connect(&port, "/ws", PIPE).await;
    publish(&mut node, "to all", "").await;
    assert_eq!(other.text().await, "to all");
    drop((peer, other));
    node.stop().await;
}
