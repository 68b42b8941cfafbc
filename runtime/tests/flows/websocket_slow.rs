//! What clients that read slowly get, through the real binary.

use serde_json::{Value, json};

use crate::support::{Client, Runtime, delete_session, listener, node, tab, with, ws_in, ws_out};

/// More than the buffers of both sockets, a hundred times.
const COUNT: usize = 2_000;
const LONG: usize = 50_000;

/// Sends `payload` of each whole message to all clients, with its topic.
async fn publisher(properties: Value) -> (Runtime, Client, Client) {
    let listener = with(listener("l", "/ws"), properties);
    let source = with(self::listener("s", "/source"), json!({"wholemsg": "true"}));
    let nodes = json!([
        tab("tab"),
        listener,
        source,
        ws_in("in", "s", &["delete"]),
        delete_session("delete", &["out", "count"]),
        ws_out("out", "l"),
        node("count", "change", json!({"rules": []}), &["back"]),
        ws_out("back", "s"),
    ]);
    let runtime = Runtime::start_with(nodes, &["--log", "info"], &[]).await;
    let mut events = runtime.events().await;
    let slow = runtime.connect("/ws").await;
    events.status("out", "connected 1").await;
    let source = runtime.connect("/source").await;
    (runtime, slow, source)
}

/// Publishes messages about `topics` topics, each after the flow has sent the previous one.
async fn publish(source: &mut Client, topics: usize) {
    let rest = "x".repeat(LONG);
    for number in 0..COUNT {
        let topic = format!("t{}", number % topics);
        let msg = json!({"payload": format!("{number:06}{rest}"), "topic": topic});
        source.send(&msg.to_string()).await;
        source.text().await;
    }
}

/// The numbers of the messages until `last`.
async fn numbers_until(slow: &mut Client, last: usize) -> Vec<usize> {
    let mut numbers = Vec::new();
    while numbers.last() != Some(&last) {
        let text = slow.text().await;
        assert_eq!(text.len(), LONG + 6);
        numbers.push(text.get(..6).unwrap().parse().unwrap());
    }
    numbers
}

#[tokio::test]
async fn a_slow_client_gets_the_newest_messages_in_order_and_the_queue_costs_its_limit() {
    let properties = json!({"slowClient": "dropOldest", "maxQueue": "1000000"});
    let (runtime, mut slow, mut source) = publisher(properties).await;
    let before = runtime.memory("VmHWM");
    publish(&mut source, 1).await;
    let more = runtime.memory("VmHWM") - before;
    assert!(more < 16 << 20, "{more} bytes more");
    let got = numbers_until(&mut slow, COUNT - 1).await;
    assert!(got.is_sorted() && got.len() < COUNT, "{got:?}");
    let newest: Vec<usize> = (COUNT - 19..COUNT).collect();
    assert!(got.ends_with(&newest), "{got:?}");
}

#[tokio::test]
async fn a_slow_client_gets_the_latest_message_of_each_topic() {
    const TOPICS: usize = 10;
    let (_runtime, mut slow, mut source) = publisher(json!({"slowClient": "latest"})).await;
    publish(&mut source, TOPICS).await;
    let rest = "x".repeat(LONG);
    let last = json!({"payload": format!("{COUNT:06}{rest}"), "topic": "last"});
    source.send(&last.to_string()).await;
    let got = numbers_until(&mut slow, COUNT).await;
    assert!(got.len() < COUNT / 2, "{got:?}");
    for topic in 0..TOPICS {
        let of: Vec<_> = got.iter().filter(|it| **it < COUNT && **it % TOPICS == topic).collect();
        assert!(of.is_sorted(), "{of:?}");
        assert_eq!(**of.last().unwrap(), COUNT - TOPICS + topic);
    }
}
