//! What `json` makes of text and of values.

use ferrowire_core::{Message, Value};
use ferrowire_plugin_json as _;
use ferrowire_testkit::{Harness, assert_compliant, json, linked, message};
use serde_json::Value as Json;

async fn convert(config: Json, msg: Message) -> Result<Message, String> {
    let mut node = Harness::of("json").config(config).start().await;
    node.send(msg).await;
    let mut stopped = node.stop().await;
    match stopped.outputs[0].pop() {
        Some(msg) => Ok(msg),
        None => Err(stopped.errors.pop().unwrap_or_default()),
    }
}

async fn assert_payload(config: Json, before: impl Into<Value>, after: impl Into<Value>) {
    let msg = convert(config.clone(), Message::with_payload(before)).await;
    assert_eq!(msg.map(|msg| msg.payload().cloned()), Ok(Some(after.into())), "{config}");
}

#[tokio::test(start_paused = true)]
async fn it_keeps_to_the_contract() {
    let config = json!({"property": "payload", "action": "str", "pretty": true});
    assert_compliant(linked("json"), config).await;
}

#[tokio::test(start_paused = true)]
async fn text_becomes_a_value_and_a_value_text() {
    let value = json!({"employees": [{"n": 1.5}, null]});
    let text = r#"{"employees":[{"n":1.5},null]}"#;
    assert_payload(json!({}), text, value.clone()).await;
    assert_payload(json!({}), text.as_bytes().to_vec(), value.clone()).await;
    assert_payload(json!({}), value.clone(), text).await;
    for (value, text) in [(Value::from(5), "5"), (true.into(), "true"), (Value::Null, "null")] {
        assert_payload(json!({}), value, text).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_action_leaves_what_is_converted_already() {
    assert_payload(json!({"action": "obj"}), json!({"a": 1}), json!({"a": 1})).await;
    assert_payload(json!({"action": "obj"}), "[1]", json!([1])).await;
    assert_payload(json!({"action": "str"}), "not json", "not json").await;
    assert_payload(json!({"action": "str"}), json!([1]), "[1]").await;
}

#[tokio::test(start_paused = true)]
async fn text_can_be_pretty() {
    let value = json!({"a": [1, {}], "b": {"c": []}});
    let text = "{\n    \"a\": [\n        1,\n        {}\n    ],\n    \"b\": {\n        \"c\": []\n    }\n}";
    assert_payload(json!({"pretty": true}), value, text).await;
}

#[tokio::test(start_paused = true)]
async fn another_property_can_be_converted() {
    let msg = message(json!({"one": {"two": "{\"a\":1}"}, "payload": "[1]"}));
    let msg = convert(json!({"property": "one.two"}), msg).await.unwrap();
    assert_eq!(msg.get("one"), Some(&json!({"two": {"a": 1}}).into()));
    assert_eq!(msg.payload(), Some(&"[1]".into()));
}

#[tokio::test(start_paused = true)]
async fn without_the_property_the_message_passes() {
    assert!(convert(json!({}), message(json!({"topic": "t"}))).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_converted_is_an_error() {
    let error = convert(json!({}), Message::with_payload("{foo")).await.unwrap_err();
    assert!(
        error.starts_with("the property is no JSON: key must be a string at line 1"),
        "{error}"
    );
    let deep = "[".repeat(100_000);
    assert!(convert(json!({}), Message::with_payload(deep)).await.is_err());
    let error = convert(json!({}), message(json!({"payload": "1", "schema": {"type": "number"}})))
        .await
        .unwrap_err();
    assert!(error.contains("JSON schemas are not supported yet"), "{error}");
}

#[tokio::test]
async fn an_unknown_action_is_a_problem() {
    assert_eq!(Harness::of("json").config(json!({"action": "x"})).problems()[0].property, "action");
}
