//! The times at which messages leave a `delay`.

use std::time::Duration;

use ferrowire::Message;
use ferrowire_plugin_delay as _;
use ferrowire_testkit::{Harness, assert_compliant, json, linked, message};
use serde_json::Value as Json;
use tokio::time::Instant;

async fn start(config: Json) -> Harness {
    Harness::of("delay").config(config).start().await
}

async fn send(node: &mut Harness, msgs: &[Json]) {
    for msg in msgs {
        node.send(message(msg.clone())).await;
    }
}

fn payloads(messages: &[Message]) -> Vec<String> {
    messages.iter().map(|msg| msg.payload().map_or_else(String::new, |p| p.to_json())).collect()
}

/// The payloads that leave, each with the elapsed milliseconds.
async fn timeline(node: &mut Harness, count: usize) -> Vec<(String, u128)> {
    let begin = Instant::now();
    let mut line = Vec::new();
    for _ in 0..count {
        let msg = node.next_output(0).await;
        line.push((payloads(&[msg]).remove(0), begin.elapsed().as_millis()));
    }
    line
}

fn numbers(count: usize) -> Vec<Json> {
    (1..=count).map(|n| json!({"payload": n})).collect()
}

fn line(expected: &[(&str, u128)]) -> Vec<(String, u128)> {
    expected.iter().map(|(payload, at)| ((*payload).to_owned(), *at)).collect()
}

#[tokio::test(start_paused = true)]
async fn it_keeps_to_the_contract() {
    for mode in ["delay", "delayv", "random", "rate", "burst", "queue", "timed"] {
        let config = json!({"pauseType": mode, "timeout": "5", "timeoutUnits": "seconds", "rate": "1",
            "nbRateUnits": "1", "rateUnits": "second", "randomFirst": "1", "randomLast": "5",
            "randomUnits": "seconds", "drop": false, "allowrate": true, "outputs": 1});
        assert_compliant(linked("delay"), config).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_is_held_back_for_a_time_in_any_unit() {
    for (unit, ms) in [
        ("milliseconds", 2),
        ("seconds", 2000),
        ("minutes", 120_000),
        ("hours", 7_200_000),
        ("days", 172_800_000),
    ] {
        let config = json!({"pauseType": "delay", "timeout": "2", "timeoutUnits": unit});
        let mut node = Harness::of("delay")
            .config(config)
            .patience(Duration::from_secs(400_000))
            .start()
            .await;
        send(&mut node, &numbers(2)).await;
        assert_eq!(timeline(&mut node, 2).await, line(&[("1", ms), ("2", ms)]), "{unit}");
        node.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_may_say_how_long() {
    let mut node =
        start(json!({"pauseType": "delayv", "timeout": "5", "timeoutUnits": "milliseconds"})).await;
    send(
        &mut node,
        &[
            json!({"payload": 1, "delay": 300}),
            json!({"payload": 2, "delay": "100"}),
            json!({"payload": 3, "delay": "x"}),
            json!({"payload": 4, "delay": -5}),
        ],
    )
    .await;
    assert_eq!(timeline(&mut node, 4).await, line(&[("4", 0), ("3", 5), ("2", 100), ("1", 300)]));
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_random_time_lies_in_its_range() {
    let mut node = start(json!({"pauseType": "random", "randomFirst": "100", "randomLast": "200", "randomUnits": "milliseconds"})).await;
    send(&mut node, &numbers(20)).await;
    for (payload, at) in timeline(&mut node, 20).await {
        assert!((100..=201).contains(&at), "{payload} {at}");
    }
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_held_back_can_be_flushed_or_reset() {
    for mode in ["delay", "delayv", "random"] {
        let mut node = start(
            json!({"pauseType": mode, "timeout": "10", "randomFirst": "10", "randomLast": "11"}),
        )
        .await;
        send(&mut node, &numbers(4)).await;
        send(&mut node, &[json!({"flush": 1})]).await;
        assert_eq!(payloads(&node.outputs(0)), ["1"], "{mode}");
        send(&mut node, &[json!({"flush": true, "payload": 5})]).await;
        assert_eq!(payloads(&node.outputs(0)), ["2", "3", "4", "5"], "{mode}");
        send(&mut node, &numbers(1)).await;
        send(&mut node, &[json!({"reset": true})]).await;
        node.wait(Duration::from_secs(20)).await;
        assert!(node.outputs(0).is_empty(), "{mode}");
        node.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_rate_keeps_messages_in_turn() {
    let mut node =
        start(json!({"pauseType": "rate", "rate": "2", "nbRateUnits": "1", "rateUnits": "second"}))
            .await;
    send(&mut node, &numbers(3)).await;
    send(&mut node, &[json!({"payload": 0, "toFront": true})]).await;
    assert_eq!(
        timeline(&mut node, 4).await,
        line(&[("1", 0), ("0", 500), ("2", 1000), ("3", 1500)])
    );
    node.wait(Duration::from_secs(2)).await;
    send(&mut node, &numbers(1)).await;
    assert_eq!(payloads(&node.outputs(0)), ["1"], "after a pause the next one passes at once");
    let texts: Vec<_> = node.statuses().into_iter().map(|status| status.text.to_string()).collect();
    assert_eq!(texts, ["2", "0", "0"], "the number that waits is shown twice a second at most");
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_rate_can_be_flushed_reset_and_changed() {
    let mut node = start(json!({"pauseType": "rate", "rate": "1", "nbRateUnits": "10", "rateUnits": "second", "allowrate": true})).await;
    send(&mut node, &numbers(5)).await;
    send(&mut node, &[json!({"flush": 2})]).await;
    assert_eq!(payloads(&node.outputs(0)), ["1", "2", "3"]);
    send(&mut node, &[json!({"payload": 6, "rate": 100})]).await;
    assert_eq!(timeline(&mut node, 3).await, line(&[("4", 100), ("5", 200), ("6", 300)]));
    send(&mut node, &numbers(2)).await;
    send(&mut node, &[json!({"reset": true})]).await;
    node.wait(Duration::from_secs(60)).await;
    assert!(node.outputs(0).is_empty());
    send(&mut node, &numbers(2)).await;
    assert_eq!(timeline(&mut node, 2).await, line(&[("1", 0), ("2", 10_000)]));
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_order_to_flush_nothing_leaves_the_rest_in_turn() {
    for flush in [json!(0), json!(-1)] {
        let mut node = start(json!({"pauseType": "rate", "rate": "1"})).await;
        send(&mut node, &numbers(3)).await;
        send(&mut node, &[json!({"flush": flush})]).await;
        let expected = line(&[("1", 0), ("2", 1000), ("3", 2000)]);
        assert_eq!(timeline(&mut node, 3).await, expected, "{flush}");
        node.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_rate_may_drop_what_is_too_much() {
    let mut node = start(json!({"pauseType": "rate", "rate": "10", "rateUnits": "second", "drop": true, "outputs": 2})).await;
    send(&mut node, &numbers(3)).await;
    node.wait(Duration::from_millis(101)).await;
    send(&mut node, &[json!({"payload": 4}), json!({"reset": true}), json!({"payload": 5})]).await;
    assert_eq!(payloads(&node.outputs(0)), ["1", "4", "5"]);
    assert_eq!(payloads(&node.outputs(1)), ["2", "3"]);
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_burst_passes_and_the_rest_is_dropped() {
    let mut node = start(json!({"pauseType": "burst", "rate": "2", "nbRateUnits": "1", "rateUnits": "second", "outputs": 2})).await;
    send(&mut node, &numbers(3)).await;
    node.wait(Duration::from_millis(1001)).await;
    send(
        &mut node,
        &[json!({"payload": 4}), json!({"payload": 5}), json!({"reset": 1}), json!({"payload": 6})],
    )
    .await;
    assert_eq!(payloads(&node.outputs(0)), ["1", "2", "4", "5", "6"]);
    assert_eq!(payloads(&node.outputs(1)), ["3"]);
    let fills: Vec<_> = node.statuses().into_iter().map(|status| status.fill).collect();
    assert_eq!(fills, ["green", "red", "green", "green"]);
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_latest_of_each_topic_leaves_one_by_one_or_all_at_once() {
    let messages = [("a", 1), ("b", 2), ("a", 3), ("c", 4)]
        .map(|(topic, n)| json!({"topic": topic, "payload": n}));
    let config =
        |mode: &str| json!({"pauseType": mode, "rate": "1", "rateUnits": "second", "outputs": 2});
    for (mode, expected) in [
        ("queue", [("3", 1000), ("2", 2000), ("4", 3000)]),
        ("timed", [("3", 1000), ("2", 1000), ("4", 1000)]),
    ] {
        let mut node = start(config(mode)).await;
        send(&mut node, &messages).await;
        assert_eq!(timeline(&mut node, 3).await, line(&expected), "{mode}");
        assert_eq!(payloads(&node.outputs(1)), ["1"]);
        send(&mut node, &messages).await;
        send(&mut node, &[json!({"flush": 1})]).await;
        assert_eq!(payloads(&node.outputs(0)), ["3"]);
        send(&mut node, &[json!({"reset": true})]).await;
        node.wait(Duration::from_secs(10)).await;
        assert!(node.outputs(0).is_empty());
        node.stop().await;
    }
}

#[tokio::test]
async fn problems_are_named() {
    for (config, property) in [
        (json!({"pauseType": "nap"}), "pauseType"),
        (json!({"pauseType": "delay", "timeout": "-1"}), "timeout"),
        (json!({"pauseType": "rate", "rate": "0"}), "rate"),
        (json!({"pauseType": "rate", "rate": "1", "nbRateUnits": "many"}), "nbRateUnits"),
    ] {
        let problems = Harness::of("delay").config(config).problems();
        assert_eq!(problems.iter().map(|p| p.property.as_str()).collect::<Vec<_>>(), [property]);
    }
}

async fn completed(node: &mut Harness) -> Vec<String> {
    node.wait(Duration::from_millis(1)).await;
    node.completed().iter().filter_map(|msg| msg.id().map(str::to_owned)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_message_is_complete_when_it_has_left() {
    let msg = |id: &str| json!({"_msgid": id, "topic": id, "payload": id});
    for (config, at_once, later) in [
        (json!({"pauseType": "delay", "timeout": "1"}), vec![], vec!["a", "b"]),
        (json!({"pauseType": "rate", "rate": "1"}), vec!["a"], vec!["b"]),
        (json!({"pauseType": "timed", "rate": "1"}), vec![], vec!["a", "b"]),
        (json!({"pauseType": "rate", "rate": "1", "drop": true}), vec!["a", "b"], vec![]),
        (json!({"pauseType": "burst", "rate": "1"}), vec!["a", "b"], vec![]),
    ] {
        let mut node = Harness::of("delay").config(config.clone()).watched().start().await;
        send(&mut node, &[msg("a"), msg("b")]).await;
        assert_eq!(completed(&mut node).await, at_once, "{config}");
        node.wait(Duration::from_millis(1010)).await;
        assert_eq!(completed(&mut node).await, later, "{config}");
        node.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_is_complete_when_it_is_given_up() {
    let msg = |id: &str| json!({"_msgid": id, "topic": "t", "payload": id});
    let reset = json!({"_msgid": "r", "reset": true});
    for (kind, expected) in [
        ("delay", vec!["a", "b", "r"]),
        ("rate", vec!["a", "b", "r"]),
        ("queue", vec!["a", "b", "r"]),
    ] {
        let config = json!({"pauseType": kind, "timeout": "1", "rate": "1"});
        let mut node = Harness::of("delay").config(config).watched().start().await;
        send(&mut node, &[msg("a"), msg("b"), reset.clone()]).await;
        assert_eq!(completed(&mut node).await, expected, "{kind}");
        node.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_finds_no_room_is_caught_and_the_rest_leaves() {
    for (kind, topics) in [("delay", false), ("rate", false), ("timed", true)] {
        let config = json!({"pauseType": kind, "timeout": "1", "rate": "1"});
        let mut node = Harness::of("delay").config(config).watched().start().await;
        let first = usize::from(kind == "rate");
        for n in 0..65_536 + first {
            node.send(message(json!({"payload": n, "topic": if topics { n } else { 0 }}))).await;
            if n % 1000 == 0 {
                node.statuses();
                node.outputs(0);
            }
        }
        assert!(node.errors().is_empty());
        node.send(message(json!({"payload": "over", "topic": "over"}))).await;
        assert_eq!(node.next_caught().await.payload(), Some(&"over".into()), "{kind}");
        assert!(node.next_error().await.starts_with("too many messages: 65536"));
        node.send(message(json!({"flush": 10}))).await;
        assert_eq!(node.outputs(0).len(), 10, "{kind}");
        node.statuses();
        node.stop().await;
    }
}
