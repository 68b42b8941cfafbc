//! The node `datagram in`: sends a message for each UDP datagram, and one if none arrives for a
//! while. The socket and timer belong to the node, whether linked or loaded.
#![forbid(unsafe_code)]

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use ferrowire::{
    Editor, EditorPart, FromConfig, Map, Message, Node, NodeConfig, NodeContext, NodeError,
    NodeType, Status, Value, async_trait, register,
};
use tokio::net::UdpSocket;
use tokio::time::sleep;

/// The output of datagrams.
const DATAGRAMS: usize = 0;
/// The output of a message after silence.
const SILENCE: usize = 1;

/// The maximum size of a UDP datagram.
const MAX_DATAGRAM: usize = 65_535;

/// The delay after an error, so that a broken socket does not keep a core busy.
const PAUSE: Duration = Duration::from_secs(1);

/// The type of the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Payload {
    Buffer,
    /// Invalid UTF-8 is replaced.
    Text,
}

#[derive(Clone, Copy, Debug)]
struct DatagramIn {
    address: SocketAddr,
    payload: Payload,
    silence: Option<Duration>,
}

impl FromConfig for DatagramIn {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let port = config.number_in("port", 0.0..=65_535.0);
        if config.raw("port").is_none() || port.is_some_and(|port| port.fract() != 0.0) {
            config.problem("port", "expected a whole number from 0 to 65535; 0 for any port");
        }
        let host = config.text_or("address", "127.0.0.1");
        let host = host.parse().unwrap_or_else(|_| {
            config.problem(
                "address",
                format!("expected an IP address of this machine, found `{host}`"),
            );
            IpAddr::V4(Ipv4Addr::LOCALHOST)
        });
        let payload = match config.text_or("payload", "text").as_str() {
            "text" => Payload::Text,
            "buffer" => Payload::Buffer,
            other => {
                config.problem("payload", format!("expected `text` or `buffer`, found `{other}`"));
                Payload::Buffer
            }
        };
        let silence = config.number_in("silence", 0.0..=86_400.0).filter(|seconds| *seconds > 0.0);
        DatagramIn {
            address: SocketAddr::new(host, port.unwrap_or_default() as u16),
            payload,
            silence: silence.map(Duration::from_secs_f64),
        }
    }
}

#[async_trait]
impl Node for DatagramIn {
    async fn start(&self, cx: &NodeContext) -> Result<(), NodeError> {
        let socket = UdpSocket::bind(self.address).await.map_err(|error| {
            NodeError::caused_by(format!("cannot receive datagrams at `{}`", self.address), error)
        })?;
        let address = socket.local_addr().unwrap_or(self.address);
        cx.status(Status::new("green", "dot", address.to_string()));
        cx.spawn(self.receive(socket, address, cx.clone()));
        Ok(())
    }
}

impl DatagramIn {
    /// Runs until the node stops. The next datagram is read when the previous one was accepted;
    /// further ones wait in the socket's buffer, and are lost when it is full, as UDP allows.
    async fn receive(self, socket: UdpSocket, address: SocketAddr, cx: NodeContext) {
        let mut buffer = vec![0; MAX_DATAGRAM];
        let mut silent = false;
        loop {
            let received = tokio::select! {
                received = socket.recv_from(&mut buffer) => received,
                () = quiet(self.silence.filter(|_| !silent)) => {
                    silent = true;
                    cx.status(Status::new("yellow", "ring", "silent"));
                    cx.send(SILENCE, Message::with_payload("silent")).await;
                    continue;
                }
            };
            match received {
                Ok((length, from)) => {
                    if std::mem::take(&mut silent) {
                        cx.status(Status::new("green", "dot", address.to_string()));
                    }
                    let bytes = buffer.get(..length).unwrap_or_default();
                    cx.send(DATAGRAMS, self.message(bytes, from)).await;
                }
                Err(error) => {
                    cx.fail(NodeError::caused_by("cannot read the next datagram", error));
                    sleep(PAUSE).await;
                }
            }
        }
    }

    fn message(self, bytes: &[u8], from: SocketAddr) -> Message {
        let payload = match self.payload {
            Payload::Text => Value::from(String::from_utf8_lossy(bytes).into_owned()),
            Payload::Buffer => Value::from(bytes.to_vec()),
        };
        let mut sender = Map::new();
        sender.insert("ip", from.ip().to_string());
        sender.insert("port", u32::from(from.port()));
        let mut msg = Message::with_payload(payload);
        msg.set("from", sender);
        msg
    }
}

/// Ends after `time`, or never.
async fn quiet(time: Option<Duration>) {
    match time {
        Some(time) => sleep(time).await,
        None => std::future::pending().await,
    }
}

register!(
    NodeType::shared::<DatagramIn>("datagram in")
        .summary("receives UDP datagrams and detects silence")
        .category("network")
        .editor(Editor::Own(&EditorPart::new("datagram-in", include_str!("editor.html"))))
);
