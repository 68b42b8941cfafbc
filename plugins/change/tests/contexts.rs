//! Rules of `change` with contexts and expressions.

use ferrowire::{Key, Map, Message, NodeContext, PropertyPath, Scope, Value};
use ferrowire_plugin_change as _;
use ferrowire_testkit::{Harness, json, message};
use serde_json::Value as Json;

/// Applies rules to `{payload: "p"}` with `room` in the flow context; returns the message, the flow
/// context and the global context.
async fn with_contexts(rules: Json) -> Option<[Json; 3]> {
    let mut node = Harness::of("change").config(json!({"rules": rules})).start().await;
    let room = Value::from(json!({"n": 5, "text": "a-b"}));
    let path = PropertyPath::parse_key("room").ok()?;
    node.context().context(Scope::Flow).set(&path, Some(room)).ok()?;
    node.send(message(json!({"payload": "p"}))).await;
    let mut msg = node.next_output(0).await;
    msg.remove("_msgid");
    let (flow, global) = (all(node.context(), Scope::Flow), all(node.context(), Scope::Global));
    assert!(node.stop().await.errors.is_empty());
    Some([plain(msg.into())?, plain(flow?)?, plain(global?)?])
}

fn all(cx: &NodeContext, scope: Scope) -> Option<Value> {
    let context = cx.context(scope);
    let value = |key: &Key| {
        let path = PropertyPath::parse_key(key).ok()?;
        Some((key.clone(), context.get(&path).ok()??))
    };
    Some(context.keys().ok()?.iter().filter_map(value).collect::<Map>().into())
}

fn plain(value: Value) -> Option<Json> {
    serde_json::from_str(&value.to_json()).ok()
}

#[tokio::test(start_paused = true)]
async fn rules_read_and_write_contexts() {
    let room = json!({"n": 5, "text": "a-b"});
    let flow = json!({"room": room});
    let (msg, none) = (json!({"payload": "p"}), json!({}));
    for (rule, after) in [
        (
            json!({"t": "set", "p": "payload", "to": "room.n", "tot": "flow"}),
            [json!({"payload": 5}), flow.clone(), none.clone()],
        ),
        (
            json!({"t": "set", "p": "payload", "to": "#:(memory)::room.text", "tot": "flow"}),
            [json!({"payload": "a-b"}), flow.clone(), none.clone()],
        ),
        (
            json!({"t": "set", "p": "a.b", "pt": "global", "to": "payload", "tot": "msg"}),
            [msg.clone(), flow.clone(), json!({"a": {"b": "p"}})],
        ),
        (
            json!({"t": "delete", "p": "room.n", "pt": "flow"}),
            [msg.clone(), json!({"room": {"text": "a-b"}}), none.clone()],
        ),
        (
            json!({"t": "change", "p": "room.text", "pt": "flow", "from": "-", "to": "+"}),
            [msg.clone(), json!({"room": {"n": 5, "text": "a+b"}}), none.clone()],
        ),
        (
            json!({"t": "change", "p": "room.n", "pt": "flow", "from": "5", "fromt": "num",
                "to": "6", "tot": "num"}),
            [msg.clone(), json!({"room": {"n": 6, "text": "a-b"}}), none.clone()],
        ),
        (
            json!({"t": "change", "p": "room.none", "pt": "flow", "from": "5", "to": "6"}),
            [msg.clone(), flow.clone(), none.clone()],
        ),
        (
            json!({"t": "move", "p": "room", "pt": "flow", "to": "hall", "tot": "global"}),
            [msg.clone(), none.clone(), json!({"hall": room})],
        ),
        (
            json!({"t": "move", "p": "room.n", "pt": "flow", "to": "room", "tot": "flow"}),
            [msg.clone(), json!({"room": 5}), none.clone()],
        ),
        (
            json!({"t": "move", "p": "payload", "to": "p", "tot": "flow"}),
            [none.clone(), json!({"room": room, "p": "p"}), none.clone()],
        ),
    ] {
        assert_eq!(with_contexts(json!([rule])).await, Some(after), "{rule}");
    }
}

async fn run(rules: Json, msg: Json) -> Result<Message, String> {
    let mut node = Harness::of("change").config(json!({"rules": rules})).start().await;
    node.send(message(msg)).await;
    let mut stopped = node.stop().await;
    stopped.outputs[0].pop().ok_or_else(|| stopped.errors.pop().unwrap_or_default())
}

#[tokio::test(start_paused = true)]
async fn expressions_give_what_is_set() {
    let to = r#"{"n": room + $count([payload, topic]), "t": $uppercase(topic)}"#;
    let rule = json!([{"t": "set", "p": "payload", "to": to, "tot": "jsonata"}]);
    let msg = run(rule, json!({"payload": 1, "room": 40, "topic": "x"})).await.unwrap();
    assert_eq!(msg.payload(), Some(&json!({"n": 42, "t": "X"}).into()));
    // `undefined` removes the value.
    let rule = json!([{"t": "set", "p": "payload", "to": "none", "tot": "jsonata"}]);
    assert_eq!(run(rule, json!({"payload": 1})).await.unwrap().payload(), None);
}

#[tokio::test(start_paused = true)]
async fn an_expression_that_fails_fails_the_message() {
    let rule = json!([{"t": "set", "p": "payload", "to": "payload + 1", "tot": "jsonata"}]);
    let error = run(rule, json!({"payload": "x"})).await.unwrap_err();
    assert!(error.contains("`payload + 1` failed"), "{error}");
}

#[test]
fn mistakes_in_expressions_and_places_are_named() {
    for (rule, property, part) in [
        (json!({"p": "a", "to": "1 +", "tot": "jsonata"}), "to", "line 1, column 4"),
        (
            json!({"p": "a", "pt": "env", "to": "1"}),
            "p",
            "expected `msg`, `flow` or `global`, found `env`",
        ),
        (json!({"p": "a b", "pt": "flow", "to": "1"}), "p", "invalid property expression"),
    ] {
        let mut rule = rule;
        rule["t"] = json!("set");
        let problems = Harness::of("change").config(json!({"rules": [rule]})).problems();
        assert_eq!(problems[0].property, format!("rules[0].{property}"));
        assert!(problems[0].text.contains(part), "{problems:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn regular_expressions_may_look_around_and_refer_back() {
    for (from, to, before, after) in [
        (r"(?<=\d)(?=(\d{3})+$)", ",", "1234567", "1,234,567"),
        (r"(.)\1", "<$1>", "aabcc", "<a>b<c>"),
        (r"(?<y>\d{4})-(?=0)", "$<y>/", "2026-01-2026-11", "2026/01-2026-11"),
    ] {
        let rule = json!([{"t": "change", "p": "payload", "from": from, "fromt": "re", "to": to}]);
        let msg = run(rule, json!({"payload": before})).await.unwrap();
        assert_eq!(msg.payload(), Some(&after.into()), "{from}");
    }
    let rule = json!([
        {"t": "change", "p": "payload", "from": "^(?:(a)|\\1a|a)*(?=c)", "fromt": "re", "to": ""}
    ]);
    let error = run(rule, json!({"payload": "a".repeat(50)})).await.unwrap_err();
    assert!(error.contains("steps back"), "{error}");
}
