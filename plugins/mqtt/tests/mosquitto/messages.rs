//! What is published arrives, with all its properties.

use ferrowire::Value;
use ferrowire_testkit::{json, message};

use crate::server::Mosquitto;
use crate::support::{CONNECTED, broker, connected, input, json_of, next, output, publish, shown};

#[tokio::test]
async fn messages_of_each_qos_arrive_and_are_completed() {
    for version in ["3", "4", "5"] {
        let server = Mosquitto::start().await;
        let node = broker(server.port, json!({"protocolVersion": version}));
        let flow = connected(vec![node, input(json!({"topic": "t/#"})), output(json!({}))]).await;
        for qos in [0, 1, 2] {
            publish(&flow, json!({"topic": "t/a", "payload": {"n": qos}, "qos": qos})).await;
            let got = next(&flow, "got").await;
            let expected = json!({"topic": "t/a", "payload": {"n": qos}, "qos": qos,
                "retain": false, "_topic": "t/a"});
            assert_eq!(got, expected, "{version}");
            assert_eq!(next(&flow, "done").await["payload"], format!("{{\"n\":{qos}}}"));
        }
        flow.stop().await;
    }
}

#[tokio::test]
async fn all_properties_of_mqtt_5_arrive() {
    let server = Mosquitto::start().await;
    let node = broker(server.port, json!({"protocolVersion": "5"}));
    let node_in =
        input(json!({"topic": "t", "datatype": "auto", "rap": true, "nl": false, "rh": 1}));
    let flow = connected(vec![node, node_in, output(json!({}))]).await;
    let mut msg = message(json!({"topic": "t", "payload": "{}", "qos": 1, "retain": true,
        "responseTopic": "r", "contentType": "text/plain", "messageExpiryInterval": "2000",
        "payloadFormatIndicator": true, "userProperties": {"a": "b", "n": 1}}));
    msg.set("correlationData", vec![1u8, 2, 3]);
    flow.send("out", msg).await;
    let got = flow.next_at("got").await;
    assert_eq!(got.get("correlationData"), Some(&Value::from(vec![1u8, 2, 3])));
    let mut got = json_of(&got);
    got.as_object_mut().unwrap().remove("correlationData");
    let expected = json!({"topic": "t", "payload": "{}", "qos": 1, "retain": true,
        "responseTopic": "r", "contentType": "text/plain", "messageExpiryInterval": 2000,
        "payloadFormatIndicator": true, "userProperties": {"a": "b", "n": "1"}, "_topic": "t"});
    assert_eq!(got, expected);
    flow.stop().await;
}

#[tokio::test]
async fn properties_of_the_node_replace_those_of_messages() {
    let server = Mosquitto::start().await;
    let node = broker(server.port, json!({"protocolVersion": "5"}));
    let out = output(json!({"topic": "t", "qos": "1", "retain": "false", "respTopic": "r",
        "correl": "c", "contentType": "application/json", "userProps": "{\"a\":\"b\"}",
        "expiry": "60"}));
    let flow = connected(vec![node, input(json!({"topic": "t"})), out]).await;
    publish(&flow, json!({"topic": "x", "payload": [1], "qos": 0, "contentType": "text/plain"}))
        .await;
    let got = next(&flow, "got").await;
    assert_eq!(
        (&got["topic"], &got["payload"], &got["qos"]),
        (&json!("t"), &json!([1]), &json!(1))
    );
    assert_eq!(
        (&got["responseTopic"], &got["contentType"]),
        (&json!("r"), &json!("application/json"))
    );
    assert_eq!(
        (&got["userProperties"], &got["messageExpiryInterval"]),
        (&json!({"a": "b"}), &json!(60))
    );
    flow.stop().await;
}

#[tokio::test]
async fn a_topic_alias_stands_for_its_topic() {
    let server = Mosquitto::start().await;
    let node = broker(server.port, json!({"protocolVersion": "5", "topicAliasMaximum": 10}));
    let flow = connected(vec![node, input(json!({"topic": "t/#"})), output(json!({}))]).await;
    for topic in ["t/a", "t/a", "t/b", "t/a"] {
        publish(&flow, json!({"topic": topic, "topicAlias": 3, "payload": "x", "qos": 2})).await;
        assert_eq!(next(&flow, "got").await["topic"], topic);
    }
    flow.stop().await;
}

#[tokio::test]
async fn a_message_without_a_topic_goes_to_its_response_topic() {
    let server = Mosquitto::start().await;
    let node = broker(server.port, json!({"protocolVersion": "5"}));
    let flow = connected(vec![node, input(json!({"topic": "answer"})), output(json!({}))]).await;
    publish(&flow, json!({"topic": "", "responseTopic": "answer", "payload": "x"})).await;
    assert_eq!(next(&flow, "got").await["topic"], "answer");
    flow.stop().await;
}

#[tokio::test]
async fn what_is_no_json_is_an_error_with_the_message() {
    let server = Mosquitto::start().await;
    let node_in = input(json!({"topic": "t", "datatype": "json"}));
    let flow = connected(vec![broker(server.port, json!({})), node_in, output(json!({}))]).await;
    publish(&flow, json!({"topic": "t", "payload": "{a"})).await;
    let caught = next(&flow, "caught").await;
    assert_eq!(caught["error"]["message"], "Failed to parse JSON string");
    assert_eq!(caught["error"]["source"]["id"], "in");
    assert_eq!(caught["topic"], "t");
    flow.stop().await;
}

#[tokio::test]
async fn retained_messages_arrive_with_the_subscription() {
    let server = Mosquitto::start().await;
    let publishing = connected(vec![broker(server.port, json!({})), output(json!({}))]).await;
    publish(&publishing, json!({"topic": "t", "payload": "kept", "retain": true, "qos": 1})).await;
    next(&publishing, "done").await;
    publishing.stop().await;
    let flow = connected(vec![broker(server.port, json!({})), input(json!({"topic": "t"}))]).await;
    let got = next(&flow, "got").await;
    assert_eq!((&got["payload"], &got["retain"]), (&json!("kept"), &json!(true)));
    flow.stop().await;
}

#[tokio::test]
async fn many_retained_messages_arrive() {
    const COUNT: usize = 100_000;
    let server = Mosquitto::with("max_queued_messages 0").await;
    let publishing = connected(vec![broker(server.port, json!({})), output(json!({}))]).await;
    for number in 0..COUNT {
        let qos = if number == COUNT - 1 { 1 } else { 0 };
        let msg =
            json!({"topic": format!("t/{number}"), "payload": number, "retain": true, "qos": qos});
        publish(&publishing, msg).await;
    }
    while next(&publishing, "done").await["qos"] != 1 {}
    publishing.stop().await;
    let flow =
        connected(vec![broker(server.port, json!({})), input(json!({"topic": "t/#", "qos": "0"}))])
            .await;
    let mut seen = vec![false; COUNT];
    for _ in 0..COUNT {
        let number = next(&flow, "got").await["payload"].as_u64().unwrap();
        assert!(!std::mem::replace(&mut seen[usize::try_from(number).unwrap()], true));
    }
    flow.stop().await;
}

#[tokio::test]
async fn a_burst_of_messages_arrives_in_order() {
    const COUNT: usize = 2_000;
    for (version, qos) in [("4", 0), ("4", 1), ("4", 2), ("5", 1), ("5", 2)] {
        let server = Mosquitto::with("max_queued_messages 0").await;
        let node = broker(server.port, json!({"protocolVersion": version}));
        let flow = connected(vec![node, input(json!({"topic": "t"})), output(json!({}))]).await;
        for number in 0..COUNT {
            publish(&flow, json!({"topic": "t", "payload": number, "qos": qos})).await;
        }
        for number in 0..COUNT {
            assert_eq!(next(&flow, "got").await["payload"], number, "{version} {qos}");
        }
        for number in 0..COUNT {
            let done = next(&flow, "done").await["payload"].clone();
            assert_eq!(done, number.to_string(), "{version} {qos}");
        }
        flow.stop().await;
    }
}

#[tokio::test]
async fn a_shared_subscription_divides_the_messages() {
    let server = Mosquitto::start().await;
    let node = |id: &str| broker(server.port, json!({"id": id, "protocolVersion": "5"}));
    let topic = "$share/group/t";
    let nodes = vec![
        node("broker"),
        node("other"),
        input(json!({"topic": topic})),
        input(json!({"id": "in2", "topic": topic, "broker": "other"})),
        output(json!({})),
    ];
    let mut flow = connected(nodes).await;
    shown(&mut flow, "in2", CONNECTED).await;
    for number in 0..10 {
        publish(&flow, json!({"topic": "t", "payload": number, "qos": 2})).await;
    }
    for _ in 0..10 {
        next(&flow, "got").await;
    }
    assert!(flow.arrived_at("got").is_empty());
    flow.stop().await;
}

#[tokio::test]
async fn subscriptions_come_and_go_with_messages() {
    for version in ["4", "5"] {
        let server = Mosquitto::start().await;
        let node = broker(server.port, json!({"protocolVersion": version}));
        let flow = connected(vec![node, input(json!({"inputs": 1})), output(json!({}))]).await;
        let act = async |msg| {
            flow.send("in", message(msg)).await;
            next(&flow, "done").await
        };
        let done = act(json!({"action": "subscribe", "topic": ["a", {"topic": "b/#", "qos": 1, "datatype": "base64"}]})).await;
        let listed = json!([{"topic": "a", "qos": 2, "rh": 0, "rap": true},
            {"topic": "b/#", "qos": 1, "datatype": "base64", "rh": 0, "rap": true}]);
        assert_eq!(done["subscriptions"], listed);
        act(json!({"action": "getSubscriptions"})).await;
        let got = next(&flow, "got").await;
        assert_eq!((&got["topic"], &got["payload"]), (&json!("subscriptions"), &listed));
        publish(&flow, json!({"topic": "a", "payload": "x"})).await;
        assert_eq!(next(&flow, "got").await["payload"], "x");
        next(&flow, "done").await;
        publish(&flow, json!({"topic": "b/c", "payload": "x"})).await;
        assert_eq!(next(&flow, "got").await["payload"], "eA==");
        next(&flow, "done").await;
        let done = act(json!({"action": "unsubscribe", "topic": "a"})).await;
        assert_eq!(done["subscriptions"].as_array().unwrap().len(), 1);
        publish(&flow, json!({"topic": "a", "payload": "y"})).await;
        publish(&flow, json!({"topic": "b/c", "payload": "y"})).await;
        assert_eq!(next(&flow, "got").await["topic"], "b/c");
        next(&flow, "done").await;
        next(&flow, "done").await;
        assert_eq!(
            act(json!({"action": "unsubscribe", "topic": true})).await["subscriptions"],
            json!([])
        );
        flow.stop().await;
    }
}

#[tokio::test]
async fn overlapping_subscriptions_of_one_client_each_get_a_message_once() {
    let server = Mosquitto::start().await;
    let nodes = vec![
        broker(server.port, json!({"protocolVersion": "5"})),
        input(json!({"topic": "t/#"})),
        input(json!({"id": "in2", "topic": "t/+", "wires": [["other"]]})),
        json!({"id": "other", "type": "probe", "z": "f"}),
        output(json!({})),
    ];
    let flow = connected(nodes).await;
    for number in 0..3 {
        publish(&flow, json!({"topic": "t/a", "payload": number, "qos": 1})).await;
    }
    for number in 0..3 {
        assert_eq!(next(&flow, "got").await["payload"], number);
        assert_eq!(next(&flow, "other").await["payload"], number);
    }
    flow.stop().await;
}
