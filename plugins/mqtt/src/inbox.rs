//! The messages of the broker that the flow has not taken yet. Reading pauses while there are too many,
//! so that the broker keeps the rest.

use mqtt5_protocol::QoS;
use mqtt5_protocol::packet::publish::PublishPacket;
use tokio::sync::mpsc;

/// The messages that may wait for the flow.
const MOST: usize = 1024;

/// A message of the broker.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) packet: PublishPacket,
    /// The session in which it is to be acknowledged.
    epoch: u64,
}

/// A message that the flow has taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delivered {
    pub(crate) epoch: u64,
    pub(crate) qos: QoS,
    pub(crate) id: Option<u16>,
    size: usize,
}

impl Received {
    /// What remains of it when the flow has it.
    pub(crate) fn receipt(&self) -> Delivered {
        Delivered {
            epoch: self.epoch,
            qos: self.packet.qos,
            id: self.packet.packet_id,
            size: size(&self.packet),
        }
    }
}

fn size(packet: &PublishPacket) -> usize {
    packet.topic_name.len() + packet.payload.len() + packet.properties.encoded_len()
}

/// The connection's end.
#[derive(Debug)]
pub(crate) struct Inbox {
    messages: mpsc::Sender<Received>,
    delivered: mpsc::Receiver<Delivered>,
    count: usize,
    bytes: usize,
    limit: usize,
}

/// The end of the task that delivers to the flow.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) messages: mpsc::Receiver<Received>,
    pub(crate) delivered: mpsc::Sender<Delivered>,
}

/// Both ends, for `limit` bytes.
pub(crate) fn inbox(limit: usize) -> (Inbox, Delivery) {
    let (messages, arriving) = mpsc::channel(MOST);
    // As many as there can be messages, so that the delivery never waits for a connection.
    let (delivered, done) = mpsc::channel(MOST);
    let inbox = Inbox { messages, delivered: done, count: 0, bytes: 0, limit };
    (inbox, Delivery { messages: arriving, delivered })
}

impl Inbox {
    /// Whether the next message may be read.
    pub(crate) fn has_room(&self) -> bool {
        self.count < MOST && self.bytes < self.limit
    }

    /// Hands a message to the flow.
    pub(crate) fn add(&mut self, packet: PublishPacket, epoch: u64) {
        let bytes = size(&packet);
        // There is a place for each that is counted; the delivery ends only after the connection.
        if self.messages.try_send(Received { packet, epoch }).is_ok() {
            self.count += 1;
            self.bytes += bytes;
        }
    }

    /// The next message that the flow has taken.
    pub(crate) async fn delivered(&mut self) -> Option<Delivered> {
        let delivered = self.delivered.recv().await?;
        Some(self.counted(delivered))
    }

    /// The same, if there is one now.
    pub(crate) fn delivered_now(&mut self) -> Option<Delivered> {
        let delivered = self.delivered.try_recv().ok()?;
        Some(self.counted(delivered))
    }

    fn counted(&mut self, delivered: Delivered) -> Delivered {
        self.count -= 1;
        self.bytes -= delivered.size;
        delivered
    }
}
