//! UDP messages over real sockets.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::net::UdpSocket as StdSocket;
use std::time::Duration;

use ferrowire::{Message, Value};
use ferrowire_plugin_udp as _;
use ferrowire_testkit::{
    Flow, Harness, TestPort, assert_compliant, free_port, json, linked, message,
};
use serde_json::Value as Json;
use tokio::net::UdpSocket;

/// Longer than any step of these tests.
const PATIENCE: Duration = Duration::from_secs(30);

async fn receive(socket: &UdpSocket) -> (Vec<u8>, u16) {
    let mut buffer = vec![0; 65_536];
    let received = tokio::time::timeout(PATIENCE, socket.recv_from(&mut buffer)).await;
    let (size, from) = received.unwrap_or_else(|_| panic!("waited for a message")).unwrap();
    buffer.truncate(size);
    (buffer, from.port())
}

async fn input(config: Json) -> Harness {
    Harness::of("udp in").config(config).start().await
}

#[tokio::test(start_paused = true)]
async fn they_keep_to_the_contract() {
    let port = free_port();
    let config = json!({"port": port, "datatype": "utf8", "ipv": "udp4", "multicast": "false"});
    assert_compliant(linked("udp in"), config).await;
    let config = json!({"addr": "127.0.0.1", "port": port, "outport": "", "multicast": "false"});
    assert_compliant(linked("udp out"), config).await;
}

#[tokio::test]
async fn messages_are_buffers_texts_or_base64() {
    for (datatype, expected) in [
        ("buffer", Value::from(vec![b'h', 0xff])),
        ("utf8", "h\u{fffd}".into()),
        ("base64", "aP8=".into()),
    ] {
        let port = free_port();
        let mut node = input(json!({"port": port, "datatype": datatype})).await;
        let peer = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        peer.send_to(&[b'h', 0xff], ("127.0.0.1", port)).await.unwrap();
        let msg = node.next_output(0).await;
        let own = peer.local_addr().unwrap();
        assert_eq!(msg.payload(), Some(&expected));
        assert_eq!(msg.get("ip"), Some(&"127.0.0.1".into()));
        assert_eq!(msg.get("port"), Some(&f64::from(own.port()).into()));
        assert_eq!(msg.get("fromip"), Some(&own.to_string().into()));
        node.stop().await;
    }
}

#[tokio::test]
async fn an_ipv6_socket_also_takes_ipv4() {
    let port = free_port();
    let mut node = input(json!({"port": port, "ipv": "udp6"})).await;
    for (own, target, ip) in
        [("127.0.0.1:0", "127.0.0.1", "::ffff:127.0.0.1"), ("[::1]:0", "::1", "::1")]
    {
        let peer = UdpSocket::bind(own).await.unwrap();
        peer.send_to(b"x", (target, port)).await.unwrap();
        assert_eq!(node.next_output(0).await.get("ip"), Some(&ip.into()));
    }
    node.stop().await;
}

#[tokio::test]
async fn a_port_is_closed_with_its_node() {
    let port = free_port();
    input(json!({"port": port})).await.stop().await;
    StdSocket::bind(("127.0.0.1", port)).unwrap();
}

#[tokio::test]
async fn a_port_in_use_is_an_error() {
    let other = StdSocket::bind("0.0.0.0:0").unwrap();
    let port = other.local_addr().unwrap().port();
    let mut node = input(json!({"port": port})).await;
    assert_eq!(node.next_error().await, "error: EADDRINUSE");
    node.stop().await;
}

#[tokio::test]
async fn payloads_are_sent_as_bytes() {
    let peer = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let port = peer.local_addr().unwrap().port();
    for (is_base64, payload, expected) in [
        (false, json!("hé"), "hé".as_bytes()),
        (false, json!(1.5), b"1.5"),
        (true, json!("aGk="), b"hi"),
    ] {
        let config = json!({"addr": "127.0.0.1", "port": port, "base64": is_base64});
        let mut node = Harness::of("udp out").config(config).watched().start().await;
        node.send(message(json!({"payload": payload}))).await;
        assert_eq!(receive(&peer).await.0, expected);
        node.next_completed().await;
        node.stop().await;
    }
}

#[tokio::test]
async fn the_target_may_come_with_the_message() {
    let peer = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let port = peer.local_addr().unwrap().port();
    let mut node = Harness::of("udp out").config(json!({"ipv": "udp6"})).start().await;
    node.send(message(json!({"payload": "x", "ip": "localhost", "port": port}))).await;
    assert_eq!(receive(&peer).await.0, b"x");
    for (msg, warning) in [
        (json!({"payload": "x", "port": port}), "udp: ip address not set"),
        (json!({"payload": "x", "ip": "127.0.0.1"}), "udp: port not set"),
        (json!({"payload": "x", "ip": "127.0.0.1", "port": 70_000}), "udp: port number not valid"),
    ] {
        node.send(message(msg)).await;
        assert!(node.logs().iter().any(|(_, text)| text == warning), "{warning}");
    }
    node.stop().await;
}

#[tokio::test]
async fn a_message_that_cannot_be_sent_is_an_error() {
    let config = json!({"addr": "127.0.0.1", "port": "9"});
    let mut node = Harness::of("udp out").config(config).watched().start().await;
    node.send(Message::with_payload(vec![0u8; 70_000])).await;
    let error = node.next_error().await;
    assert!(error.starts_with("udp : Error: send"), "{error}");
    node.next_caught().await;
    node.stop().await;
}

#[tokio::test]
async fn nodes_at_one_port_share_its_socket() {
    let port = free_port();
    let flow = Flow::start(json!([
        {"id": "f", "type": "tab"},
        {"id": "in1", "type": "udp in", "z": "f", "port": port, "datatype": "utf8", "wires": [["a"]]},
        {"id": "in2", "type": "udp in", "z": "f", "port": port, "datatype": "utf8", "wires": [["b"]]},
        {"id": "out", "type": "udp out", "z": "f", "addr": "127.0.0.1", "outport": port,
            "multicast": "false", "wires": []},
        {"id": "a", "type": "probe", "z": "f"},
        {"id": "b", "type": "probe", "z": "f"},
    ]))
    .await;
    let peer = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    peer.send_to(b"question", ("127.0.0.1", port)).await.unwrap();
    for probe in ["a", "b"] {
        let mut msg = flow.next_at(probe).await;
        assert_eq!(msg.payload(), Some(&"question".into()));
        msg.set("payload", "answer");
        flow.send("out", msg).await;
        assert_eq!(receive(&peer).await, (b"answer".to_vec(), port));
    }
    flow.stop().await;
}

#[tokio::test]
async fn a_group_is_joined_or_refused() {
    let port = free_port();
    let config =
        json!({"port": port, "multicast": "true", "group": "239.1.2.3", "iface": "127.0.0.1"});
    let mut node = input(config).await;
    assert_eq!(node.errors(), [""; 0]);
    assert_eq!(node.next_status().await.text, "127.0.0.1 : 127.0.0.1");
    let sender = StdSocket::bind("127.0.0.1:0").unwrap();
    sender.set_multicast_loop_v4(true).unwrap();
    sender.send_to(b"all", ("239.1.2.3", port)).unwrap();
    assert_eq!(node.next_output(0).await.payload(), Some(&b"all".to_vec().into()));
    node.stop().await;
    for (group, iface, error) in [
        ("10.0.0.1", "", "Bad Multicast Address"),
        ("nonsense", "", "Bad Multicast Address"),
        ("239.1.2.3", "192.0.2.1", "interface"),
    ] {
        let config =
            json!({"port": free_port(), "multicast": "true", "group": group, "iface": iface});
        let mut node = input(config).await;
        let (errors, logs) = (node.errors(), node.logs());
        let has =
            errors.iter().chain(logs.iter().map(|(_, text)| text)).any(|it| it.contains(error));
        assert!(has, "{group} {iface}: {errors:?} {logs:?}");
        node.stop().await;
    }
}

#[tokio::test]
async fn a_broadcast_is_allowed() {
    let config = json!({"addr": "255.255.255.255", "port": free_port(), "multicast": "board"});
    let mut node = Harness::of("udp out").config(config).watched().start().await;
    node.send(message(json!({"payload": "x"}))).await;
    // A machine without a network has no way to anybody, but may broadcast.
    let errors = node.errors();
    assert!(errors.iter().all(|error| !error.contains("EACCES")), "{errors:?}");
    node.stop().await;
}

#[tokio::test]
async fn the_dialog_learns_the_ports_in_use() {
    let (port, number) = (TestPort::new(), free_port());
    let node =
        Harness::of("udp in").config(json!({"port": number})).port(port.clone()).start().await;
    let request = ferrowire::port::http::Request::get("/udp-ports/node").body(Vec::new()).unwrap();
    let answer = port.request(request).await;
    assert_eq!(answer.status(), 200);
    let body = String::from_utf8(answer.into_body().to_vec()).unwrap();
    assert!(body.contains(&format!("\"{number}\"")), "{body}");
    node.stop().await;
}
