//! The sequences that `batch` creates.

use std::time::Duration;

use ferrowire::{Message, Value};
use ferrowire_plugin_batch as _;
use ferrowire_testkit::{Harness, assert_compliant, json, linked, message};
use serde_json::Value as Json;

async fn send(node: &mut Harness, list: impl IntoIterator<Item = Json>) {
    for msg in list {
        node.send(message(msg)).await;
    }
}

fn numbers(list: std::ops::RangeInclusive<i32>) -> impl Iterator<Item = Json> {
    list.map(|n| json!({"_msgid": format!("m{n}"), "payload": n}))
}

/// `id payload index/count` of each message.
fn brief(messages: &[Message]) -> Vec<String> {
    let part = |msg: &Message, name| {
        msg.get("parts").and_then(|parts| parts.get(name)).cloned().unwrap_or_default()
    };
    let line = |msg: &Message| {
        let payload = msg.payload().map_or_else(|| "-".to_owned(), Value::to_json);
        let id = part(msg, "id");
        format!(
            "{} {payload} {}/{}",
            id.as_str().unwrap_or("?"),
            part(msg, "index").to_json(),
            part(msg, "count").to_json()
        )
    };
    messages.iter().map(line).collect()
}

async fn batch(config: Json, list: impl IntoIterator<Item = Json>) -> Vec<String> {
    let mut node = Harness::of("batch").config(config).start().await;
    send(&mut node, list).await;
    let stopped = node.stop().await;
    assert!(stopped.errors.is_empty(), "{:?}", stopped.errors);
    brief(&stopped.outputs[0])
}

#[tokio::test(start_paused = true)]
async fn it_keeps_to_the_contract() {
    for mode in ["count", "interval", "concat"] {
        let config = json!({"mode": mode, "count": "2", "overlap": "1", "interval": "10", "allowEmptySequence": true,
            "honourParts": true, "topics": [{"topic": "t"}]});
        assert_compliant(linked("batch"), config).await;
    }
}

#[tokio::test(start_paused = true)]
async fn so_many_messages_make_a_sequence() {
    let config = json!({"mode": "count", "count": "2", "overlap": "0"});
    assert_eq!(
        batch(config, numbers(1..=5)).await,
        ["m1 1 0/2", "m1 2 1/2", "m3 3 0/2", "m3 4 1/2"]
    );
}

#[tokio::test(start_paused = true)]
async fn sequences_may_overlap() {
    let config = json!({"mode": "count", "count": "3", "overlap": "2"});
    assert_eq!(
        batch(config, numbers(1..=4)).await,
        ["m1 1 0/3", "m1 2 1/3", "m1 3 2/3", "m2 2 0/3", "m2 3 1/3", "m2 4 2/3"]
    );
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_sequence_may_end_another() {
    let msg = |n: i32| json!({"_msgid": format!("m{n}"), "payload": n, "parts": {"id": "s", "index": n - 1, "count": 3}});
    let config = json!({"mode": "count", "count": "2", "honourParts": true});
    assert_eq!(batch(config, (1..=3).map(msg)).await, ["m1 1 0/2", "m1 2 1/2", "m3 3 0/1"]);
}

#[tokio::test(start_paused = true)]
async fn what_comes_in_a_time_makes_a_sequence() {
    let mut node =
        Harness::of("batch").config(json!({"mode": "interval", "interval": "1"})).start().await;
    send(&mut node, numbers(1..=2)).await;
    node.wait(Duration::from_millis(1010)).await;
    assert_eq!(brief(&node.outputs(0)), ["m1 1 0/2", "m1 2 1/2"]);
    node.wait(Duration::from_millis(500)).await;
    send(&mut node, numbers(3..=3)).await;
    send(&mut node, [json!({"reset": true})]).await;
    send(&mut node, numbers(4..=4)).await;
    node.wait(Duration::from_millis(700)).await;
    assert!(node.outputs(0).is_empty(), "a reset starts the time anew");
    node.wait(Duration::from_millis(310)).await;
    assert_eq!(brief(&node.outputs(0)), ["m4 4 0/1"]);
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_empty_time_may_make_a_sequence_of_nothing() {
    let config = json!({"mode": "interval", "interval": "1", "allowEmptySequence": true});
    let mut node = Harness::of("batch").config(config).start().await;
    node.wait(Duration::from_millis(2010)).await;
    let messages = node.outputs(0);
    assert_eq!(messages.len(), 2);
    assert!(brief(&messages)[0].ends_with(" null 0/1"), "{:?}", brief(&messages));
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_sequences_of_topics_make_one() {
    let msg = |topic: &str, n: i32, count: i32| {
        json!({"_msgid": format!("{topic}{n}"), "topic": topic, "payload": n,
        "parts": {"id": topic, "index": n, "count": count}})
    };
    let config = json!({"mode": "concat", "topics": [{"topic": "B"}, {"topic": "A"}]});
    let list = [msg("A", 0, 2), msg("B", 0, 1), msg("C", 0, 1), msg("A", 1, 2)];
    assert_eq!(batch(config.clone(), list).await, ["B0 0 0/3", "B0 0 1/3", "B0 1 2/3"]);
    let mut node = Harness::of("batch").config(config).start().await;
    send(&mut node, [json!({"topic": "A", "payload": 1})]).await;
    assert!(node.next_error().await.starts_with("no `msg.parts`"));
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_reset_drops_what_waits() {
    let config = json!({"mode": "count", "count": "2"});
    let list = numbers(1..=1).chain([json!({"reset": true})]).chain(numbers(2..=3));
    assert_eq!(batch(config, list).await, ["m2 2 0/2", "m2 3 1/2"]);
}

#[tokio::test]
async fn problems_are_named() {
    for (config, property) in [
        (json!({"mode": "x"}), "mode"),
        (json!({"mode": "count", "count": "0"}), "count"),
        (json!({"mode": "count", "count": "2", "overlap": "2"}), "overlap"),
        (json!({"mode": "interval", "interval": "-1"}), "interval"),
        (json!({"mode": "concat", "topics": "x"}), "topics"),
    ] {
        let problems = Harness::of("batch").config(config).problems();
        assert_eq!(problems.iter().map(|p| p.property.as_str()).collect::<Vec<_>>(), [property]);
    }
}

async fn completed(node: &mut Harness) -> Vec<String> {
    node.wait(Duration::from_millis(1)).await;
    node.completed().iter().filter_map(|msg| msg.id().map(str::to_owned)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_message_is_complete_when_its_last_sequence_has_left() {
    let config = json!({"mode": "count", "count": "3", "overlap": "1"});
    let mut node = Harness::of("batch").config(config).watched().start().await;
    send(&mut node, numbers(1..=2)).await;
    assert!(completed(&mut node).await.is_empty());
    send(&mut node, numbers(3..=3)).await;
    assert_eq!(completed(&mut node).await, ["m1", "m2"], "the third begins the next sequence");
    send(&mut node, [json!({"_msgid": "r", "reset": true})]).await;
    assert_eq!(completed(&mut node).await, ["m3", "r"]);
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn messages_of_an_interval_are_complete_when_it_is_over() {
    let config = json!({"mode": "interval", "interval": "1"});
    let mut node = Harness::of("batch").config(config).watched().start().await;
    send(&mut node, numbers(1..=2)).await;
    assert!(completed(&mut node).await.is_empty());
    node.wait(Duration::from_secs(1)).await;
    assert_eq!(completed(&mut node).await, ["m1", "m2"]);
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_topic_may_come_twice_in_a_sequence() {
    let msg = |n: i32| {
        json!({"_msgid": format!("m{n}"), "topic": "A", "payload": n,
        "parts": {"id": "s", "index": n, "count": 2}})
    };
    let config = json!({"mode": "concat", "topics": [{"topic": "A"}, {"topic": "A"}]});
    let mut node = Harness::of("batch").config(config).watched().start().await;
    send(&mut node, [msg(0)]).await;
    assert!(completed(&mut node).await.is_empty());
    send(&mut node, [msg(1)]).await;
    assert_eq!(brief(&node.outputs(0)), ["m0 0 0/4", "m0 1 1/4", "m0 0 2/4", "m0 1 3/4"]);
    assert_eq!(completed(&mut node).await, ["m0", "m1"]);
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn at_the_bound_an_interval_takes_no_more_and_goes_on() {
    let config = json!({"mode": "interval", "interval": "1"});
    let mut node = Harness::of("batch").config(config).watched().start().await;
    for _ in 0..65_536 {
        node.send(Message::with_payload(1)).await;
    }
    node.send(Message::with_payload("over")).await;
    assert_eq!(node.next_caught().await.payload(), Some(&"over".into()));
    assert!(
        node.next_error().await.starts_with("65536 messages have already arrived in this interval")
    );
    node.wait(Duration::from_millis(900)).await;
    assert!(node.errors().is_empty());
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn at_the_bound_the_oldest_sequence_of_a_topic_makes_room_and_is_caught() {
    let msg = |topic: &str, id: usize| {
        message(json!({"topic": topic, "payload": id, "parts": {"id": id, "index": 0, "count": 2}}))
    };
    let config = json!({"mode": "concat", "topics": [{"topic": "A"}, {"topic": "B"}]});
    let mut node = Harness::of("batch").config(config).watched().start().await;
    for id in 0..256 {
        for _ in 0..256 {
            node.send(msg(if id % 2 == 0 { "A" } else { "B" }, id)).await;
        }
    }
    assert!(node.errors().is_empty());
    node.send(msg("B", 1000)).await;
    for _ in 0..256 {
        assert_eq!(node.next_caught().await.payload(), Some(&0.into()));
    }
    assert!(node.next_error().await.contains("the oldest sequence was dropped with 256"));
    node.stop().await;
}
