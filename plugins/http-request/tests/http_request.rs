//! Compliance of `http request`, and the requests it rejects before sending.

use ferrowire_plugin_http_request as _;
use ferrowire_testkit::{Harness, assert_compliant, json, linked, message};

#[tokio::test(start_paused = true)]
async fn it_keeps_to_the_contract() {
    let config = json!({"method": "GET", "ret": "txt", "paytoqs": "ignore", "url": "", "tls": "",
        "persist": false, "proxy": "", "insecureHTTPParser": false, "authType": "", "senderr": false,
        "headers": [{"keyType": "other", "keyValue": "a", "valueType": "msg", "valueValue": "b"}]});
    assert_compliant(linked("http request"), config).await;
}

#[tokio::test(start_paused = true)]
async fn mistakes_are_found_before_the_start() {
    let config = json!({"method": "use", "ret": "xml", "paytoqs": "head", "authType": "kerberos",
        "url": "http://{{a", "headers": [{"keyType": "msg", "keyValue": "a..b"}], "maxResponse": 0});
    let problems = Harness::of("http request").config(config).problems();
    let mut properties: Vec<_> = problems.iter().map(|problem| problem.property.as_str()).collect();
    properties.sort_unstable();
    assert_eq!(properties, ["authType", "headers", "maxResponse", "paytoqs", "ret", "url"]);
    let proxy = Harness::of("http proxy").config(json!({"url": "socks5://x:1"})).problems();
    assert_eq!(proxy[0].text, "invalid proxy `socks5://x:1`: expected `http://host:port`");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_sent_fails_with_the_reason() {
    let mut node = Harness::of("http request").config(json!({"method": "use"})).start().await;
    for (msg, error) in [
        (json!({}), "No url specified"),
        (json!({"url": "http://"}), "invalid URL `http://`: empty host"),
        (json!({"url": "http://a:99999/"}), "invalid URL `http://a:99999/`: invalid port number"),
    ] {
        node.send(message(msg)).await;
        assert_eq!(node.next_error().await, error);
    }
    node.send(message(json!({"url": "ftp://a/"}))).await;
    let shown = loop {
        let status = node.next_status().await;
        if status.fill == "red" {
            break status.text;
        }
    };
    assert_eq!(shown.as_str(), "httpin.errors.invalid-transport");
    let stopped = node.stop().await;
    assert!(stopped.outputs[0].is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_query_needs_an_object() {
    let config = json!({"method": "GET", "url": "http://a/", "paytoqs": "query"});
    let mut node = Harness::of("http request").config(config).start().await;
    node.send(message(json!({"payload": "text"}))).await;
    assert_eq!(node.next_error().await, "Invalid payload");
    node.stop().await;
}
