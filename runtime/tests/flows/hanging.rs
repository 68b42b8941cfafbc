//! Calls that do not return: nobody else notices, and the end comes in time.

use serde_json::{Value, json};

use crate::support::{Client, Runtime, echo, listener, node, set_payload, with, ws_in};

/// Code that no time limit reaches once it has begun.
const SORT: &str = "const a = 'a'.repeat(2e7), b = 'a'.repeat(2e7); const all = [];
    for (let i = 0; i < 3000; i++) all.push(i % 2 ? a : b); all.sort();";

/// The code of a function that says when it begins.
fn says(code: &str) -> Value {
    json!(format!("node.log('begins'); {code}; return msg;"))
}

/// A listener at `/NAME` whose messages go to a function that does not return for a while.
fn hanging(name: &str, code: &str) -> Vec<Value> {
    let function = node(name, "function", json!({"func": says(code), "outputs": 1}), &[]);
    vec![
        listener(&format!("{name}-l"), &format!("/{name}")),
        ws_in(&format!("{name}-in"), &format!("{name}-l"), &[name]),
        with(function, json!({"name": format!("the {name}")})),
    ]
}

/// An echo at `/ws` beside other nodes.
fn beside_echo(nodes: Vec<Value>) -> Value {
    let mut all = echo().as_array().unwrap().clone();
    all.extend(nodes);
    json!(all)
}

/// What is asked of the runtime while calls hang.
async fn is_unharmed(runtime: &Runtime, echo: &mut Client) {
    for number in 0..20 {
        echo.echo(&format!("still here {number}")).await;
    }
    runtime.connect("/ws").await.echo("a new client").await;
    let request =
        "GET /ferrowire/listeners HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    assert!(runtime.raw(request).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn one_hanging_call_harms_nobody_and_is_named() {
    let flow = beside_echo(hanging("sort", SORT));
    let args = ["--workers", "2", "--shutdown-timeout", "1"];
    let mut runtime = Runtime::start_with(flow, &args, &[]).await;
    let mut echo = runtime.connect("/ws").await;
    echo.echo("before").await;
    let mut client = runtime.connect("/sort").await;
    client.send("go").await;
    runtime.log_line("begins").await;
    is_unharmed(&runtime, &mut echo).await;
    let line = runtime.log_line("does not return").await;
    assert!(line.contains("id=sort") && line.contains("the sort"), "{line}");
    is_unharmed(&runtime, &mut echo).await;
    let (log, code) = runtime.terminate().await;
    assert_eq!(code, Some(3), "{log}");
    let last = log.lines().find(|line| line.contains("is cut off")).unwrap();
    assert!(last.contains("id=sort"), "{log}");
}

#[tokio::test]
async fn eight_hanging_calls_of_eight_shapes_on_two_workers_harm_nobody() {
    const SHARED: &str = "let a = {}; for (let i = 0; i < 30; i++) a = {l: a, r: a};";
    let long = "const a = 'a'.repeat(4e6), b = 'a'.repeat(2e6) + 'b';";
    let shapes = [
        ("index", format!("{long} a.indexOf(b)")),
        ("split", format!("{long} a.split(b)")),
        ("replace", format!("{long} a.replaceAll(b, 'c')")),
        ("last", format!("{long} a.lastIndexOf(b)")),
        ("stringify", format!("{SHARED} JSON.stringify(a)")),
        ("warn", format!("{SHARED} node.warn(a)")),
        ("compare", "const a = 'ä'.repeat(6e6); (a + 'b').localeCompare(a + 'c')".to_owned()),
    ];
    let mut nodes: Vec<Value> =
        shapes.iter().flat_map(|(name, code)| hanging(name, code)).collect();
    nodes.push(listener("query-l", "/query"));
    nodes.push(ws_in("query-in", "query-l", &["query"]));
    nodes.push(set_payload("query", "($f := function($x) {$f($x)}; $f(1))", "jsonata", &[]));
    let args = ["--workers", "2", "--shutdown-timeout", "1"];
    let mut runtime = Runtime::start_with(beside_echo(nodes), &args, &[]).await;
    let mut echo = runtime.connect("/ws").await;
    let mut clients = Vec::new();
    for name in shapes.iter().map(|(name, _)| *name).chain(["query"]) {
        clients.push(runtime.connect(&format!("/{name}")).await);
    }
    for client in &mut clients {
        client.send("go").await;
    }
    for _ in &shapes {
        runtime.log_line("begins").await;
    }
    is_unharmed(&runtime, &mut echo).await;
    let (log, code) = runtime.terminate().await;
    assert!(code.is_some(), "the process ends by itself: {log}");
}
