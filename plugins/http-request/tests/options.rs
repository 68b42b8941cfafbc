//! The effect of each option in the dialog of `http request`.

mod support;

use ferrowire::{Message, Value};
use ferrowire_testkit::{json, message};
use support::{Request, Server, payload, request, text};

/// The request of a node with these properties for a message, and the message it sends.
async fn exchange(properties: serde_json::Value, msg: Message) -> (Request, Message) {
    let server = Server::start().await;
    let mut properties = properties;
    if properties["url"].is_null() {
        properties["url"] = server.url.clone().into();
    }
    let mut msg = msg;
    msg.set("server", server.url.trim_end_matches('/'));
    let mut node = request(properties).start().await;
    node.send(msg).await;
    let seen = server.one("[1]").await;
    let got = node.next_output(0).await;
    node.stop().await;
    (seen, got)
}

async fn sent(properties: serde_json::Value, msg: serde_json::Value) -> Request {
    exchange(properties, message(msg)).await.0
}

#[tokio::test]
async fn the_method_is_that_of_the_node_or_of_the_message() {
    for method in ["GET", "POST", "PUT", "DELETE", "HEAD", "PATCH"] {
        let seen = sent(json!({"method": method}), json!({"method": "OPTIONS"})).await;
        assert_eq!(seen.line(), format!("{method} / HTTP/1.1"));
    }
    let seen = sent(json!({"method": "use"}), json!({"method": "options"})).await;
    assert_eq!(seen.line(), "OPTIONS / HTTP/1.1");
}

#[tokio::test]
async fn the_url_may_be_a_template_or_come_with_the_message() {
    let seen = sent(json!({"url": "{{{server}}}/{{room.name}}"}), json!({"room": {"name": "a"}}));
    assert_eq!(seen.await.line(), "GET /a HTTP/1.1");
    let server = Server::start().await;
    let mut node = request(json!({"url": ""})).start().await;
    node.send(message(json!({"url": format!("{}b", server.url)}))).await;
    assert_eq!(server.one("").await.line(), "GET /b HTTP/1.1");
    node.stop().await;
}

#[tokio::test]
async fn the_payload_of_a_get_is_ignored_or_the_query_or_the_body() {
    let msg = || json!({"payload": {"a": "x y", "b": 2}});
    for (choice, line, body) in [
        (json!("ignore"), "GET / HTTP/1.1", ""),
        (json!(false), "GET / HTTP/1.1", ""),
        (json!("query"), "GET /?a=x%20y&b=2 HTTP/1.1", ""),
        (json!(true), "GET /?a=x%20y&b=2 HTTP/1.1", ""),
        (json!("body"), "GET / HTTP/1.1", r#"{"a":"x y","b":2}"#),
    ] {
        let seen = sent(json!({"paytoqs": choice}), msg()).await;
        assert_eq!((seen.line(), seen.body.as_str()), (line, body), "{choice}");
    }
    let seen = sent(json!({"paytoqs": "query", "method": "POST"}), msg()).await;
    assert_eq!((seen.line(), seen.body.as_str()), ("POST / HTTP/1.1", r#"{"a":"x y","b":2}"#));
}

#[tokio::test]
async fn the_payload_leaves_as_text_or_buffer_or_json() {
    for (kind, expected) in [
        ("txt", Value::from("[1]")),
        ("bin", b"[1]".to_vec().into()),
        ("obj", Value::from(vec![Value::from(1.0)])),
    ] {
        let (_, got) = exchange(json!({"ret": kind}), message(json!({}))).await;
        assert_eq!(got.payload(), Some(&expected), "{kind}");
        assert_eq!(got.get("statusCode").unwrap().as_f64(), Some(200.0));
    }
}

#[tokio::test]
async fn basic_and_bearer_credentials_are_sent_at_once() {
    let credentials = json!({"user": "me", "password": "pw"});
    for (kind, expected) in [("basic", "Basic bWU6cHc="), ("bearer", "Bearer pw")] {
        let config = json!({"authType": kind, "credentials": credentials});
        let seen = sent(config, json!({})).await;
        assert_eq!(seen.header("authorization"), Some(expected));
    }
    assert_eq!(sent(json!({}), json!({})).await.header("authorization"), None);
}

const CHALLENGE: &str = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest realm=\"r\", \
                         qop=\"auth\", nonce=\"n\", opaque=\"o\"\r\nContent-Length: 2\r\n\r\nno";

#[tokio::test]
async fn a_digest_answers_the_servers_challenge_once() {
    let credentials = json!({"user": "me", "password": "pw"});
    let server = Server::start().await;
    let config = json!({"url": format!("{}x?y", server.url), "authType": "digest",
        "persist": true, "credentials": credentials});
    let mut node = request(config).start().await;
    node.send(message(json!({}))).await;
    let mut peer = server.accept().await;
    assert_eq!(peer.request().await.header("authorization"), None);
    peer.write(CHALLENGE).await;
    // The connection is reused for the second attempt.
    let seen = peer.request().await;
    let answer = seen.header("authorization").unwrap();
    for part in ["username=\"me\"", "realm=\"r\"", "uri=\"/x?y\"", "qop=auth", "opaque=\"o\""] {
        assert!(answer.contains(part), "`{part}` is missing in {answer}");
    }
    // A second challenge is reported.
    peer.write(CHALLENGE).await;
    let refused = node.next_output(0).await;
    assert_eq!(refused.get("statusCode").unwrap().as_f64(), Some(401.0));
    assert_eq!(text(&refused, "payload"), "no");
    node.stop().await;
}

#[tokio::test]
async fn a_challenge_that_cannot_be_answered_is_handed_on_with_a_warning() {
    let server = Server::start().await;
    let config = json!({"url": server.url, "authType": "digest",
        "credentials": {"user": "me", "password": "pw"}});
    let mut node = request(config).start().await;
    node.send(message(json!({}))).await;
    let mut peer = server.accept().await;
    peer.request().await;
    peer.write(&CHALLENGE.replace("nonce=\"n\", ", "")).await;
    let got = node.next_output(0).await;
    assert_eq!(got.get("statusCode").unwrap().as_f64(), Some(401.0));
    let logs = node.logs();
    let said = "digest authentication failed: the challenge has no nonce";
    assert!(logs.iter().any(|(_, line)| line == said), "{logs:?}");
    node.stop().await;
}

#[tokio::test]
async fn headers_of_the_list_go_before_those_of_the_message() {
    let list = json!([
        {"keyType": "Accept", "keyValue": "", "valueType": "text/html", "valueValue": ""},
        {"keyType": "other", "keyValue": "X-Own", "valueType": "other", "valueValue": "mine"},
        {"keyType": "msg", "keyValue": "name", "valueType": "msg", "valueValue": "value"},
        {"keyType": "other", "keyValue": "X-Gone", "valueType": "other", "valueValue": ""},
        {"keyType": "msg", "keyValue": "nothing", "valueType": "other", "valueValue": "x"},
    ]);
    let msg = json!({"name": "X-Asked", "value": "for",
        "headers": {"x-own": "theirs", "x-gone": "here", "x-theirs": "1", "accept": "a/b"}});
    let seen = sent(json!({"headers": list}), msg).await;
    for (name, value) in [
        ("accept", Some("text/html")),
        ("x-own", Some("mine")),
        ("x-asked", Some("for")),
        ("x-theirs", Some("1")),
        ("x-gone", None),
    ] {
        assert_eq!(seen.header(name), value, "{name} in {seen:?}");
    }
}

#[tokio::test]
async fn failures_leave_the_node_unless_only_catch_nodes_want_them() {
    for only_catch in [false, true] {
        let server = Server::start().await;
        let config = json!({"url": server.url, "senderr": only_catch});
        let mut node = request(config).watched().start().await;
        node.send(message(json!({"payload": "kept"}))).await;
        let mut peer = server.accept().await;
        peer.request().await;
        drop(peer);
        assert_eq!(text(&node.next_caught().await, "payload"), "kept");
        if only_catch {
            let stopped = node.stop().await;
            assert!(stopped.outputs[0].is_empty());
            continue;
        }
        let got = node.next_output(0).await;
        assert_eq!(text(&got, "statusCode"), "ECONNRESET");
        assert!(text(&got, "payload").starts_with("RequestError: "), "{got:?}");
        node.stop().await;
    }
}

#[tokio::test]
async fn headers_that_are_none_are_overlooked_only_if_the_node_says_so() {
    for lenient in [false, true] {
        let server = Server::start().await;
        let config = json!({"url": server.url, "insecureHTTPParser": lenient});
        let mut node = request(config).start().await;
        node.send(message(json!({}))).await;
        let mut peer = server.accept().await;
        peer.request().await;
        let odd = "no header\r\nbad name: 1\r\nSpaced : 2\r\n";
        peer.write(&format!("HTTP/1.1 200 OK\r\n{odd}Content-Length: 2\r\n\r\nok")).await;
        let got = node.next_output(0).await;
        match lenient {
            true => {
                assert_eq!(text(&got, "payload"), "ok");
                let headers = got.get("headers").and_then(Value::as_object).unwrap();
                assert_eq!(headers.get("spaced").and_then(Value::as_str), Some("2"));
            }
            false => assert_eq!(text(&got, "statusCode"), "HPE_INVALID_CONSTANT", "{got:?}"),
        }
        node.stop().await;
    }
}

#[tokio::test]
async fn a_proxy_is_asked_for_all_but_the_hosts_it_is_not_for() {
    let proxy = Server::start().await;
    let server = Server::start().await;
    let other = json!({"id": "p", "type": "http proxy", "url": proxy.url, "noproxy": ["127.0.0.1"],
        "credentials": {"username": "me", "password": "pw"}});
    let config = json!({"proxy": "p", "persist": true});
    let mut node = request(config).other_node(other).start().await;
    node.send(message(json!({"url": "http://nowhere.test/a"}))).await;
    let mut peer = proxy.accept().await;
    for answer in ["first", "second"] {
        let seen = peer.request().await;
        assert_eq!(seen.line(), "GET http://nowhere.test/a HTTP/1.1");
        assert_eq!(seen.header("proxy-authorization"), Some("Basic bWU6cHc="));
        peer.answer(answer).await;
        assert_eq!(payload(&mut node).await, answer);
        if answer == "first" {
            node.send(message(json!({"url": "http://nowhere.test/a"}))).await;
        }
    }
    node.send(message(json!({"url": server.url}))).await;
    assert_eq!(server.one("direct").await.line(), "GET / HTTP/1.1");
    assert_eq!(payload(&mut node).await, "direct");
    proxy.nobody();
    node.stop().await;
}
