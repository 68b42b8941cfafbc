//! The behaviour of `datagram in`, and the contract of nodes.

use std::time::Duration;

use datagram_node as _;
use ferrowire::Status;
use ferrowire_testkit::{Harness, assert_compliant, json, linked};
use tokio::net::UdpSocket;

/// Starts a node on any port and connects a socket to it.
async fn start(mut config: serde_json::Value) -> (Harness, UdpSocket) {
    config["port"] = json!("0");
    let mut node = Harness::of("datagram in").config(config).start().await;
    let address = node.next_status().await.text.as_str().to_owned();
    let peer = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    peer.connect(address).await.unwrap();
    (node, peer)
}

// Real sockets need the real clock: a paused one runs ahead of them.
#[tokio::test]
async fn datagrams_become_messages_that_say_who_sent_them() {
    let (mut node, peer) = start(json!({})).await;
    peer.send("hé".as_bytes()).await.unwrap();
    let msg = node.next_output(0).await;
    assert_eq!(msg.payload(), Some(&"hé".into()));
    let from = msg.get("from").unwrap();
    let port = peer.local_addr().unwrap().port();
    assert_eq!(from.get("ip"), Some(&"127.0.0.1".into()));
    assert_eq!(from.get("port"), Some(&u32::from(port).into()));
    node.stop().await;
}

#[tokio::test]
async fn buffers_keep_every_byte() {
    let (mut node, peer) = start(json!({"payload": "buffer"})).await;
    peer.send(&[0, 255, 10]).await.unwrap();
    assert_eq!(node.next_output(0).await.payload(), Some(&vec![0u8, 255, 10].into()));
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn silence_is_told_once() {
    let (mut node, _peer) = start(json!({"silence": "30"})).await;
    node.wait(Duration::from_secs(29)).await;
    assert!(node.outputs(1).is_empty());
    node.wait(Duration::from_secs(300)).await;
    assert_eq!(node.outputs(1).len(), 1);
    assert_eq!(node.statuses(), [Status::new("yellow", "ring", "silent")]);
    node.stop().await;
}

#[tokio::test]
async fn the_port_is_free_again_when_the_node_has_stopped() {
    let (node, peer) = start(json!({})).await;
    let address = peer.peer_addr().unwrap();
    assert!(UdpSocket::bind(address).await.is_err());
    node.stop().await;
    // Cancelled tasks are dropped when the scheduler runs next.
    tokio::task::yield_now().await;
    UdpSocket::bind(address).await.unwrap();
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let (first, peer) = start(json!({})).await;
    let port = peer.peer_addr().unwrap().port();
    let mut second = Harness::of("datagram in").config(json!({"port": port})).start().await;
    let error = second.next_error().await;
    assert!(error.starts_with(&format!("cannot receive datagrams at `127.0.0.1:{port}`: ")));
    second.stop().await;
    first.stop().await;
}

#[test]
fn a_wrong_configuration_is_told_property_by_property() {
    let config = json!({"address": "nowhere", "payload": "json", "silence": -1});
    let problems = Harness::of("datagram in").config(config).problems();
    let properties: Vec<_> = problems.iter().map(|it| it.property.as_str()).collect();
    assert_eq!(properties, ["port", "address", "payload", "silence"]);
}

#[tokio::test(start_paused = true)]
async fn it_keeps_to_the_contract() {
    assert_compliant(linked("datagram in"), json!({"port": "0", "silence": "5"})).await;
}
