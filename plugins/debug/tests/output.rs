//! The output of `debug` to the sidebar and the log.

use ferrowire::{BigInt, Date, Level, Message, Value};
use ferrowire_plugin_debug as _;
use ferrowire_testkit::{Harness, assert_compliant, json, linked, message};

/// What a node publishes for a message.
async fn published(config: serde_json::Value, msg: Message) -> Vec<Value> {
    let mut node = Harness::of("debug").config(config).start().await;
    node.send(msg).await;
    let stopped = node.stop().await;
    assert!(stopped.errors.is_empty() && stopped.outputs.iter().all(Vec::is_empty));
    assert!(stopped.published.iter().all(|(topic, _)| *topic == "debug"));
    stopped.published.into_iter().map(|(_, data)| data).collect()
}

/// What a node logs for a message.
async fn logged(config: serde_json::Value, msg: serde_json::Value) -> Vec<(Level, String)> {
    let mut node = Harness::of("debug").config(config).start().await;
    node.send(message(msg)).await;
    node.stop().await.logs
}

#[tokio::test(start_paused = true)]
async fn the_payload_is_published_with_who_shows_it() {
    for complete in [json!(null), json!("false"), json!(false), json!("payload"), json!("")] {
        let config = json!({"id": "d", "z": "tab", "name": "look", "complete": complete});
        let msg = message(json!({"_msgid": "1", "topic": "t", "payload": {"a": [1]}}));
        let expected = json!({
            "id": "d", "z": "tab", "path": "tab", "name": "look", "topic": "t",
            "property": "payload", "msg": {"a": [1]}, "_msgid": "1"
        });
        assert_eq!(published(config, msg).await, [expected.into()]);
    }
}

#[tokio::test(start_paused = true)]
async fn the_whole_message_is_published_without_a_property() {
    for config in [json!({"complete": "true"}), json!({"complete": true, "targetType": "full"})] {
        let msg = message(json!({"_msgid": "1", "payload": "x", "more": 1}));
        let data = published(config, msg.clone()).await;
        assert_eq!(data[0].get("msg"), Some(&Value::from(msg)));
        assert_eq!(data[0].get("property"), None);
    }
}

#[tokio::test(start_paused = true)]
async fn another_property_is_published_however_deep() {
    let msg = || message(json!({"foo": {"bar": ["x", null]}, "payload": "text"}));
    for (complete, expected) in [
        ("foo.bar[0]", Some("x".into())),
        ("msg.foo.bar[0]", Some("x".into())),
        ("foo.bar[1]", Some(Value::Null)),
        ("payload.length", Some(4.into())),
        ("none", None),
        ("none.deeper", None),
    ] {
        let data = published(json!({"complete": complete, "targetType": "msg"}), msg()).await;
        assert_eq!(data[0].get("msg"), expected.as_ref(), "{complete}");
        assert_eq!(data[0].get("property"), Some(&complete.into()));
    }
}

#[tokio::test(start_paused = true)]
async fn every_kind_of_value_is_published_as_it_is() {
    for value in [
        Value::Null,
        Date::INVALID.into(),
        BigInt::from(10).into(),
        vec![Value::Undefined, Date::from_millis(1.0).into()].into(),
        true.into(),
        f64::INFINITY.into(),
        vec![1u8, 2].into(),
        "x".repeat(5000).into(),
        vec![Value::Null; 2000].into(),
    ] {
        let data = published(json!({}), Message::with_payload(value.clone())).await;
        assert_eq!(data[0].get("msg"), Some(&value));
    }
    let data = published(json!({}), Message::new()).await;
    assert_eq!((data[0].get("msg"), data[0].get("topic")), (None, None));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_published_when_inactive_or_not_to_the_sidebar() {
    for config in [
        json!({"active": false}),
        json!({"active": "false"}),
        json!({"tosidebar": false}),
        json!({"tosidebar": false, "complete": "true"}),
    ] {
        assert!(published(config, Message::with_payload(1)).await.is_empty());
    }
    assert_eq!(published(json!({"active": null}), Message::new()).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_console_gets_texts_as_they_are_and_values_as_node_prints_them() {
    for (payload, line) in [
        (json!("text"), "text"),
        (json!("two\nlines"), "\ntwo\nlines"),
        (json!(7), "7"),
        (json!(true), "true"),
        (json!(null), "\nnull"),
        (json!({"type": "foo"}), "\n{ type: 'foo' }"),
        (json!([1, "x"]), "\n[ 1, 'x' ]"),
    ] {
        let logs = logged(json!({"console": "true"}), json!({"payload": payload})).await;
        assert_eq!(logs, [(Level::Info, line.to_owned())]);
    }
    let logs = logged(json!({"console": true, "complete": "none"}), json!({})).await;
    assert_eq!(logs[0].1, "undefined");
}

#[tokio::test(start_paused = true)]
async fn the_console_gets_the_whole_message_also_when_the_node_is_inactive() {
    let config = json!({"console": "true", "complete": "true", "active": false});
    let logs = logged(config, json!({"payload": "test"})).await;
    assert_eq!(logs[0].1, "\n{ payload: 'test' }");
}

#[tokio::test(start_paused = true)]
async fn the_console_gets_nothing_unless_wanted() {
    for console in [json!(false), json!("false"), json!(null)] {
        assert!(logged(json!({"console": console}), json!({"payload": 1})).await.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn its_own_status_is_not_shown() {
    let config = json!({"id": "d", "tostatus": true, "complete": "true", "console": true});
    let mut node = Harness::of("debug").config(config).start().await;
    node.statuses();
    node.send(message(json!({"status": {"text": "x", "source": {"id": "d"}}}))).await;
    assert!(node.statuses().is_empty() && node.published().is_empty() && node.logs().is_empty());
    node.send(message(json!({"status": {"text": "x", "source": {"id": "other"}}}))).await;
    assert_eq!(node.published().len(), 1);
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_expression_is_shown_without_a_property_and_as_a_status() {
    let config = json!({"complete": "'<' & payload & '>'", "targetType": "jsonata",
        "tostatus": true, "statusType": "jsonata", "statusVal": "$length(payload)"});
    let mut node = Harness::of("debug").config(config).start().await;
    node.send(message(json!({"payload": "test"}))).await;
    let (_, entry) = node.published().pop().unwrap();
    assert_eq!(entry.get("msg"), Some(&"<test>".into()));
    assert_eq!(entry.get("property"), None);
    assert_eq!(node.statuses().pop().unwrap().text, "4");
    node.send(message(json!({"payload": {}}))).await;
    assert!(node.next_error().await.contains("JSONata expression"));
    node.stop().await;
}

#[test]
fn mistakes_in_the_configuration_are_named() {
    for (config, property, part) in [
        (json!({"complete": "a b"}), "complete", "invalid property expression `a b`"),
        (json!({"complete": "1 +", "targetType": "jsonata"}), "complete", "line 1"),
        (json!({"active": "perhaps"}), "active", "`true` or `false`"),
        (json!({"tosidebar": 5}), "tosidebar", "`true` or `false`"),
        (json!({"console": []}), "console", "`true` or `false`"),
        (json!({"tostatus": "x"}), "tostatus", "`true` or `false`"),
        (
            json!({"tostatus": true, "statusType": "x"}),
            "statusType",
            "expected `auto`, `counter`, `msg` or `jsonata`, found `x`",
        ),
        (json!({"tostatus": true, "statusType": "msg", "statusVal": "["}), "statusVal", "invalid"),
        (
            json!({"tostatus": true, "statusType": "jsonata", "statusVal": "("}),
            "statusVal",
            "invalid JSONata expression",
        ),
    ] {
        let problems = Harness::of("debug").config(config).problems();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!(problems[0].property, property);
        assert!(problems[0].text.contains(part), "{problems:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn it_is_compliant() {
    let config = json!({
        "name": "", "active": true, "tosidebar": true, "console": true, "tostatus": true,
        "complete": "true", "targetType": "full", "statusVal": "", "statusType": "auto"
    });
    assert_compliant(linked("debug"), config).await;
}

#[tokio::test(start_paused = true)]
async fn it_is_compliant_when_it_counts() {
    assert_compliant(linked("debug"), json!({"tostatus": true, "statusType": "counter"})).await;
}
