//! The flow decides who may connect, with `websocket handshake` and `websocket admit`.

use serde_json::{Value, json};

use crate::access::{ask, connect, session, shake, who_am_i};
use crate::support::{Runtime, debug, node};

/// A listener whose handshakes the function decides about.
fn decided_by(code: &str, more: Value) -> Value {
    let mut nodes = who_am_i(crate::support::with(json!({"auth": "flow"}), more));
    nodes.as_array_mut().unwrap().extend([
        node("hs", "websocket handshake", json!({"server": "l"}), &["decide"]),
        node("decide", "function", json!({"func": code, "outputs": 1}), &["admit"]),
        node("admit", "websocket admit", json!({"server": "l"}), &[]),
    ]);
    nodes
}

#[tokio::test]
async fn the_flow_admits_with_user_claims_and_rooms_or_refuses_with_status_and_body() {
    let code = "const { path, query, headers, cookies, ip } = msg.req;
        if (query.token !== 'good') {
            msg.statusCode = query.token ? 403 : 401;
            msg.payload = query.token ? { error: 'no', path } : 'who are you?';
            return msg;
        }
        msg.user = query.name;
        msg.claims = { path, ip, cookie: cookies.a, agent: headers['user-agent'] };
        msg.rooms = ['a', 'b'];
        return msg;";
    let runtime = Runtime::start(decided_by(code, json!({}))).await;
    let headers = [("cookie", "a=1"), ("user-agent", "test")];
    let mut client = connect(&runtime, "/ws?token=good&name=ann", &headers).await;
    let session = session(&mut client).await;
    assert_eq!(session["user"], "ann");
    let claims = json!({"path": "/ws", "ip": "127.0.0.1", "cookie": "1", "agent": "test"});
    assert_eq!(session["claims"], claims);

    let refused = shake(&runtime, "/ws", &[]).await;
    assert_eq!(refused.status, 401);
    assert!(refused.text.ends_with("who are you?\n"), "{}", refused.text);
    let refused = shake(&runtime, "/ws?token=bad", &[]).await;
    assert_eq!(refused.status, 403);
    assert!(refused.text.contains(r#"{"error":"no","path":"/ws"}"#), "{}", refused.text);
}

#[tokio::test]
async fn the_parameters_of_the_path_are_those_of_the_request() {
    let code = "msg.user = msg.req.params.id; return msg;";
    let runtime = Runtime::start(decided_by(code, json!({"path": "/ocpp/:id"}))).await;
    let mut client = runtime.connect("/ocpp/cp-1").await;
    assert_eq!(session(&mut client).await["user"], "cp-1");
}

#[tokio::test]
async fn a_status_that_a_request_has_left_admits() {
    let code = "msg.statusCode = 200; msg.user = 'ann'; return msg;";
    let runtime = Runtime::start(decided_by(code, json!({}))).await;
    let mut client = runtime.connect("/ws").await;
    assert_eq!(session(&mut client).await["user"], "ann");
}

#[tokio::test]
async fn a_flow_that_does_not_answer_refuses_in_time() {
    let mut runtime =
        Runtime::start(decided_by("return null;", json!({"authTimeout": "0.2"}))).await;
    assert_eq!(shake(&runtime, "/ws", &[]).await.status, 504);
    let line = runtime.log_line("a handshake was refused").await;
    assert!(line.contains("WARN") && line.contains("did not decide within 200ms"), "{line}");
}

#[tokio::test]
async fn a_second_answer_is_an_error_of_its_node() {
    let code = "node.send({ ...msg, user: 'ann' }); node.send({ ...msg, statusCode: 403 });";
    let mut nodes = decided_by(code, json!({}));
    let catch = node("catch", "catch", json!({"scope": ["admit"], "uncaught": false}), &["debug"]);
    nodes.as_array_mut().unwrap().extend([catch, debug("debug")]);
    let runtime = Runtime::start(nodes).await;
    let mut events = runtime.events().await;
    let mut client = runtime.connect("/ws").await;
    let caught = events.of("debug", "debug").await;
    assert!(
        caught["msg"]["error"]["message"].as_str().unwrap().contains("answered before"),
        "{caught}"
    );
    assert_eq!(session(&mut client).await["user"], "ann");
}

#[tokio::test]
async fn a_malformed_answer_is_an_error_and_may_be_followed_by_another() {
    let code = "node.send({ ...msg, rooms: [{}] }); node.send({ ...msg, claims: 1 });
        node.send({ ...msg, statusCode: 'x' }); node.send({ ...msg, user: 'ann' });";
    let mut runtime = Runtime::start(decided_by(code, json!({}))).await;
    let mut client = runtime.connect("/ws").await;
    for part in ["`msg.rooms`", "`msg.claims`", "`msg.statusCode`"] {
        runtime.log_line(part).await;
    }
    assert_eq!(session(&mut client).await["user"], "ann");
}

#[tokio::test]
async fn handshakes_that_wait_are_limited_and_a_client_that_leaves_frees_its_place() {
    let code = "if (msg.req.query.wait) { node.warn('it waits'); return null; }
        msg.user = 'ann'; return msg;";
    let nodes = decided_by(code, json!({"authTimeout": "9"}));
    let mut runtime = Runtime::start_with(nodes, &["--max-waiting-handshakes", "1"], &[]).await;
    let waiting = ask(&runtime, "/ws?wait=1", &[]).await;
    runtime.log_line("it waits").await;
    let refused = shake(&runtime, "/ws", &[]).await;
    assert_eq!(refused.status, 503);
    assert!(refused.text.contains("retry-after: 1"), "{}", refused.text);
    drop(waiting);
    // The runtime learns of that a little later.
    while shake(&runtime, "/ws", &[]).await.status != 101 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_answer_with_an_unknown_name_is_an_error() {
    let code = "msg._handshake = 'forged'; return msg;";
    let mut runtime = Runtime::start(decided_by(code, json!({"authTimeout": "0.2"}))).await;
    assert_eq!(shake(&runtime, "/ws", &[]).await.status, 504);
    runtime.log_line("the handshake does not wait").await;
}
