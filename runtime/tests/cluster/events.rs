//! Connects and disconnects of the sessions of all instances.

use serde_json::{Value, json};

use crate::nats::Nats;
use crate::support::{Client, Runtime, listener, node, tab, with, ws_in, ws_out};

/// Logs the events of all instances, and says who a client is.
fn flows() -> Value {
    let code = "node.warn(`${msg.event} of ${msg._session.id} (${msg.payload.code})`);";
    let own = "node.warn(`own ${msg.event} of ${msg._session.id}`);";
    let who = "msg.payload = msg._session.id; return msg;";
    json!([
        tab("tab"),
        listener("l", "/ws"),
        with(ws_in("events", "l", &["log"]), json!({"events": "only", "eventsOf": "cluster"})),
        node("log", "function", json!({"func": code, "outputs": 1}), &[]),
        with(ws_in("own", "l", &["log own"]), json!({"events": "only"})),
        node("log own", "function", json!({"func": own, "outputs": 1}), &[]),
        ws_in("in", "l", &["who"]),
        node("who", "function", json!({"func": who, "outputs": 1}), &["out"]),
        ws_out("out", "l"),
    ])
}

async fn begin(nats: &Nats, name: &str) -> Runtime {
    let url = nats.url();
    let arguments = ["--cluster", &url, "--instance-name", name, "--cluster-ttl", "2"];
    Runtime::start_with(flows(), &arguments, &[]).await
}

async fn two(nats: &Nats) -> [Runtime; 2] {
    let (mut first, mut second) = (begin(nats, "a").await, begin(nats, "b").await);
    first.log_line("the instance `b` is in the cluster").await;
    second.log_line("the instance `a` is in the cluster").await;
    [first, second]
}

/// A client, and the id of its session.
async fn connect(instance: &Runtime) -> (Client, String) {
    let mut client = instance.connect("/ws").await;
    client.send("who?").await;
    let id = client.text().await;
    (client, id)
}

/// The events of a session that an instance has logged so far.
fn logged(instance: &Runtime, id: &str) -> Vec<String> {
    let lines = instance.passed().iter();
    let mine = lines.filter(|line| line.contains(&format!("of {id} (")));
    let event = |line: &String| {
        let kind = if line.contains("disconnect of") { "disconnect" } else { "connect" };
        kind.to_owned()
    };
    mine.map(event).collect()
}

#[tokio::test]
async fn each_instance_tells_the_connects_and_disconnects_of_all_once() {
    let nats = Nats::start().await;
    let [mut a, mut b] = two(&nats).await;
    let (here, here_id) = connect(&a).await;
    let (there, there_id) = connect(&b).await;
    for instance in [&mut a, &mut b] {
        for id in [&here_id, &there_id] {
            instance.log_line(&format!(" connect of {id} (undefined)")).await;
        }
    }
    here.close().await;
    there.close().await;
    for instance in [&mut a, &mut b] {
        for id in [&here_id, &there_id] {
            let line = instance.log_line(&format!("disconnect of {id} (")).await;
            assert!(!line.contains("1006"), "{line}");
        }
    }
    // What comes later on all ways would follow what comes twice.
    let has_own = |instance: &Runtime, id: &str| {
        instance.passed().iter().any(|line| line.contains(&format!("own connect of {id}")))
    };
    assert!(has_own(&a, &here_id) && !has_own(&a, &there_id), "a node that does not ask for all");
    let (_marker, id) = connect(&a).await;
    for instance in [&mut a, &mut b] {
        instance.log_line(&format!(" connect of {id} (")).await;
        assert_eq!(logged(instance, &here_id), Vec::<String>::new());
        assert_eq!(logged(instance, &there_id), Vec::<String>::new());
    }
}

#[tokio::test]
async fn the_sessions_of_an_instance_that_dies_are_disconnected_once_after_its_time_to_live() {
    let nats = Nats::start().await;
    let [mut a, mut b] = two(&nats).await;
    let (_lost, id) = connect(&b).await;
    a.log_line(&format!(" connect of {id} (")).await;
    b.signal("-KILL");
    b.ended().await;
    a.log_line("the instance `b` of the cluster gives no sign of life").await;
    a.log_line(&format!("disconnect of {id} (1006)")).await;
    let again = begin(&nats, "b").await;
    a.log_line("the instance `b` is in the cluster").await;
    let (_client, other) = connect(&again).await;
    a.log_line(&format!(" connect of {other} (")).await;
    assert_eq!(logged(&a, &id), Vec::<String>::new(), "told once");
}

#[tokio::test]
async fn an_instance_that_starts_again_before_its_time_to_live_has_lost_its_sessions() {
    let nats = Nats::start().await;
    let [mut a, mut b] = two(&nats).await;
    let (_lost, id) = connect(&b).await;
    a.log_line(&format!(" connect of {id} (")).await;
    b.signal("-KILL");
    b.ended().await;
    let _again = begin(&nats, "b").await;
    a.log_line(&format!("disconnect of {id} (1006)")).await;
}

#[tokio::test]
async fn an_instance_that_stood_still_comes_back_with_the_sessions_that_it_has() {
    let nats = Nats::start().await;
    let [mut a, b] = two(&nats).await;
    let (client, id) = connect(&b).await;
    a.log_line(&format!(" connect of {id} (")).await;
    b.signal("-STOP");
    a.log_line(&format!("disconnect of {id} (1006)")).await;
    b.signal("-CONT");
    a.log_line(&format!(" connect of {id} (")).await;
    client.close().await;
    a.log_line(&format!("disconnect of {id} (")).await;
}

#[tokio::test]
async fn what_happened_while_nats_was_away_is_told_afterwards() {
    let mut nats = Nats::start().await;
    let [mut a, mut b] = two(&nats).await;
    let (before, before_id) = connect(&b).await;
    a.log_line(&format!(" connect of {before_id} (")).await;
    nats.stop().await;
    for instance in [&mut a, &mut b] {
        instance.log_line("the connection to NATS is lost").await;
    }
    before.close().await;
    b.log_line(&format!("disconnect of {before_id} (")).await;
    let (_during, during_id) = connect(&b).await;
    nats.start_again().await;
    a.log_line(&format!("disconnect of {before_id} (")).await;
    a.log_line(&format!(" connect of {during_id} (")).await;
    let (_marker, id) = connect(&b).await;
    a.log_line(&format!(" connect of {id} (")).await;
    assert_eq!(logged(&a, &before_id), Vec::<String>::new());
    assert_eq!(logged(&a, &during_id), Vec::<String>::new());
}
