//! `Codec`: packets as bytes, for one version of the protocol.
//!
//! The crate `mqtt5-protocol` reads and writes the bodies. Two packets that it reads only in the form of
//! MQTT 5 are read here, and so is the frame, whose size has to be checked first.

use bytes::{Buf as _, Bytes, BytesMut};
use mqtt5_protocol::packet::MqttPacket;
use mqtt5_protocol::packet::connack::ConnAckPacket;
use mqtt5_protocol::packet::connect::ConnectPacket;
use mqtt5_protocol::packet::publish::PublishPacket;
use mqtt5_protocol::{FixedHeader, MqttError, Packet, PacketType, Properties, QoS};

use crate::reason;

/// A version of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    /// MQTT 3.1.
    V3,
    /// MQTT 3.1.1.
    V4,
    /// MQTT 5.
    V5,
}

impl Version {
    /// The number that the crate has for it: its packets after CONNECT are those of 3.1.1 for 3.1 too.
    pub(crate) fn number(self) -> u8 {
        if self == Version::V5 { 5 } else { 4 }
    }
}

/// What is wrong with the bytes of a peer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("the broker sent an invalid packet: {0}")]
    Malformed(String),
    #[error("the broker sent {0}, which does not belong there")]
    Unexpected(&'static str),
    #[error("the broker sent a packet of {size} bytes; at most {limit} are accepted")]
    TooLarge { size: usize, limit: usize },
}

impl Fault {
    /// The reason code of MQTT 5 that tells the broker.
    pub(crate) fn code(&self) -> mqtt5_protocol::ReasonCode {
        match self {
            Fault::Malformed(_) => mqtt5_protocol::ReasonCode::MalformedPacket,
            Fault::Unexpected(_) => mqtt5_protocol::ReasonCode::ProtocolError,
            Fault::TooLarge { .. } => mqtt5_protocol::ReasonCode::PacketTooLarge,
        }
    }
}

impl From<MqttError> for Fault {
    fn from(error: MqttError) -> Self {
        match error {
            MqttError::MalformedPacket(text) => Fault::Malformed(text),
            error => Fault::Malformed(error.to_string()),
        }
    }
}

/// The broker's answer to CONNECT.
#[derive(Debug)]
pub(crate) struct ConnAck {
    pub(crate) session_present: bool,
    /// Why the broker refuses the client.
    pub(crate) refusal: Option<&'static str>,
    pub(crate) properties: Properties,
}

/// An acknowledgement: the packet that it is for, and the reason code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ack {
    pub(crate) id: u16,
    pub(crate) code: u8,
}

/// A packet of a broker.
#[derive(Debug)]
pub(crate) enum Incoming {
    ConnAck(ConnAck),
    Publish(Box<PublishPacket>),
    PubAck(Ack),
    PubRec(Ack),
    PubRel(Ack),
    PubComp(Ack),
    /// The codes in the order of the filters.
    SubAck(u16, Vec<u8>),
    UnsubAck(u16),
    PingResp,
    Disconnect {
        code: u8,
        reason: String,
    },
}

/// Packets smaller than this are copied out of the buffer, so that a kept message does not keep the
/// buffer.
const COPIED: usize = 64 * 1024;

/// Reads and writes packets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Codec {
    pub(crate) version: Version,
    /// The largest packet that is read, in bytes.
    pub(crate) limit: usize,
}

impl Codec {
    /// Takes the next packet out of `input`; `None` if it is not complete.
    ///
    /// # Errors
    /// If the bytes are no packet of a broker. The rest of the connection cannot be read then.
    pub(crate) fn read(&self, input: &mut BytesMut) -> Result<Option<Incoming>, Fault> {
        let Some(frame) = Frame::of(input)? else { return Ok(None) };
        if frame.size > self.limit {
            return Err(Fault::TooLarge { size: frame.size, limit: self.limit });
        }
        let Some(body) = input.get(frame.start..frame.start + frame.size) else { return Ok(None) };
        let body = if frame.size < COPIED {
            let body = Bytes::copy_from_slice(body);
            input.advance(frame.start + frame.size);
            body
        } else {
            input.advance(frame.start);
            input.split_to(frame.size).freeze()
        };
        self.packet(frame.first, body).map(Some)
    }

    fn packet(&self, first: u8, mut body: Bytes) -> Result<Incoming, Fault> {
        let kind = first >> 4;
        let kind = PacketType::from_u8(kind)
            .ok_or_else(|| Fault::Malformed(format!("there is no packet of type {kind}")))?;
        let header = FixedHeader::new(kind, first & 0x0f, body.len() as u32);
        match (kind, self.version) {
            (PacketType::ConnAck, Version::V3 | Version::V4) => return plain_connack(&body),
            (PacketType::UnsubAck, Version::V3 | Version::V4) => return plain_unsuback(&body),
            (PacketType::Disconnect, Version::V3 | Version::V4) => {
                return Err(Fault::Unexpected("DISCONNECT"));
            }
            (PacketType::ConnAck, Version::V5) => {
                return ConnAckPacket::decode_body(&mut body, &header)
                    .map(connack)
                    .map_err(Fault::from);
            }
            _ => {}
        }
        let number = self.version.number();
        let packet = Packet::decode_from_body_with_version(kind, &header, &mut body, number)?;
        incoming(packet)
    }
}

fn incoming(packet: Packet) -> Result<Incoming, Fault> {
    let ack = |id: u16, code: mqtt5_protocol::ReasonCode| Ack { id, code: code.into() };
    Ok(match packet {
        Packet::Publish(publish) => {
            if publish.packet_id == Some(0) {
                return Err(Fault::Malformed("a packet identifier is 0".to_owned()));
            }
            Incoming::Publish(Box::new(publish))
        }
        Packet::PubAck(it) => Incoming::PubAck(ack(it.packet_id, it.reason_code)),
        Packet::PubRec(it) => Incoming::PubRec(ack(it.packet_id, it.reason_code)),
        Packet::PubRel(it) => Incoming::PubRel(ack(it.packet_id, it.reason_code)),
        Packet::PubComp(it) => Incoming::PubComp(ack(it.packet_id, it.reason_code)),
        Packet::SubAck(it) => {
            Incoming::SubAck(it.packet_id, it.reason_codes.iter().map(|code| *code as u8).collect())
        }
        Packet::UnsubAck(it) => Incoming::UnsubAck(it.packet_id),
        Packet::PingResp => Incoming::PingResp,
        Packet::Disconnect(it) => {
            let reason =
                crate::properties::text(&it.properties, mqtt5_protocol::PropertyId::ReasonString);
            Incoming::Disconnect {
                code: it.reason_code.into(),
                reason: reason.unwrap_or_default().to_owned(),
            }
        }
        other => return Err(Fault::Unexpected(other.packet_type_name())),
    })
}

fn connack(packet: ConnAckPacket) -> Incoming {
    let code = u8::from(packet.reason_code);
    Incoming::ConnAck(ConnAck {
        session_present: packet.session_present,
        refusal: (code != 0).then(|| reason::name(code)),
        properties: packet.properties,
    })
}

/// CONNACK before MQTT 5.
fn plain_connack(body: &[u8]) -> Result<Incoming, Fault> {
    let [flags, code] = body else {
        return Err(Fault::Malformed(format!("CONNACK has {} bytes instead of 2", body.len())));
    };
    Ok(Incoming::ConnAck(ConnAck {
        session_present: flags & 1 == 1,
        refusal: (*code != 0).then(|| reason::connect_name(*code)),
        properties: Properties::default(),
    }))
}

/// UNSUBACK before MQTT 5.
fn plain_unsuback(body: &[u8]) -> Result<Incoming, Fault> {
    match body {
        [high, low] => Ok(Incoming::UnsubAck(u16::from_be_bytes([*high, *low]))),
        _ => Err(Fault::Malformed(format!("UNSUBACK has {} bytes instead of 2", body.len()))),
    }
}

/// The frame of a packet.
struct Frame {
    /// Its first byte: type and flags.
    first: u8,
    /// Where its body starts.
    start: usize,
    /// The bytes of its body.
    size: usize,
}

impl Frame {
    /// Reads it; `None` if it is not complete.
    fn of(input: &[u8]) -> Result<Option<Self>, Fault> {
        let Some((&first, rest)) = input.split_first() else { return Ok(None) };
        let mut size = 0;
        for (at, byte) in rest.iter().take(4).enumerate() {
            size |= usize::from(byte & 0x7f) << (7 * at);
            if byte & 0x80 == 0 {
                return Ok(Some(Frame { first, start: at + 2, size }));
            }
        }
        match rest.len() < 4 {
            true => Ok(None),
            false => Err(Fault::Malformed("a length has more than four bytes".to_owned())),
        }
    }
}

/// Appends a packet to `output`.
///
/// # Errors
/// If the packet cannot be written, such as one with a topic of more than 65,535 bytes; `output` is as
/// before then.
pub(crate) fn write(packet: &impl MqttPacket, output: &mut BytesMut) -> Result<(), MqttError> {
    undone_if_invalid(output, |output| packet.encode(output))
}

/// The same, with one copy of the payload.
pub(crate) fn write_publish(
    packet: &PublishPacket,
    output: &mut BytesMut,
) -> Result<(), MqttError> {
    undone_if_invalid(output, |output| {
        let size = u32::try_from(packet.body_encoded_size()).unwrap_or(u32::MAX);
        FixedHeader::new(PacketType::Publish, packet.flags(), size).encode(output)?;
        packet.encode_body_direct(output)
    })
}

fn undone_if_invalid(
    output: &mut BytesMut,
    write: impl FnOnce(&mut BytesMut) -> Result<(), MqttError>,
) -> Result<(), MqttError> {
    let before = output.len();
    let written = write(output);
    if written.is_err() {
        output.truncate(before);
    }
    written
}

/// Appends a CONNECT. MQTT 3.1 has another name and number at its beginning.
///
/// # Errors
/// As [`write`].
pub(crate) fn write_connect(
    packet: &ConnectPacket,
    version: Version,
    output: &mut BytesMut,
) -> Result<(), MqttError> {
    const NAME: &[u8] = b"\0\x04MQTT\x04";
    const OLD_NAME: &[u8] = b"\0\x06MQIsdp\x03";
    let mut body = Vec::new();
    packet.encode_body(&mut body)?;
    if version == Version::V3 && body.starts_with(NAME) {
        body.splice(..NAME.len(), OLD_NAME.iter().copied());
    }
    let size = u32::try_from(body.len()).unwrap_or(u32::MAX);
    undone_if_invalid(output, |output| {
        FixedHeader::new(PacketType::Connect, 0, size).encode(output)?;
        output.extend_from_slice(&body);
        Ok(())
    })
}

/// The QoS of a number; `None` if there is no such.
pub(crate) fn qos(number: f64) -> Option<QoS> {
    match number {
        0.0 => Some(QoS::AtMostOnce),
        1.0 => Some(QoS::AtLeastOnce),
        2.0 => Some(QoS::ExactlyOnce),
        _ => None,
    }
}

/// What a broker's bytes contain, for the fuzz target: the packets, and what is wrong after them. The bytes
/// arrive in pieces of this size.
#[doc(hidden)]
pub fn read_all(bytes: &[u8], piece: usize, is_new: bool) -> (Vec<String>, Option<String>) {
    let version = if is_new { Version::V5 } else { Version::V4 };
    let codec = Codec { version, limit: 1000 };
    let (mut input, mut found) = (BytesMut::new(), Vec::new());
    for piece in bytes.chunks(piece.max(1)) {
        input.extend_from_slice(piece);
        loop {
            match codec.read(&mut input) {
                Ok(None) => break,
                Ok(Some(Incoming::Publish(it))) => {
                    found.push(format!("{:?} {} {:?}", it.packet_id, it.topic_name, it.payload));
                }
                Ok(Some(Incoming::ConnAck(it))) => found.push(format!("{:?}", it.refusal)),
                Ok(Some(packet)) => found.push(format!("{packet:?}")),
                Err(fault) => return (found, Some(fault.to_string())),
            }
        }
    }
    (found, None)
}
