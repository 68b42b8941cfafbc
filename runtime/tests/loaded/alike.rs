//! Linked and loaded nodes cannot be distinguished from outside a runtime.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::{Client, Runtime, debug, listener, node, tab, with, ws_in, ws_out};

/// A flow whose nodes complete, warn, show statuses and fail, with watching nodes.
fn watched() -> Value {
    let code = "if (msg.payload === 'fail') throw new Error('on purpose'); \
                if (msg.payload === 'warn') node.warn({looked: 'odd'}); \
                if (msg.payload === 'late') { node.error('later', msg); return null } \
                node.status({fill: 'green', shape: 'ring', text: msg.payload}); return msg";
    let parse = json!({"property": "payload", "action": "obj"});
    let template = json!({"field": "topic", "fieldType": "msg", "syntax": "mustache",
        "template": "got {{payload}}", "output": "str"});
    let equal = json!([{"t": "eq", "v": "bad", "vt": "str"}]);
    json!([
        tab("tab"),
        listener("l", "/ws"),
        ws_in("in", "l", &["function"]),
        node(
            "function",
            "function",
            json!({"name": "judge", "func": code, "outputs": 1}),
            &["template", "switch"]
        ),
        node("template", "template", template, &["shown", "seen", "out"]),
        node(
            "switch",
            "switch",
            json!({"property": "payload", "propertyType": "msg", "rules": equal}),
            &["parse"]
        ),
        node("parse", "json", parse, &[]),
        debug("shown"),
        with(
            debug("seen"),
            json!({"complete": "topic", "targetType": "msg", "tostatus": true,
                "statusVal": "", "statusType": "auto", "console": true})
        ),
        ws_out("out", "l"),
        node("catch", "catch", json!({"scope": null, "uncaught": false}), &["caught"]),
        debug("caught"),
        node("status", "status", json!({"scope": ["function"]}), &["states"]),
        debug("states"),
        node("complete", "complete", json!({"scope": ["function", "template"]}), &["completed"]),
        debug("completed"),
    ])
}

/// The runtime with its plugins linked in.
fn linked() -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_ferrowire"));
    program.arg("run");
    program
}

/// The editor's events during message traffic, by topic and node.
async fn heard(runtime: &Runtime) -> BTreeMap<String, Vec<Value>> {
    let mut editor = runtime.connect("/comms").await;
    for topic in ["debug", "status/#", "notification/runtime-state"] {
        editor.send(&json!({"subscribe": topic}).to_string()).await;
    }
    // Retained events are sent at once, so the others follow.
    let started = |item: &Value| item["topic"] == "notification/runtime-state";
    while !items(&mut editor).await.iter().any(started) {}
    let mut client = runtime.connect("/ws").await;
    let mut heard = BTreeMap::<String, Vec<Value>>::new();
    for payload in ["plain", "warn", "fail", "bad", "late", "{\"a\": [1]}", "end"] {
        client.send(payload).await;
    }
    let ends = |heard: &BTreeMap<String, Vec<Value>>| {
        let said_by = |name: &str| {
            let last = heard.get(name).and_then(|all| all.last());
            last.is_some_and(|last| last.to_string().contains("end"))
        };
        let names = ["debug shown", "debug seen", "debug states", "debug completed"];
        names.iter().all(|name| said_by(name)) && said_by("status/seen")
    };
    while !ends(&heard) {
        for item in items(&mut editor).await {
            let topic = item["topic"].as_str().unwrap().to_owned();
            let name = match item["data"]["id"].as_str() {
                Some(id) => format!("{topic} {id}"),
                None => topic,
            };
            heard.entry(name).or_default().push(lasting(item["data"].clone()));
        }
    }
    heard
}

/// The next events over `/comms`, without heartbeats.
async fn items(editor: &mut Client) -> Vec<Value> {
    let Value::Array(items) = editor.json().await else { return Vec::new() };
    items.into_iter().filter(|item| item["topic"] != "hb").collect()
}

/// Removes what differs in each run.
fn lasting(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let drawn = ["_msgid", "timestamp", "_session"];
            let known = |(name, value): (String, Value)| {
                let value =
                    if drawn.contains(&name.as_str()) { json!("*") } else { lasting(value) };
                (name, value)
            };
            Value::Object(fields.into_iter().map(known).collect())
        }
        Value::Array(elements) => elements.into_iter().map(lasting).collect(),
        // Messages are JSON text.
        Value::String(text) if text.starts_with(['{', '[']) => {
            serde_json::from_str(&text).map_or(Value::String(text), lasting)
        }
        other => other,
    }
}

async fn body(runtime: &Runtime, path: &str, accept: &str) -> String {
    let request = format!(
        "GET {path} HTTP/1.0\r\nHost: {}\r\nAccept: {accept}\r\nConnection: close\r\n\r\n",
        runtime.address
    );
    let answer = runtime.raw(&request).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains(" 200 "), "{path}: {head}");
    body.to_owned()
}

#[tokio::test]
async fn an_editor_hears_the_same_of_linked_and_of_loaded_nodes() {
    let linked = Runtime::start_of(linked(), watched(), &[], &[]).await;
    let loaded = Runtime::start(watched()).await;
    let (first, second) = (heard(&linked).await, heard(&loaded).await);
    let names: Vec<_> = first.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "debug caught",
            "debug completed",
            "debug function",
            "debug seen",
            "debug shown",
            "debug states",
            "status/function",
            "status/in",
            "status/out",
            "status/seen"
        ]
    );
    assert_eq!(first["debug caught"].len(), 3, "{first:#?}");
    for (name, said) in &first {
        assert_eq!(Some(said), second.get(name), "{name}");
    }
    assert_eq!(first.len(), second.len());
}

#[tokio::test]
async fn the_palette_is_the_same_with_linked_and_with_loaded_nodes() {
    let linked = Runtime::start_of(linked(), json!([tab("tab")]), &[], &[]).await;
    let loaded = Runtime::start(json!([tab("tab")])).await;
    for (path, accept) in [
        ("/nodes", "application/json"),
        ("/nodes", "text/html"),
        ("/nodes/messages?lng=de", "application/json"),
        ("/icons", "application/json"),
    ] {
        let (first, second) =
            (body(&linked, path, accept).await, body(&loaded, path, accept).await);
        assert!(first == second, "{path} as {accept}:\n{first}\n\n{second}");
    }
}

#[tokio::test]
async fn the_log_is_the_same_of_linked_and_of_loaded_nodes() {
    let mut logs = Vec::new();
    for program in [linked(), crate::program("run")] {
        let runtime = Runtime::start_of(program, watched(), &["--log", "info"], &[]).await;
        heard(&runtime).await;
        let (log, code) = runtime.terminate().await;
        assert_eq!(code, Some(0));
        let lines = log.lines().filter(|line| line.contains(" id=")).map(|line| {
            // The time is the first word.
            let line = line.split_once(' ').map_or(line, |(_, rest)| rest);
            line.to_owned()
        });
        logs.push(lines.collect::<Vec<_>>());
    }
    assert_eq!(logs[0].len(), 6, "{:#?}", logs[0]);
    assert_eq!(logs[0], logs[1]);
}
