//! A broker whose bytes the test writes.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Longer than any step of these tests.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    let outcome = tokio::time::timeout(PATIENCE, future).await;
    outcome.unwrap_or_else(|_| panic!("waited {PATIENCE:?} for {what}"))
}

pub(crate) const CONNECT: u8 = 1;
pub(crate) const PUBLISH: u8 = 3;
pub(crate) const PUBACK: u8 = 4;
pub(crate) const SUBSCRIBE: u8 = 8;
pub(crate) const PINGREQ: u8 = 12;

/// CONNACK without properties, before MQTT 5.
pub(crate) const ACCEPTED: [u8; 4] = [0x20, 2, 0, 0];
/// CONNACK of MQTT 5.
pub(crate) const ACCEPTED_5: [u8; 5] = [0x20, 3, 0, 0, 0];

pub(crate) struct Fake(TcpListener);

/// A connection of a client.
pub(crate) struct Peer(pub(crate) TcpStream);

impl Fake {
    pub(crate) async fn start() -> Self {
        Fake(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    pub(crate) fn port(&self) -> u16 {
        self.0.local_addr().unwrap().port()
    }

    /// The next connection, after its CONNECT.
    pub(crate) async fn connecting(&self) -> Peer {
        let (tcp, _) = soon("a connection", self.0.accept()).await.unwrap();
        let mut peer = Peer(tcp);
        assert_eq!(peer.packet().await.0, CONNECT);
        peer
    }

    /// The next connection, accepted with these bytes.
    pub(crate) async fn accept(&self, answer: &[u8]) -> Peer {
        let mut peer = self.connecting().await;
        peer.write(answer).await;
        peer
    }
}

impl Peer {
    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.unwrap();
    }

    /// The next packet: its type and its body.
    pub(crate) async fn packet(&mut self) -> (u8, Vec<u8>) {
        soon("a packet", self.read()).await.expect("a packet, not the end")
    }

    /// The next packet of a type; others are left out.
    pub(crate) async fn packet_of(&mut self, kind: u8) -> Vec<u8> {
        loop {
            let (found, body) = self.packet().await;
            if found == kind {
                return body;
            }
        }
    }

    /// `None` at the end.
    pub(crate) async fn read(&mut self) -> Option<(u8, Vec<u8>)> {
        let first = self.0.read_u8().await.ok()?;
        let mut size = 0;
        for at in 0..4 {
            let byte = self.0.read_u8().await.ok()?;
            size |= usize::from(byte & 0x7f) << (7 * at);
            if byte & 0x80 == 0 {
                break;
            }
        }
        let mut body = vec![0; size];
        self.0.read_exact(&mut body).await.ok()?;
        Some((first >> 4, body))
    }

    /// Reads until the client closes the connection.
    pub(crate) async fn closed(&mut self) {
        soon("the end of the connection", async { while self.read().await.is_some() {} }).await;
    }
}

/// A PUBLISH before MQTT 5, with QoS 0 or, with an identifier, 1.
pub(crate) fn message(topic: &str, payload: &[u8], id: Option<u16>) -> Vec<u8> {
    let mut body = (topic.len() as u16).to_be_bytes().to_vec();
    body.extend(topic.as_bytes());
    body.extend(id.into_iter().flat_map(u16::to_be_bytes));
    body.extend(payload);
    let mut packet = vec![if id.is_some() { 0x32 } else { 0x30 }];
    let mut size = body.len();
    loop {
        let more = if size > 127 { 0x80 } else { 0 };
        packet.push((size % 128) as u8 | more);
        size /= 128;
        if more == 0 {
            break;
        }
    }
    packet.extend(body);
    packet
}
