//! Traces of messages, from the real binary to a collector of the test.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::collector::{Answers, Collector, Span};
use crate::support::{Runtime, listener, node, tab, ws_in, ws_out};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

fn function(id: &str, code: &str, wires: &[&str]) -> Value {
    node(id, "function", json!({"func": code, "outputs": 1, "libs": []}), wires)
}

fn http_in(id: &str, url: &str, wires: &[&str]) -> Value {
    node(id, "http in", json!({"method": "get", "url": url}), wires)
}

fn http_response(id: &str) -> Value {
    node(id, "http response", json!({}), &[])
}

/// Starts a runtime that records traces.
async fn start(nodes: Value, collector: &Collector, args: &[&str]) -> Runtime {
    Runtime::start_with(nodes, &[&["--otlp-endpoint", &collector.url], args].concat(), &[]).await
}

async fn get(runtime: &Runtime, path: &str, headers: &str) -> String {
    let rest = format!("Host: localhost\r\nConnection: close\r\n{headers}\r\n");
    runtime.raw(&format!("GET {path} HTTP/1.1\r\n{rest}")).await
}

/// Asserts that these spans are of one trace, each the child of the one before.
fn assert_chain(spans: &HashMap<String, Span>, ids: &[&str]) {
    for pair in ids.windows(2) {
        let (parent, child) = (&spans[pair[0]], &spans[pair[1]]);
        assert_eq!(child.parent(), Some(parent.id()), "{pair:?} in {spans:#?}");
        assert_eq!(child.trace(), parent.trace());
    }
}

/// Asks another runtime's flow, over HTTP.
fn asks(url: &str) -> Value {
    let request = json!({"method": "GET", "ret": "txt", "url": url, "senderr": false});
    json!([
        tab("tab"),
        http_in("in", "/ask", &["code"]),
        function("code", "msg.topic = 'a'; return msg", &["request"]),
        node("request", "http request", request, &["out"]),
        http_response("out"),
    ])
}

fn answers() -> Value {
    json!([tab("tab"), http_in("there", "/there", &["end"]), http_response("end")])
}

#[tokio::test]
async fn a_request_is_one_trace_through_the_flows_of_two_runtimes() {
    let mut collector = Collector::start().await;
    let other = start(answers(), &collector, &["--service-name", "other"]).await;
    let url = format!("http://{}/there", other.address);
    // A secret has no flag.
    let env = [("FERROWIRE_OTLP_HEADERS", "x-key=a%20b")];
    let args = ["--otlp-endpoint", &collector.url];
    let runtime = Runtime::start_with(asks(&url), &args, &env).await;
    let response = get(&runtime, "/ask", "").await;
    assert!(response.starts_with("HTTP/1.1 200"), "{response}");
    let spans = collector.by_node(6).await;
    assert_chain(&spans, &["in", "code", "request", "there", "end"]);
    assert_chain(&spans, &["request", "out"]);
    assert_eq!(spans["in"].parent(), None);
    assert_eq!(spans["request"].0["kind"], 3, "a client");
    assert_eq!(spans["there"].0["kind"], 2, "a server");
    assert_eq!(spans["there"].0["flags"], 0x301);
    assert_eq!(spans["end"].0["flags"], 0x101);
    assert_eq!(spans["code"].attribute("ferrowire.node.type"), "function");
    assert_eq!(spans["code"].attribute("ferrowire.flow.id"), "tab");
    assert_eq!(spans["in"].attribute("http.response.status_code"), "200");
    for span in spans.values() {
        assert_eq!(span.0["status"], Value::Null);
        let worked = span.milliseconds("ferrowire.worked_ms");
        // The task of a request may begin while the handler that has spawned it runs.
        let threads = if span.node() == "request" { 2.0 } else { 1.0 };
        assert!(worked <= span.took() * threads + 0.001, "{span:?} {worked} {}", span.took());
    }
    assert!(spans["in"].took() >= spans["request"].took(), "the request contains the other");
    assert!(collector.heads().iter().any(|head| head.contains("x-key: a b")));
    let names = collector
        .resources()
        .iter()
        .map(|it| it["attributes"][0]["value"].clone())
        .collect::<Vec<_>>();
    for name in ["ferrowire", "other"] {
        assert!(names.contains(&json!({"stringValue": name})), "{names:?}");
    }
}

#[tokio::test]
async fn a_remote_trace_decides_whether_it_is_recorded() {
    for (sample, flags, recorded) in [("0", "01", true), ("1", "00", false)] {
        let mut collector = Collector::start().await;
        let runtime = start(
            json!([
                tab("tab"),
                http_in("in", "/go", &["code"]),
                function("code", "msg.payload = msg.req.headers; return msg", &["out"]),
                http_response("out"),
                http_in("last", "/last", &["done"]),
                http_response("done"),
            ]),
            &collector,
            &["--trace-sample", sample],
        )
        .await;
        let header = format!("traceparent: 00-{TRACE}-{SPAN}-{flags}\r\ntracestate: a=1\r\n");
        get(&runtime, "/go", &header).await;
        // What is recorded in any case comes after it.
        let own = format!("traceparent: 00-{}-{SPAN}-01\r\n", "1".repeat(32));
        get(&runtime, "/last", &own).await;
        let spans = collector.by_node(if recorded { 5 } else { 2 }).await;
        if recorded {
            assert_chain(&spans, &["in", "code", "out"]);
            assert_eq!(spans["in"].trace(), TRACE);
            assert_eq!(spans["in"].parent(), Some(SPAN));
            assert_eq!(spans["code"].0["traceState"], "a=1");
        }
        assert_chain(&spans, &["last", "done"]);
    }
}

#[tokio::test]
async fn an_invalid_traceparent_begins_a_new_trace() {
    let mut collector = Collector::start().await;
    let runtime = start(answers(), &collector, &[]).await;
    let twice = format!("traceparent: 00-{TRACE}-{SPAN}-01\r\n").repeat(2);
    get(&runtime, "/there", &format!("traceparent: 00-{TRACE}-{SPAN}-1\r\n")).await;
    get(&runtime, "/there", &twice).await;
    let spans = collector.spans(4).await;
    let roots: Vec<&Span> = spans.iter().filter(|span| span.parent().is_none()).collect();
    assert_eq!(roots.len(), 2, "{spans:#?}");
    assert!(spans.iter().all(|span| span.trace() != TRACE));
}

#[tokio::test]
async fn a_trace_branches_joins_a_subflow_and_waits_at_a_delay() {
    let mut collector = Collector::start().await;
    let link = |id: &str, kind: &str, links: &[&str], wires: &[&str]| {
        node(id, kind, json!({"mode": "link", "links": links}), wires)
    };
    let delay = json!({
        "pauseType": "delay", "timeout": "50", "timeoutUnits": "milliseconds", "rate": "1",
        "nbRateUnits": "1", "rateUnits": "second", "randomFirst": "1", "randomLast": "5",
        "randomUnits": "seconds", "drop": false, "outputs": 1,
    });
    let flow = json!([
        tab("tab"),
        {
            "id": "sub", "type": "subflow", "name": "sub",
            "in": [{"wires": [{"id": "inner"}]}],
            "out": [{"wires": [{"id": "inner", "port": 0}]}],
        },
        {"id": "inner", "z": "sub", "type": "function", "func": "return {payload: 1}",
         "outputs": 1, "wires": [[]]},
        http_in("in", "/go", &["instance", "link", "fails"]),
        node("instance", "subflow:sub", json!({}), &["delay"]),
        node("delay", "delay", delay, &["end"]),
        function("end", "", &[]),
        link("link", "link out", &["target"], &[]),
        link("target", "link in", &["link"], &["linked"]),
        http_response("linked"),
        function("fails", "throw new Error('no')", &[]),
        node("catch", "catch", json!({"scope": ["fails"]}), &["caught"]),
        function("caught", "node.warn('seen'); return null", &[]),
    ]);
    let mut runtime = start(flow, &collector, &["--log", "info", "--log-format", "json"]).await;
    get(&runtime, "/go", "").await;
    // The function that fails tells `http in`, which is the twelfth.
    let mut spans = collector.spans(12).await;
    let told = spans.iter().position(|span| span.node() == "in" && span.parent().is_some());
    let told = spans.remove(told.unwrap());
    let traces = spans.iter().map(|span| span.trace().to_owned()).collect::<Vec<_>>();
    assert!(traces.iter().all(|trace| *trace == traces[0]), "{spans:#?}");
    let spans: HashMap<_, _> = spans.into_iter().map(|span| (span.node(), span)).collect();
    assert_chain(&spans, &["in", "link", "target", "linked"]);
    assert_chain(&spans, &["in", "fails", "catch", "caught"]);
    assert_chain(&spans, &["delay", "end"]);
    assert_eq!(told.parent(), Some(spans["fails"].id()));
    assert_chain(&spans, &["in", "instance", "instance-inner", "delay"]);
    assert!(spans["delay"].took() >= 49.0, "{:?}", spans["delay"]);
    assert!(spans["delay"].milliseconds("ferrowire.worked_ms") < 49.0);
    assert_eq!(spans["fails"].0["status"]["code"], 2);
    assert!(spans["fails"].0["status"]["message"].as_str().unwrap().contains("no"));
    let line: Value = serde_json::from_str(&runtime.log_line("seen").await).unwrap();
    assert_eq!(line["trace_id"], traces[0].as_str());
}

#[tokio::test]
async fn without_sampling_and_without_an_endpoint_nothing_is_sent() {
    let mut collector = Collector::start().await;
    let runtime = start(answers(), &collector, &["--trace-sample", "0"]).await;
    for _ in 0..50 {
        get(&runtime, "/there", "").await;
    }
    get(&runtime, "/there", &format!("traceparent: 00-{TRACE}-{SPAN}-01\r\n")).await;
    let spans = collector.spans(2).await;
    assert!(spans.iter().all(|span| span.trace() == TRACE), "{spans:#?}");
}

#[tokio::test]
async fn the_variables_of_opentelemetry_are_read() {
    let mut collector = Collector::start().await;
    let url = format!("{}/", collector.url);
    let env = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=1"),
        ("OTEL_SERVICE_NAME", "by-variable"),
    ];
    let runtime = Runtime::start_with(answers(), &[], &env).await;
    get(&runtime, "/there", "").await;
    collector.spans(2).await;
    assert!(collector.heads()[0].starts_with("post /v1/traces http/1.1\r\n"));
    assert!(collector.heads()[0].contains("x-key: 1"));
    let name = &collector.resources()[0]["attributes"][0]["value"]["stringValue"];
    assert_eq!(name, "by-variable");
}

fn echo() -> Value {
    json!([tab("tab"), listener("l", "/ws"), ws_in("in", "l", &["out"]), ws_out("out", "l"),])
}

#[tokio::test]
async fn messages_of_a_websocket_belong_to_the_trace_of_its_handshake_if_that_is_wanted() {
    use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
    for (args, taken) in [(&["--trace-context", "http,websocket"][..], true), (&[], false)] {
        let mut collector = Collector::start().await;
        let runtime = start(echo(), &collector, args).await;
        let mut request = runtime.url("/ws").into_client_request().unwrap();
        let parent = format!("00-{TRACE}-{SPAN}-01").parse().unwrap();
        request.headers_mut().insert("traceparent", parent);
        let mut client = crate::support::Client::connect(request).await;
        client.echo("a").await;
        let spans = collector.spans(3).await;
        let first = spans.iter().find(|span| span.node() == "l" && span.parent().is_some());
        assert_eq!(spans.iter().all(|span| span.trace() == TRACE), taken, "{spans:#?}");
        if taken {
            assert!(first.is_some());
        }
        client.close().await;
    }
}

/// The number of a metric.
async fn metric(runtime: &Runtime, name: &str) -> f64 {
    let text = get(runtime, "/metrics", "").await;
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("0");
    line.trim().parse().unwrap()
}

#[tokio::test]
async fn a_collector_that_is_away_delays_no_message_and_gets_the_spans_later() {
    for trouble in [Answers::Status(503), Answers::Status(429), Answers::Never] {
        let mut collector = Collector::answering(trouble).await;
        let mut runtime = start(echo(), &collector, &[]).await;
        let mut client = runtime.connect("/ws").await;
        client.echo("first").await;
        collector.request(1).await;
        for number in 0..20 {
            client.echo(&number.to_string()).await;
        }
        runtime.log_line("cannot deliver spans of traces to `http://").await;
        collector.answer(Answers::Ok);
        runtime.log_line("spans of traces are delivered to").await;
        let spans = collector.spans(21 * 4).await;
        assert!(spans.len() >= 21 * 4);
        client.close().await;
    }
}

#[tokio::test]
async fn spans_beyond_the_bound_are_dropped_and_counted() {
    let collector = Collector::answering(Answers::Status(503)).await;
    let mut runtime = start(echo(), &collector, &[]).await;
    let mut client = runtime.connect("/ws").await;
    // Four spans for each.
    for number in 0..5_000 {
        client.echo(&number.to_string()).await;
    }
    runtime.log_line("spans of traces were dropped, since 16384 wait for the collector").await;
    let dropped = metric(&runtime, "ferrowire_spans_dropped_total{reason=\"queue\"}").await;
    assert!(dropped > 2_000.0, "{dropped}");
    client.close().await;
}

#[tokio::test]
async fn what_a_collector_refuses_is_dropped_and_told() {
    let collector = Collector::answering(Answers::Status(400)).await;
    let mut runtime = start(answers(), &collector, &[]).await;
    get(&runtime, "/there", "").await;
    let line = runtime.log_line("refused 2 spans of traces").await;
    assert!(line.contains("400"), "{line}");
    assert_eq!(metric(&runtime, "ferrowire_spans_dropped_total{reason=\"refused\"}").await, 2.0);
}

#[tokio::test]
async fn an_endpoint_that_nobody_listens_at_is_told_once_and_the_stop_is_in_time() {
    let args = ["--otlp-endpoint", "http://127.0.0.1:9"];
    let mut runtime = Runtime::start_with(answers(), &args, &[]).await;
    get(&runtime, "/there", "").await;
    runtime.log_line("cannot deliver spans of traces to `http://127.0.0.1:9/v1/traces`").await;
    let (log, code) = runtime.terminate().await;
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("2 spans of traces were dropped"), "{log}");
    assert!(!log.contains("cannot deliver"), "{log}");
}

#[tokio::test]
async fn the_last_spans_are_sent_at_the_end() {
    let mut collector = Collector::start().await;
    let runtime = start(answers(), &collector, &[]).await;
    for _ in 0..3 {
        get(&runtime, "/there", "").await;
    }
    let (log, code) = runtime.terminate().await;
    assert_eq!(code, Some(0), "{log}");
    assert_eq!(collector.spans(6).await.len(), 6);
}

#[tokio::test]
async fn invalid_settings_are_told_at_the_start() {
    let cases = [
        (["--otlp-endpoint", "localhost:4318"], "expected a URL such as `http://localhost:4318`"),
        (["--trace-sample", "1.5"], "expected a number from 0 to 1"),
        (
            ["--trace-context", "http,smtp"],
            "expected `none`, or some of `http`, `websocket` and `mqtt`",
        ),
        (["--trace-sample", "half"], "expected a number from 0 to 1"),
    ];
    for (args, expected) in cases {
        let mut runtime = Runtime::begin(answers(), &args);
        let (log, code) = runtime.rest_of_log().await;
        assert_ne!(code, Some(0));
        assert!(log.contains(expected), "{log}");
    }
}
