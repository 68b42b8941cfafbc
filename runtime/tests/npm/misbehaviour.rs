//! Packages that behave badly harm no native node.

use serde_json::{Value, json};

use crate::installed::{UserDir, between, function, script};
use crate::support::{Runtime, node};

/// Echoes `native`, and sends the rest to `first`.
fn beside_an_echo(first: &str, nodes: impl IntoIterator<Item = Value>) -> Value {
    let split = "return msg.payload === 'native' ? [msg, null] : [null, msg]";
    let split = json!({"func": split, "outputs": 2, "wires": [["all"], [first]]});
    between(&["split"], nodes.into_iter().chain([node("split", "function", split, &[])]))
}

async fn run_beside_an_echo(packages: &[&str], nodes: Vec<Value>) -> (UserDir, Runtime) {
    let folder = UserDir::with(packages);
    let runtime = folder.run(beside_an_echo("bad", nodes)).await;
    (folder, runtime)
}

/// Errors of all nodes, as texts.
fn errors() -> [Value; 2] {
    [
        node("catch", "catch", json!({"scope": null, "uncaught": false}), &["error"]),
        function(
            "error",
            "return {payload: msg.error.source.id + ': ' + msg.error.message}",
            &["all"],
        ),
    ]
}

#[tokio::test]
async fn a_package_that_throws_when_it_is_loaded_is_named_in_the_log() {
    let nodes = vec![script("bad", "send(msg)", &["all"])];
    let (_folder, mut runtime) = run_beside_an_echo(&["script", "throws-at-load"], nodes).await;
    runtime.log_line("the nodes `throws-at-load/nodes` cannot be loaded").await;
    let mut client = runtime.connect("/ws").await;
    client.echo("native").await;
    client.echo("hosted").await;
}

#[tokio::test]
async fn flows_with_a_node_that_cannot_be_loaded_run_natively() {
    let nodes = vec![node("bad", "throws-at-load", json!({}), &[])];
    let (_folder, mut runtime) = run_beside_an_echo(&["throws-at-load"], nodes).await;
    runtime.connect("/ws").await.echo("native").await;
    let line = runtime.log_line("nodes from npm do not run").await;
    assert!(line.contains("throws-at-load"), "{line}");
}

#[tokio::test]
async fn a_native_type_stays_native_if_a_package_has_one_of_its_name() {
    let debug =
        json!({"active": true, "tosidebar": true, "complete": "payload", "targetType": "msg"});
    let nodes =
        vec![script("bad", "send(msg)", &["debug"]), node("debug", "debug", debug, &["all"])];
    let (_folder, mut runtime) = run_beside_an_echo(&["script", "has-native-type"], nodes).await;
    runtime.log_line("the nodes `has-native-type/nodes` cannot be loaded").await;
    let mut events = runtime.events().await;
    let mut client = runtime.connect("/ws").await;
    client.echo("native").await;
    client.send("to the native node").await;
    assert_eq!(events.of("debug", "debug").await["msg"], "to the native node");
}

#[tokio::test]
async fn a_package_that_prints_megabytes_delays_nothing() {
    let nodes = vec![node("bad", "prints-at-load", json!({}), &["all"])];
    let (_folder, runtime) = run_beside_an_echo(&["prints-at-load"], nodes).await;
    let mut client = runtime.connect("/ws").await;
    for _ in 0..3 {
        client.echo("native").await;
        client.echo("hosted").await;
    }
}

#[tokio::test]
async fn a_hundred_thousand_messages_in_one_round_arrive() {
    let flood = "for (let n = 0; n < 100000; n++) send({n})";
    let last = json!({"property": "n", "propertyType": "msg", "checkall": "true", "outputs": 1,
        "rules": [{"t": "eq", "v": "99999", "vt": "num"}]});
    let nodes = vec![
        script("bad", flood, &["last"]),
        node("last", "switch", last, &["told"]),
        function("told", "return {payload: 'all'}", &["all"]),
    ];
    let (_folder, runtime) = run_beside_an_echo(&["script"], nodes).await;
    let mut client = runtime.connect("/ws").await;
    client.echo("native").await;
    client.send("flood").await;
    assert_eq!(client.text().await, "all");
    client.echo("native").await;
}

#[tokio::test]
async fn what_exceeds_the_bound_of_waiting_messages_is_dropped_with_an_error() {
    let flood = "for (let n = 0; n < 100; n++) send({b: Buffer.alloc(1 << 20)}); send({})";
    let nodes = vec![
        script("bad", flood, &["take"]),
        function("take", "return {payload: 'taken'}", &["all"]),
    ];
    let (_folder, runtime) =
        run_beside_an_echo(&["script"], nodes.into_iter().chain(errors()).collect()).await;
    let mut client = runtime.connect("/ws").await;
    client.send("flood").await;
    let (mut taken, mut dropped) = (0, 0);
    for _ in 0..101 {
        let text = client.text().await;
        taken += u32::from(text == "taken");
        dropped += u32::from(text.starts_with("take: ") && text.contains("was dropped: 64 MiB"));
    }
    assert_eq!(taken + dropped, 101);
    assert!((50..=64).contains(&taken), "{taken}");
    client.echo("native").await;
}

#[tokio::test]
async fn a_message_of_100_megabytes_is_refused_where_it_would_cross() {
    let send = "send({b: Buffer.alloc(100 << 20)}); send({payload: 'next'})";
    let nodes = vec![script("bad", send, &["all"])];
    let (_folder, runtime) =
        run_beside_an_echo(&["script"], nodes.into_iter().chain(errors()).collect()).await;
    let mut client = runtime.connect("/ws").await;
    client.send("go").await;
    let mut answers = [client.text().await, client.text().await];
    answers.sort();
    assert!(
        answers[0].starts_with("all: a message to a native node cannot be sent"),
        "{answers:?}"
    );
    assert_eq!(answers[1], "next");
}
