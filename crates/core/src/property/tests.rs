//! Reads, sets and removes properties by expression.

use super::*;
use proptest::prelude::*;

fn message(json: serde_json::Value) -> Message {
    match Value::from(json) {
        Value::Object(map) => Message::from((*map).clone()),
        other => Message::with_payload(other),
    }
}

fn path(expression: &str) -> PropertyPath {
    PropertyPath::parse(expression).unwrap()
}

#[test]
fn names_indexes_quotes_and_other_properties_are_followed() {
    let msg = message(serde_json::json!({"topic": "b c", "payload": {"a": [1, {"b c": 2}]}}));
    for expression in ["payload.a[1][\"b c\"]", "payload['a'][1]['b c']", "payload.a[1][msg.topic]"]
    {
        assert_eq!(path(expression).get(&msg), Some(&Value::Number(2.0)), "{expression}");
    }
}

#[test]
fn a_leading_msg_means_the_message_itself() {
    assert_eq!(path("msg.payload.a"), path("payload.a"));
    assert_eq!(path("msg"), PropertyPath { first: "msg".into(), rest: Vec::new() });
    assert!(PropertyPath::parse("msg.").is_err());
}

#[test]
fn a_number_after_a_dot_is_an_index_in_an_array() {
    let mut msg = message(serde_json::json!({"payload": [1, {"a": 2}]}));
    assert_eq!(path("payload.1.a").get(&msg), Some(&Value::Number(2.0)));
    path("payload.0").set(&mut msg, "x".into()).unwrap();
    path("new.0.a").set(&mut msg, Value::Null).unwrap();
    assert_eq!(path("payload.1").remove(&mut msg), Some(serde_json::json!({"a": 2}).into()));
    assert_eq!(msg.to_json(), r#"{"payload":["x"],"new":[{"a":null}]}"#);
}

#[test]
fn what_is_undefined_is_not_found_but_can_be_removed_and_set() {
    let list = vec![Value::Undefined, 1.into()];
    let inner = Map::from_iter([("u", Value::Undefined), ("list", list.into())]);
    let mut msg = Message::from(Map::from_iter([("u", Value::Undefined), ("a", inner.into())]));
    for place in ["u", "a.u", "a.list[0]"] {
        assert_eq!((path(place).get(&msg), path(place).read(&msg)), (None, Ok(None)), "{place}");
        assert_eq!(path(&format!("{place}.x")).read(&msg), Err(CannotGet), "{place}");
    }
    assert_eq!(path("u.x").set(&mut msg, 1.into()), Err(CannotSet), "as in Node-RED");
    path("a.list[0].x").set(&mut msg, 1.into()).unwrap();
    path("a.list[3]").set(&mut msg, 4.into()).unwrap();
    assert_eq!(path("a.u").remove(&mut msg), Some(Value::Undefined));
    path("a.list[1]").set(&mut msg, Value::Undefined).unwrap();
    let found = path("a").get(&msg).and_then(Value::as_object).unwrap();
    assert!(!found.contains_key("u"));
    let x = Value::from(Map::from_iter([("x", 1)]));
    assert_eq!(found.get("list"), Some(&vec![x, Value::Undefined, 4.into()].into()));
}

#[test]
fn reading_finds_what_javascript_computes() {
    let msg = message(serde_json::json!({"text": "aß𝄞", "list": [1, 2], "n": 5, "nil": null}));
    let read = |expression: &str| path(expression).read(&msg);
    assert_eq!(read("text.length"), Ok(Some(4.into())));
    assert_eq!(read("text[1]"), Ok(Some("ß".into())));
    assert_eq!(read("list.length"), Ok(Some(2.into())));
    assert_eq!(read("n.length"), Ok(None));
    assert_eq!(read("missing"), Ok(None));
    assert_eq!(read("nil"), Ok(Some(Value::Null)));
    assert_eq!(read("nil.a"), Err(CannotGet));
    assert_eq!(read("missing.a"), Err(CannotGet));
    assert_eq!(read("list[msg.missing]"), Err(CannotGet));
}

#[test]
fn setting_creates_objects_and_arrays_on_the_way() {
    let mut msg = Message::new();
    path("payload.list[1].name").set(&mut msg, "x".into()).unwrap();
    assert_eq!(msg.to_json(), r#"{"payload":{"list":[null,{"name":"x"}]}}"#);
}

#[test]
fn setting_inside_a_string_or_null_is_refused() {
    let mut msg = message(serde_json::json!({"payload": "text", "topic": null}));
    assert_eq!(path("payload.a").set(&mut msg, Value::Null), Err(CannotSet));
    assert_eq!(path("topic.a").set(&mut msg, Value::Null), Err(CannotSet));
}

#[test]
fn bytes_of_a_buffer_are_set_as_javascript_does() {
    for (value, byte) in [(7.into(), 7), ("9".into(), 9), ((-1).into(), 255), (256.7.into(), 0)] {
        let mut msg = Message::with_payload(vec![1u8, 2, 3]);
        let shared = msg.clone();
        path("payload[1]").set(&mut msg, value).unwrap();
        path("payload[3]").set(&mut msg, 5.into()).unwrap();
        assert_eq!(msg.payload(), Some(&vec![1u8, byte, 3].into()));
        assert_eq!(shared.payload(), Some(&vec![1u8, 2, 3].into()));
    }
    let mut msg = Message::with_payload(vec![1u8]);
    assert!(path("payload[0].a").set(&mut msg, Value::Null).is_err());
    assert!(path("payload.a").set(&mut msg, Value::Null).is_err());
}

#[test]
fn removing_cuts_elements_out_of_arrays() {
    let mut msg = message(serde_json::json!({"payload": [1, 2, 3]}));
    assert_eq!(path("payload[1]").remove(&mut msg), Some(Value::Number(2.0)));
    assert_eq!(msg.to_json(), r#"{"payload":[1,3]}"#);
}

#[test]
fn invalid_expressions_name_reason_and_position() {
    for bad in ["", "a.", "a[", "a[0", "a['x", "a['']", "a b", ".a", "a[x]", "a]"] {
        assert!(PropertyPath::parse(bad).is_err(), "{bad}");
    }
    assert_eq!(
        PropertyPath::parse("a.").unwrap_err().to_string(),
        "invalid property expression `a.`: expected a name at position 2"
    );
}

proptest! {
    #[test]
    fn no_expression_and_no_message_makes_it_panic(expression in "[a-c.\\[\\]0-9'\"msg ]{0,40}") {
        if let Ok(path) = PropertyPath::parse(&expression) {
            let mut msg = message(serde_json::json!({"a": {"b": [1, {"c": "a"}]}}));
            let set = path.set(&mut msg, Value::Bool(true));
            prop_assert!(set.is_err() || path.get(&msg).is_some() || expression.contains("msg"));
            path.remove(&mut msg);
        }
    }
}
