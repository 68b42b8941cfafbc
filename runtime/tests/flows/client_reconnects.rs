//! How a client with delays, limits and codes of its own comes back, or stays away.

use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use crate::peer::{FAST, Peer, Server, client, client_in, client_out, echo, start};
use crate::support::{Runtime, soon, tab};

/// A flow that echoes, whose client has these properties.
fn echo_with(server: &Server, properties: Value) -> Value {
    let mut nodes = echo(&server.url("/"));
    for (key, value) in properties.as_object().unwrap() {
        nodes[1][key] = value.clone();
    }
    nodes
}

async fn start_with(server: &Server, properties: Value) -> Runtime {
    // The setting of the runtime would keep the test waiting.
    let args = ["--reconnect-delay", "600"];
    Runtime::start_with(echo_with(server, properties), &args, &[]).await
}

async fn close(mut peer: Peer, code: u16) {
    let frame = CloseFrame { code: code.into(), reason: "because".into() };
    peer.0.close(Some(frame)).await.unwrap();
    while soon("the end", peer.0.next()).await.is_some_and(|message| message.is_ok()) {}
}

async fn echoes(mut peer: Peer, text: &str) -> Peer {
    peer.send(Message::text(text)).await;
    assert_eq!(peer.text().await, text);
    peer
}

#[tokio::test]
async fn delays_of_the_node_replace_the_runtimes() {
    let server = Server::start().await;
    let properties = json!({"reconnectDelay": "0.05", "reconnectMax": "0.2"});
    let _runtime = start_with(&server, properties).await;
    for _ in 0..3 {
        drop(server.accept().await);
    }
    for _ in 0..3 {
        server.answer("503 Busy").await;
    }
    echoes(server.accept().await, "back").await;
}

#[tokio::test]
async fn a_refusal_that_asks_for_patience_is_obeyed_within_the_longest_delay() {
    let server = Server::start().await;
    let properties = json!({"reconnectDelay": "0.05", "reconnectMax": "0.1"});
    let _runtime = start_with(&server, properties).await;
    // An hour would keep the test waiting.
    server.answer_with("503 Busy", "retry-after: 3600\r\n", "").await;
    echoes(server.accept().await, "back").await;
}

#[tokio::test]
async fn a_server_that_answers_after_the_nodes_limit_is_dialled_again() {
    let server = Server::start().await;
    let properties = json!({"reconnectDelay": "0.05", "handshakeTimeout": "0.2"});
    let mut runtime = start_with(&server, properties).await;
    let mut late = server.tcp().await;
    runtime.log_line("did not finish the handshake within 200ms").await;
    let mut request = Vec::new();
    // The client has left when the answer comes, which disturbs nothing.
    soon("its end", late.read_to_end(&mut request)).await.unwrap();
    let _gone = late.write_all(b"HTTP/1.1 101 Switching Protocols\r\n\r\n").await;
    echoes(server.accept().await, "back").await;
}

#[tokio::test]
async fn clients_that_lose_their_server_at_once_all_come_back() {
    let server = Server::start().await;
    let mut nodes = vec![tab("tab")];
    for at in 0..40 {
        let (id, input, output) = (format!("c{at}"), format!("i{at}"), format!("o{at}"));
        let mut one = client(&id, &server.url(&format!("/{at}")));
        one["reconnectDelay"] = "0.02".into();
        one["reconnectMax"] = "0.1".into();
        nodes.extend([one, client_in(&input, &id, &[&output]), client_out(&output, &id)]);
    }
    let _runtime = Runtime::start_with(nodes.into(), FAST, &[]).await;
    for _ in 0..3 {
        let (mut peers, mut paths) = (Vec::new(), std::collections::BTreeSet::new());
        for _ in 0..40 {
            let (peer, request) = server.accept_with(None).await;
            paths.insert(request.uri().path().to_owned());
            peers.push(echoes(peer, "here").await);
        }
        assert_eq!(paths.len(), 40, "each once");
    }
}

#[tokio::test]
async fn codes_that_say_so_end_the_attempts_until_the_next_deploy() {
    for code in [1008, 3500, 3999] {
        let server = Server::start().await;
        let mut runtime = start_with(&server, json!({"reconnectDelay": "0.02"})).await;
        let mut events = runtime.events().await;
        close(server.accept().await, code).await;
        let text = format!("stopped: closed with {code} (because)");
        let status = events.status("in", &text).await;
        assert_eq!(status, json!({"fill": "red", "shape": "dot", "text": text}));
        let line = runtime.log_line("one of the codes to stop at").await;
        assert!(line.contains("WARN") && line.contains("or told to connect"), "{line}");
        server.nobody().await;
        runtime.redeploy(echo_with(&server, json!({"reconnectDelay": "0.03"}))).await;
        echoes(server.accept().await, "deployed").await;
    }
}

#[tokio::test]
async fn other_codes_mean_to_come_back() {
    let server = Server::start().await;
    let _runtime = start_with(&server, json!({"reconnectDelay": "0.02"})).await;
    for code in [1000, 1001, 1011, 1012, 1013, 3000, 3499, 4000, 4999] {
        close(server.accept().await, code).await;
    }
    echoes(server.accept().await, "back").await;
}

#[tokio::test]
async fn the_codes_may_be_chosen_and_statuses_are_among_them() {
    let server = Server::start().await;
    let properties = json!({"reconnectDelay": "0.02", "stopCodes": "401, 4000-4099"});
    let mut runtime = start_with(&server, properties.clone()).await;
    close(server.accept().await, 1008).await;
    server.answer("403 Forbidden").await;
    close(server.accept().await, 4099).await;
    runtime.log_line("closed with 4099 (because), one of the codes to stop at").await;
    server.nobody().await;

    let mut runtime = start_with(&server, properties).await;
    server.answer("401 Unauthorized").await;
    runtime.log_line("refused with 401, one of the codes to stop at").await;
    server.nobody().await;
}

#[tokio::test]
async fn a_client_from_node_red_stops_at_no_code() {
    let server = Server::start().await;
    let _runtime = start(echo(&server.url("/"))).await;
    for code in [1008, 3500, 4000] {
        close(server.accept().await, code).await;
    }
    echoes(server.accept().await, "back").await;
}
