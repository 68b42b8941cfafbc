//! `/metrics` and `/health`, below the admin root and at an address of their own.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::openmetrics::Exposition;
use crate::support::{Runtime, listener, node, soon, tab, with, ws_in, ws_out};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0";

/// What answers a request for `path`: head and body.
async fn get_at(address: &str, path: &str, headers: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut response = String::new();
    soon("a response", stream.read_to_string(&mut response)).await.unwrap();
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    (head.to_ascii_lowercase(), body.to_owned())
}

pub(crate) async fn scrape(address: &str) -> Exposition {
    let (head, body) = get_at(address, "/metrics", &format!("Accept: {OPEN_METRICS}\r\n")).await;
    assert!(head.contains("content-type: application/openmetrics-text; version=1.0.0"), "{head}");
    Exposition::parse(&body)
}

async fn health(address: &str, what: &str) -> (String, Value) {
    let (head, body) = get_at(address, &format!("/health/{what}"), "").await;
    let status = head.split(' ').nth(1).unwrap().to_owned();
    (status, serde_json::from_str(&body).unwrap())
}

/// The address for metrics that a runtime logs.
pub(crate) async fn own_address(runtime: &mut Runtime) -> String {
    let line = runtime.log_line("metrics at http://").await;
    let (_, rest) = line.split_once("http://").unwrap();
    rest.split('/').next().unwrap().to_owned()
}

fn function(id: &str, code: &str, wires: &[&str]) -> Value {
    node(id, "function", json!({"func": code, "outputs": 1}), wires)
}

pub(crate) fn echo() -> Value {
    let code = "if (msg.payload === 'fail') throw new Error('as told'); return msg;";
    json!([
        {"id": "tab", "type": "tab", "label": "An \"echo\"\\\n"},
        listener("l", "/ws"),
        with(ws_in("in", "l", &["f"]), json!({"name": "the \"in\""})),
        function("f", code, &["out"]),
        ws_out("out", "l"),
    ])
}

#[tokio::test]
async fn messages_errors_and_connections_are_shown() {
    let args = ["--metrics", "127.0.0.1:0", "--metrics-nodes", "2"];
    let mut runtime = Runtime::start_with(echo(), &args, &[]).await;
    let own = own_address(&mut runtime).await;
    let mut client = runtime.connect("/ws").await;
    client.echo("one").await;
    client.send("fail").await;
    client.echo("two").await;
    let shown = scrape(&own).await;
    for (sample, value) in [
        (r#"ferrowire_messages_received_total{type="function"}"#, 3.0),
        (r#"ferrowire_messages_sent_total{type="function"}"#, 2.0),
        (r#"ferrowire_errors_total{type="function"}"#, 1.0),
        (r#"ferrowire_flow_errors_total{flow="tab"}"#, 1.0),
        (r#"ferrowire_nodes{type="websocket in"}"#, 1.0),
        (r#"ferrowire_websocket_connections{role="server"}"#, 1.0),
        (r#"ferrowire_websocket_messages_received_total{role="server"}"#, 3.0),
        (r#"ferrowire_websocket_handshakes_total{result="accepted"}"#, 1.0),
        (r#"ferrowire_flow_info{flow="tab",name="An \"echo\"\\\n"}"#, 1.0),
        (r#"ferrowire_deploys_total{flows="running"}"#, 1.0),
        ("ferrowire_deploy_duration_seconds_count", 1.0),
        ("ferrowire_flows_running", 1.0),
    ] {
        assert_eq!(shown.value(sample), value, "{sample}");
    }
    // A header of 6 bytes with the mask, and 2 bytes without.
    let received = shown.value(r#"ferrowire_websocket_received_bytes_total{role="server"}"#);
    assert_eq!(received, f64::from(6 * 3 + 3 + 4 + 3));
    assert!(shown.value(r#"ferrowire_websocket_sent_bytes_total{role="server"}"#) > received);
    let of_nodes = &shown.0["ferrowire_node_messages_received"].samples;
    assert_eq!((of_nodes.len(), of_nodes.values().sum::<f64>() >= 6.0), (3, true), "{of_nodes:?}");
    client.close().await;
    runtime.log_line("ended").await;
    let shown = scrape(&runtime.address).await;
    let closes: f64 = shown.0["ferrowire_websocket_closes"].samples.values().sum();
    assert_eq!(
        (closes, shown.value(r#"ferrowire_websocket_closes_total{code="1005"}"#)),
        (1.0, 1.0)
    );
    runtime.terminate().await;
}

#[tokio::test]
async fn the_process_and_the_port_are_shown() {
    let mut runtime = Runtime::start_with(echo(), &["--metrics", "127.0.0.1:0"], &[]).await;
    let own = own_address(&mut runtime).await;
    get_at(&runtime.address, "/nothing-is-here", "").await;
    let shown = scrape(&own).await;
    assert_eq!(shown.value(r#"ferrowire_http_responses_total{status="4xx"}"#), 1.0);
    assert!(shown.value("process_resident_memory_bytes") > 1e6);
    assert!(shown.value("process_open_fds") >= 5.0);
    assert!(shown.value("process_start_time_seconds") > 1.7e9);
    assert!(shown.value("process_cpu_seconds_total") < 100.0);
    assert!(shown.0["ferrowire_build"].samples.keys().any(|key| key.contains("version=\"")));
    assert!(!shown.0.contains_key("ferrowire_flow_x"));
    assert!(shown.0["ferrowire_node_messages_sent"].samples.is_empty(), "by a setting only");
    runtime.terminate().await;
}

#[tokio::test]
async fn a_client_gets_the_text_of_prometheus_unless_it_asks_for_open_metrics() {
    let runtime = Runtime::start(echo()).await;
    let (head, body) = get_at(&runtime.address, "/metrics", "Accept: text/html, */*\r\n").await;
    assert!(head.contains("content-type: text/plain; version=0.0.4"), "{head}");
    assert!(body.contains("# TYPE ferrowire_deploys_total counter\n"), "{body}");
    assert!(!body.contains("# EOF") && !body.contains("# UNIT"), "{body}");
    let post = "POST /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    assert!(runtime.raw(post).await.starts_with("HTTP/1.1 405"));
    runtime.terminate().await;
}

#[tokio::test]
async fn below_the_admin_root_metrics_need_their_permission_and_health_does_not() {
    let settings = tempfile::NamedTempFile::new().unwrap();
    let tokens = "[[admin-auth.tokens]]\ntoken = 'reads-the-metrics'\nuser = 'prometheus'\n\
                  permissions = 'metrics.read'\n\
                  [[admin-auth.tokens]]\ntoken = 'reads-the-flows-only'\nuser = 'other'\n\
                  permissions = 'flows.read'\n";
    std::fs::write(settings.path(), format!("http-admin-root = '/admin'\n{tokens}")).unwrap();
    let args = ["--settings", settings.path().to_str().unwrap()];
    let runtime = Runtime::start_with(echo(), &args, &[]).await;
    for (token, expected) in
        [(None, "401"), (Some("reads-the-flows-only"), "401"), (Some("reads-the-metrics"), "200")]
    {
        let header = token.map(|token| format!("Authorization: Bearer {token}\r\n"));
        let header = header.unwrap_or_default();
        let (head, body) = get_at(&runtime.address, "/admin/metrics", &header).await;
        assert_eq!(head.split(' ').nth(1), Some(expected), "{token:?}: {head}");
        assert_eq!(body.contains("ferrowire_build"), expected == "200");
    }
    let (head, body) = get_at(&runtime.address, "/admin/health/ready", "").await;
    assert!(head.starts_with("http/1.1 200"), "{head}");
    assert_eq!(body, r#"{"status":"ready","reasons":[]}"#);
    let (head, _) = get_at(&runtime.address, "/metrics", "").await;
    assert!(head.starts_with("http/1.1 404"), "{head}");
    runtime.terminate().await;
}

#[tokio::test]
async fn a_flow_keeps_its_own_path() {
    let nodes = json!([
        tab("tab"),
        node("in", "http in", json!({"url": "/metrics", "method": "get"}), &["f"]),
        function("f", "msg.payload = 'of the flow'; return msg;", &["out"]),
        node("out", "http response", json!({}), &[]),
        node("all", "http in", json!({"url": "/*", "method": "get"}), &["f"]),
    ]);
    let runtime = Runtime::start(nodes).await;
    assert_eq!(get_at(&runtime.address, "/metrics", "").await.1, "of the flow");
    assert_eq!(get_at(&runtime.address, "/else", "").await.1, "of the flow");
    let (status, ready) = health(&runtime.address, "ready").await;
    assert_eq!((status.as_str(), &ready["status"]), ("200", &json!("ready")), "not a wildcard");
    runtime.terminate().await;
}

#[tokio::test]
async fn without_an_admin_root_the_own_address_is_the_only_one() {
    let args = ["--http-admin-root", "off", "--metrics", "127.0.0.1:0"];
    let mut runtime = Runtime::start_with(echo(), &args, &[]).await;
    let own = own_address(&mut runtime).await;
    assert_eq!(health(&own, "live").await.0, "200");
    assert_eq!(scrape(&own).await.value("ferrowire_flows_running"), 1.0);
    for path in ["/metrics", "/health/ready"] {
        let (head, _) = get_at(&runtime.address, path, "").await;
        assert!(head.starts_with("http/1.1 404"), "{path}: {head}");
    }
    assert!(get_at(&own, "/flows", "").await.0.starts_with("http/1.1 404"));
    runtime.terminate().await;
}

#[tokio::test]
async fn an_address_that_is_in_use_prevents_the_start() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut runtime =
        Runtime::begin(echo(), &["--listen", "127.0.0.1:0", "--metrics", address.as_str()]);
    let (log, code) = runtime.rest_of_log().await;
    assert_eq!(code, Some(2), "{log}");
    assert!(log.contains(&format!("cannot listen on `{address}` for metrics")), "{log}");
}

#[tokio::test]
async fn readiness_says_why_the_flows_do_not_run() {
    let args = ["--runtime-state", "true"];
    let mut runtime = Runtime::start_with(echo(), &args, &[]).await;
    let ready = |reason: Option<&str>| match reason {
        None => ("200".to_owned(), json!({"status": "ready", "reasons": []})),
        Some(why) => ("503".to_owned(), json!({"status": "not-ready", "reasons": [why]})),
    };
    assert_eq!(health(&runtime.address, "ready").await, ready(None));
    runtime.post_json("/flows/state", r#"{"state":"stop"}"#).await;
    assert_eq!(health(&runtime.address, "ready").await, ready(Some("flows-stopped")));
    runtime.post_json("/flows/state", r#"{"state":"start"}"#).await;
    assert_eq!(health(&runtime.address, "ready").await, ready(None));
    runtime.redeploy(json!([tab("tab"), node("n", "nobody knows it", json!({}), &[])])).await;
    assert_eq!(health(&runtime.address, "ready").await, ready(Some("flows-not-deployed")));
    assert_eq!(health(&runtime.address, "live").await.0, "200");
    runtime.redeploy(echo()).await;
    assert_eq!(health(&runtime.address, "ready").await, ready(None));
    runtime.terminate().await;
}

#[tokio::test]
async fn safe_mode_is_not_ready() {
    let runtime = Runtime::start_with(echo(), &["--safe"], &[]).await;
    let (status, ready) = health(&runtime.address, "ready").await;
    assert_eq!((status.as_str(), &ready["reasons"]), ("503", &json!(["safe-mode"])));
    runtime.terminate().await;
}

/// A function that is never done with its start.
fn endless() -> Value {
    let wait = "return new Promise(() => {});";
    let code = json!({"func": "return msg;", "outputs": 1, "initialize": wait});
    node("endless", "function", code, &[])
}

#[tokio::test]
async fn a_program_that_starts_answers_probes_and_lets_others_wait() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = port.local_addr().unwrap().to_string();
    drop(port);
    let args = ["--listen", address.as_str(), "--metrics", "127.0.0.1:0"];
    let mut runtime = Runtime::begin(json!([tab("tab"), endless()]), &args);
    let own = own_address(&mut runtime).await;
    let mut waiting = TcpStream::connect(&address).await.unwrap();
    waiting.write_all(b"GET /other HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let starting = json!({"status": "not-ready", "reasons": ["starting"]});
    for at in [&own, &address] {
        assert_eq!(health(at, "ready").await, ("503".to_owned(), starting.clone()));
        assert_eq!(health(at, "live").await.0, "200");
    }
    let nothing = waiting.try_read(&mut [0]).unwrap_err();
    assert_eq!(nothing.kind(), std::io::ErrorKind::WouldBlock);
    runtime.signal("-TERM");
    let mut rest = String::new();
    soon("a response", waiting.read_to_string(&mut rest)).await.unwrap();
    assert!(rest.starts_with("HTTP/1.1 404"), "{rest}");
    assert_eq!(runtime.ended().await, Some(0));
}

/// A request whose body the runtime waits for, which keeps the runtime from ending.
async fn open_request(address: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = "POST /flows HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n\
                Content-Type: application/json\r\nContent-Length: 10\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    soon("100 Continue", stream.read_exact(&mut answer)).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 100");
    stream
}

#[tokio::test]
async fn a_program_that_drains_is_not_ready() {
    let mut runtime = Runtime::start_with(echo(), &["--metrics", "127.0.0.1:0"], &[]).await;
    let own = own_address(&mut runtime).await;
    let open = open_request(&runtime.address).await;
    runtime.signal("-TERM");
    runtime.log_line("the flows are stopped").await;
    let draining = json!({"status": "not-ready", "reasons": ["draining"]});
    assert_eq!(health(&own, "ready").await, ("503".to_owned(), draining));
    assert_eq!(scrape(&own).await.value("ferrowire_draining"), 1.0);
    assert_eq!(health(&own, "live").await.0, "200");
    assert_eq!(scrape(&own).await.value("ferrowire_flows_running"), 0.0);
    drop(open);
    assert_eq!(runtime.ended().await, Some(0));
}
