//! What `http in` and `http response` make of their properties and of messages.

use std::sync::Arc;

use ferrowire_http::{FlowPages, FlowSettings, Routes};
use ferrowire_plugin_http as _;
use ferrowire_testkit::{Harness, assert_compliant, json, linked, message};

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
            "method: `brew` is none of `get`, `post`, `put`, `patch` and `delete`",
            "url: a path such as `/chat` is needed",
        ]
    );
    assert!(of("http in", json!({"url": "/(", "method": "get"}))[0].contains("is no path: "));
    assert_eq!(of("http response", json!({"statusCode": "1"})).len(), 1);
    assert_eq!(of("http response", json!({"headers": "x"})).len(), 1);
}

#[tokio::test]
async fn a_response_answers_once_and_says_why_it_cannot() {
    let pages = FlowPages::new(Routes::new(), FlowSettings::default());
    let open = Arc::clone(pages.open());
    let mut node = Harness::of("http response").resource(pages).config(json!({})).start().await;
    let (name, waiting) = open.enter(None).unwrap();
    let res = json!({"_res": name});
    node.send(message(json!({"payload": "x", "headers": {"a b": "c"}, "res": res}))).await;
    assert_eq!(node.next_error().await, "`a b` is no name of a header");
    node.send(message(json!({"payload": {"a": 1}, "res": res}))).await;
    let response = waiting.await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/json; charset=utf-8");
    node.send(message(json!({"payload": "again", "res": res}))).await;
    assert_eq!(node.next_error().await, "this request has been answered already");

    let (name, waiting) = open.enter(None).unwrap();
    drop(waiting);
    node.send(message(json!({"payload": "late", "res": {"_res": name}}))).await;
    let error = node.next_error().await;
    assert_eq!(error, "the client of this request no longer waits for an answer");

    let (name, waiting) = open.enter(Some("call.me<script>".to_owned())).unwrap();
    node.send(message(json!({"payload": [1], "res": {"_res": name}}))).await;
    let response = waiting.await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/javascript; charset=utf-8");
    node.stop().await;
}
