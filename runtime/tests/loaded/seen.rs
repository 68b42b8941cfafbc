//! A loaded library as users see it: its nodes in the palette, its lines in the log.

use serde_json::{Value, json};

use crate::built;
use crate::support::{Runtime, echo, listener, node, tab, ws_in, ws_out};

/// Loads the fixture's library and runs the node `n` of this type.
async fn with_node(kind: &str, log: &str) -> Runtime {
    let nodes = json!([
        tab("tab"),
        listener("l", "/ws"),
        ws_in("in", "l", &["n"]),
        node("n", kind, json!({}), &["out"]),
        ws_out("out", "l"),
    ]);
    let args = ["--plugin", built::fixture().to_str().unwrap(), "--log", log];
    Runtime::start_with(nodes, &args, &[("RUST_BACKTRACE", "1")]).await
}

/// The body of the response.
async fn get(runtime: &Runtime, path: &str, accept: &str) -> String {
    let address = &runtime.address;
    let answer = runtime
        .raw(&format!(
            "GET {path} HTTP/1.0\r\nHost: {address}\r\nAccept: {accept}\r\nConnection: close\r\n\r\n"
        ))
        .await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains(" 200 "), "{path}: {head}");
    body.to_owned()
}

#[tokio::test]
async fn nodes_of_a_library_are_in_the_palette() {
    let plugin = built::fixture().to_str().unwrap();
    let runtime = Runtime::start_with(echo(), &["--plugin", plugin], &[]).await;
    let module = "ferrowire-loader-fixture";
    let sets: Value =
        serde_json::from_str(&get(&runtime, "/nodes", "application/json").await).unwrap();
    let id = format!("{module}/switch");
    let set = sets.as_array().unwrap().iter().find(|set| set["id"] == id.as_str()).unwrap();
    assert_eq!(set["types"], json!(["fixture-switch"]));
    assert_eq!((&set["enabled"], &set["version"]), (&json!(true), &json!("0.1.0")));

    let page = get(&runtime, "/nodes", "text/html").await;
    assert!(page.contains("RED.nodes.registerType(\"fixture-switch\""), "{page}");
    assert!(page.contains("data-template-name=\"fixture-switch\""), "{page}");
    let texts = get(&runtime, "/nodes/messages?lng=en-US", "application/json").await;
    let texts: Value = serde_json::from_str(&texts).unwrap();
    assert_eq!(texts[&id]["switch"]["label"]["path"], "The path");
    let icons = get(&runtime, "/icons", "application/json").await;
    let icons: Value = serde_json::from_str(&icons).unwrap();
    assert_eq!(icons[module], json!(["switch.svg"]));
    // Ferrowire's own node sets are listed in the same way.
    let types = sets.as_array().unwrap().iter().flat_map(|set| set["types"].as_array().unwrap());
    assert!(types.clone().any(|name| name == "websocket in") || !has_editor(&page), "{sets}");
}

/// Without npm the program has neither the editor nor Node-RED's forms.
fn has_editor(page: &str) -> bool {
    page.contains("data-template-name=\"comment\"")
}

#[tokio::test]
async fn what_a_library_logs_is_in_the_log_with_its_name() {
    let mut runtime = with_node("fixture-ask", "info").await;
    let mut client = runtime.connect("/ws").await;
    client.send("log").await;
    let line = runtime.log_line("a line of the plugin's").await;
    for part in ["WARN", "answer=42", "ratio=0.5", "plugin=\"ferrowire-loader-fixture\""] {
        assert!(line.contains(part), "`{part}` is missing in {line}");
    }
    let (log, _) = runtime.terminate().await;
    assert!(!log.contains("a line that nobody wants"), "{log}");
}

#[tokio::test]
async fn the_logs_filter_knows_the_places_in_a_library() {
    let lines = ["a line that nobody wants", "a line of the plugin's"];
    for (filter, expected) in [("trace", [true, true]), ("error", [false, false])] {
        let filter = format!("info,ferrowire_loader_fixture={filter}");
        let runtime = with_node("fixture-ask", &filter).await;
        let mut client = runtime.connect("/ws").await;
        client.send("log").await;
        client.send("wired").await;
        assert_eq!(client.text().await, "[true, false, false]");
        let (log, _) = runtime.terminate().await;
        assert_eq!(lines.map(|line| log.contains(line)), expected, "{log}");
    }
}

#[tokio::test]
async fn a_panic_in_a_library_is_reported_once_and_its_place_is_for_those_who_look_for_it() {
    for (kind, reason) in [
        ("fixture-panics-in-now", "on purpose, in on_message_now"),
        ("fixture-panics-in-message", "on purpose, in on_message"),
        ("fixture-panics-in-later", "on purpose, in a future"),
    ] {
        let mut runtime = with_node(kind, "info").await;
        runtime.connect("/ws").await.send("x").await;
        let line = runtime.log_line(reason).await;
        assert!(line.contains("of the plugin `ferrowire-loader-fixture` panicked"), "{line}");
        let (log, _) = runtime.terminate().await;
        assert!(!log.contains(reason) && !log.contains("backtrace"), "it is said again:\n{log}");
    }
    let mut runtime = with_node("fixture-panics-in-now", "debug").await;
    runtime.connect("/ws").await.send("x").await;
    let line = runtime.log_line("a panic in the thread").await;
    assert!(line.contains("DEBUG") && line.contains("panics.rs:"), "{line}");
}

#[tokio::test]
async fn a_panic_in_a_task_of_a_library_is_reported_once() {
    let mut runtime = with_node("fixture-panics-in-task", "info").await;
    let line = runtime.log_line("on purpose, in a task").await;
    assert!(line.contains("a task of the plugin `ferrowire-loader-fixture` panicked"), "{line}");
    let (log, _) = runtime.terminate().await;
    assert!(!log.contains("on purpose, in a task"), "it is said again:\n{log}");
}

#[tokio::test]
async fn a_node_that_panics_when_its_button_is_pressed_fails_and_the_editor_is_told_so() {
    let mut runtime = with_node("fixture-panics-in-switch", "info").await;
    let mut client = runtime.connect("/ws").await;
    let address = runtime.address.clone();
    for state in ["enable", "disable"] {
        let answer = runtime
            .raw(&format!(
                "POST /debug/n/{state} HTTP/1.0\r\nHost: {address}\r\nContent-Length: 0\r\n\r\n"
            ))
            .await;
        assert!(answer.starts_with("HTTP/1.0 404"), "{answer}");
        let line = runtime.log_line("`set_active` of the plugin").await;
        assert!(line.contains("`ferrowire-loader-fixture` panicked: on purpose"), "{line}");
        client.echo("still there").await;
    }
}

#[tokio::test]
async fn a_catch_node_gets_a_panic_in_a_library_with_the_names_of_plugin_and_node() {
    for (kind, place) in [
        ("fixture-panics-in-now", "`on_message_now`"),
        ("fixture-panics-in-message", "`on_message`"),
        ("fixture-panics-in-later", "`on_message_now`"),
    ] {
        let nodes = json!([
            tab("tab"),
            listener("l", "/ws"),
            ws_in("in", "l", &["n"]),
            node("n", kind, json!({"name": "the culprit"}), &[]),
            node("catch", "catch", json!({"scope": null, "uncaught": false}), &["why"]),
            node(
                "why",
                "change",
                json!({"rules": [{"t": "set", "p": "payload", "pt": "msg", "to": "error", "tot": "msg"}]}),
                &["out"]
            ),
            ws_out("out", "l"),
        ]);
        let args = ["--plugin", built::fixture().to_str().unwrap()];
        // No backtraces: the log is not read, and they would fill its pipe.
        let quiet = [("RUST_BACKTRACE", "0")];
        let runtime = Runtime::start_with(nodes, &args, &quiet).await;
        let mut client = runtime.connect("/ws").await;
        for _ in 0..2 {
            client.send("x").await;
            let error: Value = serde_json::from_str(&client.text().await).unwrap();
            let message = error["message"].as_str().unwrap();
            let plugin = "of the plugin `ferrowire-loader-fixture` panicked: on purpose";
            assert!(message.starts_with(&format!("{place} {plugin}")), "{message}");
            let source = &error["source"];
            assert_eq!((&source["id"], &source["name"]), (&json!("n"), &json!("the culprit")));
        }
    }
}
