//! Traces of messages that pass through Node.js.

use serde_json::json;

use crate::collector::Collector;
use crate::installed::{UserDir, between, function, script};

#[tokio::test]
async fn a_trace_goes_on_behind_a_node_that_waits_in_node_js() {
    let mut collector = Collector::start().await;
    let waits = "setTimeout(() => send({payload: msg.payload, _session: msg._session}), 5)";
    let flows = between(
        &["first"],
        [function("first", "return msg", &["npm"]), script("npm", waits, &["all"])],
    );
    let folder = UserDir::with(&["script"]);
    let runtime = folder.run_with(flows, &["--otlp-endpoint", &collector.url]).await;
    let mut client = runtime.connect("/ws").await;
    client.send("go").await;
    assert_eq!(client.text().await, "go");
    // Those of the listener, which receives and sends, `in`, `first`, `npm`, `all`, `out`.
    let spans = collector.spans(7).await;
    let of = |id: &str| spans.iter().find(|span| span.node() == id).unwrap();
    assert!(spans.iter().all(|span| span.trace() == spans[0].trace()), "{spans:#?}");
    assert_eq!(of("npm").parent(), Some(of("first").id()));
    assert_eq!(of("all").parent(), Some(of("npm").id()), "{spans:#?}");
    assert_eq!(of("all").0["flags"], json!(0x101), "the other side is no other system");
}

#[tokio::test]
async fn what_is_not_recorded_is_not_recorded_behind_node_js_either() {
    let mut collector = Collector::start().await;
    let flows = between(
        &["first"],
        [
            function("first", "return msg", &["npm"]),
            script("npm", "send({payload: msg.payload})", &["all"]),
        ],
    );
    let folder = UserDir::with(&["script"]);
    let args =
        ["--otlp-endpoint", &collector.url, "--trace-sample", "0", "--trace-context", "websocket"];
    let runtime = folder.run_with(flows, &args).await;
    let mut client = runtime.connect("/ws").await;
    client.send("go").await;
    assert_eq!(client.text().await, "go");
    // What is recorded in any case comes after it.
    use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
    let mut request = runtime.url("/ws").into_client_request().unwrap();
    let parent = format!("00-{}-00f067aa0ba902b7-01", "1".repeat(32)).parse().unwrap();
    request.headers_mut().insert("traceparent", parent);
    let mut traced = crate::support::Client::connect(request).await;
    traced.send("too").await;
    assert_eq!(traced.text().await, "too");
    let spans = collector.spans(7).await;
    assert!(spans.iter().all(|span| span.trace() == "1".repeat(32)), "{spans:#?}");
}
