//! Flows with a broker node `broker`, and what they receive.

use ferrowire::Message;
use ferrowire_plugin_mqtt::RECONNECT_TIME;
use ferrowire_testkit::{Flow, json, message};
use serde_json::Value as Json;

/// The text of the status of a connected node.
pub(crate) const CONNECTED: &str = "node-red:common.status.connected";
pub(crate) const CONNECTING: &str = "node-red:common.status.connecting";
pub(crate) const DISCONNECTED: &str = "node-red:common.status.disconnected";

/// An object with the properties of both.
pub(crate) fn with(mut base: Json, more: Json) -> Json {
    let (Some(all), Some(more)) = (base.as_object_mut(), more.as_object()) else { return base };
    all.extend(more.clone());
    base
}

/// A broker node at a port of this machine.
pub(crate) fn broker(port: u16, more: Json) -> Json {
    let base = json!({"id": "broker", "type": "mqtt-broker", "broker": "127.0.0.1", "port": port});
    with(base, more)
}

/// An `mqtt in` named `in`, whose messages arrive at the probe `got`.
pub(crate) fn input(more: Json) -> Json {
    let base = json!({"id": "in", "type": "mqtt in", "z": "f", "broker": "broker", "qos": "2",
        "datatype": "auto-detect", "inputs": 0, "wires": [["got"]]});
    with(base, more)
}

/// An `mqtt out` named `out`.
pub(crate) fn output(more: Json) -> Json {
    let base = json!({"id": "out", "type": "mqtt out", "z": "f", "broker": "broker", "wires": []});
    with(base, more)
}

/// Starts these nodes beside the probes `got`, `done` and `caught`, with nodes that watch the others.
pub(crate) async fn start(nodes: Vec<Json>) -> Flow {
    let mut all = vec![
        json!({"id": "f", "type": "tab"}),
        json!({"id": "got", "type": "probe", "z": "f"}),
        json!({"id": "done", "type": "probe", "z": "f"}),
        json!({"id": "caught", "type": "probe", "z": "f"}),
        json!({"id": "catch", "type": "errors", "z": "f", "wires": [["caught"]]}),
    ];
    let watched: Vec<Json> =
        nodes.iter().filter(|node| node["z"] == "f").map(|node| node["id"].clone()).collect();
    all.push(json!({"id": "complete", "type": "completions", "z": "f", "scope": watched,
        "wires": [["done"]]}));
    all.extend(nodes);
    Flow::of(json!(all)).setting(&RECONNECT_TIME, "0.05").start().await
}

/// Waits until a node shows a status.
pub(crate) async fn shown(flow: &mut Flow, node: &str, text: &str) {
    while flow.next_status(node).await.text != *text {}
}

/// Starts the nodes and waits until `out` and `in`, if there are such, are connected.
pub(crate) async fn connected(nodes: Vec<Json>) -> Flow {
    let names: Vec<String> = nodes
        .iter()
        .filter(|node| node["z"] == "f" && node["broker"] == "broker")
        .filter_map(|node| node["id"].as_str().map(str::to_owned))
        .collect();
    let mut flow = start(nodes).await;
    for name in names {
        shown(&mut flow, &name, CONNECTED).await;
    }
    flow
}

/// Sends a message to `out`.
pub(crate) async fn publish(flow: &Flow, msg: Json) {
    flow.send("out", message(msg)).await;
}

/// A message as JSON, without its id.
pub(crate) fn json_of(msg: &Message) -> Json {
    let mut json: Json = serde_json::from_str(&msg.to_json()).unwrap();
    json.as_object_mut().unwrap().remove("_msgid");
    json
}

/// The next message at a probe.
pub(crate) async fn next(flow: &Flow, probe: &str) -> Json {
    json_of(&flow.next_at(probe).await)
}
