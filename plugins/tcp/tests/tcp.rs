//! TCP nodes over real sockets.

#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use std::time::Duration;

use ferrowire_plugin_tcp::{MAX_CONNECTIONS, MAX_MESSAGE, MAX_QUEUE, RECONNECT_TIME};
use ferrowire_testkit::{Flow, Harness, assert_compliant, json, linked, message};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use support::{free_port, json_of, listener, read, read_all, soon, start};

#[tokio::test(start_paused = true)]
async fn they_keep_to_the_contract() {
    let port = free_port();
    let config = json!({"server": "server", "port": port, "datatype": "utf8", "newline": "\\n"});
    assert_compliant(linked("tcp in"), config).await;
    for role in ["reply", "server"] {
        let config = json!({"beserver": role, "port": port, "base64": true, "end": true});
        assert_compliant(linked("tcp out"), config).await;
    }
    for out in ["time", "char", "count", "sit", "immed"] {
        let config = json!({"server": "", "port": "", "out": out, "splitc": "5", "ret": "string"});
        assert_compliant(linked("tcp request"), config).await;
    }
}

#[tokio::test]
async fn a_server_sends_texts_as_they_are_delimited() {
    let port = free_port();
    let config = json!({"server": "server", "port": port, "datatype": "utf8", "newline": "\\n",
        "topic": "t"});
    let mut node = start("tcp in", config).await;
    let mut peer = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let status = node.next_status().await;
    assert_eq!(status.text, "1 connection");
    assert_eq!(status.details.get("event"), Some(&"connect".into()));
    peer.write_all(b"one\ntwo\nthr").await.unwrap();
    peer.write_all(b"ee").await.unwrap();
    peer.shutdown().await.unwrap();
    let own = peer.local_addr().unwrap().port();
    for text in ["one", "two", "three"] {
        let msg = json_of(&node.next_output(0).await);
        assert_eq!((&msg["payload"], &msg["topic"]), (&json!(text), &json!("t")));
        assert_eq!((&msg["ip"], &msg["port"]), (&json!("::ffff:127.0.0.1"), &json!(own)));
        assert_eq!(msg["_session"]["type"], "tcp");
    }
    // The other direction ends as well.
    assert_eq!(read_all(&mut peer).await, b"");
    assert_eq!(node.next_status().await.text, "0 connections");
    node.stop().await;
}

#[tokio::test]
async fn a_single_message_ends_with_its_connection() {
    for (datatype, expected) in [
        ("buffer", json!({"type": "Buffer", "data": [104, 105]})),
        ("utf8", json!("hi")),
        ("base64", json!("aGk=")),
    ] {
        let port = free_port();
        let config =
            json!({"server": "server", "port": port, "datamode": "single", "datatype": datatype});
        let mut node = start("tcp in", config).await;
        let mut peer = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        peer.write_all(b"h").await.unwrap();
        peer.write_all(b"i").await.unwrap();
        drop(peer);
        assert_eq!(json_of(&node.next_output(0).await)["payload"], expected);
        node.stop().await;
    }
}

#[tokio::test]
async fn a_client_connects_again_after_the_end() {
    let (server, port) = listener().await;
    let config = json!({"server": "client", "host": "127.0.0.1", "port": port,
        "datamode": "single", "datatype": "utf8"});
    let mut node = start("tcp in", config).await;
    for text in ["first", "second"] {
        let (mut peer, _) = soon("a connection", server.accept()).await.unwrap();
        peer.write_all(text.as_bytes()).await.unwrap();
        drop(peer);
        assert_eq!(json_of(&node.next_output(0).await)["payload"], text);
    }
    node.stop().await;
}

#[tokio::test]
async fn a_server_that_is_not_there_is_dialled_again() {
    let port = free_port();
    let mut node = Harness::of("tcp out")
        .config(json!({"beserver": "client", "host": "127.0.0.1", "port": port}))
        .setting(&RECONNECT_TIME, "0.05")
        .start()
        .await;
    while node.next_status().await.text != "common.status.disconnected" {}
    let server = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    let (mut peer, _) = soon("a connection", server.accept()).await.unwrap();
    while node.next_status().await.text != "common.status.connected" {}
    node.send(message(json!({"payload": "x"}))).await;
    assert_eq!(read(&mut peer, 1).await, b"x");
    node.stop().await;
}

#[tokio::test]
async fn a_client_and_its_server_may_be_in_one_flow() {
    let port = free_port();
    let mut flow = Flow::start(json!([
        {"id": "f", "type": "tab"},
        {"id": "in", "type": "tcp in", "z": "f", "server": "server", "port": port,
            "datatype": "utf8", "wires": [["got"]]},
        {"id": "out", "type": "tcp out", "z": "f", "beserver": "client", "host": "localhost",
            "port": port, "wires": []},
        {"id": "got", "type": "probe", "z": "f"},
    ]))
    .await;
    while flow.next_status("out").await.text != "common.status.connected" {}
    flow.send("out", message(json!({"payload": "x"}))).await;
    assert_eq!(json_of(&flow.next_at("got").await)["payload"], "x");
    flow.stop().await;
}

#[tokio::test]
async fn a_client_may_end_after_each_message() {
    let (server, port) = listener().await;
    let config = json!({"beserver": "client", "host": "127.0.0.1", "port": port, "end": true,
        "base64": true});
    let mut node = start("tcp out", config).await;
    for _ in 0..2 {
        let (mut peer, _) = soon("a connection", server.accept()).await.unwrap();
        while node.next_status().await.text != "common.status.connected" {}
        node.send(message(json!({"payload": "aGk="}))).await;
        assert_eq!(read_all(&mut peer).await, b"hi");
    }
    node.stop().await;
}

#[tokio::test]
async fn a_server_sends_to_all_clients() {
    let port = free_port();
    let mut node = start("tcp out", json!({"beserver": "server", "port": port})).await;
    let mut peers = Vec::new();
    for count in 1..=2 {
        peers.push(TcpStream::connect(("127.0.0.1", port)).await.unwrap());
        while !node.next_status().await.text.starts_with(&count.to_string()) {}
    }
    node.send(message(json!({"payload": 5}))).await;
    for peer in &mut peers {
        assert_eq!(read(peer, 1).await, b"5");
    }
    node.stop().await;
    assert_eq!(read_all(&mut peers[0]).await, b"");
}

#[tokio::test]
async fn replies_go_to_the_connection_of_the_message() {
    let port = free_port();
    let flow = Flow::start(json!([
        {"id": "f", "type": "tab"},
        {"id": "in", "type": "tcp in", "z": "f", "server": "server", "port": port,
            "datatype": "utf8", "newline": "\\n", "wires": [["got"]]},
        {"id": "out", "type": "tcp out", "z": "f", "beserver": "reply", "wires": []},
        {"id": "got", "type": "probe", "z": "f"},
    ]))
    .await;
    let mut first = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let mut second = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    second.write_all(b"x\n").await.unwrap();
    let mut msg = flow.next_at("got").await;
    msg.set("payload", "to you");
    flow.send("out", msg.clone()).await;
    assert_eq!(read(&mut second, 6).await, b"to you");
    flow.send("out", message(json!({"payload": "to all"}))).await;
    for peer in [&mut first, &mut second] {
        assert_eq!(read(peer, 6).await, b"to all");
    }
    msg.set("reset", true);
    flow.send("out", msg).await;
    assert_eq!(read_all(&mut second).await, b"");
    flow.stop().await;
}

#[tokio::test]
async fn a_peer_that_does_not_read_is_an_error_and_bounded() {
    let (server, port) = listener().await;
    let mut node = Harness::of("tcp out")
        .config(json!({"beserver": "client", "host": "127.0.0.1", "port": port}))
        .setting(&MAX_QUEUE, "1 MiB")
        .patience(Duration::from_secs(60))
        .start()
        .await;
    let (_peer, _) = soon("a connection", server.accept()).await.unwrap();
    while node.next_status().await.text != "common.status.connected" {}
    for _ in 0..100 {
        node.send(message(json!({"payload": "x".repeat(500_000)}))).await;
        if !node.errors().is_empty() {
            node.stop().await;
            return;
        }
    }
    panic!("expected an error of a message that does not fit");
}

#[tokio::test]
async fn more_clients_than_allowed_are_refused() {
    let port = free_port();
    let mut node = Harness::of("tcp in")
        .config(json!({"server": "server", "port": port, "datatype": "utf8"}))
        .setting(&MAX_CONNECTIONS, "1")
        .start()
        .await;
    let mut first = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    assert_eq!(node.next_status().await.text, "1 connection");
    let mut second = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let mut bytes = [0];
    assert!(matches!(soon("the end", second.read(&mut bytes)).await, Ok(0) | Err(_)));
    first.write_all(b"x").await.unwrap();
    assert_eq!(json_of(&node.next_output(0).await)["payload"], "x");
    node.stop().await;
}

#[tokio::test]
async fn what_is_put_together_is_bounded() {
    let port = free_port();
    let mut node = Harness::of("tcp in")
        .config(json!({"server": "server", "port": port, "datatype": "utf8", "newline": "\\n"}))
        .setting(&MAX_MESSAGE, "100 KiB")
        .start()
        .await;
    let mut peer = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    // The node may close the connection before all is written.
    let _written = peer.write_all(&vec![b'x'; 1_000_000]).await;
    assert!(node.next_error().await.contains("`tcp-max-message`"));
    let mut rest = Vec::new();
    let _end = soon("the end", peer.read_to_end(&mut rest)).await;
    node.stop().await;
}

#[tokio::test]
async fn a_port_in_use_is_an_error() {
    let (_server, port) = listener_everywhere().await;
    for (name, config) in [
        ("tcp in", json!({"server": "server", "port": port})),
        ("tcp out", json!({"beserver": "server", "port": port})),
    ] {
        let mut node = start(name, config).await;
        let error = node.next_error().await;
        assert!(error.starts_with(&format!("unable to listen on port {port}")), "{error}");
        node.stop().await;
    }
}

async fn listener_everywhere() -> (TcpListener, u16) {
    let server = TcpListener::bind("[::]:0").await.unwrap();
    let port = server.local_addr().unwrap().port();
    (server, port)
}

#[tokio::test]
async fn connections_are_encrypted_with_a_certificate() {
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap().pem();
    let port = free_port();
    let tls = json!({"id": "tls", "verifyservercert": true, "credentials": {
        "certdata": certificate, "keydata": key.serialize_pem(), "cadata": certificate}});
    let mut server = Harness::of("tcp in")
        .config(json!({"server": "server", "port": port, "datatype": "utf8", "tls": "tls"}))
        .other_node(tls.clone())
        .start()
        .await;
    let mut client = Harness::of("tcp out")
        .config(json!({"beserver": "client", "host": "localhost", "port": port, "tls": "tls"}))
        .other_node(tls)
        .setting(&RECONNECT_TIME, "0.05")
        .start()
        .await;
    while client.next_status().await.text != "common.status.connected" {}
    client.send(message(json!({"payload": "secret"}))).await;
    assert_eq!(json_of(&server.next_output(0).await)["payload"], "secret");
    // A peer that speaks no TLS harms nobody.
    let mut plain = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    client.send(message(json!({"payload": "more"}))).await;
    assert_eq!(json_of(&server.next_output(0).await)["payload"], "more");
    client.stop().await;
    server.stop().await;
}
