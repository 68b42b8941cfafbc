//! The bound on what waits for all peers. It is one for the process, so this test has a process of its own.

#![expect(clippy::unwrap_used, reason = "tests")]

use ferrowire::Setting;
use ferrowire_net::{Backlog, backlog};
use ferrowire_plugin_tcp as _;
use ferrowire_testkit::{Harness, free_port, message};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const MAX_QUEUE_TOTAL: Setting<Option<usize>> = Setting::bytes("max-queue-total");

/// Of a message.
const SIZE: usize = 1 << 20;

#[tokio::test]
async fn peers_with_the_longest_queues_are_disconnected_at_the_limit_for_all() {
    let port = free_port();
    let mut node = Harness::of("tcp out")
        .config(json!({"beserver": "server", "port": port}))
        .setting(&MAX_QUEUE_TOTAL, "8 MiB")
        .start()
        .await;
    let mut reader = connected(&mut node, port, 1).await;
    let mut first = connected(&mut node, port, 2).await;
    let mut second = connected(&mut node, port, 3).await;
    while backlog::DISCONNECTED.get() < 2 {
        node.send(message(json!({"payload": "x".repeat(SIZE)}))).await;
        let mut bytes = vec![0; SIZE];
        reader.read_exact(&mut bytes).await.unwrap();
        assert!(Backlog::of_process().held() <= 8 << 20);
    }
    node.send(message(json!({"payload": "still here"}))).await;
    let mut rest = [0; 10];
    reader.read_exact(&mut rest).await.unwrap();
    assert_eq!(&rest, b"still here");
    for peer in [&mut first, &mut second] {
        // What the kernel had taken, and then the end.
        let _end = peer.read_to_end(&mut Vec::new()).await;
        assert!(peer.write_all(b"x").await.is_err() || peer.read_u8().await.is_err());
    }
    assert_eq!(node.errors(), Vec::<String>::new());
    node.stop().await;
    assert_eq!(Backlog::of_process().held(), 0);
}

/// A new peer, when the node has counted it.
async fn connected(node: &mut Harness, port: u16, count: usize) -> TcpStream {
    let peer = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    while !node.next_status().await.text.starts_with(&count.to_string()) {}
    peer
}
