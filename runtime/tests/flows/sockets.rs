//! TCP and UDP nodes through the real binary.

use ferrowire_testkit::free_port;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

use crate::support::{Runtime, node, set_payload, soon, tab};

#[tokio::test]
async fn a_request_over_tcp_is_answered_by_way_of_another_server() {
    let (port, server) = (free_port(), TcpListener::bind("127.0.0.1:0").await.unwrap());
    let target = server.local_addr().unwrap().port();
    let nodes = json!([
        tab("tab"),
        node(
            "in",
            "tcp in",
            json!({"server": "server", "port": port, "datatype": "utf8",
            "newline": "\\n"}),
            &["ask"]
        ),
        node(
            "ask",
            "tcp request",
            json!({"server": "127.0.0.1", "port": target, "out": "char",
            "splitc": ".", "ret": "string"}),
            &["out"]
        ),
        node("out", "tcp out", json!({"beserver": "reply"}), &[]),
    ]);
    let mut runtime = Runtime::start(nodes).await;
    runtime.log_line(&format!("listening on port {port}")).await;
    let mut client = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    client.write_all(b"question\nnext").await.unwrap();
    let (mut asked, _) = soon("a request", server.accept()).await.unwrap();
    let mut bytes = [0; 8];
    soon("the question", asked.read_exact(&mut bytes)).await.unwrap();
    assert_eq!(&bytes, b"question");
    asked.write_all(b"answer. more").await.unwrap();
    let mut bytes = [0; 7];
    soon("the answer", client.read_exact(&mut bytes)).await.unwrap();
    assert_eq!(&bytes, b"answer.");
    let (log, code) = runtime.terminate().await;
    assert_eq!(code, Some(0), "{log}");
}

#[tokio::test]
async fn an_answer_over_udp_leaves_from_the_port_of_the_question() {
    let port = free_port();
    let nodes = json!([
        tab("tab"),
        node(
            "in",
            "udp in",
            json!({"port": port, "datatype": "utf8", "multicast": "false"}),
            &["set"]
        ),
        set_payload("set", "pong", "str", &["out"]),
        node("out", "udp out", json!({"outport": port, "multicast": "false"}), &[]),
    ]);
    let mut runtime = Runtime::start(nodes).await;
    runtime.log_line("udp listener at").await;
    let peer = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    peer.send_to(b"ping", ("127.0.0.1", port)).await.unwrap();
    let mut bytes = [0; 100];
    let (size, from) = soon("an answer", peer.recv_from(&mut bytes)).await.unwrap();
    assert_eq!((&bytes[..size], from.port()), (&b"pong"[..], port));
}
