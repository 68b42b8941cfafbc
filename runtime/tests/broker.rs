//! The example `sensors` with a real broker. `cargo xtask brokers` runs this test, which needs Mosquitto.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "../../plugins/mqtt/tests/mosquitto/server.rs"]
mod server;
#[path = "flows/support.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod support;

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use self::server::Mosquitto;
use self::support::{Client, Runtime, soon};

/// The runtime with its default set of plugins.
fn program(command: &str) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_ferrowire"));
    program.arg(command);
    program
}

async fn start(broker: &Mosquitto) -> Runtime {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/sensors/flows.json");
    let flows = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let url = format!("mqtt://127.0.0.1:{}", broker.port);
    Runtime::start_with(flows, &[], &[("MQTT_URL", &url)]).await
}

/// The body of a page.
async fn page(runtime: &Runtime, path: &str) -> String {
    let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let response = runtime.raw(&head).await;
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 "), "{response}");
    body.to_owned()
}

/// A packet of MQTT with a short body.
fn packet(first: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    [&[first, u8::try_from(body.len()).unwrap()], body.as_slice()].concat()
}

/// Publishes as a sensor does: MQTT 3.1.1, QoS 0.
async fn publish(broker: &Mosquitto, topic: &str, value: &str) {
    let mut sensor = TcpStream::connect(("127.0.0.1", broker.port)).await.unwrap();
    let connect = packet(0x10, &[b"\0\x04MQTT\x04\x02\0\x0a\0\0"]);
    sensor.write_all(&connect).await.unwrap();
    let mut accepted = [0; 4];
    soon("CONNACK", sensor.read_exact(&mut accepted)).await.unwrap();
    assert_eq!(accepted, [0x20, 2, 0, 0]);
    let length = u16::try_from(topic.len()).unwrap().to_be_bytes();
    let publish = packet(0x30, &[&length, topic.as_bytes(), value.as_bytes()]);
    sensor.write_all(&publish).await.unwrap();
    sensor.write_all(&packet(0xe0, &[])).await.unwrap();
}

/// The next value of a topic, without its time.
async fn value(client: &mut Client, topic: &str) -> Value {
    loop {
        let message = client.json().await;
        if message["topic"] == topic {
            return message["value"].clone();
        }
    }
}

/// Waits until the client is told this of the broker.
async fn told(client: &mut Client, broker: &str) {
    while client.json().await["broker"] != broker {}
}

#[tokio::test]
async fn values_of_sensors_reach_the_pages_also_after_the_broker_was_away() {
    let mut broker = Mosquitto::start().await;
    let runtime = start(&broker).await;
    assert!(page(&runtime, "/sensors").await.contains("<title>Sensors</title>"));
    let mut client = runtime.connect("/ws/sensors").await;
    // The values of the demonstration come through the broker, so the flow has subscribed.
    value(&mut client, "sensors/demo/temperature").await;
    publish(&broker, "sensors/kitchen", "21.5").await;
    publish(&broker, "sensors/cellar", r#"{"value": -3, "unit": "C"}"#).await;
    publish(&broker, "sensors/attic", "not a number").await;
    assert_eq!(value(&mut client, "sensors/kitchen").await, 21.5);
    assert_eq!(value(&mut client, "sensors/cellar").await, -3);
    let recent: Value = serde_json::from_str(&page(&runtime, "/sensors/recent").await).unwrap();
    assert_eq!(recent["broker"], "connected");
    assert_eq!(recent["sensors"]["sensors/kitchen"][0]["value"], json!(21.5));
    assert!(recent["sensors"].get("sensors/attic").is_none());

    broker.kill().await;
    told(&mut client, "not connected").await;
    broker.restart().await;
    told(&mut client, "connected").await;
    publish(&broker, "sensors/kitchen", "22").await;
    assert_eq!(value(&mut client, "sensors/kitchen").await, 22);
}
