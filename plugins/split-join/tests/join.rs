//! The messages that `join` creates from sequences.

use std::time::Duration;

use ferrowire::{Level, Map, Message, Value};
use ferrowire_plugin_split_join as _;
use ferrowire_testkit::{Harness, assert_compliant, json, linked, message};
use proptest::prelude::*;
use serde_json::Value as Json;

async fn join(config: Json, messages: Vec<Json>) -> Vec<Message> {
    let mut node = Harness::of("join").config(config).start().await;
    for msg in messages {
        node.send(message(msg)).await;
    }
    let mut stopped = node.stop().await;
    assert!(
        stopped.errors.is_empty() && stopped.logs.is_empty(),
        "{:?} {:?}",
        stopped.errors,
        stopped.logs
    );
    stopped.outputs.remove(0)
}

fn payloads(messages: &[Message]) -> Vec<String> {
    messages.iter().map(|msg| msg.payload().map_or_else(String::new, |p| p.to_json())).collect()
}

fn custom(build: &str, count: Json) -> Json {
    json!({"mode": "custom", "build": build, "count": count, "joiner": ",", "joinerType": "str", "key": "topic"})
}

fn named(list: &[(&str, Json)]) -> Vec<Json> {
    list.iter().map(|(topic, payload)| json!({"topic": topic, "payload": payload})).collect()
}

#[tokio::test(start_paused = true)]
async fn it_keeps_to_the_contract() {
    for mode in ["auto", "custom"] {
        let config = json!({"mode": mode, "build": "object", "property": "payload", "propertyType": "msg", "key": "topic",
            "joiner": "\\n", "joinerType": "str", "useparts": true, "accumulate": "false", "timeout": "5", "count": "2"});
        assert_compliant(linked("join"), config).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_split_made_is_put_together_again() {
    let values = [
        json!([1, "b", null]),
        json!({"x": 1, "y": [2]}),
        json!("a\nb\nc"),
        json!(["1", "2", "3", "4", "5"]),
    ];
    for elements in [1, 2] {
        for value in &values {
            let mut split =
                Harness::of("split").config(json!({"arraySplt": elements})).start().await;
            split
                .send(message(json!({"payload": value, "parts": {"id": "outer"}, "other": 1})))
                .await;
            let mut pieces = split.stop().await.outputs.remove(0);
            pieces.reverse();
            let mut node = Harness::of("join").config(json!({"mode": "auto"})).start().await;
            for piece in pieces {
                node.send(piece).await;
            }
            let mut joined = node.next_output(0).await;
            joined.remove("_msgid");
            assert_eq!(
                Value::from(joined),
                json!({"payload": value, "parts": {"id": "outer"}, "other": 1}).into()
            );
            node.stop().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn buffers_are_put_together_again() {
    for config in [
        json!({"splt": ",", "spltType": "str"}),
        json!({"splt": "2", "spltType": "len"}),
        json!({"splt": "[44]", "spltType": "bin"}),
    ] {
        let mut split = Harness::of("split").config(config).start().await;
        split.send(Message::with_payload(b"ab,cd,e".to_vec())).await;
        let pieces = split.stop().await.outputs.remove(0);
        let mut node = Harness::of("join").config(json!({})).start().await;
        for piece in pieces {
            node.send(piece).await;
        }
        assert_eq!(node.next_output(0).await.payload(), Some(&b"ab,cd,e".to_vec().into()));
        node.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_number_of_messages_becomes_what_is_asked_for() {
    let list = named(&[("a", json!(1)), ("b", json!("x")), ("c", json!(3))]);
    for (build, expected) in [
        ("array", "[1,\"x\",3]"),
        ("string", "\"1,x,3\""),
        ("object", "{\"a\":1,\"b\":\"x\",\"c\":3}"),
    ] {
        assert_eq!(
            payloads(&join(custom(build, json!("3")), list.clone()).await),
            [expected],
            "{build}"
        );
    }
    let objects = named(&[("", json!({"a": 1, "b": 2})), ("", json!({"b": 3, "c": 4}))]);
    assert_eq!(
        payloads(&join(custom("merged", json!(3)), objects).await),
        ["{\"a\":1,\"b\":3,\"c\":4}"]
    );
    let texts = named(&[("", json!("a")), ("", json!([98]))]);
    assert_eq!(
        payloads(&join(custom("buffer", json!(2)), texts).await),
        ["{\"type\":\"Buffer\",\"data\":[97,44,98]}"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_message_may_complete_a_group() {
    let mut list = named(&[("a", json!(1)), ("b", json!(2))]);
    list.push(json!({"complete": true}));
    assert_eq!(payloads(&join(custom("array", json!("")), list.clone()).await), ["[1,2]"]);
    let joined = join(custom("object", json!("")), list).await;
    assert_eq!(payloads(&joined), ["{\"a\":1,\"b\":2}"]);
    assert_eq!(joined[0].get("complete"), None);
}

#[tokio::test(start_paused = true)]
async fn a_group_may_go_on_after_it_was_sent() {
    let mut config = custom("object", json!(2));
    config["accumulate"] = json!(true);
    let list = named(&[("a", json!(1)), ("b", json!(2)), ("a", json!(3))]);
    assert_eq!(payloads(&join(config, list).await), ["{\"a\":1,\"b\":2}", "{\"a\":3,\"b\":2}"]);
}

#[tokio::test(start_paused = true)]
async fn time_completes_a_group_and_can_start_anew() {
    let mut config = custom("array", json!(""));
    config["timeout"] = json!("0.5");
    let mut node = Harness::of("join").config(config).start().await;
    node.send(Message::with_payload(1)).await;
    node.wait(Duration::from_millis(400)).await;
    node.send(message(json!({"payload": 2, "restartTimeout": true}))).await;
    node.wait(Duration::from_millis(400)).await;
    assert!(node.outputs(0).is_empty());
    node.wait(Duration::from_millis(110)).await;
    assert_eq!(payloads(&node.outputs(0)), ["[1,2]"]);
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_reset_drops_a_group() {
    let mut list = named(&[("a", json!(1))]);
    list.push(json!({"reset": true}));
    list.extend(named(&[("b", json!(2)), ("c", json!(3))]));
    assert_eq!(payloads(&join(custom("array", json!(2)), list).await), ["[2,3]"]);
    let piece = |n: i32| json!({"payload": n, "parts": {"id": "s", "type": "array", "count": 2, "index": n}});
    assert!(join(json!({}), vec![piece(0), json!({"reset": 1}), piece(1)]).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn parts_may_say_how_many_or_be_ignored() {
    let piece = |n: i32| json!({"payload": n, "parts": {"id": "s", "count": 2}});
    let list = vec![piece(1), piece(2), piece(3)];
    assert_eq!(payloads(&join(custom("array", json!("")), list.clone()).await), ["[1,2]"]);
    let mut config = custom("array", json!(3));
    config["useparts"] = json!(false);
    assert_eq!(payloads(&join(config, list).await), ["[1,2,3]"]);
}

#[tokio::test(start_paused = true)]
async fn whole_messages_can_be_joined() {
    let mut config = custom("array", json!(2));
    config["propertyType"] = json!("full");
    let joined =
        join(config, vec![json!({"_msgid": "1", "a": 1}), json!({"_msgid": "2", "b": 2})]).await;
    assert_eq!(payloads(&joined), [r#"[{"_msgid":"1","a":1},{"_msgid":"2","b":2}]"#]);
    assert_eq!(joined[0].get("a"), Some(&1.into()), "the properties of all messages come together");
}

async fn warning(config: Json, msg: Json) -> String {
    let mut node = Harness::of("join").config(config).start().await;
    node.send(message(msg)).await;
    let mut logs = node.stop().await.logs;
    assert_eq!(logs.len(), 1, "{logs:?}");
    let (level, text) = logs.remove(0);
    assert_eq!(level, Level::Warn);
    text
}

#[tokio::test(start_paused = true)]
async fn what_does_not_fit_is_warned_of_or_an_error() {
    assert!(warning(json!({}), json!({"payload": 1})).await.contains("cannot join in 'auto' mode"));
    assert!(
        warning(custom("object", json!(2)), json!({"payload": 1})).await.contains("'msg.topic'")
    );
    assert!(
        warning(custom("merged", json!(2)), json!({"payload": 1})).await.contains("Cannot merge")
    );
    let msg = json!({"payload": 1, "parts": {"id": 1, "type": "object"}});
    assert!(warning(json!({}), msg).await.contains("'msg.parts.key'"));
    let mut config = custom("array", json!(2));
    config["property"] = json!("a.b");
    assert!(warning(config, json!({"payload": 1})).await.contains("a.b not found"));
    for (config, msg, text) in [
        (custom("buffer", json!(2)), json!({"payload": 5}), "of type number"),
        (
            json!({}),
            json!({"payload": 1, "parts": {"id": 1, "index": 1e9}}),
            "`msg.parts.index` is 1000000000",
        ),
    ] {
        let mut node = Harness::of("join").config(config).start().await;
        node.send(message(msg)).await;
        let error = node.next_error().await;
        assert!(error.contains(text), "{error}");
        node.stop().await;
    }
}

#[tokio::test]
async fn problems_are_named() {
    for (config, property) in [
        (json!({"mode": "reduce", "reduceExp": "$A +"}), "reduceExp"),
        (json!({"mode": "x"}), "mode"),
        (json!({"build": "house"}), "build"),
        (json!({"joiner": "{", "joinerType": "bin"}), "joiner"),
        (json!({"count": "-1"}), "count"),
    ] {
        let problems = Harness::of("join").config(config).problems();
        assert_eq!(problems.iter().map(|p| p.property.as_str()).collect::<Vec<_>>(), [property]);
    }
}

fn piece(n: i32) -> Json {
    json!({"_msgid": format!("m{n}"), "payload": n, "parts": {"id": "s", "type": "array", "count": 3, "index": n}})
}

fn ids(messages: &[Message]) -> Vec<&str> {
    messages.iter().filter_map(Message::id).collect()
}

#[tokio::test(start_paused = true)]
async fn a_message_is_complete_when_its_group_has_left() {
    let mut node = Harness::of("join").config(json!({})).watched().start().await;
    for n in 0..2 {
        node.send(message(piece(n))).await;
    }
    node.wait(Duration::from_secs(1)).await;
    assert!(node.completed().is_empty() && node.outputs(0).is_empty());
    node.send(message(piece(2))).await;
    assert_eq!(payloads(&[node.next_output(0).await]), ["[0,1,2]"]);
    node.wait(Duration::from_secs(1)).await;
    assert_eq!(ids(&node.completed()), ["m0", "m1", "m2"]);
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_message_is_complete_when_its_group_is_given_up() {
    let mut config = custom("array", json!(""));
    config["timeout"] = json!("1");
    let mut node = Harness::of("join").config(config).watched().start().await;
    let numbered = |n: i32| message(json!({"_msgid": format!("m{n}"), "payload": n}));
    node.send(numbered(1)).await;
    node.wait(Duration::from_millis(1010)).await;
    assert_eq!(ids(&node.completed()), ["m1"], "its time is over");
    node.send(numbered(2)).await;
    node.send(message(json!({"_msgid": "r", "reset": true}))).await;
    node.wait(Duration::from_millis(10)).await;
    assert_eq!(ids(&node.completed()), ["m2", "r"], "a reset drops it");
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_group_whose_rest_never_comes_makes_room_and_is_caught() {
    let mut node = Harness::of("join").config(json!({})).watched().start().await;
    let piece = |id: &str, index: usize| {
        message(
            json!({"payload": id, "parts": {"id": id, "type": "string", "ch": "", "count": 1 << 21, "index": index}}),
        )
    };
    node.send(piece("small", 0)).await;
    node.send(piece("large", (1 << 20) - 1)).await;
    assert!(node.errors().is_empty());
    node.send(piece("next", 0)).await;
    let caught = node.next_caught().await;
    assert_eq!(caught.payload(), Some(&"small".into()));
    assert!(node.next_error().await.contains("the oldest sequence was dropped with 1 of them"));
    node.send(piece("next", 1)).await;
    assert_eq!(node.next_caught().await.payload(), Some(&"large".into()));
    let last = json!({"payload": "!", "parts": {"id": "next", "index": 2}, "complete": true});
    node.send(message(last)).await;
    assert_eq!(node.next_output(0).await.payload(), Some(&"nextnext!".into()), "it goes on");
    node.stop().await;
}

/// A message of the group `id` that takes all places, so that the other groups are dropped.
fn filling(id: &str) -> Message {
    let parts = json!({"id": id, "type": "array", "count": 1 << 21, "index": (1 << 20) - 1});
    message(json!({"payload": id, "parts": parts}))
}

#[tokio::test(start_paused = true)]
async fn every_message_of_a_group_that_makes_room_is_caught() {
    let mut node = Harness::of("join").config(json!({})).watched().start().await;
    for index in 0..3 {
        let parts = json!({"id": "s", "type": "array", "count": 9, "index": index});
        node.send(message(json!({"_msgid": format!("m{index}"), "parts": parts}))).await;
    }
    node.send(filling("large")).await;
    for index in 0..3 {
        assert_eq!(node.next_caught().await.id(), Some(format!("m{index}").as_str()));
        assert!(node.next_error().await.ends_with("was dropped with 3 of them"));
    }
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_group_forgets_messages_whose_values_were_replaced() {
    let mut node = Harness::of("join").config(json!({})).start().await;
    for n in 0..200 {
        let parts = json!({"id": "s", "type": "object", "count": 9, "key": n % 2});
        node.send(message(json!({"payload": n, "parts": parts}))).await;
    }
    node.send(filling("large")).await;
    let errors = node.errors();
    assert!((2..=20).contains(&errors.len()), "two values wait, not {} messages", errors.len());
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_values_of_an_accumulating_group_that_was_sent_are_caught_as_one_message() {
    let mut config = custom("merged", json!(""));
    config["accumulate"] = json!(true);
    let mut node = Harness::of("join").config(config).watched().start().await;
    let msg = |id: &str, payload: Value, count: u32| {
        let mut msg = message(json!({"parts": {"id": id, "count": count}}));
        msg.set("payload", payload);
        msg
    };
    node.send(msg("old", json!({"a": 1}).into(), 1)).await;
    assert_eq!(payloads(&node.outputs(0)), [r#"{"a":1}"#]);
    let large: Map = (0..1 << 20).map(|n: u32| (format!("k{n}"), n)).collect();
    node.send(msg("large", large.into(), u32::MAX)).await;
    assert!(node.errors().is_empty());
    node.send(msg("new", json!({"b": 1}).into(), 9)).await;
    assert_eq!(node.next_caught().await.payload(), Some(&json!({"a": 1}).into()));
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn parts_that_are_none_are_survived() {
    let mut node = Harness::of("join").config(json!({})).start().await;
    for parts in [
        json!(5),
        json!([1]),
        json!("x"),
        json!({"id": null}),
        json!({"id": {}, "index": "1", "count": "x", "type": 5, "ch": {}, "len": []}),
        json!({"id": "a", "index": -1}),
        json!({"id": "a", "index": 0.5}),
        json!({"id": "a", "property": "a..b", "count": 1}),
        json!({"id": "a", "property": "x.y", "type": "object", "key": {}}),
        json!({"id": "b", "type": "buffer", "ch": 5, "count": 1}),
    ] {
        for payload in [json!(null), json!([1]), json!({"a": 1}), json!("t")] {
            node.send(message(json!({"payload": payload, "parts": parts}))).await;
        }
    }
    let whole = |index: usize| {
        message(json!({"payload": index, "parts": {"id": "w", "index": index, "count": 2}}))
    };
    node.outputs(0);
    node.send(whole(0)).await;
    node.send(whole(1)).await;
    assert_eq!(payloads(&node.outputs(0)), ["[0,1]"]);
    node.stop().await;
}

/// A value that is split and joined, with the configuration of `split`.
fn value() -> impl Strategy<Value = (Json, Value)> {
    let scalar = prop_oneof![
        any::<bool>().prop_map(Json::from),
        "[a-c\n]{0,4}".prop_map(Json::from),
        any::<i32>().prop_map(Json::from)
    ];
    let text = (
        "[a-c,\u{e9}\u{1f600}]{1,12}",
        prop_oneof![
            Just(json!({"splt": ","})),
            (1..5).prop_map(|n| json!({"splt": n, "spltType": "len"})),
            Just(json!({"splt": "[97]", "spltType": "bin"}))
        ],
    );
    prop_oneof![
        text.clone().prop_map(|(text, config)| (config, Value::from(text))),
        text.prop_map(|(text, config)| (config, Value::from(text.into_bytes()))),
        (proptest::collection::vec(scalar.clone(), 1..9), 1..4)
            .prop_map(|(list, len)| (json!({"arraySplt": len}), Value::from(Json::from(list)))),
        proptest::collection::btree_map("[a-z]{1,3}", scalar, 1..6)
            .prop_map(|map| (json!({}), Value::from(Json::from_iter(map)))),
    ]
}

proptest! {
    #[test]
    fn split_then_join_gives_back_any_value_in_any_order((config, value) in value(), seed in any::<u64>()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let joined = runtime.block_on(async {
            let mut split = Harness::of("split").config(config).start().await;
            split.send(Message::with_payload(value.clone())).await;
            let mut pieces = split.stop().await.outputs.remove(0);
            let mut random = seed;
            pieces.sort_by_cached_key(|_| {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                random
            });
            let mut join = Harness::of("join").config(json!({})).start().await;
            for piece in pieces {
                join.send(piece).await;
            }
            join.stop().await.outputs.remove(0)
        });
        prop_assert_eq!(joined.len(), 1);
        // A buffer that ends with a separator has no piece after it.
        let end = |value: &Value| match value {
            Value::Buffer(bytes) => Value::Buffer(bytes.strip_suffix(b",").or(bytes.strip_suffix(b"a")).map_or(bytes.clone(), |b| bytes.slice_ref(b))),
            other => other.clone(),
        };
        prop_assert!(joined[0].payload() == Some(&value) || joined[0].payload() == Some(&end(&value)));
    }
}
