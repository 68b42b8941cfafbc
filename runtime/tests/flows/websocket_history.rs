//! Recovery from the history of a listener over reconnects, through the real binary.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::{Client, Runtime, delete_session, listener, tab, with, ws_in, ws_out};

/// What is sent to `/source` goes to everybody at `/feed`.
fn feed(properties: Value) -> Value {
    json!([
        tab("tab"),
        with(listener("l", "/feed"), properties),
        listener("s", "/source"),
        ws_in("in", "s", &["delete", "back"]),
        delete_session("delete", &["out"]),
        ws_out("out", "l"),
        ws_out("back", "s"),
    ])
}

/// The numbers of a client's messages by their offsets, and where it is.
#[derive(Default)]
struct Seen {
    numbers: BTreeMap<u64, usize>,
    epoch: String,
}

impl Seen {
    async fn connect(&mut self, runtime: &Runtime) -> (Client, Value) {
        let position = match self.numbers.last_key_value() {
            None => String::new(),
            Some((offset, _)) => format!("{}:{offset}", self.epoch),
        };
        let mut client = runtime.connect(&format!("/feed?history={position}")).await;
        let history = client.json().await["history"].take();
        self.epoch = history["epoch"].as_str().unwrap().to_owned();
        (client, history)
    }

    async fn read(&mut self, client: &mut Client) -> usize {
        let message = client.json().await;
        let number = message["data"].as_str().unwrap().parse().unwrap();
        let before = self.numbers.insert(message["offset"].as_u64().unwrap(), number);
        assert_eq!(before, None, "{message} came twice");
        number
    }
}

#[tokio::test]
async fn a_client_that_reconnects_all_the_time_gets_every_message_once() {
    const COUNT: usize = 2_000;
    let runtime = Runtime::start(feed(json!({"history": "2000"}))).await;
    let mut source = runtime.connect("/source").await;
    let publish = async {
        for number in 0..COUNT {
            source.echo(&number.to_string()).await;
        }
    };
    let read = async {
        let mut seen = Seen::default();
        let mut last = 0;
        while last < COUNT - 1 {
            let is_first = seen.numbers.is_empty();
            let (mut client, history) = seen.connect(&runtime).await;
            assert!(is_first || history["recovered"] == true, "{history}");
            for _ in 0..37.min(COUNT - 1 - last) {
                last = seen.read(&mut client).await;
            }
            // Without a close frame, and with messages on their way.
            drop(client);
        }
        seen
    };
    let ((), seen) = tokio::join!(publish, read);
    assert!(seen.numbers.into_values().eq(0..COUNT));
}

#[tokio::test]
async fn what_a_restarted_listener_has_lost_is_reported() {
    let mut runtime = Runtime::start(feed(json!({"history": "10"}))).await;
    let mut source = runtime.connect("/source").await;
    source.echo("1").await;
    let mut seen = Seen::default();
    let (mut client, history) = seen.connect(&runtime).await;
    assert_eq!(history.get("recovered"), None);
    assert_eq!(seen.read(&mut client).await, 1);
    let epoch = seen.epoch.clone();
    runtime.redeploy(feed(json!({"history": "11"}))).await;
    assert_eq!(u16::from(client.closed().await.unwrap().code), 1012);
    let (_client, history) = seen.connect(&runtime).await;
    assert_eq!(history["recovered"], false);
    assert_ne!(history["epoch"], epoch);
}

#[tokio::test]
async fn any_client_of_a_dashboard_gets_the_last_value_of_each_topic() {
    let listener = with(listener("l", "/ws"), json!({"wholemsg": "true", "historyKey": "topic"}));
    let nodes = json!([
        tab("tab"),
        listener,
        ws_in("in", "l", &["delete"]),
        delete_session("delete", &["out"]),
        ws_out("out", "l"),
    ]);
    let runtime = Runtime::start(nodes).await;
    let mut sensor = runtime.connect("/ws").await;
    let value = |topic: &str, payload: i32| json!({"topic": topic, "payload": payload});
    for (topic, payload) in [("a", 1), ("b", 2), ("a", 3)] {
        sensor.send(&value(topic, payload).to_string()).await;
        assert_eq!(sensor.json().await["payload"], payload);
    }
    let mut dashboard = runtime.connect("/ws").await;
    for (topic, payload) in [("b", 2), ("a", 3)] {
        let msg = dashboard.json().await;
        assert_eq!((&msg["topic"], &msg["payload"]), (&json!(topic), &json!(payload)));
    }
    let mut recovering = runtime.connect("/ws?history=").await;
    assert_eq!(recovering.json().await["history"]["offset"], 3);
    assert_eq!(recovering.json().await["data"]["topic"], "b");
}
