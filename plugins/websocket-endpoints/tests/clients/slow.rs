//! What a client that reads slowly gets under each policy of `slowClient`.

use bytes::Bytes;
use ferrowire_testkit::{Harness, message};
use serde_json::{Value, json};

use crate::support::{CLOSE, Peer, TEXT, connect, listener};

/// Longer than the pipe of a client.
const LONG: usize = 2_000;

async fn publish(node: &mut Harness, number: usize, topic: Option<&str>) {
    let payload = format!("{number:04}{}", "x".repeat(LONG));
    let mut msg = json!({"payload": payload});
    if let Some(topic) = topic {
        msg["topic"] = topic.into();
    }
    node.send(message(msg)).await;
}

/// The numbers of the messages until `last`.
async fn numbers_until(peer: &mut Peer, last: usize) -> Vec<usize> {
    let mut numbers = Vec::new();
    while numbers.last() != Some(&last) {
        let text = peer.text().await;
        numbers.push(text.get(..4).unwrap().parse().unwrap());
    }
    numbers
}

/// What a client gets, until `last`, of 100 messages that it does not read in time.
async fn gets(properties: Value, topics: usize, last: usize) -> Vec<usize> {
    let (mut node, port) = listener(properties).await;
    let mut slow = connect(&port, "/ws", 1_000).await;
    let mut fast = connect(&port, "/ws", 1 << 20).await;
    for number in 0..100 {
        let topic = format!("t{}", number % topics.max(1));
        publish(&mut node, number, (topics > 0).then_some(topic.as_str())).await;
    }
    let all: Vec<usize> = (0..100).collect();
    assert_eq!(numbers_until(&mut fast, 99).await, all, "others get everything");
    let got = numbers_until(&mut slow, last).await;
    drop((slow, fast));
    node.stop().await;
    got
}

#[tokio::test]
async fn drop_oldest_keeps_what_came_last_within_the_bytes_of_the_queue() {
    let got = gets(json!({"slowClient": "dropOldest", "maxQueue": "22000"}), 0, 99).await;
    // The first is partly written.
    assert_eq!(got, [&[0][..], &(90..100).collect::<Vec<_>>()].concat());
}

#[tokio::test]
async fn drop_oldest_keeps_the_number_of_messages_that_may_wait() {
    let got = gets(json!({"slowClient": "dropOldest", "maxQueueMessages": "3"}), 0, 99).await;
    assert_eq!(got, [0, 97, 98, 99]);
}

#[tokio::test]
async fn latest_keeps_the_newest_message_of_each_topic() {
    let got = gets(json!({"slowClient": "latest"}), 5, 95).await;
    assert_eq!(got, [0, 96, 97, 98, 99, 95]);
}

#[tokio::test]
async fn latest_keeps_messages_without_a_topic_until_the_queue_is_full() {
    let got = gets(json!({"slowClient": "latest", "maxQueueMessages": "4"}), 0, 99).await;
    assert_eq!(got, [0, 96, 97, 98, 99]);
}

#[tokio::test]
async fn a_number_of_messages_also_limits_the_other_policies() {
    let (mut node, port) =
        listener(json!({"slowClient": "disconnect", "maxQueueMessages": "10"})).await;
    let mut slow = connect(&port, "/ws", 1_000).await;
    for number in 0..100 {
        publish(&mut node, number, None).await;
    }
    let mut got = 0;
    let close: Bytes = loop {
        match slow.next().await.unwrap() {
            (TEXT, _) => got += 1,
            (opcode, payload) => {
                assert_eq!(opcode, CLOSE);
                break payload;
            }
        }
    };
    assert_eq!((got, &close[..2]), (11, &1008_u16.to_be_bytes()[..]));
    drop(slow);
    node.stop().await;
}
