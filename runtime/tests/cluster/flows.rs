//! Flows that all instances share.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::nats::{Nats, Storage};
use crate::support::{Runtime, listener, node, set_payload, soon, tab, ws_in, ws_out};

/// A flow that answers with `text`, and other nodes.
fn flow(text: &str, others: &[Value]) -> Value {
    let mut nodes = vec![
        tab("tab"),
        listener("l", "/ws"),
        ws_in("in", "l", &["text"]),
        set_payload("text", text, "str", &["out"]),
        ws_out("out", "l"),
    ];
    nodes.extend_from_slice(others);
    nodes.into()
}

const SHARED: [&str; 4] = ["--cluster-flows", "true", "--cluster-ttl", "2"];

/// The arguments and variables of an instance.
async fn begin_with(nats: &Nats, name: &str, flows: Value, more: &[&str]) -> Runtime {
    let url = nats.url();
    let own = ["--cluster", &url, "--instance-name", name];
    let env = [("FERROWIRE_CREDENTIAL_SECRET", "s3cret"), ("INSTANCE", name)];
    Runtime::start_with(flows, &[&own[..], &SHARED, more].concat(), &env).await
}

async fn begin(nats: &Nats, name: &str, flows: Value) -> Runtime {
    begin_with(nats, name, flows, &[]).await
}

/// What the flow of an instance answers.
async fn answer(runtime: &Runtime) -> String {
    let mut client = runtime.connect("/ws").await;
    client.send("x").await;
    client.text().await
}

/// Waits until an instance answers so.
async fn answers(runtime: &Runtime, text: &str) {
    let become_it = async { while answer(runtime).await != text {} };
    soon(text, become_it).await;
}

/// A status and the JSON of the answer.
async fn request(runtime: &Runtime, method: &str, path: &str, body: &str) -> (u16, Value) {
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nNode-RED-API-Version: v2\r\n\
         Node-RED-Deployment-Type: nodes\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let response = runtime.raw(&format!("{head}{body}")).await;
    let status = response.split(' ').nth(1).unwrap().parse().unwrap();
    let body = response.split("\r\n\r\n").nth(1).unwrap();
    (status, serde_json::from_str(body).unwrap_or(Value::Null))
}

async fn rev(runtime: &Runtime) -> Value {
    request(runtime, "GET", "/flows", "").await.1["rev"].clone()
}

/// Deploys as an editor does that has the flows of revision `rev`.
async fn deploy(runtime: &Runtime, flows: Value, rev: &Value) -> (u16, Value) {
    let body = json!({"flows": flows, "rev": rev}).to_string();
    request(runtime, "POST", "/flows", &body).await
}

async fn deploy_now(runtime: &Runtime, flows: Value) {
    let (status, reply) = deploy(runtime, flows, &rev(runtime).await).await;
    assert_eq!(status, 200, "{reply}");
}

async fn ready(runtime: &Runtime) -> Value {
    request(runtime, "GET", "/health/ready", "").await.1
}

#[tokio::test]
async fn a_deploy_at_any_instance_is_one_at_all_and_unchanged_nodes_keep_their_connections() {
    let storage = Storage::new();
    let nats = Nats::with_storage(&storage).await;
    let a = begin(&nats, "a", flow("first", &[])).await;
    // These have no flows of their own, or others.
    let b = begin(&nats, "b", json!([])).await;
    let c = begin(&nats, "c", flow("of c", &[])).await;
    for runtime in [&a, &b, &c] {
        answers(runtime, "first").await;
    }
    let mut kept = c.connect("/ws").await;
    deploy_now(&b, flow("second", &[])).await;
    for runtime in [&a, &b, &c] {
        answers(runtime, "second").await;
    }
    kept.send("x").await;
    assert_eq!(kept.text().await, "second", "its connection has outlived the deploy");
    let revs = [rev(&a).await, rev(&b).await, rev(&c).await];
    assert!(revs.iter().all(|rev| *rev == revs[0]), "{revs:?}");
    // All have saved it.
    let (log, _) = c.terminate().await;
    assert!(log.contains("stopped"), "{log}");
    for runtime in [&a, &b] {
        assert!(std::fs::read_to_string(&runtime.flows).unwrap().contains("second"));
    }
}

#[tokio::test]
async fn of_two_editors_that_deploy_at_once_one_gets_a_conflict_and_all_run_the_other_ones_flows() {
    let storage = Storage::new();
    let nats = Nats::with_storage(&storage).await;
    let a = begin(&nats, "a", flow("0", &[])).await;
    let b = begin(&nats, "b", json!([])).await;
    let c = begin(&nats, "c", json!([])).await;
    for runtime in [&b, &c] {
        answers(runtime, "0").await;
    }
    for round in 1..=10 {
        let known = rev(&a).await;
        assert_eq!(known, rev(&b).await);
        let (of_a, of_b) = (format!("a{round}"), format!("b{round}"));
        let (first, second) = tokio::join!(
            deploy(&a, flow(&of_a, &[]), &known),
            deploy(&b, flow(&of_b, &[]), &known),
        );
        let winner = match (first.0, second.0) {
            (200, 409) => of_a,
            (409, 200) => of_b,
            other => panic!("{other:?} {first:?} {second:?}"),
        };
        let refused = if first.0 == 409 { first.1 } else { second.1 };
        assert_eq!(refused["code"], "version_mismatch");
        for runtime in [&a, &b, &c] {
            answers(runtime, &winner).await;
        }
    }
}

#[tokio::test]
async fn an_instance_that_was_down_starts_with_the_newest_flows_and_credentials() {
    let storage = Storage::new();
    let mut nats = Nats::with_storage(&storage).await;
    let a = begin(&nats, "a", flow("0", &[])).await;
    let b = begin(&nats, "b", json!([])).await;
    answers(&b, "0").await;
    let files = tempfile::tempdir().unwrap();
    let saved: PathBuf = files.path().join("flows.json");
    std::fs::copy(&b.flows, &saved).unwrap();
    b.terminate().await;
    let with_password = |password: &str| {
        json!({
            "id": "auth", "type": "websocket-listener", "path": "/closed", "wholemsg": "false",
            "auth": "token", "authFrom": "query:token",
            "credentials": {"authTokens": format!("ann:{password}")},
        })
    };
    for number in 1..=3 {
        let others = [with_password(&format!("secret-{number}")), ws_in("in2", "auth", &[])];
        deploy_now(&a, flow(&number.to_string(), &others)).await;
    }
    let old: Value = serde_json::from_slice(&std::fs::read(&saved).unwrap()).unwrap();
    let b = begin(&nats, "b", old.clone()).await;
    assert_eq!(answer(&b).await, "3", "from the first connection on");
    drop(b.connect("/closed?token=secret-3").await);
    let entry = std::fs::read_to_string(b.flows.with_file_name("flows_cred.json")).unwrap();
    assert!(!entry.contains("secret-3"), "encrypted: {entry}");
    // Without NATS it starts with what it has, and follows when NATS is there.
    nats.stop().await;
    let mut late = begin_with(&nats, "late", old, &["--cluster-timeout", "0.5"]).await;
    late.log_line("starting with the flows of the last time").await;
    assert_eq!(answer(&late).await, "0");
    let (status, reply) = deploy(&late, flow("alone", &[]), &rev(&late).await).await;
    assert_eq!((status, &reply["code"]), (503, &json!("cluster_unavailable")), "{reply}");
    nats.start_again().await;
    answers(&late, "3").await;
}

#[tokio::test]
async fn an_instance_that_cannot_run_a_deploy_says_so_and_keeps_the_flows_before() {
    let storage = Storage::new();
    let nats = Nats::with_storage(&storage).await;
    let a = begin(&nats, "a", flow("0", &[])).await;
    // It has another secret, so it cannot read credentials.
    let url = nats.url();
    let own = ["--cluster", &url, "--instance-name", "b"];
    let env = [("FERROWIRE_CREDENTIAL_SECRET", "another")];
    let mut b = Runtime::start_with(json!([]), &[&own[..], &SHARED].concat(), &env).await;
    answers(&b, "0").await;
    let protected = json!({
        "id": "auth", "type": "websocket-listener", "path": "/closed", "wholemsg": "false",
        "auth": "token", "authFrom": "query:token", "credentials": {"authTokens": "ann:secret"},
    });
    let mut editor = b.connect("/comms").await;
    editor.send(r#"{"subscribe":"event-log/#"}"#).await;
    deploy_now(&a, flow("1", &[protected, ws_in("in2", "auth", &[])])).await;
    answers(&a, "1").await;
    let shown = async { while !editor.text().await.contains("are not deployed here") {} };
    soon("a line in the editor's event log", shown).await;
    let line = b.log_line("of the cluster are not deployed here").await;
    assert!(line.contains("encrypted with another `credential-secret`"), "{line}");
    assert_eq!(answer(&b).await, "0");
    assert_eq!(ready(&b).await, json!({"status": "not-ready", "reasons": ["flows-behind"]}));
    assert_eq!(ready(&a).await["status"], "ready");
    let metrics =
        b.raw("GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await;
    assert!(metrics.contains("ferrowire_cluster_flows_behind 1"), "{metrics}");
    // Its editor has old flows.
    let (status, _) = deploy(&b, flow("stale", &[]), &rev(&b).await).await;
    assert_eq!(status, 409);
    deploy_now(&a, flow("2", &[])).await;
    answers(&b, "2").await;
    assert_eq!(ready(&b).await["status"], "ready");
}

#[tokio::test]
async fn flows_with_a_missing_type_are_refused_where_they_are_deployed_and_nobody_stops() {
    let storage = Storage::new();
    let nats = Nats::with_storage(&storage).await;
    let a = begin(&nats, "a", flow("0", &[])).await;
    let b = begin(&nats, "b", json!([])).await;
    answers(&b, "0").await;
    let unknown = node("n", "no such type", json!({}), &[]);
    let (status, reply) = deploy(&a, flow("1", &[unknown]), &rev(&a).await).await;
    assert_eq!(status, 400);
    let message = reply["message"].as_str().unwrap();
    assert!(message.contains("this instance cannot run them"), "{message}");
    assert!(message.contains("no such type"), "{message}");
    assert_eq!((answer(&a).await, answer(&b).await), ("0".to_owned(), "0".to_owned()));
}

#[tokio::test]
async fn flow_files_that_are_read_again_are_deployed_to_all() {
    let storage = Storage::new();
    let nats = Nats::with_storage(&storage).await;
    let mut a = begin(&nats, "a", flow("0", &[])).await;
    let b = begin(&nats, "b", json!([])).await;
    answers(&b, "0").await;
    a.redeploy(flow("by hand", &[])).await;
    answers(&b, "by hand").await;
    assert_eq!(answer(&a).await, "by hand");
}

#[tokio::test]
async fn settings_that_do_not_fit_are_refused_at_the_start() {
    let storage = Storage::new();
    let nats = Nats::with_storage(&storage).await;
    let url = nats.url();
    let folder = tempfile::tempdir().unwrap();
    let flows = folder.path().join("flows.json");
    std::fs::write(&flows, flow("0", &[]).to_string()).unwrap();
    for (arguments, expected) in [
        (&["--cluster-flows", "true"][..], "`cluster-flows` needs the setting `cluster`"),
        (
            &["--cluster-flows", "true", "--cluster", &url],
            "`cluster-flows` needs `credential-secret`",
        ),
    ] {
        let mut program = crate::program("run");
        program.args(["--listen", "127.0.0.1:0"]).args(arguments).arg(&flows);
        let output = tokio::process::Command::from(program).output();
        let output = soon("the end", output).await.unwrap();
        assert_eq!(output.status.code(), Some(2));
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.lines().last().unwrap().contains(expected), "{text}");
    }
}
