//! The messages of a listener, through the real binary.

use futures_util::SinkExt;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{Bytes, Message};

use crate::support::{
    Runtime, broadcaster, debug, echo, listener, node, set, set_payload, tab, whole_echo, with,
    ws_in, ws_out,
};

/// The output of a debug node for one message.
async fn debugged(runtime: &Runtime, message: Message) -> Value {
    let mut events = runtime.events().await;
    let mut client = runtime.connect("/ws").await;
    client.send_message(message).await;
    let data = events.of("debug", "debug").await;
    data["msg"].clone()
}

fn in_and_debug(wholemsg: &str) -> Value {
    let listener = with(listener("l", "/ws"), json!({"wholemsg": wholemsg}));
    json!([tab("tab"), listener, ws_in("in", "l", &["debug"]), debug("debug")])
}

#[tokio::test]
async fn text_becomes_a_string_and_binary_a_buffer_with_the_session_and_a_new_id() {
    let runtime = Runtime::start(in_and_debug("false")).await;
    let text = debugged(&runtime, Message::text("hello")).await;
    assert_eq!(text["payload"], "hello");
    assert_eq!(text["_session"]["type"], "websocket");
    assert_eq!(text["_session"]["id"].as_str().unwrap().len(), 16);
    assert_eq!(text["_msgid"].as_str().unwrap().len(), 16);
    let binary = debugged(&runtime, Message::binary(vec![1u8, 2])).await;
    assert_eq!(binary["payload"], json!({"type": "Buffer", "data": [1, 2]}));
    assert_ne!(text["_session"]["id"], binary["_session"]["id"]);
}

#[tokio::test]
async fn one_connection_keeps_one_session_id() {
    let runtime = Runtime::start(in_and_debug("false")).await;
    let mut events = runtime.events().await;
    let mut client = runtime.connect("/ws").await;
    client.send("a").await;
    client.send("b").await;
    let a = events.of("debug", "debug").await["msg"].clone();
    let b = events.of("debug", "debug").await["msg"].clone();
    assert_eq!(a["_session"], b["_session"]);
    assert_ne!(a["_msgid"], b["_msgid"]);
}

#[tokio::test]
async fn whole_message_json_becomes_the_message_or_its_payload() {
    let runtime = Runtime::start(in_and_debug("true")).await;
    let cases = [
        (r#"{"topic":"t","payload":{"a":1}}"#, json!({"topic": "t", "payload": {"a": 1}})),
        ("5", json!({"payload": 5})),
        ("\"x\"", json!({"payload": "x"})),
        ("true", json!({"payload": true})),
        ("not json", json!({"payload": "not json"})),
    ];
    for (text, expected) in cases {
        let mut msg = debugged(&runtime, Message::text(text)).await;
        let msg = msg.as_object_mut().unwrap();
        assert!(msg.remove("_session").is_some() && msg.remove("_msgid").is_some());
        assert_eq!(&Value::from(msg.clone()), &expected, "{text}");
    }
}

#[tokio::test]
async fn whole_message_null_is_a_payload_and_stops_nothing() {
    let runtime = Runtime::start(in_and_debug("true")).await;
    assert_eq!(debugged(&runtime, Message::text("null")).await["payload"], Value::Null);
    assert_eq!(debugged(&runtime, Message::text("1")).await["payload"], 1);
}

#[tokio::test]
async fn whole_message_array_is_the_payload() {
    let runtime = Runtime::start(in_and_debug("true")).await;
    let msg = debugged(&runtime, Message::text("[1,[2]]")).await;
    assert_eq!(msg["payload"], json!([1, [2]]));
}

#[tokio::test]
async fn whole_message_binary_is_parsed_when_it_is_json_and_a_buffer_otherwise() {
    let runtime = Runtime::start(in_and_debug("true")).await;
    let json = debugged(&runtime, Message::binary(br#"{"topic":"t"}"#.to_vec())).await;
    assert_eq!(json["topic"], "t");
    let other = debugged(&runtime, Message::binary(vec![0xffu8, 0])).await;
    assert_eq!(other["payload"], json!({"type": "Buffer", "data": [255, 0]}));
}

#[tokio::test]
async fn whole_message_session_of_the_peer_is_overwritten_and_its_id_is_kept() {
    let runtime = Runtime::start(in_and_debug("true")).await;
    let text = r#"{"_session":{"type":"websocket","id":"forged"},"_msgid":"mine"}"#;
    let msg = debugged(&runtime, Message::text(text)).await;
    assert_ne!(msg["_session"]["id"], "forged");
    assert_eq!(msg["_msgid"], "mine");
}

#[tokio::test]
async fn only_the_string_true_switches_whole_messages_on() {
    let listener = with(listener("l", "/ws"), json!({"wholemsg": true}));
    let nodes = json!([tab("tab"), listener, ws_in("in", "l", &["debug"]), debug("debug")]);
    let runtime = Runtime::start(nodes).await;
    assert_eq!(debugged(&runtime, Message::text("5")).await["payload"], "5");
}

#[tokio::test]
async fn every_in_node_of_an_endpoint_gets_a_copy_of_its_own() {
    let nodes = json!([
        tab("tab"),
        listener("l", "/ws"),
        ws_in("in1", "l", &["change"]),
        set_payload("change", "changed", "str", &["d1"]),
        debug("d1"),
        ws_in("in2", "l", &["d2"]),
        debug("d2"),
    ]);
    let runtime = Runtime::start(nodes).await;
    let mut events = runtime.events().await;
    let mut other = runtime.events().await;
    let mut client = runtime.connect("/ws").await;
    client.send("original").await;
    assert_eq!(events.of("debug", "d1").await["msg"]["payload"], "changed");
    assert_eq!(other.of("debug", "d2").await["msg"]["payload"], "original");
}

#[tokio::test]
async fn a_message_with_a_session_goes_to_that_client_only() {
    let runtime = Runtime::start(echo()).await;
    let (mut a, mut b) = (runtime.connect("/ws").await, runtime.connect("/ws").await);
    a.echo("for a").await;
    b.echo("for b").await;
}

#[tokio::test]
async fn a_message_without_a_session_goes_to_every_client_of_the_listener() {
    let runtime = Runtime::start(broadcaster()).await;
    let mut events = runtime.events().await;
    let (mut a, mut b) = (runtime.connect("/ws").await, runtime.connect("/ws").await);
    events.status("out", "connected 2").await;
    a.send("for all").await;
    assert_eq!(a.text().await, "for all");
    assert_eq!(b.text().await, "for all");
}

#[tokio::test]
async fn a_message_for_a_client_that_is_gone_or_of_another_endpoint_is_dropped_silently() {
    let nodes = json!([
        tab("tab"),
        listener("l", "/ws"),
        listener("m", "/other"),
        ws_in("in", "l", &["out", "other"]),
        ws_out("out", "l"),
        ws_out("other", "m"),
    ]);
    let mut runtime = Runtime::start(nodes).await;
    let mut other = runtime.connect("/other").await;
    let mut events = runtime.events().await;
    events.status("other", "connected 1").await;
    runtime.connect("/ws").await.echo("hello").await;
    let line = runtime.log_line("there is no session").await;
    assert!(line.contains("DEBUG"), "{line}");
    // A broadcast would arrive before the close frame.
    runtime.signal("-TERM");
    assert_eq!(u16::from(other.closed().await.unwrap().code), 1001);
}

#[tokio::test]
async fn a_session_of_another_type_is_a_broadcast() {
    let rule = json!([{"t": "set", "p": "_session.type", "pt": "msg", "to": "tcp", "tot": "str"}]);
    let nodes = json!([
        tab("tab"),
        listener("l", "/ws"),
        ws_in("in", "l", &["change"]),
        node("change", "change", json!({"rules": rule}), &["out"]),
        ws_out("out", "l"),
    ]);
    let runtime = Runtime::start(nodes).await;
    let mut events = runtime.events().await;
    let (mut a, mut b) = (runtime.connect("/ws").await, runtime.connect("/ws").await);
    events.status("out", "connected 2").await;
    a.send("for all").await;
    assert_eq!((a.text().await, b.text().await), ("for all".to_owned(), "for all".to_owned()));
}

#[tokio::test]
async fn every_kind_of_payload_is_sent_as_node_red_sends_it() {
    let cases: [(&str, &str, Option<Message>); 9] = [
        ("text", "str", Some(Message::text("text"))),
        ("[1,255]", "bin", Some(Message::binary(vec![1u8, 255]))),
        ("{\"b\":1,\"a\":[true]}", "json", Some(Message::text(r#"{"b":1,"a":[true]}"#))),
        ("[1,2]", "json", Some(Message::text("[1,2]"))),
        ("0.5", "num", Some(Message::text("0.5"))),
        ("false", "bool", Some(Message::text("false"))),
        ("null", "json", Some(Message::text("null"))),
        ("", "str", None),
        ("[]", "bin", Some(Message::binary(Bytes::new()))),
    ];
    let mut nodes = vec![tab("tab")];
    for (number, (value, kind, _)) in cases.iter().enumerate() {
        let id = |part: &str| format!("{part}{number}");
        nodes.push(listener(&id("l"), &format!("/{number}")));
        nodes.push(ws_in(&id("in"), &id("l"), &[&id("change"), &id("out")]));
        nodes.push(set_payload(&id("change"), value, kind, &[&id("out")]));
        nodes.push(ws_out(&id("out"), &id("l")));
    }
    let runtime = Runtime::start(Value::from(nodes)).await;
    for (number, (value, kind, expected)) in cases.into_iter().enumerate() {
        let mut client = runtime.connect(&format!("/{number}")).await;
        client.send("marker").await;
        if let Some(expected) = expected {
            assert_eq!(client.next().await, expected, "{kind} {value}");
        }
        assert_eq!(client.text().await, "marker", "{kind} {value}");
    }
}

#[tokio::test]
async fn a_message_without_a_payload_sends_nothing() {
    let rules = json!([{"t": "delete", "p": "payload", "pt": "msg"}]);
    let nodes = json!([
        tab("tab"),
        listener("l", "/ws"),
        ws_in("in", "l", &["change", "out"]),
        node("change", "change", json!({"rules": rules}), &["out"]),
        ws_out("out", "l"),
    ]);
    let runtime = Runtime::start(nodes).await;
    runtime.connect("/ws").await.echo("only this").await;
}

#[tokio::test]
async fn a_whole_message_leaves_without_its_session_and_is_routed_by_it() {
    let runtime = Runtime::start(whole_echo()).await;
    let (mut a, mut b) = (runtime.connect("/ws").await, runtime.connect("/ws").await);
    a.send(r#"{"b":1,"payload":"x","_msgid":"m"}"#).await;
    assert_eq!(a.text().await, r#"{"b":1,"payload":"x","_msgid":"m"}"#);
    b.send_message(Message::binary(vec![255u8])).await;
    let msg = b.json().await;
    assert_eq!(msg["payload"], json!({"type": "Buffer", "data": [255]}));
    assert!(msg["_msgid"].is_string() && msg.get("_session").is_none());
}

#[tokio::test]
async fn broadcasts_and_answers_of_one_sender_keep_their_order() {
    let nodes = json!([
        tab("tab"),
        listener("l", "/ws"),
        listener("m", "/other"),
        ws_in("in", "l", &["mark", "answer", "everybody", "other"]),
        set_payload("mark", "mark", "str", &["everybody"]),
        set("everybody", "_session.type", "none", "str", &["out"]),
        ws_out("answer", "l"),
        ws_out("out", "l"),
        set("other", "_session.type", "none", "str", &["other out"]),
        ws_out("other out", "m"),
    ]);
    let runtime = Runtime::start(nodes).await;
    let mut events = runtime.events().await;
    let (mut a, mut b) = (runtime.connect("/ws").await, runtime.connect("/ws").await);
    events.status("out", "connected 2").await;
    let mut elsewhere = runtime.connect("/other").await;
    events.status("other out", "connected 1").await;
    // All at once, so that they are processed together.
    for number in 0..100 {
        a.0.feed(Message::text(format!("{number}"))).await.unwrap();
    }
    a.0.flush().await.unwrap();
    for number in 0..100 {
        let number = format!("{number}");
        assert_eq!(a.text().await, "mark");
        assert_eq!(a.text().await, number, "the answer");
        assert_eq!(a.text().await, number, "the broadcast");
        assert_eq!(b.text().await, "mark");
        assert_eq!(b.text().await, number);
        assert_eq!(elsewhere.text().await, number);
    }
}
