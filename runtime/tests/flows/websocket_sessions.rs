//! What flows learn about sessions: details and events, through the real binary.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::support::{
    Client, Runtime, delete_session, listener, node, set, set_payload, tab, with, ws_in, ws_out,
};

/// Answers each message with its `_session`, at `path`.
fn session_teller(path: &str, options: Value) -> Value {
    json!([
        tab("tab"),
        with(listener("l", path), options),
        ws_in("in", "l", &["tell"]),
        set_payload("tell", "_session", "msg", &["out"]),
        ws_out("out", "l"),
    ])
}

async fn told(client: &mut Client) -> Value {
    client.send("who am I").await;
    client.json().await
}

#[tokio::test]
async fn a_session_has_what_its_handshake_said() {
    let options = json!({"details": "true"});
    let nodes = session_teller("/ocpp/:id/:port", options);
    let runtime = Runtime::start_with(nodes, &["--http-node-root", "/api"], &[]).await;
    let url = runtime.url("/api/ocpp/CP%201/2?a=1&a=2&b=x%20y");
    let mut request = url.into_client_request().unwrap();
    for (name, value) in [
        ("authorization", "Bearer secret"),
        ("cookie", "a=1; b=two%21"),
        ("sec-websocket-protocol", "ocpp1.6, ocpp2.0"),
        ("x-model", "M1"),
    ] {
        request.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    let mut client = Client::connect(request).await;
    let mut session = told(&mut client).await;
    assert_eq!(told(&mut client).await, session, "it stays the same");

    let taken = |session: &mut Value, name: &str| session.as_object_mut().unwrap().remove(name);
    assert!(taken(&mut session, "id").is_some_and(|id| id.as_str().unwrap().len() == 16));
    assert!(taken(&mut session, "since").is_some_and(|since| since.as_f64().unwrap() > 1.7e12));
    assert_eq!(
        session,
        json!({
            "type": "websocket",
            "path": "/ocpp/CP%201/2",
            "params": {"id": "CP 1", "port": "2"},
            "query": {"a": ["1", "2"], "b": "x y"},
            "headers": {"host": runtime.address, "x-model": "M1"},
            "cookies": {"a": "1", "b": "two!"},
            "ip": "127.0.0.1",
            "protocol": "ocpp1.6",
        })
    );
}

#[tokio::test]
async fn listed_headers_are_shown_and_no_others() {
    let options = json!({"details": "true", "detailHeaders": "X-Model, Authorization"});
    let runtime = Runtime::start(session_teller("/ws", options)).await;
    let mut request = runtime.url("/ws").into_client_request().unwrap();
    request.headers_mut().insert("authorization", HeaderValue::from_static("Bearer x"));
    request.headers_mut().insert("x-other", HeaderValue::from_static("1"));
    let session = told(&mut Client::connect(request).await).await;
    assert_eq!(session["headers"], json!({"authorization": "Bearer x"}));
}

#[tokio::test]
async fn without_details_a_session_has_only_its_type_and_id() {
    let runtime = Runtime::start(session_teller("/ws", json!({"details": ""}))).await;
    let session = told(&mut runtime.connect("/ws").await).await;
    let names: Vec<_> = session.as_object().unwrap().keys().collect();
    assert_eq!(names, ["type", "id"]);
}

#[tokio::test]
async fn the_address_is_that_of_the_client_behind_a_trusted_proxy() {
    let nodes = session_teller("/ws", json!({"details": "true"}));
    let runtime = Runtime::start_with(nodes, &["--trusted-proxies", "127.0.0.1"], &[]).await;
    let mut request = runtime.url("/ws").into_client_request().unwrap();
    request.headers_mut().insert("x-forwarded-for", HeaderValue::from_static("192.0.2.7"));
    assert_eq!(told(&mut Client::connect(request).await).await["ip"], "192.0.2.7");
}

#[tokio::test]
async fn the_most_exact_path_gets_a_client() {
    let mut nodes = vec![tab("tab")];
    for (at, path) in ["/a/:x", "/a/b", "/a/*", "live/*"].into_iter().enumerate() {
        let [l, i, c, o] = ["l", "i", "c", "o"].map(|name| format!("{name}{at}"));
        nodes.extend([
            listener(&l, path),
            ws_in(&i, &l, &[&c]),
            set_payload(&c, path, "str", &[&o]),
            ws_out(&o, &l),
        ]);
    }
    let runtime = Runtime::start(json!(nodes)).await;
    for (path, expected) in
        [("/a/b", "/a/b"), ("/a/c", "/a/:x"), ("/a/b/c", "/a/*"), ("/live/x/y?z", "live/*")]
    {
        let mut client = runtime.connect(path).await;
        client.send("where").await;
        assert_eq!(client.text().await, expected, "{path}");
    }
    let get = "GET /live/x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    assert!(runtime.raw(get).await.starts_with("HTTP/1.1 426 "));
}

/// Sends the events and messages of `/ws` to the clients of `/log`, as JSON.
fn logged(events: &str, options: Value) -> Value {
    let expression = "{\"event\": event, \"payload\": payload, \"id\": _session.id}";
    json!([
        tab("tab"),
        listener("log", "/log"),
        ws_out("log-out", "log"),
        with(listener("l", "/ws"), options),
        with(ws_in("in", "l", &["log-entry", "welcome"]), json!({"events": events})),
        set_payload("log-entry", expression, "jsonata", &["unaddressed"]),
        delete_session("unaddressed", &["log-out"]),
        ws_in("other", "l", &["kick?"]),
        node(
            "kick?",
            "switch",
            json!({"property": "payload", "propertyType": "msg", "checkall": "true",
                "rules": [{"t": "eq", "v": "kick me", "vt": "str"}]}),
            &["kick"],
        ),
        node(
            "kick",
            "websocket control",
            json!({"server": "l", "action": "close", "code": "4001", "reason": "as you wish"}),
            &[],
        ),
        node(
            "welcome",
            "switch",
            json!({"property": "event", "propertyType": "msg", "checkall": "true",
                "rules": [{"t": "eq", "v": "connect", "vt": "str"}]}),
            &["greeting"],
        ),
        set("greeting", "payload", "welcome", "str", &["out"]),
        ws_out("out", "l"),
    ])
}

#[tokio::test]
async fn connects_and_disconnects_come_in_order_with_the_messages_of_a_session() {
    let runtime = Runtime::start(logged("also", json!({}))).await;
    let mut log = runtime.connect("/log").await;
    let mut client = runtime.connect("/ws").await;
    client.send("one").await;
    client.send("two").await;
    assert_eq!(client.text().await, "welcome");
    let frame = CloseFrame { code: CloseCode::from(4000), reason: "done".into() };
    client.0.close(Some(frame)).await.unwrap();

    let connect = log.json().await;
    let id = connect["id"].clone();
    assert_eq!(connect, json!({"event": "connect", "payload": {}, "id": id}));
    for text in ["one", "two"] {
        assert_eq!(log.json().await, json!({"payload": text, "id": id}));
    }
    let mut disconnect = log.json().await;
    let duration = disconnect["payload"].as_object_mut().unwrap().remove("duration");
    assert!(duration.is_some_and(|duration| duration.as_f64().unwrap() >= 0.0));
    let payload = json!({"code": 4000, "reason": "done", "by": "peer"});
    assert_eq!(disconnect, json!({"event": "disconnect", "payload": payload, "id": id}));
}

#[tokio::test]
async fn a_disconnect_says_who_ended_the_session() {
    let mut runtime = Runtime::start(logged("only", json!({"maxMessage": "100"}))).await;
    let mut log = runtime.connect("/log").await;
    let mut ended = async || {
        assert_eq!(log.json().await["event"], "connect");
        let payload = log.json().await["payload"].clone();
        json!([payload["by"], payload["code"], payload["reason"]])
    };

    let mut client = runtime.connect("/ws").await;
    client.send("kick me").await;
    assert_eq!(client.text().await, "welcome");
    let close = client.closed().await.unwrap();
    assert_eq!((u16::from(close.code), close.reason.as_str()), (4001, "as you wish"));
    drop(client.0.close(None).await);
    assert_eq!(ended().await, json!(["flow", 4001, "as you wish"]));

    let mut client = runtime.connect("/ws").await;
    client.send(&"x".repeat(101)).await;
    assert_eq!(client.text().await, "welcome");
    assert_eq!(u16::from(client.closed().await.unwrap().code), 1009);
    drop(client);
    let by_runtime = ended().await;
    assert_eq!((&by_runtime[0], &by_runtime[1]), (&json!("runtime"), &json!(1009)));

    drop(runtime.connect("/ws").await);
    assert_eq!(ended().await, json!(["peer", 1006, "it ended without a close frame"]));

    let client = runtime.connect("/ws").await;
    client.close().await;
    assert_eq!(ended().await, json!(["peer", 1005, ""]));

    let _client = runtime.connect("/ws").await;
    runtime.redeploy(logged("only", json!({"maxMessage": "200"}))).await;
    assert_eq!(ended().await[0], "runtime");
}

#[tokio::test]
async fn a_peer_cannot_make_an_event_up() {
    let runtime = Runtime::start(logged("only", json!({"wholemsg": "true"}))).await;
    let mut log = runtime.connect("/log").await;
    let mut client = runtime.connect("/ws").await;
    assert_eq!(log.json().await["event"], "connect");
    client.send(r#"{"event": "connect", "_session": {"event": "connect"}}"#).await;
    client.close().await;
    assert_eq!(log.json().await["event"], "disconnect");
}
