//! `Connection`: one connection to the broker, from CONNACK to its end.

use std::collections::HashMap;
use std::io;
use std::time::Duration;

use bytes::BytesMut;
use mqtt5_protocol::packet::MqttPacket;
use mqtt5_protocol::packet::disconnect::DisconnectPacket;
use mqtt5_protocol::packet::pingreq::PingReqPacket;
use mqtt5_protocol::packet::puback::PubAckPacket;
use mqtt5_protocol::packet::pubcomp::PubCompPacket;
use mqtt5_protocol::packet::publish::PublishPacket;
use mqtt5_protocol::packet::pubrec::PubRecPacket;
use mqtt5_protocol::packet::subscribe::{SubscribePacket, TopicFilter};
use mqtt5_protocol::packet::unsubscribe::UnsubscribePacket;
use mqtt5_protocol::{QoS, ReasonCode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf};

use crate::alive::{Alive, Due};
use crate::codec::{self, Codec, Fault, Incoming, Version};
use crate::handshake::Opened;
use crate::inbox::{Delivered, Inbox};
use crate::link::Link;
use crate::options::Options;
use crate::outbox::{Outgoing, Ticket};
use crate::reason;
use crate::session::{Outcome, Receipt, Session};
use crate::subscriptions::Wanted;
use crate::transport::Duplex;

/// The size of a read, in bytes.
const CHUNK: usize = 16 * 1024;

/// No more packets are written into the output while it has so many bytes.
const MOST_OUTPUT: usize = 64 * 1024;

/// Nothing is read while the output has so many bytes: a broker that does not read gets no further answers.
const MOST_ANSWERS: usize = 1024 * 1024;

/// How long the end waits for acknowledgements, as in Node-RED.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Lost {
    #[error(transparent)]
    Fault(#[from] Fault),
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("the broker closed the connection")]
    Closed,
    #[error("the broker did not answer within the keep-alive interval")]
    Silent,
    #[error("the broker ended the connection: {} {reason}", reason::name(*code))]
    Told { code: u8, reason: String },
}

/// What both ends share, and what belongs to one connection.
pub(crate) struct Connection<'a> {
    link: &'a Link,
    options: &'a Options,
    session: &'a mut Session,
    inbox: &'a mut Inbox,
    codec: Codec,
    reader: ReadHalf<Box<dyn Duplex>>,
    writer: WriteHalf<Box<dyn Duplex>>,
    input: BytesMut,
    output: BytesMut,
    /// The stream may hold back what was written.
    is_unflushed: bool,
    alive: Alive,
    /// The topics of the aliases that the broker uses.
    aliases: HashMap<u16, String>,
}

/// What outlives a connection.
pub(crate) struct Lasting<'a> {
    pub(crate) link: &'a Link,
    pub(crate) options: &'a Options,
    pub(crate) session: &'a mut Session,
    pub(crate) inbox: &'a mut Inbox,
}

impl<'a> Connection<'a> {
    /// The connection after CONNACK. Subscribes to what the nodes want, then sends the birth message.
    pub(crate) fn begin(lasting: Lasting<'a>, opened: Opened, codec: Codec) -> Self {
        let Lasting { link, options, session, inbox } = lasting;
        let Opened { stream, answer, input } = opened;
        let mut output = BytesMut::new();
        let outcomes = session.begin(&answer, &mut output);
        outcomes.into_iter().for_each(|outcome| link.outcomes.add(outcome));
        let (reader, writer) = tokio::io::split(stream);
        let alive = Alive::new(session.broker.keep_alive.unwrap_or(options.keep_alive));
        let mut this = Connection {
            link,
            options,
            session,
            inbox,
            codec,
            reader,
            writer,
            input,
            output,
            is_unflushed: false,
            alive,
            aliases: HashMap::new(),
        };
        link.outbox.keep_messages();
        link.wanted_filters().into_iter().for_each(|wanted| this.subscribe(wanted));
        if let Some(birth) = options.birth.clone() {
            this.send(Outgoing::Message(birth, Ticket::own()));
        }
        this
    }

    /// Serves until the connection is lost. Can be dropped at any time, and called again.
    pub(crate) async fn serve(&mut self) -> Lost {
        if let Err(lost) = self.parse() {
            return self.failed(lost).await;
        }
        loop {
            if let Err(lost) = self.step().await {
                return self.failed(lost).await;
            }
        }
    }

    /// Ends the connection: sends the close message and what waits, waits for acknowledgements for up
    /// to two seconds, and disconnects.
    pub(crate) async fn close(mut self) {
        if let Some(close) = self.options.close.clone() {
            self.send(Outgoing::Message(close, Ticket::own()));
        }
        let last = async {
            while !(self.link.outbox.is_empty() && self.session.is_idle() && self.is_written()) {
                if self.step().await.is_err() {
                    return;
                }
            }
        };
        // What is not acknowledged then is reported as such.
        let _is_complete = tokio::time::timeout(LAST_WORDS, last).await;
        self.disconnect(ReasonCode::Success).await;
    }

    /// Tells the broker why the connection ends, as far as its version can say that.
    async fn failed(&mut self, lost: Lost) -> Lost {
        if let (Lost::Fault(fault), Version::V5) = (&lost, self.codec.version) {
            self.disconnect(fault.code()).await;
        }
        lost
    }

    /// Sends DISCONNECT and closes the stream, within a second.
    async fn disconnect(&mut self, code: ReasonCode) {
        self.append(&DisconnectPacket::new(code));
        let writing = async {
            self.writer.write_all_buf(&mut self.output).await?;
            self.writer.shutdown().await
        };
        // The connection is over, whether the broker learns of it or not.
        let _is_sent = tokio::time::timeout(Duration::from_secs(1), writing).await;
    }

    fn is_written(&self) -> bool {
        self.output.is_empty() && !self.is_unflushed
    }

    /// Waits for the next event and handles it.
    async fn step(&mut self) -> Result<(), Lost> {
        self.fill();
        let has_room = self.inbox.has_room();
        let is_reading = has_room && self.output.len() < MOST_ANSWERS;
        if is_reading && self.input.capacity() - self.input.len() < CHUNK / 4 {
            self.input.reserve(CHUNK);
        }
        let (next, has_output) = (self.alive.next(has_room), !self.is_written());
        tokio::select! {
            read = self.reader.read_buf(&mut self.input), if is_reading => {
                self.alive.heard();
                match read? {
                    0 => Err(Lost::Closed),
                    _ => self.parse(),
                }
            }
            written = write(&mut self.writer, &mut self.output, &mut self.is_unflushed), if has_output => {
                Ok(written?)
            }
            Some(delivered) = self.inbox.delivered() => {
                self.acknowledge(delivered);
                while let Some(delivered) = self.inbox.delivered_now() {
                    self.acknowledge(delivered);
                }
                if !has_room {
                    self.alive.heard();
                }
                self.parse()
            }
            () = self.link.outbox.added.notified() => Ok(()),
            () = at(next), if next.is_some() => match self.alive.due(has_room) {
                Due::Nothing => Ok(()),
                Due::Silence => Err(Lost::Silent),
                Due::Ping => {
                    self.append(&PingReqPacket::default());
                    Ok(())
                }
            },
        }
    }

    /// Writes what waits into the output.
    fn fill(&mut self) {
        while self.output.len() < MOST_OUTPUT
            && let Some(next) = self.link.outbox.next_if(|next| self.session.admits(next))
        {
            self.send(next);
        }
    }

    fn send(&mut self, item: Outgoing) {
        match item {
            Outgoing::Message(publication, ticket) => {
                self.alive.sent();
                let outcome = self.session.publish(publication, ticket, &mut self.output);
                self.tell(outcome);
            }
            Outgoing::Subscription(wanted) => self.subscribe(wanted),
            Outgoing::End(filter) => {
                let id = self.session.unsubscribe();
                let mut packet = UnsubscribePacket::new(id).add_filter(filter);
                packet.protocol_version = self.codec.version.number();
                self.append(&packet);
            }
        }
    }

    fn subscribe(&mut self, wanted: Wanted) {
        let id = self.session.subscribe(&wanted.filter);
        let filter = TopicFilter::with_options(wanted.filter, wanted.options);
        let mut packet = SubscribePacket::new(id).add_filter_with_options(filter);
        packet.protocol_version = self.codec.version.number();
        if self.session.broker.has_identifiers {
            packet = packet.with_subscription_identifier(wanted.id);
        }
        self.append(&packet);
    }

    /// Appends a packet of ours. One that cannot be written, because of a filter that is too long, is
    /// only reported.
    fn append(&mut self, packet: &impl MqttPacket) {
        self.alive.sent();
        if let Err(error) = codec::write(packet, &mut self.output) {
            self.link.cx.warn(error);
        }
    }

    fn tell(&self, outcome: Option<Outcome>) {
        if let Some(outcome) = outcome {
            self.link.outcomes.add(outcome);
        }
    }

    /// Handles the packets that have arrived, as long as there is room for messages.
    fn parse(&mut self) -> Result<(), Lost> {
        while self.inbox.has_room()
            && let Some(packet) = self.codec.read(&mut self.input)?
        {
            self.handle(packet)?;
        }
        Ok(())
    }

    fn handle(&mut self, packet: Incoming) -> Result<(), Lost> {
        match packet {
            Incoming::Publish(packet) => self.receive(*packet)?,
            Incoming::PubAck(ack) => {
                let outcome = self.session.acknowledged(ack);
                self.tell(outcome);
            }
            Incoming::PubRec(ack) => {
                let outcome = self.session.recorded(ack, &mut self.output);
                self.tell(outcome);
            }
            Incoming::PubComp(ack) => {
                let outcome = self.session.completed(ack);
                self.tell(outcome);
            }
            Incoming::PubRel(ack) => {
                self.session.released(ack.id);
                self.append(&PubCompPacket::new(ack.id));
            }
            Incoming::SubAck(id, codes) => self.subscribed(id, &codes),
            Incoming::UnsubAck(id) => self.session.unsubscribed(id),
            Incoming::PingResp => {}
            Incoming::ConnAck(_) => return Err(Fault::Unexpected("a second CONNACK").into()),
            Incoming::Disconnect { code, reason } => return Err(Lost::Told { code, reason }),
        }
        Ok(())
    }

    fn subscribed(&mut self, id: u16, codes: &[u8]) {
        let Some(filter) = self.session.subscribed(id) else { return };
        if let Some(code) = codes.iter().find(|code| **code >= 0x80) {
            let reason = reason::name(*code);
            self.link
                .cx
                .warn(format_args!("the broker refused to subscribe to `{filter}`: {reason}"));
        }
    }

    fn receive(&mut self, mut packet: PublishPacket) -> Result<(), Lost> {
        self.resolve_alias(&mut packet)?;
        if let (QoS::ExactlyOnce, Some(id)) = (packet.qos, packet.packet_id) {
            match self.session.receive(id) {
                Receipt::New => {}
                Receipt::Again { is_acknowledged: false } => return Ok(()),
                Receipt::Again { is_acknowledged: true } => {
                    self.append(&PubRecPacket::new(id));
                    return Ok(());
                }
            }
        }
        self.inbox.add(packet, self.session.epoch);
        Ok(())
    }

    /// Replaces an alias by its topic (MQTT 5.0 §3.3.2.3.4).
    fn resolve_alias(&mut self, packet: &mut PublishPacket) -> Result<(), Fault> {
        let Some(alias) = packet.topic_alias() else {
            return match packet.topic_name.is_empty() {
                true => Err(Fault::Malformed("a message has no topic".to_owned())),
                false => Ok(()),
            };
        };
        if alias == 0 || alias > self.options.aliases() {
            return Err(Fault::Malformed(format!("the topic alias {alias} is not allowed")));
        }
        if !packet.topic_name.is_empty() {
            self.aliases.insert(alias, packet.topic_name.clone());
            return Ok(());
        }
        let topic = self.aliases.get(&alias);
        let topic =
            topic.ok_or_else(|| Fault::Malformed(format!("unknown topic alias {alias}")))?;
        packet.topic_name.clone_from(topic);
        Ok(())
    }

    /// The flow has a message: the broker may forget it, unless the session is another one now.
    fn acknowledge(&mut self, delivered: Delivered) {
        let Some(id) = delivered.id.filter(|_| delivered.epoch == self.session.epoch) else {
            return;
        };
        match delivered.qos {
            QoS::AtMostOnce => {}
            QoS::AtLeastOnce => self.append(&PubAckPacket::new(id)),
            QoS::ExactlyOnce => {
                self.session.delivered(id);
                self.append(&PubRecPacket::new(id));
            }
        }
    }
}

/// Waits until `instant`.
async fn at(instant: Option<tokio::time::Instant>) {
    if let Some(instant) = instant {
        tokio::time::sleep_until(instant).await;
    }
}

/// Writes part of the output, and flushes after the last part. Other tasks run before a small part is written: what they
/// add goes into the same packet of the network. Can be dropped at any time.
async fn write(
    writer: &mut WriteHalf<Box<dyn Duplex>>,
    output: &mut BytesMut,
    is_unflushed: &mut bool,
) -> io::Result<()> {
    if output.len() < CHUNK {
        tokio::task::yield_now().await;
    }
    if !output.is_empty() {
        let written = writer.write_buf(output).await?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        *is_unflushed = true;
    }
    if output.is_empty() {
        writer.flush().await?;
        *is_unflushed = false;
    }
    Ok(())
}
