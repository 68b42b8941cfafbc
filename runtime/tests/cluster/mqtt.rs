//! An MQTT connection that one instance of a cluster has.

use serde_json::{Value, json};

use crate::mosquitto::Mosquitto;
use crate::nats::{Nats, Storage};
use crate::support::{Client, Runtime, listener, node, soon, tab, with, ws_in, ws_out};

/// What `mqtt in` receives goes to the clients of `/got` at whatever instance; what comes at `/publish` is
/// published by a broker node that each instance has.
fn flow(broker: &Mosquitto) -> Value {
    let address = json!({"type": "mqtt-broker", "broker": "127.0.0.1", "port": broker.port});
    let once = json!({
        "id": "once", "cluster": "once", "clientid": "of-the-cluster", "cleansession": false,
    });
    json!([
        tab("tab"),
        with(address.clone(), once),
        with(address, json!({"id": "each"})),
        listener("got", "/got"),
        listener("publish", "/publish"),
        node(
            "in",
            "mqtt in",
            json!({"broker": "once", "topic": "t", "qos": "1", "datatype": "utf8"}),
            &["name"]
        ),
        node(
            "name",
            "change",
            json!({"rules": [{"t": "set", "p": "payload", "pt": "msg",
            "to": "$env(\"INSTANCE\") & \" \" & payload", "tot": "jsonata"}]}),
            &["to all"]
        ),
        ws_out("to all", "got"),
        ws_in("asked", "publish", &["out", "echo"]),
        node("out", "mqtt out", json!({"broker": "each", "topic": "t", "qos": "1"}), &[]),
        ws_out("echo", "publish"),
    ])
}

async fn begin(nats: &Nats, broker: &Mosquitto, name: &str) -> Runtime {
    let url = nats.url();
    let arguments = ["--cluster", &url, "--instance-name", name, "--cluster-ttl", "2"];
    Runtime::start_with(flow(broker), &arguments, &[("INSTANCE", name)]).await
}

async fn publish(client: &mut Client, text: &str) {
    client.echo(text).await;
}

#[tokio::test]
async fn one_instance_receives_and_when_it_is_killed_another_one_has_its_session() {
    let storage = Storage::new();
    let nats = Nats::with_storage(&storage).await;
    let broker = Mosquitto::start().await;
    let mut a = begin(&nats, &broker, "a").await;
    a.log_line("Connected to broker: of-the-cluster@").await;
    let mut b = begin(&nats, &broker, "b").await;
    b.log_line("Connected to broker: mqtt://127.0.0.1").await;
    let (mut got_at_a, mut got) = (a.connect("/got").await, b.connect("/got").await);
    let mut sender = b.connect("/publish").await;
    for number in 0..5 {
        publish(&mut sender, &number.to_string()).await;
        assert_eq!(got_at_a.text().await, format!("a {number}"));
    }
    a.signal("-KILL");
    drop(a);
    // Nobody is connected: the broker keeps it for the session.
    publish(&mut sender, "meanwhile").await;
    b.log_line("Connected to broker: of-the-cluster@").await;
    // It may have got some of `a` over the cluster.
    let kept = async { while got.text().await != "b meanwhile" {} };
    soon("what the broker has kept", kept).await;
    publish(&mut sender, "after").await;
    assert_eq!(got.text().await, "b after");
    // An instance that joins does not take the connection.
    let c = begin(&nats, &broker, "c").await;
    publish(&mut c.connect("/publish").await, "still").await;
    assert_eq!(got.text().await, "b still");
    let mut got = c.connect("/got").await;
    b.terminate().await;
    let mut sender = c.connect("/publish").await;
    publish(&mut sender, "last").await;
    assert_eq!(soon("a message", got.text()).await, "c last");
}
