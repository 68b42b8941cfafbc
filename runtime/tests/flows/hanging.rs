//! Calls that do not return: nobody else notices, and the end comes in time.

use serde_json::{Value, json};

use crate::support::{Client, Runtime, echo, listener, node, set_payload, with, ws_in, ws_out};

/// Code that no time limit reaches once it has begun.
const SORT: &str = "const a = 'a'.repeat(2e7), b = 'a'.repeat(2e7); const all = [];
    for (let i = 0; i < 3000; i++) all.push(i % 2 ? a : b); all.sort();";

/// A listener at `/NAME` whose messages go to a node and back. `go` makes it hang.
fn around(name: &str, node: Value) -> Vec<Value> {
    let listening = format!("{name}-l");
    let out = format!("{name}-out");
    vec![
        listener(&listening, &format!("/{name}")),
        ws_in(&format!("{name}-in"), &listening, &[name]),
        with(node, json!({"name": format!("the {name}"), "wires": [[out]]})),
        ws_out(&out, &listening),
    ]
}

/// A function that says when it begins to hang.
fn hanging(name: &str, code: &str) -> Vec<Value> {
    let code = format!("if (msg.payload === 'go') {{ node.log('begins'); {code} }} return msg;");
    // On a busy machine a test takes longer than the time limit of all functions.
    let config = json!({"func": code, "outputs": 1, "timeout": 3600});
    around(name, node(name, "function", config, &[]))
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
    let line = runtime.log_line("has not returned").await;
    assert!(line.contains("id=sort") && line.contains("the sort"), "{line}");
    is_unharmed(&runtime, &mut echo).await;
    let (log, code) = runtime.terminate().await;
    assert_eq!(code, Some(3), "{log}");
    let last = log.lines().find(|line| line.contains("is cut off")).unwrap();
    assert!(last.contains("id=sort"), "{log}");
    assert!(!log.contains("did not stop within"), "somebody else is blamed: {log}");
}

/// What a function can do that takes long; most of it cannot be interrupted.
fn shapes() -> Vec<(&'static str, String)> {
    const SHARED: &str = "let a = {}; for (let i = 0; i < 30; i++) a = {l: a, r: a};";
    const WIDE: &str = "const wide = {}; for (let i = 0; i < 1e5; i++) wide['k' + i] = undefined;";
    let long = "const a = 'a'.repeat(4e6), b = 'a'.repeat(2e6) + 'b';";
    vec![
        ("index", format!("{long} for (;;) a.indexOf(b);")),
        ("split", format!("{long} for (;;) a.split(b);")),
        ("replace", format!("{long} for (;;) a.replaceAll(b, 'c');")),
        (
            "stringify",
            format!("{WIDE} for (;;) try {{ JSON.stringify(Array(1e5).fill(wide)); }} catch {{}}"),
        ),
        ("warn", format!("{SHARED} for (;;) node.warn(a);")),
        (
            "compare",
            "const a = 'ä'.repeat(2e6); for (;;) (a + 'b').localeCompare(a + 'c');".to_owned(),
        ),
        ("sort", SORT.to_owned()),
    ]
}

/// Eight nodes that hang in eight ways, all of them known for short calls if they are `warm`.
async fn eight_hang(warm: usize) {
    let shapes = shapes();
    let mut nodes: Vec<Value> =
        shapes.iter().flat_map(|(name, code)| hanging(name, code)).collect();
    let query = "payload = 'go' ? ($f := function($x) {$f($x)}; $f(1)) : payload";
    nodes.extend(around("query", set_payload("query", query, "jsonata", &[])));
    let args = ["--workers", "2", "--shutdown-timeout", "1"];
    let mut runtime = Runtime::start_with(beside_echo(nodes), &args, &[]).await;
    let mut echo = runtime.connect("/ws").await;
    let mut clients = Vec::new();
    for name in shapes.iter().map(|(name, _)| *name).chain(["query"]) {
        let mut client = runtime.connect(&format!("/{name}")).await;
        for _ in 0..warm {
            client.echo("warm").await;
        }
        clients.push(client);
    }
    for client in &mut clients {
        client.send("go").await;
    }
    for _ in &shapes {
        runtime.log_line("begins").await;
    }
    is_unharmed(&runtime, &mut echo).await;
    let (log, code) = runtime.terminate().await;
    assert_eq!(code, Some(3), "{log}");
    let cut_off: Vec<_> = log.lines().filter(|line| line.contains("is cut off")).collect();
    for name in ["stringify", "sort"] {
        let id = format!("id={name} ");
        assert!(cut_off.iter().any(|line| line.contains(&id)), "{name} is not named: {log}");
    }
}

#[tokio::test]
async fn eight_hanging_calls_of_eight_shapes_on_two_workers_harm_nobody() {
    eight_hang(0).await;
}

#[tokio::test]
async fn eight_nodes_that_were_quick_before_harm_nobody_when_they_hang() {
    eight_hang(20).await;
}

#[tokio::test]
async fn an_expression_without_end_is_cut_off_and_caught() {
    let query = "($f := function($x) {$f($x)}; $f(1))";
    let mut nodes = around("query", set_payload("query", query, "jsonata", &[]));
    let caught = json!({"scope": ["query"], "uncaught": false});
    nodes.push(node("catch", "catch", caught, &["text"]));
    nodes.push(set_payload("text", "error.message", "msg", &["query-out"]));
    let runtime = Runtime::start_with(beside_echo(nodes), &["--workers", "1"], &[]).await;
    let mut echo = runtime.connect("/ws").await;
    let mut client = runtime.connect("/query").await;
    client.send("go").await;
    is_unharmed(&runtime, &mut echo).await;
    let text = client.text().await;
    assert!(text.contains("timeout after 5000 milliseconds"), "{text}");
}
