//! The properties of injected messages.

use ferrowire::{Message, Value};
use ferrowire_plugin_inject as _;
use ferrowire_testkit::{Harness, assert_compliant, json, linked, message};

/// The message injected by a press of the button.
async fn injected(config: serde_json::Value, pressed: serde_json::Value) -> Message {
    let builder = Harness::of("inject").config(config).env("WHO", "Joe");
    let mut node = builder.start().await;
    node.send(message(pressed)).await;
    let msg = node.next_output(0).await;
    let stopped = node.stop().await;
    assert!(stopped.errors.is_empty(), "{:?}", stopped.errors);
    msg
}

fn problem(config: serde_json::Value) -> String {
    let problems = Harness::of("inject").config(config).problems();
    assert_eq!(problems.len(), 1, "{problems:?}");
    format!("{}: {}", problems[0].property, problems[0].text)
}

#[tokio::test(start_paused = true)]
async fn every_type_of_value_is_injected() {
    for (kind, value, expected) in [
        ("num", json!("10"), Value::from(10)),
        ("num", json!(10), 10.into()),
        ("str", json!("10"), "10".into()),
        ("bool", json!("true"), true.into()),
        ("bool", json!(false), false.into()),
        ("json", json!(r#"{"x":["vx"]}"#), json!({"x": ["vx"]}).into()),
        ("bin", json!("[1,2,255]"), vec![1u8, 2, 255].into()),
        ("env", json!("WHO"), "Joe".into()),
        ("env", json!("I am ${WHO}, ${NR_NODE_ID}"), "I am Joe, node".into()),
        ("msg", json!("topic"), "t".into()),
    ] {
        let config = json!({"props": [
            {"p": "topic", "v": "t", "vt": "str"}, {"p": "payload", "v": value, "vt": kind}
        ]});
        assert_eq!(injected(config, json!({})).await.payload(), Some(&expected), "{kind}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_date_is_a_number_of_milliseconds_iso_text_or_an_object() {
    let config = json!({"props": [{"p": "payload"}, {"p": "at", "v": "iso", "vt": "date"},
        {"p": "date", "v": "object", "vt": "date"}],
        "payload": "", "payloadType": "date"});
    let msg = injected(config, json!({})).await;
    assert!(msg.payload().and_then(Value::as_f64).is_some_and(|now| now > 1.6e12));
    assert!(msg.get("at").and_then(Value::as_str).is_some_and(|at| at.ends_with('Z')));
    let date = msg.get("date").and_then(Value::as_date);
    assert!(date.is_some_and(|date| date.millis() > 1.6e12));
}

#[tokio::test(start_paused = true)]
async fn payload_and_topic_come_from_beside_the_list_as_the_editor_writes_them() {
    let config = json!({"props": [{"p": "payload"}, {"p": "topic", "vt": "str"}],
        "payload": "123", "payloadType": "num", "topic": "foo"});
    let msg = injected(config, json!({})).await;
    assert_eq!(msg.payload(), Some(&123.into()));
    assert_eq!(msg.get("topic"), Some(&"foo".into()));
}

#[tokio::test(start_paused = true)]
async fn a_node_from_before_the_list_injects_payload_and_topic() {
    let msg = injected(json!({"payload": "[1]", "payloadType": "json", "topic": "t"}), json!({}));
    let msg = msg.await;
    assert_eq!(msg.payload(), Some(&json!([1]).into()));
    assert_eq!(msg.get("topic"), Some(&"t".into()));
}

#[tokio::test]
async fn types_of_old_files_are_taken_as_text() {
    for (kind, text) in [("string", "hello"), ("none", ""), ("anything", "x")] {
        let msg = injected(json!({"payload": text, "payloadType": kind}), json!({})).await;
        assert_eq!(msg.payload(), Some(&text.into()), "{kind}");
        let props = json!({"props": [{"p": "payload", "v": text, "vt": kind}]});
        assert_eq!(injected(props, json!({})).await.payload(), Some(&text.into()), "{kind}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_entry_without_value_or_type_is_an_empty_string() {
    let msg =
        injected(json!({"props": [{"p": "topic"}, {"p": "a", "v": "x"}, {"p": ""}]}), json!({}));
    let msg = msg.await;
    assert_eq!(msg.get("topic"), Some(&"".into()));
    assert_eq!(msg.get("a"), Some(&"x".into()));
    assert_eq!(msg.properties().len(), 3, "{}", msg.to_json());
}

#[tokio::test(start_paused = true)]
async fn properties_are_set_in_order_and_may_lie_deep_inside() {
    let config = json!({"props": [
        {"p": "payload.list[1].name", "v": "x", "vt": "str"},
        {"p": "copy", "v": "payload.list[1]", "vt": "msg"},
        {"p": "msg.topic", "v": "y", "vt": "str"}
    ]});
    let mut msg = injected(config, json!({"_msgid": "1"})).await;
    msg.remove("_msgid");
    assert_eq!(
        msg.to_json(),
        r#"{"payload":{"list":[null,{"name":"x"}]},"copy":{"name":"x"},"topic":"y"}"#
    );
}

#[tokio::test(start_paused = true)]
async fn properties_of_the_message_that_presses_the_button_stay() {
    let config = json!({"props": [{"p": "payload", "v": "new", "vt": "str"}]});
    let msg = injected(config, json!({"payload": "old", "kept": 1})).await;
    assert_eq!(msg.payload(), Some(&"new".into()));
    assert_eq!(msg.get("kept"), Some(&1.into()));
}

#[tokio::test(start_paused = true)]
async fn properties_in_the_message_replace_the_configured_ones() {
    let config = json!({"props": [
        {"p": "payload", "v": "static", "vt": "str"}, {"p": "flag", "v": "true", "vt": "bool"}
    ]});
    let custom = json!({"__user_inject_props__": [
        {"p": "topic", "v": "custom", "vt": "str"}, {"p": "n", "v": "1", "vt": "num"},
        {"p": "flag", "v": "false", "vt": "bool"}
    ]});
    let msg = injected(config.clone(), custom).await;
    assert_eq!(msg.payload(), None);
    assert_eq!(msg.get("__user_inject_props__"), None);
    assert_eq!(msg.get("topic"), Some(&"custom".into()));
    assert_eq!(msg.get("n"), Some(&1.into()));
    assert_eq!(msg.get("flag"), Some(&false.into()));
    let msg = injected(config, json!({"__user_inject_props__": "no list"})).await;
    assert_eq!(msg.payload(), Some(&"static".into()));
    assert_eq!(msg.get("__user_inject_props__"), None);
}

#[tokio::test(start_paused = true)]
async fn all_mistakes_of_a_custom_injection_fail_it_together() {
    let mut node = Harness::of("inject").start().await;
    node.send(message(json!({"__user_inject_props__": [
        {"p": "a", "v": "{", "vt": "json"}, {"p": "b", "v": "$x +", "vt": "jsonata"},
        {"p": "c", "v": "missing.x", "vt": "msg"}, {"p": "d", "v": "fine", "vt": "str"}
    ]})))
    .await;
    let error = node.next_error().await;
    for part in ["`a`: `{` is not valid JSON", "`b`", "line 1, column 5", "`c`"] {
        assert!(error.contains(part), "{error}");
    }
    assert!(node.stop().await.outputs[0].is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_missing_property_of_the_message_unsets_and_a_missing_parent_fails() {
    let copy = |from: &str| json!({"props": [{"p": "payload", "v": from, "vt": "msg"}]});
    assert_eq!(injected(copy("none"), json!({"payload": 1})).await.payload(), None);
    let mut node = Harness::of("inject").config(copy("none.x")).start().await;
    node.send(message(json!({}))).await;
    assert!(node.next_error().await.starts_with("property `payload`: cannot read"));
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_property_inside_a_text_is_left_out_with_a_warning() {
    let config = json!({"props": [
        {"p": "payload", "v": "x", "vt": "str"}, {"p": "payload.a", "v": "y", "vt": "str"}
    ]});
    let mut node = Harness::of("inject").config(config).start().await;
    node.send(message(json!({}))).await;
    assert_eq!(node.next_output(0).await.payload(), Some(&"x".into()));
    assert!(node.logs()[0].1.starts_with("property `payload.a` is left out"));
    node.stop().await;
}

#[test]
fn mistakes_in_the_configuration_are_named() {
    let typed = |value: &str, kind: &str| {
        problem(json!({"props": [{"p": "x"}, {"p": "payload", "v": value, "vt": kind}]}))
    };
    assert_eq!(typed("ten", "num"), "props[1]: property `payload`: `ten` is not a number");
    assert!(typed("{", "json").contains("is not valid JSON"));
    assert!(typed("5", "bin").contains("is not a buffer"));
    assert!(typed("a[", "msg").contains("invalid property expression"));
    assert!(typed("x", "re").contains("are not supported yet"));
    assert!(typed("1 +", "jsonata").contains("invalid JSONata expression at line 1, column 4"));
    assert!(
        problem(json!({"props": [{"p": "a b"}]})).contains("invalid property expression `a b`")
    );
    assert!(problem(json!({"props": "x"})).starts_with("props: expected a list"));
    assert!(problem(json!({"props": [5]})).starts_with("props[0]: expected an object"));
    let legacy = json!({"payload": "x", "payloadType": "num"});
    assert!(problem(legacy).contains("`x` is not a number"));
}

#[tokio::test(start_paused = true)]
async fn an_expression_sees_the_properties_set_before_it() {
    let config = json!({"props": [
        {"p": "topic", "v": "room", "vt": "str"},
        {"p": "payload", "v": "{\"to\": topic, \"sum\": $sum([1, 2])}", "vt": "jsonata"}
    ]});
    let msg = injected(config, json!({})).await;
    assert_eq!(msg.payload(), Some(&json!({"to": "room", "sum": 3}).into()));
}

#[tokio::test(start_paused = true)]
async fn an_empty_expression_is_left_out() {
    let config = json!({"props": [{"p": "payload", "v": "", "vt": "jsonata"}]});
    assert_eq!(injected(config, json!({})).await.payload(), None);
}

#[tokio::test(start_paused = true)]
async fn it_is_compliant() {
    let config = json!({
        "name": "", "props": [{"p": "payload"}, {"p": "topic", "vt": "str"}, {"p": "x", "v": "1",
        "vt": "num"}], "repeat": "5", "crontab": "", "once": true, "onceDelay": 0.1,
        "topic": "t", "payload": "", "payloadType": "date"
    });
    assert_compliant(linked("inject"), config).await;
}

#[tokio::test(start_paused = true)]
async fn it_is_compliant_with_a_crontab() {
    assert_compliant(linked("inject"), json!({"crontab": "*/5 8-18 * * 1,2"})).await;
}
