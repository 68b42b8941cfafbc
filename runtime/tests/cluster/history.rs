//! Histories that NATS keeps for all instances.

use std::time::Duration;

use serde_json::{Value, json};

use crate::nats::{Nats, Storage};
use crate::readers::flows;
use crate::support::{Client, Runtime, soon};
use crate::traffic::Traffic;

async fn begin(nats: &Nats, name: &str, history: Value) -> Runtime {
    let url = nats.url();
    let arguments = ["--cluster", &url, "--instance-name", name, "--cluster-ttl", "2"];
    Runtime::start_with(flows(history), &arguments, &[]).await
}

async fn two(nats: &Nats, history: Value) -> [Runtime; 2] {
    let mut first = begin(nats, "a", history.clone()).await;
    let second = begin(nats, "b", history).await;
    first.log_line("the instance `b` is in the cluster").await;
    [first, second]
}

#[tokio::test]
async fn a_client_of_an_instance_that_is_killed_goes_on_at_another_one_without_a_gap() {
    let storage = Storage::new();
    let nats = Nats::with_storage(&storage).await;
    let [first, second] = two(&nats, json!({"history": "10000"})).await;
    let traffic = Traffic::begin(&[&first.address], (1, 3), None).await;
    traffic.more(50).await;
    let mut elsewhere = second.connect("/ws?history=").await;
    elsewhere.json().await;
    elsewhere.send(r#"{"join": "room 0"}"#).await;
    let mut known = Value::Null;
    while known.get("position").is_none() {
        known = elsewhere.json().await["history"].take();
    }
    first.signal("-KILL");
    let mut numbers = Vec::new();
    while numbers.len() < 50 {
        let message = elsewhere.json().await;
        if let Some(text) = message["data"].as_str() {
            numbers.push(text.parse::<u64>().unwrap());
        }
    }
    assert!(numbers.iter().copied().eq(1..=50), "{numbers:?}");
    drop(traffic);
}

#[tokio::test]
async fn nothing_is_lost_or_comes_twice_while_nats_is_restarted() {
    let storage = Storage::new();
    let mut nats = Nats::with_storage(&storage).await;
    let [mut first, mut second] = two(&nats, json!({"history": "100000"})).await;
    let pace = Some(Duration::from_millis(10));
    let traffic = Traffic::begin(&[&first.address, &second.address], (1, 4), pace).await;
    traffic.more(100).await;
    nats.stop().await;
    first.log_line("the connection to NATS is lost").await;
    // For ten seconds.
    traffic.more(1_000).await;
    nats.start_again().await;
    for instance in [&mut first, &mut second] {
        instance.log_line("connected to NATS again").await;
    }
    traffic.more(100).await;
    assert_eq!(traffic.end().await, 4, "nobody was disconnected");
}

#[tokio::test]
async fn an_instance_that_stood_still_for_longer_than_its_time_to_live_gets_what_it_missed() {
    let storage = Storage::new();
    let nats = Nats::with_storage(&storage).await;
    let [mut first, mut second] = two(&nats, json!({"history": "100000"})).await;
    let traffic = Traffic::begin(&[&first.address, &second.address], (1, 4), None).await;
    traffic.more(100).await;
    second.signal("-STOP");
    first.log_line("the instance `b` of the cluster gives no sign of life").await;
    traffic.more(300).await;
    second.signal("-CONT");
    first.log_line("the instance `b` is in the cluster").await;
    second.log_line("the instance `a` is in the cluster").await;
    traffic.more(100).await;
    assert_eq!(traffic.end().await, 4, "nobody was disconnected");
}

/// What the flow answers when a message was sent to a room.
async fn sent(client: &mut Client, payload: &str) -> Value {
    client.send(&json!({"room": "room 0", "payload": payload}).to_string()).await;
    loop {
        let answer = client.json().await;
        if answer.get("history").is_none() && answer.get("joined").is_none() {
            return answer;
        }
    }
}

#[tokio::test]
async fn without_jetstream_one_line_says_so_and_instances_have_histories_of_their_own() {
    let nats = Nats::start().await;
    let [mut first, second] = two(&nats, json!({"history": "10"})).await;
    let mut reader = second.connect("/ws").await;
    reader.send(r#"{"join": "room 0"}"#).await;
    reader.json().await;
    let mut sender = first.connect("/ws").await;
    assert_eq!(sent(&mut sender, "1").await, 1);
    assert_eq!(reader.json().await, 1);
    let line = first.log_line("the history is in memory of this instance alone").await;
    assert!(line.contains("NATS has no JetStream; start it with `-js`"), "{line}");
}

#[tokio::test]
async fn a_stream_of_another_shape_is_left_alone_and_one_line_says_so() {
    let storage = Storage::new();
    let nats = Nats::with_storage(&storage).await;
    let name = "ferrowire__ferrowire__journal__ws__l";
    let config = json!({
        "name": name, "subjects": ["something.else"], "retention": "limits", "storage": "file",
        "num_replicas": 1, "max_consumers": -1, "max_msgs": -1, "max_bytes": -1, "max_age": 0,
        "discard": "old",
    });
    nats.make_stream(config).await;
    let mut only = begin(&nats, "a", json!({"history": "10"})).await;
    let mut sender = only.connect("/ws").await;
    assert_eq!(sent(&mut sender, "1").await, 1);
    let line = only.log_line("the history is in memory of this instance alone").await;
    let why = format!("the stream `{name}` of NATS has another shape: its subjects are not");
    assert!(line.contains(&why), "{line}");
}

#[tokio::test]
async fn a_message_that_nats_does_not_take_fails_and_the_next_one_arrives() {
    let storage = Storage::new();
    let nats = Nats::with_storage(&storage).await;
    let [first, second] = two(&nats, json!({"history": "10"})).await;
    let mut reader = second.connect("/ws").await;
    reader.send(r#"{"join": "room 0"}"#).await;
    reader.json().await;
    let mut sender = first.connect("/ws").await;
    sender.send(&json!({"room": "room 0", "payload": "x".repeat(2_000_000)}).to_string()).await;
    sender.send(&json!({"room": "room 0", "payload": "2"}).to_string()).await;
    let mut answers = vec![sender.text().await];
    while answers.last().unwrap() != "2" {
        answers.push(sender.text().await);
    }
    let why = "the message was not kept in the history, and nobody gets it: the message has 2000039 bytes";
    assert!(answers.iter().any(|answer| answer.starts_with(why)), "{why}");
    assert_eq!(reader.json().await, 2);
}

#[tokio::test]
async fn what_is_kept_outlives_all_instances_and_properties_of_the_listener_can_change() {
    let storage = Storage::new();
    let nats = Nats::with_storage(&storage).await;
    let position = {
        let only = begin(&nats, "a", json!({"history": "10", "historyAge": "3600"})).await;
        let mut client = only.connect("/ws?history=").await;
        let first = client.json().await;
        for number in 1..=20 {
            assert_eq!(sent(&mut client, &number.to_string()).await, number);
        }
        only.terminate().await;
        first["history"]["position"].as_str().unwrap().to_owned()
    };
    let only = begin(&nats, "b", json!({"history": "5"})).await;
    let mut client = only.connect(&format!("/ws?history={position}")).await;
    assert_eq!(client.json().await["history"]["recovered"], true, "nothing went to everybody");
    client.send(r#"{"join": "room 0"}"#).await;
    let mut got = Vec::new();
    while got.last() != Some(&json!("20")) {
        let message = soon("the history", client.json()).await;
        got.extend(message.get("data").cloned());
    }
    assert_eq!(got, ["16", "17", "18", "19", "20"]);
}
