//! Metrics of what nodes do: their work, contexts, and how connections of clients end.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use crate::operation::{own_address, scrape};
use crate::peer::{Server, client, client_in};
use crate::support::{Runtime, listener, node, tab, ws_in, ws_out};

fn function(id: &str, code: &str, wires: &[&str]) -> Value {
    node(id, "function", json!({"func": code, "outputs": 1}), wires)
}

const METRICS: &[&str] = &["--metrics", "127.0.0.1:0", "--metrics-nodes", "10"];

#[tokio::test]
async fn the_work_of_nodes_is_a_histogram_without_that_of_the_nodes_they_call() {
    let busy = "const end = Date.now() + (msg.payload === 'a' ? 30 : 0); \
                while (Date.now() < end); return msg";
    let flow = json!([
        tab("tab"),
        listener("l", "/ws"),
        ws_in("in", "l", &["split"]),
        // It waits for what it sends.
        node(
            "split",
            "split",
            json!({"splt": ",", "spltType": "str", "arraySplt": 1,
            "arraySpltType": "len"}),
            &["busy"]
        ),
        function("busy", busy, &["out"]),
        ws_out("out", "l"),
    ]);
    let mut runtime = Runtime::start_with(flow, METRICS, &[]).await;
    let own = own_address(&mut runtime).await;
    let mut client = runtime.connect("/ws").await;
    client.echo("a").await;
    let shown = scrape(&own).await;
    assert_eq!(shown.value(r#"ferrowire_work_seconds_count{type="function"}"#), 1.0);
    assert!(shown.value(r#"ferrowire_node_work_seconds_sum{node="busy"}"#) >= 0.03);
    assert_eq!(shown.value(r#"ferrowire_work_seconds_bucket{type="function",le="0.01"}"#), 0.0);
    let split = shown.value(r#"ferrowire_work_seconds_sum{type="split"}"#);
    assert!(split < 0.03, "{split}");
    // One in 64 for each thread.
    for _ in 0..200 {
        client.echo("b").await;
    }
    let count = scrape(&own).await.value(r#"ferrowire_work_seconds_count{type="websocket in"}"#);
    assert!((3.0..20.0).contains(&count), "{count}");
    client.close().await;
}

#[tokio::test]
async fn reads_and_writes_of_contexts_are_counted_by_store() {
    let code = "flow.set('n', (flow.get('n') || 0) + 1); \
                try { flow.set('n.a.b', 1) } catch { node.warn('refused') } return msg";
    let flow = json!([
        tab("tab"),
        listener("l", "/ws"),
        ws_in("in", "l", &["f"]),
        function("f", code, &["out"]),
        ws_out("out", "l"),
    ]);
    let mut runtime = Runtime::start_with(flow, METRICS, &[]).await;
    let own = own_address(&mut runtime).await;
    let mut client = runtime.connect("/ws").await;
    client.echo("a").await;
    let shown = scrape(&own).await;
    let count = |operation: &str| {
        shown.value(&format!(
            r#"ferrowire_context_operations_total{{store="memory",operation="{operation}"}}"#
        ))
    };
    assert_eq!((count("read"), count("write")), (1.0, 2.0));
    assert_eq!(shown.value(r#"ferrowire_context_writes_refused_total{store="memory"}"#), 1.0);
    client.close().await;
}

#[tokio::test]
async fn the_ends_of_client_connections_are_counted_by_code() {
    let server = Server::start().await;
    let flow = json!([tab("tab"), client("c", &server.url("/")), client_in("in", "c", &[])]);
    let args = [METRICS, crate::peer::FAST].concat();
    let mut runtime = Runtime::start_with(flow, &args, &[]).await;
    let own = own_address(&mut runtime).await;
    let mut peer = server.accept().await;
    let close = CloseFrame { code: 4001.into(), reason: "".into() };
    peer.send(Message::Close(Some(close))).await;
    // It is gone when the next one comes.
    let next = server.accept().await;
    drop(next);
    let _third = server.accept().await;
    let shown = scrape(&own).await;
    for code in ["4xxx", "1006"] {
        let name = format!(r#"ferrowire_websocket_client_closes_total{{code="{code}"}}"#);
        assert_eq!(shown.value(&name), 1.0, "{code}");
    }
}
