//! The order in which `sort` sends arrays and sequences.

use std::time::Duration;

use ferrowire::{Date, Level, Message, Value};
use ferrowire_plugin_sort as _;
use ferrowire_testkit::{Harness, assert_compliant, json, linked, message};
use serde_json::Value as Json;

async fn sorted(config: Json, messages: Vec<Json>) -> Vec<Message> {
    let mut node = Harness::of("sort").config(config).start().await;
    for msg in messages {
        node.send(message(msg)).await;
    }
    let mut stopped = node.stop().await;
    assert!(stopped.errors.is_empty(), "{:?}", stopped.errors);
    stopped.outputs.remove(0)
}

async fn assert_sorted(order: &str, as_number: bool, before: Json, after: Json) {
    let config = json!({"order": order, "as_num": as_number, "target": "payload", "targetType": "msg",
        "msgKey": "", "msgKeyType": "elem"});
    let messages = sorted(config, vec![json!({"payload": before})]).await;
    assert_eq!(messages[0].payload(), Some(&after.into()));
}

#[tokio::test(start_paused = true)]
async fn it_keeps_to_the_contract() {
    for target in ["msg", "seq"] {
        let config = json!({"order": "ascending", "as_num": false, "target": "payload", "targetType": target,
            "msgKey": "payload", "msgKeyType": "elem", "seqKey": "payload", "seqKeyType": "msg"});
        assert_compliant(linked("sort"), config).await;
    }
}

#[tokio::test(start_paused = true)]
async fn arrays_are_sorted_as_text_or_as_numbers() {
    assert_sorted("ascending", false, json!(["200", "4", "30"]), json!(["200", "30", "4"])).await;
    assert_sorted("descending", false, json!(["200", "4", "30"]), json!(["4", "30", "200"])).await;
    assert_sorted("ascending", true, json!(["200", "4", "30"]), json!(["4", "30", "200"])).await;
    assert_sorted("descending", true, json!([4, "200", 30]), json!(["200", 30, 4])).await;
    assert_sorted("ascending", false, json!([10, 9, 1]), json!([1, 9, 10])).await;
}

#[tokio::test(start_paused = true)]
async fn elements_that_are_undefined_go_to_the_end_and_dates_are_ordered() {
    let date = |millis| Value::from(Date::from_millis(millis));
    for (order, sorted) in [("ascending", [1.0, 9.0]), ("descending", [9.0, 1.0])] {
        let before = vec![Value::Undefined, date(9.0), Value::Undefined, date(1.0)];
        let config = json!({"order": order, "target": "payload", "targetType": "msg"});
        let mut node = Harness::of("sort").config(config).start().await;
        node.send(Message::with_payload(before)).await;
        let [first, second] = sorted.map(date);
        let after = vec![first, second, Value::Undefined, Value::Undefined];
        assert_eq!(node.stop().await.outputs[0][0].payload(), Some(&after.into()), "{order}");
    }
}

#[tokio::test(start_paused = true)]
async fn values_that_cannot_be_compared_are_not_lost() {
    let mixed = json!(["b", null, 3, {"a": 1}, "a", true, [1], 2, null]);
    let messages = sorted(json!({"targetType": "msg"}), vec![json!({"payload": mixed})]).await;
    assert_eq!(messages[0].payload().and_then(|p| p.as_array()).map(<[_]>::len), Some(9));
}

#[tokio::test(start_paused = true)]
async fn what_is_no_array_is_dropped() {
    assert!(
        sorted(json!({"targetType": "msg"}), vec![json!({"payload": "cab"}), json!({})])
            .await
            .is_empty()
    );
}

#[tokio::test(start_paused = true)]
async fn sequences_are_sorted_by_a_property() {
    let msg = |id: &str, index: i32, name: &str| json!({"a": {"name": name}, "parts": {"id": id, "index": index, "count": 3}});
    let messages = vec![
        msg("s", 0, "c"),
        msg("t", 0, "z"),
        msg("s", 1, "a"),
        msg("s", 2, "b"),
        json!({"a": 1}),
    ];
    let config =
        json!({"targetType": "seq", "seqKey": "a.name", "seqKeyType": "msg", "order": "ascending"});
    let list: Vec<_> = sorted(config, messages)
        .await
        .iter()
        .map(|msg| {
            let name = msg
                .get("a")
                .and_then(|a| a.get("name"))
                .and_then(|name| name.as_str())
                .unwrap_or("?")
                .to_owned();
            let index = msg
                .get("parts")
                .and_then(|parts| parts.get("index"))
                .and_then(|index| index.as_f64());
            (name, index)
        })
        .collect();
    assert_eq!(
        list,
        [("a".to_owned(), Some(0.0)), ("b".to_owned(), Some(1.0)), ("c".to_owned(), Some(2.0))]
    );
}

#[tokio::test(start_paused = true)]
async fn the_oldest_sequence_makes_room_and_is_caught() {
    let msg = |id: usize, index: usize| {
        message(json!({"payload": id, "parts": {"id": id, "index": index}}))
    };
    let mut node = Harness::of("sort").config(json!({"targetType": "seq"})).watched().start().await;
    for at in 0..65_536 {
        node.send(msg(at / 64, at % 64)).await;
    }
    assert!(node.errors().is_empty());
    node.send(msg(5000, 0)).await;
    for _ in 0..64 {
        assert_eq!(node.next_caught().await.payload(), Some(&0.into()));
    }
    assert!(node.next_error().await.ends_with("the oldest sequence was dropped with 64 of them"));
    let last = json!({"payload": 1, "parts": {"id": 1, "index": 64, "count": 65}});
    node.send(message(last)).await;
    assert_eq!(node.outputs(0).len(), 65, "the others go on");
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_message_is_complete_when_its_sequence_has_left_or_is_given_up() {
    let msg = |id: &str, index: i32| {
        message(
            json!({"_msgid": format!("{id}{index}"), "payload": -index, "parts": {"id": id, "index": index, "count": 2}}),
        )
    };
    let mut node = Harness::of("sort").config(json!({"targetType": "seq"})).watched().start().await;
    node.send(msg("a", 0)).await;
    node.send(msg("b", 0)).await;
    node.wait(Duration::from_millis(1)).await;
    assert!(node.completed().is_empty());
    node.send(msg("a", 1)).await;
    assert_eq!(node.next_completed().await.id(), Some("a1"));
    assert_eq!(node.next_completed().await.id(), Some("a0"));
    let stopped = node.stop().await;
    assert_eq!(stopped.logs, [(Level::Info, "clear pending message in sort node".to_owned())]);
}

#[tokio::test]
async fn problems_are_named() {
    for (config, property) in [
        (json!({"order": "random"}), "order"),
        (json!({"targetType": "flow"}), "targetType"),
        (json!({"targetType": "msg", "msgKeyType": "jsonata", "msgKey": "a +"}), "msgKey"),
        (json!({"targetType": "seq", "seqKeyType": "jsonata", "seqKey": "a +"}), "seqKey"),
    ] {
        let problems = Harness::of("sort").config(config).problems();
        assert_eq!(problems.iter().map(|p| p.property.as_str()).collect::<Vec<_>>(), [property]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_expression_is_what_elements_are_sorted_by() {
    let config = json!({"targetType": "msg", "msgKeyType": "jsonata", "msgKey": "$unknown()"});
    let list = json!([3, 1, 2]);
    let error = {
        let mut node = Harness::of("sort").config(config).start().await;
        node.send(message(json!({"payload": list}))).await;
        let error = node.next_error().await;
        assert!(node.stop().await.outputs[0].is_empty());
        error
    };
    assert!(error.contains("failed"), "{error}");
    let config = json!({"targetType": "msg", "msgKeyType": "jsonata", "msgKey": "$length(name)"});
    let list = json!([{"name": "ccc"}, {"name": "a"}, {"name": "bb"}]);
    let messages = sorted(config, vec![json!({"payload": list})]).await;
    let expected = json!([{"name": "a"}, {"name": "bb"}, {"name": "ccc"}]);
    assert_eq!(messages[0].payload(), Some(&expected.into()));
}

fn sequence(payloads: &[Json]) -> Vec<Json> {
    let msg = |(at, payload): (usize, &Json)| {
        let parts = json!({"id": "s", "index": at, "count": payloads.len()});
        json!({"payload": payload, "parts": parts})
    };
    payloads.iter().enumerate().map(msg).collect()
}

#[tokio::test(start_paused = true)]
async fn an_expression_is_what_messages_are_sorted_by() {
    let config = json!({"targetType": "seq", "seqKeyType": "jsonata", "seqKey": "-payload"});
    let messages = sorted(config, sequence(&[json!(1), json!(3), json!(2)])).await;
    let order: Vec<_> = messages.iter().map(|msg| msg.payload().cloned()).collect();
    assert_eq!(order, [3, 2, 1].map(|number| Some(number.into())));
}

#[tokio::test(start_paused = true)]
async fn an_expression_that_fails_fails_its_sequence_once() {
    let config = json!({"targetType": "seq", "seqKeyType": "jsonata", "seqKey": "$unknown()"});
    let mut node = Harness::of("sort").config(config).start().await;
    for msg in sequence(&[json!("a"), json!("b")]) {
        node.send(message(msg)).await;
    }
    assert!(node.next_error().await.contains("`$unknown()` failed"));
    let stopped = node.stop().await;
    assert!(stopped.errors.is_empty() && stopped.outputs[0].is_empty());
}
