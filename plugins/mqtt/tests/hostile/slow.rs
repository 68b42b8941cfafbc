//! A flow that is slower than its broker.

use std::time::Duration;

use ferrowire_plugin_mqtt::{MAX_QUEUE, RECONNECT_TIME};
use ferrowire_testkit::{Flow, json};
use tokio::io::AsyncWriteExt as _;

use crate::fake::{ACCEPTED, Fake, PINGREQ, PUBACK, SUBSCRIBE, message};
use crate::gate::PASSES;
use crate::support::{broker, input, next};

/// The sockets of both ends and the queue of the node hold less.
const FLOOD: usize = 400;

#[tokio::test]
async fn a_slow_flow_slows_the_broker_and_loses_nothing() {
    let fake = Fake::start().await;
    let nodes = json!([{"id": "f", "type": "tab"}, {"id": "got", "type": "probe", "z": "f"},
        {"id": "gate", "type": "gate", "z": "f", "wires": [["got"]]},
        broker(fake.port(), json!({"keepalive": 1})),
        input(json!({"topic": "t", "datatype": "buffer", "wires": [["gate"]]}))]);
    let flow =
        Flow::of(nodes).setting(&RECONNECT_TIME, "0.05").setting(&MAX_QUEUE, "1 MiB").start().await;
    let mut peer = fake.accept(&ACCEPTED).await;
    peer.packet_of(SUBSCRIBE).await;

    // No message is acknowledged before the flow has it.
    peer.write(&message("t", b"first", Some(5))).await;
    PASSES.add_permits(1);
    assert_eq!(peer.packet_of(PUBACK).await, [0, 5]);
    next(&flow, "got").await;

    let packet = message("t", &vec![7; 100_000], None);
    let (mut reader, mut writer) = peer.0.into_split();
    let mut written = 0;
    while let Ok(Ok(())) =
        tokio::time::timeout(Duration::from_millis(500), writer.write_all(&packet)).await
    {
        written += 1;
        assert!(written < FLOOD, "expected the node to stop reading");
    }
    // The node is alive: it asks the broker, but not for an answer that it does not read.
    let mut pings = Vec::new();
    while pings.len() < 6 {
        let mut bytes = [0; 2];
        let read = tokio::io::AsyncReadExt::read_exact(&mut reader, &mut bytes);
        crate::fake::soon("a ping", read).await.unwrap();
        assert_eq!(bytes, [PINGREQ << 4, 0]);
        pings.extend(bytes);
    }
    PASSES.add_permits(FLOOD);
    for _ in 0..written {
        next(&flow, "got").await;
    }
    flow.stop().await;
}
