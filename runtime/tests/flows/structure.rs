//! Links, subflows, watching nodes and context, through the real binary.

use serde_json::{Value, json};

use crate::support::{Runtime, listener, node, tab, with, ws_in, ws_out};

/// A `websocket in` at `/ws/x` to the nodes, and from `out` back to the sender.
fn served(to: &[&str], nodes: Vec<Value>) -> Value {
    let mut all =
        vec![tab("tab"), listener("l", "/ws/x"), ws_in("in", "l", to), ws_out("out", "l")];
    all.extend(nodes);
    all.into()
}

/// A `change` node that sets the payload.
fn payload(id: &str, value: &str, kind: &str, wires: &[&str]) -> Value {
    let rule = json!({"t": "set", "p": "payload", "pt": "msg", "to": value, "tot": kind});
    node(id, "change", json!({"rules": [rule]}), wires)
}

#[tokio::test]
async fn a_call_by_name_returns_and_one_that_fails_is_caught() {
    let runtime = Runtime::start(served(
        &["target"],
        vec![
            node(
                "target",
                "change",
                json!({"rules": [
                {"t": "set", "p": "target", "pt": "msg", "to": "payload", "tot": "msg"}]}),
                &["call"],
            ),
            node(
                "call",
                "link call",
                json!({"linkType": "dynamic", "links": [], "timeout": "30"}),
                &["out"],
            ),
            node("li", "link in", json!({"name": "answer", "links": []}), &["set"]),
            payload("set", "answered", "str", &["ret"]),
            node("ret", "link out", json!({"mode": "return", "links": []}), &[]),
            node("catch", "catch", json!({"scope": null, "uncaught": false}), &["why"]),
            payload("why", "error.message", "msg", &["out"]),
        ],
    ))
    .await;
    let mut client = runtime.connect("/ws/x").await;
    client.send("answer").await;
    assert_eq!(client.text().await, "answered");
    client.send("nobody").await;
    assert_eq!(client.text().await, "target link-in node 'nobody' not found");
}

#[tokio::test]
async fn a_subflow_answers_with_its_instances_variables() {
    let runtime = Runtime::start(served(
        &["one", "two"],
        vec![
            json!({"id": "sf", "type": "subflow", "name": "Greet",
                "in": [{"wires": [{"id": "set"}]}], "out": [{"wires": [{"id": "set", "port": 0}]}],
                "env": [{"name": "WHO", "type": "str", "value": "world"}]}),
            with(payload("set", "Hello ${WHO}", "env", &[]), json!({"z": "sf"})),
            node("one", "subflow:sf", json!({}), &["out"]),
            node(
                "two",
                "subflow:sf",
                json!({"env": [{"name": "WHO", "type": "str", "value": "you"}]}),
                &["out"],
            ),
        ],
    ))
    .await;
    let mut client = runtime.connect("/ws/x").await;
    client.send("?").await;
    assert_eq!(
        (client.text().await, client.text().await),
        ("Hello world".into(), "Hello you".into())
    );
}

#[tokio::test]
async fn a_status_node_is_told_who_connected_and_complete_who_is_done() {
    let runtime = Runtime::start(served(
        &["pass"],
        vec![
            payload("pass", "passed", "str", &[]),
            node("done", "complete", json!({"scope": ["pass"], "uncaught": false}), &["out"]),
            node("status", "status", json!({"scope": ["in"]}), &["event"]),
            payload("event", "status.event", "msg", &["all"]),
            ws_out("all", "l"),
        ],
    ))
    .await;
    let mut client = runtime.connect("/ws/x").await;
    assert_eq!(client.text().await, "connect");
    client.send("x").await;
    assert_eq!(client.text().await, "passed");
}

#[tokio::test]
async fn what_another_runtime_stored_is_found_in_the_named_store() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("context/global/global.json");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, r#"{"greeting": {"text": "kept"}}"#).unwrap();
    let settings = folder.path().join("settings.toml");
    let dir = folder.path().display();
    std::fs::write(
        &settings,
        format!(
            "[context-storage]\ndefault = 'memory'\nmemory = {{ module = 'memory' }}\n\
             [context-storage.disk]\nmodule = 'localfilesystem'\nconfig = {{ dir = '{dir}' }}\n"
        ),
    )
    .unwrap();
    let nodes =
        served(&["get"], vec![payload("get", "#:(disk)::greeting.text", "global", &["out"])]);
    let runtime =
        Runtime::start_with(nodes, &["--settings", settings.to_str().unwrap()], &[]).await;
    let mut client = runtime.connect("/ws/x").await;
    client.send("?").await;
    assert_eq!(client.text().await, "kept");
    let (log, code) = runtime.terminate().await;
    assert_eq!(code, Some(0), "{log}");
}

#[tokio::test]
async fn a_damaged_context_file_is_set_aside_and_the_rest_starts() {
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("settings.toml");
    let context = folder.path().join("context");
    let stores = format!(
        "[context-storage]\ndefault = 'disk'\n\
         disk = {{ module = 'localfilesystem', config = {{ dir = '{}' }} }}\n",
        folder.path().display()
    );
    std::fs::write(&settings, stores).unwrap();
    for (file, text) in
        [("global/global.json", r#"{"cut": [1, "#), ("tab/flow.json", r#"{"whole": "5"}"#)]
    {
        let file = context.join(file);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }
    let args = ["--settings", settings.to_str().unwrap()];
    let flow = json!([
        tab("tab"),
        listener("l", "/ws"),
        ws_in("in", "l", &["read"]),
        payload("read", "whole", "flow", &["out"]),
        ws_out("out", "l"),
    ]);
    let mut runtime = Runtime::start_with(flow, &args, &[]).await;
    let line = runtime.log_line("is not a JSON object").await;
    assert!(line.contains("ERROR") && line.contains("global.json.damaged"), "{line}");
    let mut client = runtime.connect("/ws").await;
    client.send("x").await;
    assert_eq!(client.text().await, "5");
    let aside = std::fs::read_to_string(context.join("global/global.json.damaged")).unwrap();
    assert_eq!(aside, r#"{"cut": [1, "#);
}
