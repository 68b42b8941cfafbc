//! Heartbeats, the idle time limit and the longest life of connections, on paused time.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use crate::support::{PING, PONG, TEXT, connect, listener};

const PIPE: usize = 4096;

/// The seconds since `start`, to a tenth: the pause between two looks at all connections is shorter.
fn since(start: Instant) -> f64 {
    (start.elapsed().as_secs_f64() * 10.0).floor() / 10.0
}

#[tokio::test(start_paused = true)]
async fn who_answers_each_ping_stays_and_the_pings_come_at_the_interval() {
    let (node, port) =
        listener(json!({"heartbeat": "2", "heartbeatTimeout": "0.5", "wholemsg": "false"})).await;
    let start = Instant::now();
    let mut peer = connect(&port, "/ws", PIPE).await;
    peer.answer_ping().await;
    let first = since(start);
    assert!((1.0..=2.1).contains(&first), "{first}");
    for _ in 0..1_000 {
        let start = Instant::now();
        peer.answer_ping().await;
        assert_eq!(since(start), 2.0);
    }
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn who_does_not_answer_a_ping_in_time_is_closed_with_3008() {
    let (node, port) = listener(json!({"heartbeat": "10", "heartbeatTimeout": "3"})).await;
    let mut peer = connect(&port, "/ws", PIPE).await;
    peer.answer_ping().await;
    assert_eq!(peer.next().await.unwrap().0, PING);
    let start = Instant::now();
    assert_eq!(peer.close_code().await, 3008);
    assert_eq!(since(start), 3.0);
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_may_take_longer_than_the_interval_but_not_than_its_time_limit() {
    let (node, port) = listener(json!({"heartbeat": "1", "heartbeatTimeout": "2.5"})).await;
    let mut peer = connect(&port, "/ws", PIPE).await;
    assert_eq!(peer.next().await.unwrap().0, PING);
    let start = Instant::now();
    assert_eq!(peer.next().await.unwrap().0, PING);
    assert_eq!(peer.next().await.unwrap().0, PING);
    peer.send(PONG, "").await;
    assert_eq!(peer.next().await.unwrap().0, PING);
    assert_eq!(since(start), 3.0);
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn any_frame_counts_as_an_answer() {
    let (node, port) = listener(json!({"heartbeat": "10", "heartbeatTimeout": "3"})).await;
    let mut peer = connect(&port, "/ws", PIPE).await;
    for _ in 0..3 {
        assert_eq!(peer.next().await.unwrap().0, PING);
        peer.send(TEXT, "busy").await;
        assert_eq!(peer.next().await.unwrap().0, PING);
        peer.send(PING, "").await;
        assert_eq!(peer.next().await.unwrap().0, PONG);
    }
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn without_a_time_limit_an_answer_has_the_time_of_an_interval() {
    let (node, port) = listener(json!({"heartbeat": "4"})).await;
    let mut peer = connect(&port, "/ws", PIPE).await;
    assert_eq!(peer.next().await.unwrap().0, PING);
    let start = Instant::now();
    assert_eq!(peer.close_code().await, 3008);
    assert_eq!(since(start), 4.0);
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn who_only_answers_pings_is_idle_and_a_message_is_not() {
    let (node, port) = listener(json!({"heartbeat": "2", "idleTimeout": "30"})).await;
    let mut peer = connect(&port, "/ws", PIPE).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    peer.send(TEXT, "here").await;
    let start = Instant::now();
    let code = loop {
        let (opcode, payload) = peer.next().await.unwrap();
        match opcode {
            PING => peer.send(PONG, "").await,
            _ => break u16::from_be_bytes([payload[0], payload[1]]),
        }
    };
    assert_eq!((code, since(start)), (3008, 30.0));
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn at_the_end_of_its_longest_life_a_connection_is_closed_with_1012() {
    let (node, port) = listener(json!({"maxAge": "100"})).await;
    let start = Instant::now();
    let mut peers = Vec::new();
    for _ in 0..50 {
        peers.push(connect(&port, "/ws", PIPE).await);
    }
    let closed = peers.into_iter().map(async |mut peer| {
        assert_eq!(peer.close_code().await, 1012);
        since(start)
    });
    let mut ends = futures_util::future::join_all(closed).await;
    assert!(ends.iter().all(|end| (90.0..=100.3).contains(end)), "{ends:?}");
    ends.sort_by(f64::total_cmp);
    assert!(ends[49] - ends[0] > 2.0, "they do not come back together: {ends:?}");
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn who_takes_waiting_output_slowly_is_alive_and_who_takes_none_is_not() {
    let (mut node, port) = listener(json!({"heartbeat": "10", "heartbeatTimeout": "3"})).await;
    let mut peer = connect(&port, "/ws", 1_000).await;
    for _ in 0..40 {
        let text = "x".repeat(1_000);
        node.send(ferrowire_testkit::message(json!({"payload": text}))).await;
    }
    for _ in 0..40 {
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(peer.text().await.len(), 1_000);
    }
    loop {
        let (opcode, payload) = peer.next().await.unwrap();
        match opcode {
            PING => {}
            _ => break assert_eq!(payload[..2], 3008_u16.to_be_bytes()),
        }
    }
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn values_that_are_no_seconds_are_refused_and_0_is_off() {
    let problems = |properties: serde_json::Value| {
        ferrowire_testkit::Harness::of("websocket-listener").config(properties).problems().len()
    };
    assert_eq!(problems(json!({"path": "/ws", "heartbeat": "soon", "idleTimeout": "-1"})), 2);
    assert_eq!(problems(json!({"path": "/ws", "heartbeat": "0", "maxAge": ""})), 0);
    let (node, port) = listener(json!({"heartbeat": "0", "idleTimeout": "0"})).await;
    let mut peer = connect(&port, "/ws", PIPE).await;
    let silent = tokio::time::timeout(Duration::from_secs(1_000_000), peer.next()).await;
    assert!(silent.is_err());
    node.stop().await;
}
