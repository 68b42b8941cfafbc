//! The handling of messages by each of the nodes.

use ferrowire::{Level, Message};
use ferrowire_plugin_link as _;
use ferrowire_testkit::{Harness, assert_compliant, json, linked, message};
use std::time::Duration;

fn returned(call: &Message) -> Message {
    let mut msg = call.clone();
    let sources = msg.remove("_linkSource");
    let source = sources.as_ref().and_then(|sources| sources.as_array()?.last());
    msg.set("_linkReturn", source.and_then(|source| source.get("id")).cloned());
    msg.set("payload", "back");
    msg
}

#[tokio::test(start_paused = true)]
async fn a_call_leaves_through_the_link_and_its_return_through_the_output() {
    let mut node = Harness::of("link call").config(json!({"links": ["in"]})).start().await;
    node.send(Message::with_payload("x")).await;
    let call = node.next_output(1).await;
    let source = call.get("_linkSource").and_then(|s| s.as_array()).unwrap()[0].clone();
    assert_eq!(source.get("node"), Some(&"node".into()));
    node.send(returned(&call)).await;
    let back = node.next_output(0).await;
    assert_eq!(back.payload(), Some(&"back".into()));
    assert_eq!((back.get("_linkReturn"), back.get("_linkSource")), (None, None));
    node.wait(Duration::from_secs(100)).await;
    assert!(node.errors().is_empty());
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn calls_that_do_not_return_fail_in_time_and_may_still_return_later() {
    let config = json!({"links": ["in"], "timeout": "0.5"});
    let mut node = Harness::of("link call").config(config).watched().start().await;
    for payload in ["a", "b"] {
        node.send(Message::with_payload(payload)).await;
        node.wait(Duration::from_millis(300)).await;
    }
    let (a, b) = (node.next_output(1).await, node.next_output(1).await);
    assert_eq!(node.errors(), ["timeout"]);
    node.send(returned(&b)).await;
    node.wait(Duration::from_secs(10)).await;
    assert!(node.errors().is_empty());
    node.send(returned(&a)).await;
    assert_eq!(node.outputs(0).len(), 2);
    assert_eq!(node.completed().len(), 1, "what failed is not complete as well");
    node.send(returned(&b)).await;
    assert_eq!(node.outputs(0).len(), 1);
    assert!(node.completed().is_empty(), "a call is complete once");
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_leads_to_itself_is_an_error() {
    let mut node = Harness::of("link call").config(json!({"links": ["in"]})).start().await;
    node.send(Message::with_payload("x")).await;
    for _ in 1..1000 {
        let call = node.next_output(1).await;
        node.send(call).await;
    }
    let deepest = node.next_output(1).await;
    assert_eq!(deepest.get("_linkSource").and_then(|s| s.as_array()).map(<[_]>::len), Some(1000));
    node.send(deepest).await;
    let error = node.next_error().await;
    assert!(error.starts_with("1000 nested calls"), "{error}");
    assert!(node.outputs(1).is_empty());
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_dynamic_call_goes_to_the_node_that_the_message_names() {
    let builder = Harness::of("link call").linked("there");
    let mut node = builder.config(json!({"linkType": "dynamic"})).start().await;
    node.send(message(json!({"target": "there", "payload": 1}))).await;
    assert_eq!(node.next_delivered("there").await.payload(), Some(&1.into()));
    for target in [json!("elsewhere"), json!(7), json!(0), json!({})] {
        node.send(message(json!({"target": target}))).await;
        assert!(node.next_error().await.contains("no node"));
    }
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_number_names_a_node_by_its_digits() {
    let builder = Harness::of("link call").linked("5");
    let mut node = builder.config(json!({"linkType": "dynamic"})).start().await;
    node.send(message(json!({"target": 5}))).await;
    assert_eq!(node.next_delivered("5").await.get("target"), Some(&5.into()));
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_call_without_a_target_fails() {
    let mut node = Harness::of("link call").config(json!({"links": []})).outputs(1).start().await;
    node.send(Message::with_payload(1)).await;
    assert!(node.next_error().await.contains("no `link in` node to call"));
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn link_out_passes_on_or_returns_to_the_latest_call() {
    let mut node = Harness::of("link out").start().await;
    node.send(Message::with_payload(1)).await;
    assert_eq!(node.next_output(0).await.payload(), Some(&1.into()));
    node.stop().await;
    let builder = Harness::of("link out").linked("b");
    let mut node = builder.config(json!({"mode": "return"})).start().await;
    let sources = json!([{"id": "1", "node": "a"}, {"id": "2", "node": "b"}]);
    node.send(message(json!({"payload": 1, "_linkSource": sources}))).await;
    let back = node.next_delivered("b").await;
    assert_eq!(back.get("_linkReturn"), Some(&"2".into()));
    assert_eq!(back.get("_linkSource"), Some(&json!([{"id": "1", "node": "a"}]).into()));
    for msg in [
        json!({}),
        json!({"_linkSource": "x"}),
        json!({"_linkSource": [{"node": "gone", "id": "1"}]}),
    ] {
        node.send(message(msg)).await;
        let logs = node.logs();
        assert!(
            matches!(&logs[..], [(Level::Warn, text)] if text.contains("not returned")),
            "{logs:?}"
        );
    }
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn they_are_compliant_and_name_what_is_wrong() {
    for name in ["link in", "link out", "link call"] {
        assert_compliant(linked(name), json!({"links": ["a"]})).await;
        let problems = Harness::of(name).config(json!({"links": 5})).problems();
        assert_eq!(problems[0].property, "links");
    }
    let property = |name, config| Harness::of(name).config(config).problems()[0].property.clone();
    assert_eq!(property("link out", json!({"mode": "x"})), "mode");
    assert_eq!(property("link call", json!({"linkType": "x"})), "linkType");
    assert_eq!(property("link call", json!({"timeout": "x"})), "timeout");
}
