//! The properties of `http in` and `http response`, and their handling of messages.

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

use bytes::Bytes;
use ferrowire::{Map, Message, Value};
use ferrowire_plugin_http as _;
use ferrowire_testkit::{Harness, TestPort, assert_compliant, json, linked, message};
use http::Request;
use tokio::task::JoinHandle;

#[tokio::test(start_paused = true)]
async fn http_response_keeps_to_the_contract() {
    let config = json!({"name": "", "statusCode": "200", "headers": {"a": "b"}});
    assert_compliant(linked("http response"), config).await;
}

#[tokio::test(start_paused = true)]
async fn http_in_keeps_to_the_contract() {
    let config = json!({"name": "", "url": "/a/:b", "method": "post", "upload": true,
        "skipBodyParsing": false});
    assert_compliant(linked("http in"), config).await;
}

#[tokio::test(start_paused = true)]
async fn mistakes_are_found_before_the_start() {
    let of = |node_type: &str, config| {
        let problems = Harness::of(node_type).config(config).problems();
        problems.into_iter().map(|it| format!("{}: {}", it.property, it.text)).collect::<Vec<_>>()
    };
    assert_eq!(
        of("http in", json!({"url": "", "method": "brew"})),
        [
            "method: expected `get`, `post`, `put`, `patch` or `delete`, found `brew`",
            "url: expected a path such as `/chat`",
        ]
    );
    assert!(
        of("http in", json!({"url": "/(", "method": "get"}))[0].contains("invalid path `/(`: ")
    );
    assert_eq!(of("http response", json!({"statusCode": "1"})).len(), 1);
    assert_eq!(of("http response", json!({"headers": "x"})).len(), 1);
}

/// A pending request: its response, and `msg.res` of its message.
async fn begin(
    node: &mut Harness,
    port: &TestPort,
    uri: &str,
) -> (JoinHandle<http::Response<Bytes>>, Value) {
    let (port, request) = (port.clone(), Request::get(uri).body(Bytes::new()).unwrap());
    let response = tokio::spawn(async move { port.request(request).await });
    let msg = node.next_output(0).await;
    (response, msg.get("res").cloned().unwrap())
}

async fn http_in() -> (Harness, TestPort) {
    let port = TestPort::new();
    let config = json!({"url": "/a", "method": "get"});
    (Harness::of("http in").config(config).port(port.clone()).start().await, port)
}

fn answer(payload: serde_json::Value, res: &Value) -> Message {
    let mut msg = message(json!({"payload": payload}));
    msg.set("res", res.clone());
    msg
}

#[tokio::test]
async fn a_response_answers_once_and_says_why_it_cannot() {
    let (mut receiver, port) = http_in().await;
    let mut node = Harness::of("http response").config(json!({})).start().await;
    let (response, res) = begin(&mut receiver, &port, "/a").await;
    let mut wrong = answer(json!("x"), &res);
    wrong.set("headers", Map::from_iter([("a b", "c")]));
    node.send(wrong).await;
    assert_eq!(node.next_error().await, "invalid header name `a b`");
    node.send(answer(json!({"a": 1}), &res)).await;
    let response = response.await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/json; charset=utf-8");
    node.send(answer(json!("again"), &res)).await;
    assert_eq!(node.next_error().await, "this request was already answered");

    let (response, res) = begin(&mut receiver, &port, "/a?callback=call.me%3Cscript%3E").await;
    node.send(answer(json!([1]), &res)).await;
    let response = response.await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/javascript; charset=utf-8");
    node.stop().await;
    receiver.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_has_left_is_no_error_and_one_that_was_sent_away_is() {
    let (mut receiver, port) = http_in().await;
    let mut node = Harness::of("http response").config(json!({})).start().await;
    let mut gone = Vec::new();
    for _ in 0..2_000 {
        let (left, res) = begin(&mut receiver, &port, "/a").await;
        left.abort();
        assert!(left.await.unwrap_err().is_cancelled());
        gone.push(res);
    }
    for res in &gone {
        node.send(answer(json!("to nobody"), res)).await;
    }
    let (response, res) = begin(&mut receiver, &port, "/a").await;
    assert_eq!(response.await.unwrap().status(), 504);
    node.send(answer(json!("late"), &res)).await;
    let error = node.next_error().await;
    assert!(
        error.starts_with("this request was not answered within `http-node-timeout`"),
        "{error}"
    );
    node.stop().await;
    receiver.stop().await;
}
