//! Code gets only the properties that its text can see; nobody can tell.

use std::time::Duration;

use ferrowire_plugin_function as _;
use ferrowire_testkit::{Harness, json, message};
use proptest::prelude::*;
use serde_json::Value as Json;

/// With this, code may see everything.
const SEES_ALL: &str = "\nif (false) { void msg }";

async fn outcome(code: &str, msg: &Json) -> String {
    let config = json!({"func": code, "outputs": 3});
    let mut node = Harness::of("function").config(config).start().await;
    node.send(message(msg.clone())).await;
    // Time is paused: timers that are set fire on the way.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let stopped = node.stop().await;
    let ferrowire_testkit::Stopped { outputs, errors, logs, statuses, .. } = stopped;
    format!("{outputs:#?} {errors:#?} {logs:?} {statuses:?}")
}

fn assert_alike(code: &str, msg: &Json) {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().unwrap();
    let (part, all) = runtime.block_on(async {
        (outcome(code, msg).await, outcome(&format!("{code}{SEES_ALL}"), msg).await)
    });
    assert_eq!(part, all, "{code}");
}

fn messages() -> Vec<Json> {
    let session = json!({"type": "websocket", "id": "01"});
    vec![
        json!({"_msgid": "m", "payload": "text", "topic": "t", "_session": session}),
        json!({"b": {"deep": [1, {"x": null}]}, "_msgid": "m", "a": 0, "payload": [1, 2]}),
        json!({"payload": {"a": "x", "n": 1.5, "z": null, "t": true}, "_msgid": "m", "2": 1}),
        json!({"_msgid": "m"}),
    ]
}

#[test]
fn what_is_left_out_comes_out_as_it_went_in() {
    for code in [
        "msg.payload = msg.payload.toUpperCase(); return msg;",
        "return [msg, null, msg];",
        "return [null, msg]",
        "msg.b = 1; msg.a = 2; return msg;",
        "msg['2'] = msg.topic; msg.payload = undefined; return msg;",
        "msg.payload.a = 'y'; msg.payload.added = msg.b; return msg;",
        "msg.payload.n += 0; return msg;",
        "msg.payload = msg.payload; msg.copy = msg.payload; return msg;",
        "node.send({payload: msg.payload, topic: msg.topic}); return msg;",
        "node.status({text: `${msg.topic}`}); setTimeout(() => node.send({payload: msg.a}), 10);",
        "throw new Error(msg.payload)",
        "msg.payload = 1; null.x",
        "msg.b = msg.a; throw msg.b",
        "return {payload: msg._session}",
        "msg._session.id = 'other'; return msg",
        "msg._session.added = msg._msgid; msg._msgid = 'new'; return msg",
        "return new Promise(r => { msg.payload = 'later'; setTimeout(() => r({payload: msg.payload}), 5) })",
        "return Promise.resolve({ payload: msg.payload })",
        "if (msg.payload) { return msg; } return null;",
        "msg.f = () => 1; msg.d = new Date(0); msg.e = new Error('e'); return msg",
    ] {
        for msg in messages() {
            assert_alike(code, &msg);
        }
    }
}

fn name() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(&["payload", "topic", "a", "b", "_session", "_msgid", "fresh"][..])
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        name().prop_map(|name| format!("msg.{name}")),
        name().prop_map(|name| format!("msg[\"{name}\"]")),
        name().prop_map(|name| format!("msg?.{name}?.id")),
        name().prop_map(|name| format!("`${{msg.{name}}}`")),
        name().prop_map(|name| format!("[msg.{name}].map(x => ({{ x, of: msg.{name} }}))")),
        proptest::sample::select(
            &["1", "'s'", "null", "undefined", "{}", "[2]", "msg", "/[m/]/g"][..]
        )
        .prop_map(str::to_owned),
    ]
}

fn statement() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => (name(), value()).prop_map(|(name, value)| format!("msg.{name} = {value};")),
        2 => (name(), name(), value())
            .prop_map(|(a, b, value)| format!("if (msg.{a}) {{ msg.{b} = {value} }}")),
        1 => (name(), value()).prop_map(|(name, value)| format!("if (msg.{name}) msg.{name}.x = {value}")),
        1 => name().prop_map(|name| format!("delete msg.{name};")),
        1 => name().prop_map(|name| format!("if (msg.{name} === 1) {{ return msg }}")),
        1 => name().prop_map(|name| format!("{{ const {{ {name} }} = msg; node.warn(typeof {name}) }}")),
        1 => value().prop_map(|value| format!("node.send({{ payload: {value} }});")),
        1 => value().prop_map(|value| format!("if (!msg.a) throw {value};")),
        1 => proptest::sample::select(&["// msg", "/* return msg */", "'use strict';"][..])
            .prop_map(str::to_owned),
    ]
}

fn end() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(
        &[
            "return msg;",
            "return [msg, msg]",
            "return [[msg], null]",
            "return { ...msg }",
            "return null",
            "",
        ][..],
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() })]
    #[test]
    fn any_code_does_the_same_with_a_part_and_with_all(
        statements in proptest::collection::vec(statement(), 0..6), end in end(), which in 0_usize..4
    ) {
        let code = format!("{}\n{end}", statements.join("\n"));
        let messages = messages();
        assert_alike(&code, &messages[which]);
    }
}
