//! Deploys while messages are on their way between both sides.

use std::cell::Cell;

use serde_json::{Value, json};

use crate::installed::{between, function, run, script};
use crate::support::{Client, Runtime, tab, with};

/// How many messages are on their way at a time.
const BATCH: u64 = 40;

/// Deploys `nodes` as the editor does.
async fn deploy(runtime: &Runtime, kind: &str, nodes: &Value) {
    let body = nodes.to_string();
    let request = format!(
        "POST /flows HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Node-RED-Deployment-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let response = runtime.raw(&request).await;
    assert!(response.starts_with("HTTP/1.1 204"), "{response}");
}

/// Sends numbers until `done`. Each has to come back, once and in order.
async fn assert_all_come_back(client: &mut Client, done: &Cell<bool>) {
    let mut next = 0;
    while !done.get() {
        let batch = next..next + BATCH;
        for n in batch.clone() {
            client.send(&n.to_string()).await;
        }
        for n in batch {
            assert_eq!(client.text().await, n.to_string());
        }
        next += BATCH;
    }
}

/// A path over both sides, twice in each direction, which no deploy changes.
fn path() -> Vec<Value> {
    vec![
        function("native 1", "return msg", &["hosted 1"]),
        script("hosted 1", "send(msg)", &["native 2"]),
        function("native 2", "return msg", &["hosted 2"]),
        script("hosted 2", "setImmediate(() => send(msg))", &["all"]),
    ]
}

async fn deploys_lose_nothing(kind: &str, others: impl Fn(u32) -> Vec<Value>) {
    let flows = |round| between(&["native 1"], path().into_iter().chain(others(round)));
    let (_folder, runtime) = run(flows(0)).await;
    let mut client = runtime.connect("/ws").await;
    client.echo("the child runs").await;
    let done = Cell::new(false);
    let deploys = async {
        for round in 1..=250 {
            deploy(&runtime, kind, &flows(round)).await;
        }
        done.set(true);
    };
    tokio::join!(deploys, assert_all_come_back(&mut client, &done));
    client.echo("whole").await;
}

#[tokio::test]
async fn a_deploy_of_changed_nodes_loses_no_message_of_the_others() {
    deploys_lose_nothing("nodes", |round| {
        let code = format!("send({{payload: {round}}})");
        let mut nodes =
            vec![function("beside native", &format!("return {{payload: {round}}}"), &[])];
        nodes.push(script("beside hosted", &code, &["beside native"]));
        // Nodes come and go.
        nodes.truncate(1 + usize::from(round % 3 > 0));
        nodes
    })
    .await;
}

#[tokio::test]
async fn a_deploy_of_changed_flows_loses_no_message_of_the_others() {
    deploys_lose_nothing("flows", |round| {
        let other = script("other", &format!("send({{payload: {round}}})"), &[]);
        vec![tab("second"), with(other, json!({"z": "second"}))]
    })
    .await;
}

#[tokio::test]
async fn all_nodes_of_both_sides_run_again_after_a_full_deploy() {
    let flows = between(&["native 1"], path());
    let (_folder, runtime) = run(flows.clone()).await;
    for _ in 0..5 {
        deploy(&runtime, "full", &flows).await;
        runtime.connect("/ws").await.echo("whole").await;
    }
}

#[tokio::test]
async fn messages_that_come_while_the_child_starts_wait_for_it() {
    let (_folder, runtime) = run(between(&["native 1"], path())).await;
    let mut client = runtime.connect("/ws").await;
    assert_all_of_one_batch(&mut client).await;
}

async fn assert_all_of_one_batch(client: &mut Client) {
    for n in 0..500 {
        client.send(&n.to_string()).await;
    }
    for n in 0..500 {
        assert_eq!(client.text().await, n.to_string());
    }
}

#[tokio::test]
async fn the_child_starts_with_the_first_deploy_that_has_one_of_its_nodes() {
    let (_folder, mut runtime) = run(between(&["all"], [])).await;
    runtime.connect("/ws").await.echo("native only").await;
    let child = "Node.js runs the nodes from npm";
    assert!(!runtime.passed().iter().any(|line| line.contains(child)));
    deploy(&runtime, "full", &between(&["native 1"], path())).await;
    runtime.log_line(child).await;
    runtime.connect("/ws").await.echo("both").await;
}
