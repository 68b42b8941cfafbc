//! The conversions of `json`.

use ferrowire::{BigInt, Date, Map, Message, Value};
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
async fn what_json_lacks_becomes_what_javascript_makes_of_it() {
    let properties = [
        ("a", Value::Undefined),
        ("list", vec![Value::Undefined].into()),
        ("empty", Map::from_iter([("b", Value::Undefined)]).into()),
        ("date", Date::from_millis(0.0).into()),
    ];
    let value = Map::from_iter(properties);
    let text = r#"{"list":[null],"empty":{},"date":"1970-01-01T00:00:00.000Z"}"#;
    assert_payload(json!({}), value.clone(), text).await;
    let pretty = "{\n    \"list\": [\n        null\n    ],\n    \"empty\": {},\n    \"date\": \"1970-01-01T00:00:00.000Z\"\n}";
    assert_payload(json!({"pretty": true}), value, pretty).await;
    assert_payload(json!({}), Date::INVALID, "null").await;
    for pretty in [false, true] {
        let list = vec![Value::from(BigInt::from(10))];
        let error = convert(json!({"pretty": pretty}), Message::with_payload(list)).await;
        assert!(error.unwrap_err().starts_with("cannot print a BigInt as JSON"));
    }
    let nothing = Message::from(Map::from_iter([("payload", Value::Undefined)]));
    assert!(convert(json!({}), nothing).await.unwrap().contains_key("payload"));
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
async fn a_buffer_is_printed_over_several_lines_too() {
    let value = Value::from(vec![Value::from(vec![7u8])]);
    let text = "[\n    {\n        \"type\": \"Buffer\",\n        \"data\": [\n            7\n        \
                ]\n    }\n]";
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
    let config = json!({"property": "a.b"});
    assert!(convert(config.clone(), message(json!({"a": {}}))).await.is_ok());
    let error = convert(config, message(json!({"topic": "t"}))).await.unwrap_err();
    assert_eq!(error, "cannot read a property of something that is missing or null");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_converted_is_an_error() {
    for (text, reason) in [
        (
            "{foo",
            "Unexpected token 'f' at line 1, column 2 is not valid JSON: key must be a string",
        ),
        ("foo", "Unexpected token 'o' at line 1, column 2 is not valid JSON"),
        ("[1,\n é]", "Unexpected token 'é' at line 2, column 2"),
        ("[1", "Unexpected end of JSON input at line 1, column 2"),
    ] {
        let error = convert(json!({}), Message::with_payload(text)).await.unwrap_err();
        assert!(error.starts_with(reason), "{error}");
    }
    let deep = "[".repeat(100_000);
    assert!(convert(json!({}), Message::with_payload(deep)).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn what_fits_its_schema_passes_without_it() {
    let schema = json!({"type": "object", "properties": {"n": {"type": "integer"}}});
    let (value, text) = (json!({"n": 1}), json!("{\"n\":1}"));
    for (action, before, after) in [
        ("", &text, &value),
        ("", &value, &text),
        ("obj", &text, &value),
        ("obj", &value, &value),
        ("str", &value, &text),
        ("str", &text, &text),
    ] {
        let msg = message(json!({"payload": before, "schema": schema}));
        let msg = convert(json!({"action": action}), msg).await.unwrap();
        assert_eq!(msg.payload(), Some(&after.clone().into()), "{action} {before}");
        assert_eq!(msg.get("schema"), None);
    }
}

#[tokio::test(start_paused = true)]
async fn what_does_not_fit_its_schema_fails_with_every_mistake() {
    let schema = json!({
        "type": "object", "required": ["t"],
        "properties": {"n": {"type": "number"}, "e": {"format": "email"}}
    });
    for (action, payload) in
        [("", json!({"n": "x", "e": "@"})), ("str", json!("{\"n\":\"x\",\"e\":\"@\"}"))]
    {
        let msg = message(json!({"payload": payload, "schema": schema}));
        let error = convert(json!({"action": action}), msg).await.unwrap_err();
        assert!(error.starts_with("JSON Schema error: data"), "{error}");
        for part in ["missing properties 't'", "data/n want number, but got string", "data/e "] {
            assert!(error.contains(part), "{error}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_value_that_does_not_fit_is_caught_as_it_was_read() {
    for (action, expected) in [("obj", json!([1])), ("str", json!("[1]"))] {
        let config = json!({"action": action});
        let mut node = Harness::of("json").config(config).watched().start().await;
        node.send(message(json!({"payload": "[1]", "schema": {"type": "object"}}))).await;
        assert_eq!(node.next_caught().await.payload(), Some(&expected.into()));
        node.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_schema_that_is_none_fails_the_message() {
    for schema in [json!("garbage"), json!({"type": 5}), json!({"$ref": "http://h/s"})] {
        let msg = message(json!({"payload": {}, "schema": schema}));
        let error = convert(json!({}), msg).await.unwrap_err();
        assert_eq!(error, "JSON Schema error: failed to compile schema");
    }
}

#[tokio::test]
async fn an_unknown_action_is_a_problem() {
    assert_eq!(Harness::of("json").config(json!({"action": "x"})).problems()[0].property, "action");
}
