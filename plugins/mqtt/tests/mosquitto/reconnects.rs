//! A broker that goes away, comes back, or refuses.

use ferrowire_testkit::{json, message};

use crate::server::{Mosquitto, free_port};
use crate::support::{
    CONNECTED, CONNECTING, DISCONNECTED, broker, connected, input, next, output, publish, shown,
    start,
};

#[tokio::test]
async fn a_broker_that_was_killed_is_found_again_and_gets_what_waited() {
    // Messages of different QoS may overtake each other.
    for (version, qos) in [("4", 1), ("4", 2), ("5", 1), ("5", 2)] {
        let mut server = Mosquitto::start().await;
        let node = broker(server.port, json!({"protocolVersion": version}));
        let mut flow = connected(vec![node, input(json!({"topic": "t"})), output(json!({}))]).await;
        server.kill().await;
        shown(&mut flow, "out", DISCONNECTED).await;
        for number in 0..20 {
            publish(&flow, json!({"topic": "t", "payload": number, "qos": qos})).await;
        }
        assert!(flow.arrived_at("done").is_empty());
        server.restart().await;
        shown(&mut flow, "out", CONNECTING).await;
        shown(&mut flow, "out", CONNECTED).await;
        for number in 0..20 {
            assert_eq!(next(&flow, "got").await["payload"], number, "{version} {qos}");
        }
        for _ in 0..20 {
            next(&flow, "done").await;
        }
        flow.stop().await;
    }
}

#[tokio::test]
async fn without_a_connection_messages_with_qos_0_are_dropped() {
    let server = Mosquitto::start().await;
    let node = broker(server.port, json!({"autoConnect": false}));
    let mut flow = start(vec![node, input(json!({"topic": "t"})), output(json!({}))]).await;
    publish(&flow, json!({"topic": "t", "payload": "lost"})).await;
    flow.send("out", message(json!({"action": "connect"}))).await;
    shown(&mut flow, "out", CONNECTED).await;
    assert_eq!(next(&flow, "done").await["action"], "connect");
    publish(&flow, json!({"topic": "t", "payload": "sent", "qos": 1})).await;
    assert_eq!(next(&flow, "got").await["payload"], "sent");
    flow.stop().await;
}

#[tokio::test]
async fn a_broker_that_refuses_the_password_is_asked_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("users");
    let password = std::process::Command::new("/usr/bin/mosquitto_passwd")
        .args(["-b", "-c", file.to_str().unwrap(), "user", "secret"])
        .status()
        .unwrap();
    assert!(password.success());
    let server = Mosquitto::in_folder(folder, "password_file FOLDER/users").await;
    let credentials = |password| json!({"credentials": {"user": "user", "password": password}});
    let nodes = |more| vec![broker(server.port, more), output(json!({}))];
    for version in ["4", "5"] {
        let mut more = credentials("wrong");
        more["protocolVersion"] = json!(version);
        let mut flow = start(nodes(more)).await;
        shown(&mut flow, "out", CONNECTING).await;
        publish(&flow, json!({"topic": "t", "payload": "x", "qos": 1})).await;
        let broker = json!({"username": "user", "password": "secret", "force": true});
        flow.send("out", message(json!({"action": "connect", "broker": broker}))).await;
        shown(&mut flow, "out", CONNECTED).await;
        assert_eq!(next(&flow, "caught").await["error"]["message"], "Error: Connection closed");
        assert_eq!(next(&flow, "done").await["action"], "connect");
        flow.stop().await;
    }
}

#[tokio::test]
async fn the_flow_connects_and_disconnects() {
    let server = Mosquitto::start().await;
    let nodes = vec![
        broker(server.port, json!({"autoConnect": false})),
        input(json!({"topic": "t"})),
        output(json!({})),
    ];
    let mut flow = start(nodes).await;
    for _ in 0..3 {
        flow.send("out", message(json!({"action": "connect"}))).await;
        shown(&mut flow, "in", CONNECTED).await;
        next(&flow, "done").await;
        flow.send("out", message(json!({"action": "disconnect"}))).await;
        shown(&mut flow, "in", DISCONNECTED).await;
        next(&flow, "done").await;
    }
    flow.send("out", message(json!({"action": "other"}))).await;
    let caught = next(&flow, "caught").await;
    assert_eq!(caught["error"]["message"], "Error: Invalid action specified");
    flow.stop().await;
}

#[tokio::test]
async fn a_connection_changes_its_broker_only_by_force() {
    let (first, second) = (Mosquitto::start().await, Mosquitto::start().await);
    let nodes = vec![
        broker(first.port, json!({})),
        input(json!({"topic": "t"})),
        output(json!({})),
        broker(second.port, json!({"id": "other"})),
        output(json!({"id": "out2", "broker": "other"})),
    ];
    let mut flow = connected(nodes).await;
    shown(&mut flow, "out2", CONNECTED).await;
    let connect = |force: bool| {
        let broker = json!({"port": second.port, "force": force, "birth": {"topic": "b"}});
        message(json!({"action": "connect", "broker": broker}))
    };
    flow.send("out", connect(false)).await;
    let text = "Error: Disconnect from broker before connecting";
    assert_eq!(next(&flow, "caught").await["error"]["message"], text);
    flow.send("out", connect(true)).await;
    next(&flow, "done").await;
    flow.send("out2", message(json!({"topic": "t", "payload": "second", "qos": 1}))).await;
    assert_eq!(next(&flow, "got").await["payload"], "second");
    flow.stop().await;
}

#[tokio::test]
async fn a_broker_that_starts_later_is_found() {
    let port = free_port();
    let mut flow = start(vec![broker(port, json!({})), output(json!({}))]).await;
    shown(&mut flow, "out", CONNECTING).await;
    let server = Mosquitto::start().await;
    let elsewhere = json!({"port": server.port, "force": true});
    flow.send("out", message(json!({"action": "connect", "broker": elsewhere}))).await;
    shown(&mut flow, "out", CONNECTED).await;
    flow.stop().await;
}
