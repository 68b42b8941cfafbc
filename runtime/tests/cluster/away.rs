//! What works while there is no NATS.

use serde_json::json;

use crate::nats::Nats;
use crate::switchboard::Member;
use crate::{count, instances};

#[tokio::test]
async fn while_nats_is_away_local_clients_are_served_and_messages_for_others_wait() {
    let nats = &mut Nats::start().await;
    let mut instances = instances(nats, 2, &["--cluster-timeout", "1"]).await;
    let mut a = Member::with_token(&instances[0], "a").await;
    let mut neighbour = Member::with_token(&instances[0], "a").await;
    let mut b = Member::with_token(&instances[1], "b").await;
    b.join("x").await;
    assert_eq!(count(&mut a).await, 3);
    nats.stop().await;
    for instance in &mut instances {
        instance.log_line("the connection to NATS is lost").await;
    }
    for number in 0..100 {
        a.send(json!({"do": "others", "payload": number})).await;
        assert_eq!(neighbour.payload().await, number);
    }
    // Who is away is named at once.
    a.send(json!({"do": "list", "action": "count"})).await;
    let answer = a.0.json().await;
    assert_eq!((&answer["payload"], &answer["unanswered"]), (&json!(2), &json!(["1"])));
    nats.start_again().await;
    for instance in &mut instances {
        instance.log_line("connected to NATS again").await;
    }
    // The instance that sent them may have been the first to come back: some may be missing at the begin.
    // A question may overtake the subscriptions that the other instance renews.
    loop {
        a.send(json!({"do": "list", "action": "count"})).await;
        let answer = a.0.json().await;
        if answer.get("unanswered").is_none() {
            assert_eq!(answer["payload"], 3);
            break;
        }
    }
    a.send(json!({"do": "room", "target": "x", "payload": "to the room"})).await;
    let mut last = -1;
    loop {
        let payload = b.payload().await;
        if payload == "to the room" {
            break;
        }
        let number = payload.as_i64().unwrap();
        assert!(number > last, "{number} after {last}");
        last = number;
    }
}

#[tokio::test]
async fn beyond_its_bound_the_queue_drops_the_oldest_and_says_how_many() {
    let nats = &mut Nats::start().await;
    let mut instances =
        instances(nats, 2, &["--cluster-queue", "20 KiB", "--cluster-ttl", "2"]).await;
    let mut a = Member::with_token(&instances[0], "a").await;
    nats.stop().await;
    instances[0].log_line("the connection to NATS is lost").await;
    for number in 0..50 {
        a.send(json!({"do": "others", "payload": format!("{number}{}", "x".repeat(1_000))})).await;
    }
    a.has_got_nothing_else().await;
    instances[0].log_line("more than `cluster-queue` (20480 bytes) wait for NATS").await;
    nats.start_again().await;
    let line = instances[0].log_line("were dropped meanwhile").await;
    let (before, _) = line.split_once(" messages for").unwrap();
    let count: usize = before.split_whitespace().last().unwrap().parse().unwrap();
    assert!((30..=40).contains(&count), "{line}");
}

#[tokio::test]
async fn a_start_without_nats_goes_on_and_joins_when_nats_comes() {
    let nats = &mut Nats::start().await;
    nats.stop().await;
    let mut early = crate::begin(nats, "early", &[]).await;
    let mut a = Member::with_token(&early, "a").await;
    early.log_line("cannot reach NATS at `nats://127.0.0.1").await;
    a.send(json!({"do": "all", "payload": "here"})).await;
    assert_eq!(a.payload().await, "here");
    a.send(json!({"do": "list", "action": "count"})).await;
    let answer = a.0.json().await;
    assert_eq!((&answer["payload"], &answer["unanswered"]), (&json!(1), &json!(["*"])));
    nats.start_again().await;
    early.log_line("the instance `early` is in the cluster").await;
    let late = crate::begin(nats, "late", &[]).await;
    early.log_line("the instance `late` is in the cluster").await;
    let mut b = Member::with_token(&late, "b").await;
    assert_eq!(count(&mut a).await, 2);
    a.send(json!({"do": "others", "payload": "there"})).await;
    assert_eq!(b.payload().await, "there");
}
