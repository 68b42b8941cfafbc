//! Instances with a listener each that meet in memory.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ferrowire::port::ByteStream;
use ferrowire_cluster::memory::Hub;
use ferrowire_cluster::{Member, Options};
use ferrowire_testkit::{Harness, TestPort, message, websocket_handshake};
use futures_util::StreamExt;
use serde_json::json;
use tokio::io::{AsyncReadExt, DuplexStream, duplex};
use tokio_tungstenite::WebSocketStream;
use tungstenite::protocol::Role;

/// One instance with a listener.
pub(crate) struct Instance {
    pub(crate) node: Harness,
    port: TestPort,
    pub(crate) member: Arc<Member>,
}

impl Instance {
    pub(crate) async fn start(hub: &Hub, name: &str, properties: serde_json::Value) -> Self {
        let options = Options { instance: name.to_owned(), ..Options::default() };
        let member = Arc::new(hub.join(options));
        let port = TestPort::new();
        let mut config = properties;
        config["path"] = json!("/ws");
        let builder = Harness::of("websocket-listener").config(config).port(port.clone());
        let node = builder.cluster(Arc::clone(&member) as _).start().await;
        settled().await;
        Instance { node, port, member }
    }

    pub(crate) async fn connect(&self) -> WebSocketStream<DuplexStream> {
        self.connect_to("/ws").await
    }

    pub(crate) async fn connect_to(&self, path: &str) -> WebSocketStream<DuplexStream> {
        let request = websocket_handshake(path).body(()).unwrap();
        let decision = self.port.upgrade(request).await.unwrap();
        let take_over = decision.unwrap_or_else(|_| panic!("the handshake was refused"));
        let (mut client, server) = duplex(64 * 1024);
        take_over(ByteStream::new(server), Bytes::new());
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(client.read_u8().await.unwrap());
        }
        settled().await;
        WebSocketStream::from_raw_socket(client, Role::Client, None).await
    }

    pub(crate) async fn broadcast(&mut self, text: &str) {
        self.node.send(message(json!({"payload": text}))).await;
        settled().await;
    }
}

pub(crate) async fn settled() {
    tokio::time::sleep(Duration::from_millis(10)).await;
}

pub(crate) async fn two(properties: serde_json::Value) -> (Hub, Instance, Instance) {
    let hub = Hub::new();
    let a = Instance::start(&hub, "a", properties.clone()).await;
    let b = Instance::start(&hub, "b", properties).await;
    (hub, a, b)
}

/// Stops the listeners, which closes their clients.
pub(crate) async fn stop(instances: [Instance; 2]) {
    for instance in instances {
        instance.node.stop().await;
    }
}

pub(crate) async fn text(client: &mut WebSocketStream<DuplexStream>) -> String {
    client.next().await.unwrap().unwrap().into_text().unwrap().as_str().to_owned()
}
