//! Keys of tokens at an address, which the runtime reads and keeps.

#![expect(clippy::disallowed_methods, reason = "no node owns the task of a server")]

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::access::{connect, session, shake, who_am_i};
use crate::support::{Runtime, soon};
use crate::tokens::Signer;

/// Serves a document by HTTP, and reports each request.
struct Server {
    url: String,
    response: Arc<Mutex<String>>,
    requests: mpsc::Receiver<String>,
    task: JoinHandle<()>,
}

impl Server {
    async fn start(document: &Value) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/keys.json", listener.local_addr().unwrap());
        let response = Arc::new(Mutex::new(ok(&document.to_string())));
        let (sender, requests) = mpsc::channel(100);
        let served = Arc::clone(&response);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let mut stream = BufReader::new(stream);
                let mut line = String::new();
                stream.read_line(&mut line).await.unwrap();
                sender.send(line.trim().to_owned()).await.unwrap();
                let response = served.lock().unwrap().clone();
                // A client that has read enough may have left.
                let _sent = stream.write_all(response.as_bytes()).await;
            }
        });
        Server { url, response, requests, task }
    }

    fn serve(&self, response: String) {
        *self.response.lock().unwrap() = response;
    }

    async fn requested(&mut self) {
        let line = soon("a request for the keys", self.requests.recv()).await.unwrap();
        assert_eq!(line, "GET /keys.json HTTP/1.1");
    }
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

fn with_keys_at(url: &str) -> Value {
    who_am_i(json!({"auth": "jwt", "jwksUrl": url, "authFrom": "header, message"}))
}

async fn status(runtime: &Runtime, token: &str) -> u16 {
    let bearer = format!("Bearer {token}");
    shake(runtime, "/ws", &[("authorization", &bearer)]).await.status
}

#[tokio::test]
async fn new_keys_are_read_when_a_token_needs_them() {
    let (old, new) = (Signer::rsa(), Signer::ed());
    let mut server = Server::start(&json!({"keys": [old.jwk("old")]})).await;
    let runtime = Runtime::start(with_keys_at(&server.url)).await;
    let bearer = format!("Bearer {}", old.token_of("old", &json!({"sub": "ann"})));
    let mut client = connect(&runtime, "/ws", &[("authorization", &bearer)]).await;
    assert_eq!(session(&mut client).await["user"], "ann");
    server.requested().await;
    let known = old.token_of("old", &json!({}));
    assert_eq!(status(&runtime, &known).await, 101);
    assert!(server.requests.is_empty(), "the keys are kept");

    server.serve(ok(&json!({"keys": [new.jwk("new")]}).to_string()));
    assert_eq!(status(&runtime, &new.token_of("new", &json!({}))).await, 101);
    server.requested().await;
    assert_eq!(status(&runtime, &known).await, 401, "the old key is gone");
    session(&mut client).await;
}

#[tokio::test]
async fn keys_stay_in_use_when_the_server_does_not_respond() {
    let signer = Signer::ec();
    let mut server = Server::start(&json!({"keys": [signer.jwk("1")]})).await;
    let mut runtime = Runtime::start(with_keys_at(&server.url)).await;
    let known = signer.token_of("1", &json!({}));
    assert_eq!(status(&runtime, &known).await, 101);
    server.requested().await;
    for broken in [
        "HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n".to_owned(),
        ok("no keys"),
        ok(&" ".repeat(300 * 1024)),
    ] {
        server.serve(broken);
        assert_eq!(status(&runtime, &signer.token_of("2", &json!({}))).await, 401);
        server.requested().await;
        runtime.log_line("the earlier ones stay in use").await;
        assert_eq!(status(&runtime, &known).await, 101);
    }
    server.task.abort();
    assert!(server.task.await.unwrap_err().is_cancelled());
    assert_eq!(status(&runtime, &signer.token_of("2", &json!({}))).await, 401);
    assert_eq!(status(&runtime, &known).await, 101);
}

#[tokio::test]
async fn unknown_keys_do_not_make_the_runtime_ask_all_the_time() {
    let signer = Signer::ed();
    let mut server = Server::start(&json!({"keys": [signer.jwk("1")]})).await;
    let runtime = Runtime::start(with_keys_at(&server.url)).await;
    for at in 0..20 {
        assert_eq!(
            status(&runtime, &signer.token_of(&at.to_string(), &json!({}))).await,
            match at {
                1 => 101,
                _ => 401,
            }
        );
    }
    let mut requests = 0;
    while server.requests.try_recv().is_ok() {
        requests += 1;
    }
    assert_eq!(requests, 5);
}

#[tokio::test]
async fn without_keys_a_client_is_told_to_come_back() {
    let server = Server::start(&json!({"keys": []})).await;
    let mut runtime = Runtime::start(with_keys_at(&server.url)).await;
    let token = Signer::ed().token(&json!({}));
    assert_eq!(status(&runtime, &token).await, 503);
    runtime.log_line("no token is accepted without them").await;
    let mut client = runtime.connect("/ws").await;
    client.send(&token).await;
    assert_eq!(u16::from(client.closed().await.unwrap().code), 1013);
}
