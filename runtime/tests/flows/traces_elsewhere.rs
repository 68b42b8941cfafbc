//! Traces that come and go by MQTT and WebSocket clients, and their log lines.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::collector::Collector;
use crate::peer::{Server, client, client_in};
use crate::support::{Runtime, listener, node, soon, tab, ws_in, ws_out};

fn function(id: &str, code: &str, wires: &[&str]) -> Value {
    node(id, "function", json!({"func": code, "outputs": 1, "libs": []}), wires)
}

/// A broker of MQTT 5 that sends each message of one client back, with its properties. Packets are short.
async fn serve(mut tcp: TcpStream) {
    while let Ok(first) = tcp.read_u8().await {
        let mut size = usize::from(tcp.read_u8().await.unwrap());
        if size >= 128 {
            size = size - 128 + 128 * usize::from(tcp.read_u8().await.unwrap());
        }
        let mut body = vec![0; size];
        tcp.read_exact(&mut body).await.unwrap();
        let id = body.get(..2).unwrap_or_default();
        let answer = match first >> 4 {
            1 => vec![0x20, 3, 0, 0, 0],
            3 => {
                let mut back = vec![0x30];
                if size >= 128 {
                    back.extend([(size % 128 + 128) as u8, (size / 128) as u8]);
                } else {
                    back.push(size as u8);
                }
                back.extend(&body);
                back
            }
            8 => vec![0x90, 4, id[0], id[1], 0, 0],
            _ => continue,
        };
        tcp.write_all(&answer).await.unwrap();
    }
}

fn round_trip(port: u16) -> Value {
    json!([
        tab("tab"),
        listener("l", "/ws"),
        ws_in("in", "l", &["publish"]),
        node("publish", "mqtt out", json!({"topic": "t", "qos": "0", "broker": "b"}), &[]),
        {"id": "b", "type": "mqtt-broker", "broker": "127.0.0.1", "port": port,
         "protocolVersion": "5"},
        node("receive", "mqtt in", json!({"topic": "t", "qos": "0", "broker": "b",
            "datatype": "utf8", "inputs": 0}), &["all"]),
        function("all", "msg.payload = msg.userProperties || {}; return msg", &["out"]),
        ws_out("out", "l"),
    ])
}

#[tokio::test]
async fn a_trace_goes_through_a_broker_of_mqtt_5_if_that_is_wanted() {
    for (args, goes_on) in [(&["--trace-context", "mqtt"][..], true), (&[], false)] {
        let mut collector = Collector::start().await;
        let broker = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = broker.local_addr().unwrap().port();
        let args = [&["--otlp-endpoint", collector.url.as_str()], args].concat();
        let mut runtime = Runtime::start_with(round_trip(port), &args, &[]).await;
        let (tcp, _) = soon("the client", broker.accept()).await.unwrap();
        let mut serving = JoinSet::new();
        serving.spawn(serve(tcp));
        runtime.log_line("Connected to broker: mqtt://127.0.0.1").await;
        let mut client = runtime.connect("/ws").await;
        client.send("one").await;
        let properties = client.json().await;
        assert_eq!(properties["traceparent"].is_string(), goes_on, "{properties}");
        // The listener receives and sends.
        let spans = collector.spans(7).await;
        let of = |id: &str| spans.iter().find(|span| span.node() == id).unwrap().clone();
        let (publish, receive) = (of("publish"), of("receive"));
        assert_eq!(publish.0["kind"], 4, "a producer");
        assert_eq!(receive.0["kind"], 5, "a consumer");
        assert_eq!(receive.parent() == Some(publish.id()), goes_on, "{spans:#?}");
        assert_eq!(receive.trace() == publish.trace(), goes_on);
        client.close().await;
    }
}

#[tokio::test]
async fn a_websocket_client_sends_the_trace_of_its_handshake_if_that_is_wanted() {
    for (args, is_sent) in [(&["--trace-context", "websocket"][..], true), (&[], false)] {
        let mut collector = Collector::start().await;
        let server = Server::start().await;
        let args = [&["--otlp-endpoint", collector.url.as_str()], args].concat();
        let flow = json!([
            tab("tab"),
            client("c", &server.url("/")),
            client_in("in", "c", &["end"]),
            function("end", "node.warn('got it')", &[]),
        ]);
        let mut runtime = Runtime::start_with(flow, &args, &[]).await;
        let (mut peer, request) = server.accept_with(None).await;
        let parent = request.headers().get("traceparent").map(|it| it.to_str().unwrap().to_owned());
        assert_eq!(parent.is_some(), is_sent);
        peer.send("a".into()).await;
        let line = runtime.log_line("got it").await;
        let spans = collector.spans(if is_sent { 4 } else { 3 }).await;
        if let Some(parent) = parent {
            let told = spans.iter().find(|span| parent.contains(span.trace())).unwrap();
            assert_eq!((told.node().as_str(), told.0["kind"].as_u64()), ("c", Some(3)));
        }
        let end = spans.iter().find(|span| span.node() == "end").unwrap();
        assert!(line.contains(end.trace()), "{line}");
    }
}

#[tokio::test]
async fn what_a_function_sends_later_belongs_to_the_trace_of_its_message() {
    let mut collector = Collector::start().await;
    let waits = "await new Promise((done) => setTimeout(done, 5)); \
                 return {payload: msg.payload, _session: msg._session}";
    let timer = "const {payload, _session} = msg; \
                 setTimeout(() => node.send({payload, _session}), 5); return null";
    let flow = json!([
        tab("tab"),
        listener("l", "/ws"),
        ws_in("in", "l", &["waits"]),
        function("waits", waits, &["timer"]),
        function("timer", timer, &["out"]),
        ws_out("out", "l"),
    ]);
    let runtime = Runtime::start_with(flow, &["--otlp-endpoint", &collector.url], &[]).await;
    let mut client = runtime.connect("/ws").await;
    client.echo("a").await;
    let spans = collector.spans(6).await;
    let of = |id: &str| spans.iter().find(|span| span.node() == id).unwrap();
    assert!(spans.iter().all(|span| span.trace() == spans[0].trace()), "{spans:#?}");
    for pair in ["in", "waits", "timer", "out"].windows(2) {
        assert_eq!(of(pair[1]).parent(), Some(of(pair[0]).id()), "{pair:?} in {spans:#?}");
    }
    client.close().await;
}
