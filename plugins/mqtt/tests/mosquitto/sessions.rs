//! Birth, close and will messages, and sessions that outlive connections.

use ferrowire_testkit::{Flow, json, message};
use serde_json::Value as Json;

use crate::server::Mosquitto;
use crate::support::{CONNECTED, broker, connected, input, next, output, publish, shown, with};

/// A flow whose `got` receives `t/#`, and an `out2` with the broker node `other`.
async fn beside(server: &Mosquitto, other: Json) -> Flow {
    let other = with(json!({"id": "other"}), other);
    let nodes = vec![
        broker(server.port, json!({"protocolVersion": "5"})),
        input(json!({"topic": "t/#", "datatype": "auto"})),
        broker(server.port, other),
        output(json!({"id": "out2", "broker": "other"})),
    ];
    let mut flow = connected(nodes).await;
    flow.send("out2", message(json!({"action": "connect"}))).await;
    shown(&mut flow, "out2", CONNECTED).await;
    flow
}

#[tokio::test]
async fn birth_and_close_messages_frame_a_connection() {
    for version in ["4", "5"] {
        let server = Mosquitto::start().await;
        let more = json!({"autoConnect": false, "protocolVersion": version,
            "birthTopic": "t/birth", "birthPayload": "hello", "birthQos": "2",
            "birthMsg": {"contentType": "text/plain", "userProps": "{\"a\":\"b\"}"},
            "closeTopic": "t/close", "closePayload": "bye", "closeQos": "1", "closeRetain": "true"});
        let flow = beside(&server, more).await;
        let birth = next(&flow, "got").await;
        assert_eq!(
            (&birth["topic"], &birth["payload"], &birth["qos"]),
            (&json!("t/birth"), &json!("hello"), &json!(2))
        );
        let is_new = version == "5";
        assert_eq!(birth["contentType"] == "text/plain", is_new);
        assert_eq!(birth["userProperties"] == json!({"a": "b"}), is_new);
        flow.send("out2", message(json!({"action": "disconnect"}))).await;
        let close = next(&flow, "got").await;
        assert_eq!((&close["topic"], &close["payload"]), (&json!("t/close"), &json!("bye")));
        flow.stop().await;
    }
}

#[tokio::test]
async fn a_will_is_published_when_the_connection_breaks() {
    let server = Mosquitto::start().await;
    let more = json!({"autoConnect": false, "protocolVersion": "5", "keepalive": 1,
        "clientid": "same", "willTopic": "t/will", "willPayload": "gone", "willQos": "1",
        "willMsg": {"contentType": "text/plain", "respTopic": "r", "correl": "c", "expiry": 60,
            "userProps": {"a": "b"}}});
    let mut flow = beside(&server, more).await;
    // A client with the same identifier takes the session over, which breaks the connection.
    let thief = vec![
        broker(server.port, json!({"clientid": "same", "autoConnect": false})),
        output(json!({})),
    ];
    let mut other = crate::support::start(thief).await;
    other.send("out", message(json!({"action": "connect"}))).await;
    shown(&mut other, "out", CONNECTED).await;
    let will = next(&flow, "got").await;
    assert_eq!((&will["topic"], &will["payload"]), (&json!("t/will"), &json!("gone")));
    assert_eq!((&will["contentType"], &will["responseTopic"]), (&json!("text/plain"), &json!("r")));
    assert_eq!(
        (&will["userProperties"], &will["messageExpiryInterval"]),
        (&json!({"a": "b"}), &json!(60))
    );
    other.stop().await;
    shown(&mut flow, "out2", CONNECTED).await;
    flow.stop().await;
}

#[tokio::test]
async fn the_broker_keeps_messages_for_a_session_that_is_not_clean() {
    for (version, unsubscribes) in [("4", false), ("5", false), ("4", true)] {
        let server = Mosquitto::start().await;
        let receiving = || {
            vec![
                broker(
                    server.port,
                    json!({"cleansession": false, "clientid": "c",
                    "sessionExpiry": "600", "protocolVersion": version,
                    "autoUnsubscribe": unsubscribes}),
                ),
                input(json!({"topic": "t"})),
            ]
        };
        let flow = connected(receiving()).await;
        flow.stop().await;
        let sending = connected(vec![broker(server.port, json!({})), output(json!({}))]).await;
        publish(&sending, json!({"topic": "t", "payload": "early", "qos": 2})).await;
        next(&sending, "done").await;
        let flow = connected(receiving()).await;
        if !unsubscribes {
            assert_eq!(next(&flow, "got").await["payload"], "early", "{version}");
        }
        publish(&sending, json!({"topic": "t", "payload": "late", "qos": 1})).await;
        assert_eq!(next(&flow, "got").await["payload"], "late");
        sending.stop().await;
        flow.stop().await;
    }
}
