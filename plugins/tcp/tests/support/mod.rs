//! Sockets and nodes of the tests.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

pub(crate) use ferrowire_testkit::free_port;
use std::time::Duration;

use ferrowire::Message;
use ferrowire_plugin_tcp as _;
use ferrowire_testkit::Harness;
use serde_json::Value as Json;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};

/// Longer than any step of these tests.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    let outcome = tokio::time::timeout(PATIENCE, future).await;
    outcome.unwrap_or_else(|_| panic!("waited {PATIENCE:?} for {what}"))
}

pub(crate) async fn listener() -> (TcpListener, u16) {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = server.local_addr().unwrap().port();
    (server, port)
}

pub(crate) async fn start(name: &str, config: Json) -> Harness {
    Harness::of(name).config(config).watched().start().await
}

pub(crate) async fn read(peer: &mut TcpStream, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    soon("data", peer.read_exact(&mut bytes)).await.unwrap();
    bytes
}

pub(crate) async fn read_all(peer: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    soon("the end of the data", peer.read_to_end(&mut bytes)).await.unwrap();
    bytes
}

pub(crate) fn json_of(msg: &Message) -> Json {
    serde_json::from_str(&msg.to_json()).unwrap()
}
