//! Messages to clients of other instances.

use serde_json::json;

use crate::nats::Nats;
use crate::switchboard::Member;
use crate::{begin, count, instances};

#[tokio::test]
async fn all_others_rooms_users_and_sessions_are_reached_wherever_they_are_and_once() {
    let nats = Nats::start().await;
    let instances = instances(&nats, 3, &[]).await;
    let mut ann = Member::with_token(&instances[0], "a").await;
    let mut ann_again = Member::with_token(&instances[1], "a").await;
    let mut bob = Member::with_token(&instances[1], "b").await;
    let mut cyd = Member::with_token(&instances[2], "c").await;
    for member in [&mut ann_again, &mut cyd] {
        member.join("a room *").await;
    }
    cyd.join("y.>").await;
    let (bob_id, cyd_id) = (bob.id().await, cyd.id().await);
    assert!(bob_id.ends_with("@1") && cyd_id.ends_with("@2"), "{bob_id} {cyd_id}");
    assert_eq!(count(&mut ann).await, 4);

    ann.send(json!({"do": "all", "payload": 1})).await;
    for member in [&mut ann, &mut ann_again, &mut bob, &mut cyd] {
        assert_eq!(member.payload().await, 1);
    }
    ann.send(json!({"do": "others", "payload": 2})).await;
    for member in [&mut ann_again, &mut bob, &mut cyd] {
        assert_eq!(member.payload().await, 2);
    }
    ann.send(json!({"do": "room", "target": "a room *", "payload": 3})).await;
    for member in [&mut ann_again, &mut cyd] {
        assert_eq!(member.payload().await, 3);
    }
    bob.send(json!({"do": "room", "target": ["a room *", "y.>", "nowhere"], "payload": 4})).await;
    for member in [&mut ann_again, &mut cyd] {
        assert_eq!(member.payload().await, 4);
    }
    cyd.send(json!({"do": "room but me", "target": "a room *", "payload": 5})).await;
    assert_eq!(ann_again.payload().await, 5);
    cyd.send(json!({"do": "user", "target": "ann", "payload": 6})).await;
    for member in [&mut ann, &mut ann_again] {
        assert_eq!(member.payload().await, 6);
    }
    ann.send(json!({"do": "sessions", "target": bob_id, "payload": 7})).await;
    assert_eq!(bob.payload().await, 7);
    let targets = json!([bob_id, cyd_id, "gone@1", "gone@nowhere", "gone"]);
    ann.send(json!({"do": "sessions", "target": targets, "payload": 8})).await;
    for member in [&mut bob, &mut cyd] {
        assert_eq!(member.payload().await, 8);
    }
    for member in [&mut ann, &mut ann_again, &mut bob, &mut cyd] {
        // What was sent before it has arrived.
        count(member).await;
        member.has_got_nothing_else().await;
    }
}

#[tokio::test]
async fn messages_of_one_sender_keep_their_order_over_all_kinds_of_targets() {
    const MESSAGES: usize = 600;
    let nats = Nats::start().await;
    let instances = instances(&nats, 2, &[]).await;
    let mut sender = Member::with_token(&instances[0], "a").await;
    let mut receiver = Member::with_token(&instances[1], "b").await;
    receiver.join("x").await;
    receiver.join("y").await;
    let id = receiver.id().await;
    assert_eq!(count(&mut sender).await, 2);
    let kinds = [
        json!({"do": "others"}),
        json!({"do": "room", "target": "x"}),
        json!({"do": "user", "target": "bob"}),
        json!({"do": "room", "target": "y"}),
        json!({"do": "sessions", "target": id}),
    ];
    // So that many have come when it reads on.
    instances[1].signal("-STOP");
    for number in 0..MESSAGES {
        // Several of a kind in a row, which a reader that takes turns would mix up.
        let mut message = kinds[number / 7 % kinds.len()].clone();
        message["payload"] = json!(number);
        sender.send(message).await;
    }
    sender.has_got_nothing_else().await;
    instances[1].signal("-CONT");
    for number in 0..MESSAGES {
        assert_eq!(receiver.payload().await, number);
    }
}

#[tokio::test]
async fn texts_and_binary_messages_arrive_as_they_are_and_what_nats_does_not_take_stays_here() {
    let nats = Nats::start().await;
    let mut instances = instances(&nats, 2, &[]).await;
    let mut here = Member::with_token(&instances[0], "a").await;
    let mut there = Member::with_token(&instances[1], "b").await;
    count(&mut here).await;
    let large = "ä".repeat(300_000);
    here.send(json!({"do": "all", "payload": large})).await;
    assert_eq!((here.payload().await, there.payload().await), (json!(large), json!(large)));
    let too_large = "x".repeat(2_000_000);
    here.send(json!({"do": "all", "payload": too_large})).await;
    assert_eq!(here.payload().await, too_large);
    instances[0].log_line("NATS takes 1048576 at most").await;
    here.send(json!({"do": "others", "payload": "next"})).await;
    assert_eq!(there.payload().await, "next");
}

#[tokio::test]
async fn clusters_with_other_names_or_prefixes_do_not_meet() {
    let nats = Nats::start().await;
    let mut first = begin(&nats, "a", &[]).await;
    let mut second = begin(&nats, "b", &["--cluster-name", "second"]).await;
    let mut third = begin(&nats, "c", &["--cluster-prefix", "third.place"]).await;
    for instance in [&mut first, &mut second, &mut third] {
        instance.log_line("by NATS").await;
    }
    let mut a = Member::with_token(&first, "a").await;
    let mut b = Member::with_token(&second, "b").await;
    let mut c = Member::with_token(&third, "c").await;
    for member in [&mut a, &mut b, &mut c] {
        member.send(json!({"do": "all", "payload": "mine"})).await;
        assert_eq!(member.payload().await, "mine");
    }
    for member in [&mut a, &mut b, &mut c] {
        assert_eq!(count(member).await, 1);
        member.has_got_nothing_else().await;
    }
}
