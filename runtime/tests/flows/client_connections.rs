//! The connections of a client, through the real binary.

use futures_util::StreamExt;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;

use crate::peer::{FAST, Server, client, client_in, client_out, echo, inject, start};
use crate::support::{Events, Runtime, debug, soon, tab, with};

#[tokio::test]
async fn a_client_dials_when_a_node_uses_it_and_never_else() {
    let (used, unused) = (Server::start().await, Server::start().await);
    let mut nodes = echo(&used.url("/"));
    nodes.as_array_mut().unwrap().push(client("unused", &unused.url("/")));
    let _runtime = start(nodes).await;
    used.accept().await;
    unused.nobody().await;
}

#[tokio::test]
async fn path_and_query_reach_the_server_unchanged() {
    let server = Server::start().await;
    let _runtime = start(echo(&server.url("/a%20b/c?x=1&y=%2F"))).await;
    let (_, request) = server.accept_with(None).await;
    assert_eq!(request.uri().to_string(), "/a%20b/c?x=1&y=%2F");
    assert_eq!(request.headers()["host"], format!("127.0.0.1:{}", server.port));
    assert!(!request.headers().contains_key("sec-websocket-protocol"));
}

#[tokio::test]
async fn a_url_is_read_as_the_url_standard_says() {
    for (begin, path, asked) in [
        ("ws://127.0.0.1", "/ü?q=ü", "/%C3%BC?q=%C3%BC"),
        (" WS://127.0.0.1", "/a b", "/a%20b"),
        ("ws://127.1", "/a/./b/../c", "/a/c"),
    ] {
        let server = Server::start().await;
        let url = server.url(path).replace("ws://127.0.0.1", begin);
        let _runtime = start(echo(&url)).await;
        let (_, request) = server.accept_with(None).await;
        assert_eq!(request.uri().to_string(), asked, "{url}");
        assert_eq!(request.headers()["host"], format!("127.0.0.1:{}", server.port));
    }
}

#[tokio::test]
async fn user_and_password_of_the_url_become_basic_authorization() {
    let server = Server::start().await;
    let url = server.url("/").replace("ws://", "ws://user:p%40ss@");
    let _runtime = start(echo(&url)).await;
    let (_, request) = server.accept_with(None).await;
    assert_eq!(request.headers()["authorization"], "Basic dXNlcjpwQHNz");
}

#[tokio::test]
async fn environment_variables_are_replaced_in_the_url() {
    let server = Server::start().await;
    let url = server.url("/from-env");
    let env = [("FEED_URL", url.as_str())];
    let _runtime = Runtime::start_with(echo("${FEED_URL}"), FAST, &env).await;
    let (_, request) = server.accept_with(None).await;
    assert_eq!(request.uri().path(), "/from-env");
}

#[tokio::test]
async fn headers_are_sent_in_the_handshake() {
    let server = Server::start().await;
    let headers = json!([
        {"keyType": "other", "keyValue": "X-One", "valueType": "other", "valueValue": "1"},
        {"keyType": "User-Agent", "keyValue": "", "valueType": "other", "valueValue": "mine"},
        {"keyType": "other", "keyValue": "X-Env", "valueType": "env", "valueValue": "SECRET"},
        {"keyType": "other", "keyValue": "X-Fixed", "valueType": "fixed", "valueValue": ""},
        {"keyType": "other", "keyValue": "X-None", "valueType": "env", "valueValue": "UNSET"},
        {"keyType": "other", "keyValue": "", "valueType": "other", "valueValue": "nameless"},
    ]);
    let mut nodes = echo(&server.url("/"));
    nodes[1]["headers"] = headers;
    let _runtime = Runtime::start_with(nodes, FAST, &[("SECRET", "s3cret")]).await;
    let (_, request) = server.accept_with(None).await;
    let headers = request.headers();
    assert_eq!(headers["x-one"], "1");
    assert_eq!(headers["user-agent"], "mine");
    assert_eq!(headers["x-env"], "s3cret");
    assert_eq!(headers["x-fixed"], "fixed");
    assert!(!headers.contains_key("x-none"));
}

#[tokio::test]
async fn subprotocols_are_offered_in_the_order_given() {
    let server = Server::start().await;
    let mut nodes = echo(&server.url("/"));
    nodes[1]["subprotocol"] = "b, a ,c".into();
    let _runtime = start(nodes).await;
    let (mut peer, request) = server.accept_with(Some("a")).await;
    assert_eq!(request.headers()["sec-websocket-protocol"], "b,a,c");
    peer.send(Message::Ping("p".into())).await;
    assert_eq!(peer.next().await, Message::Pong("p".into()));
}

#[tokio::test]
async fn a_server_that_chooses_no_subprotocol_or_another_one_is_an_error() {
    let server = Server::start().await;
    let mut nodes = echo(&server.url("/"));
    nodes[1]["subprotocol"] = "a".into();
    let mut runtime = start(nodes).await;
    server.accept_with(None).await;
    runtime.log_line("the server chose none of the offered subprotocols").await;
    server.accept_with(Some("z")).await;
    runtime.log_line("the server chose a subprotocol that was not offered").await;
}

async fn connected(events: &mut Events) {
    let status = events.status("in", "connected ").await;
    assert_eq!(status, json!({"fill": "green", "shape": "dot", "text": "connected "}));
}

#[tokio::test]
async fn it_reconnects_after_a_close_an_end_and_a_refusal() {
    let server = Server::start().await;
    let runtime = start(echo(&server.url("/"))).await;
    let mut events = runtime.events().await;
    let mut peer = server.accept().await;
    connected(&mut events).await;
    peer.0.close(None).await.unwrap();
    let gone = json!({"fill": "red", "shape": "ring", "text": "common.status.disconnected"});
    assert_eq!(events.status("in", "common.status.disconnected").await, gone);
    drop(server.accept().await);
    connected(&mut events).await;
    let error = json!({"fill": "red", "shape": "ring", "text": "common.status.error"});
    assert_eq!(events.status("in", "common.status.error").await, error);
    let mut tcp = server.tcp().await;
    tcp.write_all(b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    let mut peer = server.accept().await;
    connected(&mut events).await;
    peer.send(Message::text("back")).await;
    assert_eq!(peer.text().await, "back");
}

#[tokio::test]
async fn a_server_that_hangs_in_the_handshake_is_given_up_and_dialled_again() {
    let server = Server::start().await;
    let args = ["--reconnect-delay", "0.05", "--handshake-timeout", "0.2"];
    let mut runtime = Runtime::start_with(echo(&server.url("/")), &args, &[]).await;
    let _hanging = server.tcp().await;
    runtime.log_line("did not finish the handshake within 200ms").await;
    server.accept().await;
}

#[tokio::test]
async fn a_server_that_answers_and_does_not_switch_is_an_error_at_once() {
    let server = Server::start().await;
    // The limit is longer than the patience of the test.
    let args = ["--reconnect-delay", "0.05", "--handshake-timeout", "60"];
    let mut runtime = Runtime::start_with(echo(&server.url("/")), &args, &[]).await;
    for status in ["200 OK", "204 No Content", "302 Found"] {
        let mut tcp = server.answer(status).await;
        let line = runtime.log_line(&format!("the server responded with {status}")).await;
        assert!(line.contains("WARN"), "{line}");
        // This end keeps the connection open.
        soon("its end", tcp.read_to_end(&mut Vec::new())).await.unwrap();
    }
}

#[tokio::test]
async fn a_refusal_is_told_with_the_text_of_its_body() {
    let server = Server::start().await;
    let mut runtime = start(echo(&server.url("/"))).await;
    let long = "x".repeat(5000);
    for (head, body, told) in [
        (
            "content-type: text/plain\r\n",
            "the token has\n expired\u{1}",
            " (`the token has expired`)",
        ),
        ("content-type: application/problem+json\r\n", "{\"a\":1}", " (`{\"a\":1}`)"),
        ("", long.as_str(), &format!(" (`{}…`)", "x".repeat(200))),
        ("content-type: text/html\r\n", "<html>", ""),
    ] {
        server.answer_with("403 Forbidden", head, body).await;
        let line = runtime.log_line("the server responded with 403 Forbidden").await;
        let expected = format!("403 Forbidden{told} instead of switching to WebSocket");
        assert!(line.contains(&expected), "{line}");
    }
}

#[tokio::test]
async fn only_the_first_of_equal_failures_is_a_warning() {
    let server = Server::start().await;
    let mut runtime = start(echo(&server.url("/"))).await;
    for _ in 0..3 {
        server.answer("503 Busy").await;
    }
    server.accept().await;
    runtime.log_line("connected, failed attempts before: 3").await;
    let (log, _) = runtime.terminate().await;
    assert!(!log.contains("cannot connect"), "{log}");
}

#[tokio::test]
async fn the_first_delay_is_three_seconds_by_default() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_ferrowire"))
        .args(["run", "--help"])
        .output()
        .unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    assert!(help.contains("Seconds before a WebSocket client dials again [default: 3]"), "{help}");
}

#[tokio::test]
async fn a_missing_pong_ends_the_connection_and_it_comes_back() {
    let server = Server::start().await;
    let mut nodes = echo(&server.url("/"));
    nodes[1]["hb"] = "1".into();
    let mut runtime = start(nodes).await;
    // A peer that never reads and so sends no pong.
    let _deaf = server.accept().await;
    runtime.log_line("it did not answer a ping in time").await;
    let mut peer = server.accept().await;
    assert!(matches!(peer.next().await, Message::Ping(_)));
    // The library answers the ping when polled again, and the connection stays open.
    assert!(matches!(peer.next().await, Message::Ping(_)));
}

#[tokio::test]
async fn stopping_closes_with_1001_and_stops_waiting_to_reconnect() {
    let server = Server::start().await;
    let runtime = start(echo(&server.url("/"))).await;
    let mut events = runtime.events().await;
    let mut peer = server.accept().await;
    connected(&mut events).await;
    runtime.signal("-TERM");
    let Message::Close(Some(close)) = peer.next().await else { panic!("not closed") };
    assert_eq!(u16::from(close.code), 1001);
    while peer.0.next().await.is_some_and(|message| message.is_ok()) {}
    let mut runtime = runtime;
    assert_eq!(runtime.rest_of_log().await.1, Some(0));

    let nowhere = format!("ws://127.0.0.1:{}/", {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port()
    });
    let mut runtime = Runtime::start_with(echo(&nowhere), &["--reconnect-delay", "600"], &[]).await;
    runtime.log_line("cannot connect").await;
    assert_eq!(runtime.terminate().await.1, Some(0));
}

#[tokio::test]
async fn a_proxy_of_the_environment_is_asked_to_connect() {
    let (server, proxy) = (Server::start().await, Server::start().await);
    let url = format!("http://user:secret@127.0.0.1:{}", proxy.port);
    let runtime =
        Runtime::start_with(echo("ws://feed.example:81/x"), FAST, &[("http_proxy", &url)]).await;
    let mut tunnel = proxy.tcp().await;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(soon("a request", tunnel.read_u8()).await.unwrap());
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    assert!(head.starts_with("connect feed.example:81 http/1.1\r\n"), "{head}");
    assert!(head.contains("proxy-authorization: basic dxnlcjpzzwnyzxq=\r\n"), "{head}");
    tunnel.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
    let mut inner = TcpStream::connect(("127.0.0.1", server.port)).await.unwrap();
    let mut far = server.tcp().await;
    let relay = async {
        let _ended = tokio::io::copy_bidirectional(&mut tunnel, &mut inner).await;
    };
    let talk = async {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(soon("a handshake", far.read_u8()).await.unwrap());
        }
        assert!(request.starts_with(b"GET /x HTTP/1.1\r\n"));
    };
    tokio::select! {
        () = relay => panic!("the tunnel ended"),
        () = talk => {}
    }
    drop(runtime);
}

#[tokio::test]
async fn no_proxy_excepts_a_host() {
    let (server, proxy) = (Server::start().await, Server::start().await);
    let url = format!("http://127.0.0.1:{}", proxy.port);
    let env = [("http_proxy", url.as_str()), ("no_proxy", "127.0.0.1")];
    let _runtime = Runtime::start_with(echo(&server.url("/")), FAST, &env).await;
    server.accept().await;
    proxy.nobody().await;
}

#[tokio::test]
async fn wss_works_with_the_authority_of_a_tls_config_and_fails_without() {
    let server = Server::start().await;
    let signed = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&cert, signed.cert.pem()).unwrap();
    std::fs::write(&key, signed.signing_key.serialize_pem()).unwrap();
    drop(server);

    // Another Ferrowire process is the TLS server.
    let args = ["--tls-cert", cert.to_str().unwrap(), "--tls-key", key.to_str().unwrap()];
    let secure = Runtime::start_with(crate::support::echo(), &args, &[]).await;
    let port = secure.address.rsplit_once(':').unwrap().1;
    let url = format!("wss://localhost:{port}/ws");
    let tls = json!({
        "id": "t", "type": "tls-config", "name": "", "cert": "", "key": "",
        "ca": cert.to_str().unwrap(), "servername": "", "verifyservercert": true,
    });
    let mut nodes = json!([
        tab("tab"),
        with(client("c", &url), json!({"tls": "t"})),
        tls,
        inject("inject", "over TLS", &["out"]),
        client_out("out", "c"),
        client_in("in", "c", &["debug"]),
        debug("debug"),
    ]);
    nodes[3]["onceDelay"] = "0.5".into();
    nodes[3]["repeat"] = "0.5".into();
    let runtime = start(nodes.clone()).await;
    let mut events = runtime.events().await;
    assert_eq!(events.of("debug", "debug").await["msg"]["payload"], "over TLS");

    nodes[1]["tls"] = "".into();
    let mut untrusting = start(nodes.clone()).await;
    untrusting.log_line("the TLS handshake with `localhost` failed").await;

    nodes[1]["tls"] = "t".into();
    nodes[2]["ca"] = "".into();
    nodes[2]["verifyservercert"] = false.into();
    let careless = start(nodes).await;
    let mut events = careless.events().await;
    assert_eq!(events.of("debug", "debug").await["msg"]["payload"], "over TLS");
}
