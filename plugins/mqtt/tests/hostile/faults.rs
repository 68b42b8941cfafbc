//! Brokers that close in each state, or send what is no packet.

use ferrowire_plugin_mqtt::{MAX_QUEUE, RECONNECT_TIME};
use ferrowire_testkit::{Flow, json, message as msg};
use proptest::collection::vec;
use proptest::prelude::any;
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use serde_json::Value as Json;

use crate::fake::{ACCEPTED, ACCEPTED_5, Fake, PINGREQ, PUBLISH, SUBSCRIBE, message};
use crate::support::{
    CONNECTED, CONNECTING, DISCONNECTED, broker, input, next, output, publish, shown, start,
};

/// A flow with a node of each type.
async fn flow(fake: &Fake, more: Json) -> Flow {
    let nodes = vec![broker(fake.port(), more), input(json!({"topic": "t"})), output(json!({}))];
    start(nodes).await
}

/// Checks that the flow works with the next connection.
async fn assert_recovers(fake: &Fake, flow: &Flow, accepted: &[u8]) {
    let mut peer = fake.accept(accepted).await;
    peer.packet_of(SUBSCRIBE).await;
    let mut packet = message("t", b"fine", None);
    if accepted.len() > ACCEPTED.len() {
        // No properties.
        packet.insert(5, 0);
        packet[1] += 1;
    }
    peer.write(&packet).await;
    while next(flow, "got").await["payload"] != "fine" {}
}

#[tokio::test]
async fn a_broker_that_closes_in_any_state_is_dialled_again() {
    let fake = Fake::start().await;
    let mut flow = flow(&fake, json!({})).await;
    drop(fake.connecting().await);
    let mut peer = fake.connecting().await;
    peer.write(&ACCEPTED[..3]).await;
    drop(peer);
    drop(fake.accept(&[0x20, 2, 0, 5]).await);
    drop(fake.accept(&ACCEPTED).await);
    shown(&mut flow, "in", CONNECTED).await;
    shown(&mut flow, "in", DISCONNECTED).await;
    let mut peer = fake.accept(&ACCEPTED).await;
    peer.packet_of(SUBSCRIBE).await;
    peer.write(&message("t", &[b'x'; 1000], None)[..500]).await;
    drop(peer);
    shown(&mut flow, "in", CONNECTING).await;
    assert_recovers(&fake, &flow, &ACCEPTED).await;
    flow.stop().await;
}

#[tokio::test]
async fn what_is_no_packet_ends_the_connection_and_nothing_else() {
    let plain: [&[u8]; 12] = [
        &[0x00, 0],
        &[0xf0, 0],
        &[0x30, 0xff, 0xff, 0xff, 0xff, 0x01],
        &[0x30, 0xff, 0xff, 0xff, 0x7f],
        &[0x30, 2, 0, 9],
        &[0x30, 3, 0, 1, 0xff],
        &[0x36, 5, 0, 1, b't', 0, 1],
        &[0x32, 5, 0, 1, b't', 0, 0],
        &[0x20, 2, 0, 0],
        &[0xc0, 0],
        &[0x10, 0],
        &[0xe0, 0],
    ];
    let new: [&[u8]; 6] = [
        &[0x30, 4, 0, 1, b't', 9],
        &[0x30, 6, 0, 1, b't', 2, 0x7f, 0],
        &[0x30, 7, 0, 1, b't', 3, 0x23, 0, 9],
        &[0x30, 3, 0, 0, 0],
        &[0xf0, 2, 0, 0],
        &[0xe0, 2, 0x8b, 0],
    ];
    for (version, accepted, all) in
        [("4", &ACCEPTED[..], &plain[..]), ("5", &ACCEPTED_5[..], &new[..])]
    {
        let fake = Fake::start().await;
        let flow = flow(&fake, json!({"protocolVersion": version})).await;
        for bytes in all {
            let mut peer = fake.accept(accepted).await;
            peer.packet_of(SUBSCRIBE).await;
            peer.write(bytes).await;
            peer.closed().await;
        }
        assert_recovers(&fake, &flow, accepted).await;
        flow.stop().await;
    }
}

#[tokio::test]
async fn acknowledgements_of_unknown_packets_are_ignored() {
    let fake = Fake::start().await;
    let flow = flow(&fake, json!({})).await;
    let mut peer = fake.accept(&ACCEPTED).await;
    peer.packet_of(SUBSCRIBE).await;
    for kind in [0x40, 0x50, 0x62, 0x70, 0xb0] {
        peer.write(&[kind, 2, 0, 77]).await;
    }
    peer.write(&[0x90, 3, 0, 77, 0]).await;
    peer.write(&message("t", b"fine", None)).await;
    assert_eq!(next(&flow, "got").await["payload"], "fine");
    flow.stop().await;
}

#[tokio::test]
async fn random_bytes_never_stop_the_node() {
    let mut runner = TestRunner::deterministic();
    let packets = vec((any::<u8>(), vec(any::<u8>(), 0..40)), 1..4);
    for (version, accepted) in [("4", &ACCEPTED[..]), ("5", &ACCEPTED_5[..])] {
        let fake = Fake::start().await;
        let nodes = json!([{"id": "f", "type": "tab"}, {"id": "got", "type": "probe", "z": "f"},
            broker(fake.port(), json!({"protocolVersion": version})), input(json!({"topic": "t"}))]);
        let flow = Flow::of(nodes).setting(&RECONNECT_TIME, "0.001").start().await;
        for _ in 0..100 {
            let mut peer = fake.accept(accepted).await;
            for (first, body) in packets.new_tree(&mut runner).unwrap().current() {
                let mut packet = vec![first, body.len() as u8];
                packet.extend(body);
                // The client may have closed the connection.
                if tokio::io::AsyncWriteExt::write_all(&mut peer.0, &packet).await.is_err() {
                    break;
                }
            }
        }
        assert_recovers(&fake, &flow, accepted).await;
        flow.stop().await;
    }
}

#[tokio::test]
async fn a_silent_broker_is_dialled_again() {
    let fake = Fake::start().await;
    let flow = flow(&fake, json!({"keepalive": 1})).await;
    let mut peer = fake.accept(&ACCEPTED).await;
    peer.packet_of(PINGREQ).await;
    peer.write(&[0xd0, 0]).await;
    peer.packet_of(PINGREQ).await;
    peer.closed().await;
    assert_recovers(&fake, &flow, &ACCEPTED).await;
    flow.stop().await;
}

#[tokio::test]
async fn a_message_is_sent_again_until_it_is_acknowledged() {
    let fake = Fake::start().await;
    let flow = flow(&fake, json!({"cleansession": false, "clientid": "c"})).await;
    let mut peer = fake.accept(&ACCEPTED).await;
    publish(&flow, json!({"topic": "t", "payload": "x", "qos": 1})).await;
    let first = peer.packet_of(PUBLISH).await;
    drop(peer);
    // The session is present.
    let mut peer = fake.accept(&[0x20, 2, 1, 0]).await;
    assert_eq!(peer.packet_of(PUBLISH).await, first);
    assert!(flow.arrived_at("done").is_empty());
    peer.write(&[0x40, 2, first[3], first[4]]).await;
    assert_eq!(next(&flow, "done").await["payload"], "x");
    flow.stop().await;
}

#[tokio::test]
async fn what_waits_for_a_broker_is_bounded() {
    let fake = Fake::start().await;
    let nodes = json!([{"id": "f", "type": "tab"}, {"id": "caught", "type": "probe", "z": "f"},
        {"id": "catch", "type": "errors", "z": "f", "wires": [["caught"]]},
        broker(fake.port(), json!({})), output(json!({}))]);
    let flow = Flow::of(nodes).setting(&MAX_QUEUE, "100 KiB").start().await;
    for _ in 0..12 {
        flow.send("out", msg(json!({"topic": "t", "payload": "x".repeat(10_000), "qos": 1}))).await;
    }
    let caught = next(&flow, "caught").await;
    assert!(caught["error"]["message"].as_str().unwrap().contains("`mqtt-max-queue`"));
    flow.stop().await;
}

#[tokio::test]
async fn a_publication_that_the_broker_refuses_is_an_error() {
    let fake = Fake::start().await;
    let flow = flow(&fake, json!({"protocolVersion": "5"})).await;
    let mut peer = fake.accept(&ACCEPTED_5).await;
    for (qos, kind) in [(1, 0x40), (2, 0x50)] {
        publish(&flow, json!({"topic": "t", "payload": "x", "qos": qos})).await;
        let body = peer.packet_of(PUBLISH).await;
        peer.write(&[kind, 3, body[3], body[4], 0x87]).await;
        let caught = next(&flow, "caught").await;
        assert_eq!(caught["error"]["message"], "Error: Publish error: Not authorized");
        assert_eq!(caught["error"]["source"]["id"], "out");
    }
    flow.stop().await;
}
