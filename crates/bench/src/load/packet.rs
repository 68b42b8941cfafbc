//! The packets of MQTT 3.1.1 that the load needs.

use anyhow::{Context as _, Result, bail};

/// The broker's answer to [`connect`]: accepted, without an earlier session.
pub(super) const CONNECTED: [u8; 4] = [0x20, 2, 0, 0];

/// The longest "remaining length", in bytes (section 2.2.3).
const LONGEST_LENGTH: usize = 4;

/// A packet from the broker.
#[derive(Debug, PartialEq)]
pub(super) enum Packet<'a> {
    /// A message; the id is there for QoS 1.
    Publish { topic: &'a [u8], id: Option<u16>, contents: &'a [u8] },
    /// The broker has taken a message.
    Acknowledged,
}

/// Opens a session that ends with the connection, without keep-alive.
pub(super) fn connect(client: &str) -> Vec<u8> {
    let mut body = text("MQTT");
    body.extend([4, 2, 0, 0]);
    body.extend(text(client));
    packet(0x10, &body)
}

/// Subscribes to one topic.
pub(super) fn subscribe(topic: &str, qos: u8) -> Vec<u8> {
    let mut body = vec![0, 1];
    body.extend(text(topic));
    body.push(qos);
    packet(0x82, &body)
}

/// The broker's answer to [`subscribe`].
pub(super) fn subscribed(qos: u8) -> [u8; 5] {
    [0x90, 3, 0, 1, qos]
}

/// A message; the id is left out for QoS 0.
pub(super) fn publish(qos: u8, topic: &str, id: u16, contents: &[u8]) -> Vec<u8> {
    let mut body = text(topic);
    if qos > 0 {
        body.extend(id.to_be_bytes());
    }
    body.extend(contents);
    packet(0x30 | qos << 1, &body)
}

/// The answer to a message with QoS 1.
pub(super) fn acknowledge(id: u16) -> [u8; 4] {
    let [high, low] = id.to_be_bytes();
    [0x40, 2, high, low]
}

/// The first packet and the bytes after it; `None` if it is not complete.
pub(super) fn read(bytes: &[u8]) -> Result<Option<(Packet<'_>, &[u8])>> {
    let Some((&first, after)) = bytes.split_first() else { return Ok(None) };
    let Some((length, after)) = length(after)? else { return Ok(None) };
    let Some((body, rest)) = after.split_at_checked(length) else { return Ok(None) };
    let packet = match first >> 4 {
        3 => message(first, body).context("invalid message from the broker")?,
        4 => Packet::Acknowledged,
        other => bail!("unexpected packet of type `{other}` from the broker"),
    };
    Ok(Some((packet, rest)))
}

fn message(first: u8, body: &[u8]) -> Option<Packet<'_>> {
    let (length, body) = body.split_first_chunk()?;
    let (topic, body) = body.split_at_checked(u16::from_be_bytes(*length).into())?;
    if first & 0b110 == 0 {
        return Some(Packet::Publish { topic, id: None, contents: body });
    }
    let (id, contents) = body.split_first_chunk()?;
    Some(Packet::Publish { topic, id: Some(u16::from_be_bytes(*id)), contents })
}

fn length(bytes: &[u8]) -> Result<Option<(usize, &[u8])>> {
    let mut length = 0;
    for (position, &byte) in bytes.iter().enumerate().take(LONGEST_LENGTH) {
        length |= usize::from(byte & 0x7f) << (7 * position);
        if byte & 0x80 == 0 {
            return Ok(Some((length, bytes.get(position + 1..).unwrap_or_default())));
        }
    }
    anyhow::ensure!(bytes.len() < LONGEST_LENGTH, "invalid length of a packet from the broker");
    Ok(None)
}

fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut packet = vec![first];
    let mut rest = body.len();
    loop {
        let byte = (rest & 0x7f) as u8;
        rest >>= 7;
        packet.push(if rest > 0 { byte | 0x80 } else { byte });
        if rest == 0 {
            break;
        }
    }
    packet.extend(body);
    packet
}

fn text(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX).to_be_bytes();
    length.into_iter().chain(text.bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_read_as_it_was_written() {
        for (qos, id) in [(0, None), (1, Some(7))] {
            let contents = vec![b'a'; 10_240];
            let bytes = publish(qos, "in/1", 7, &contents);
            let expected = Packet::Publish { topic: b"in/1", id, contents: &contents };
            assert_eq!(read(&bytes).unwrap(), Some((expected, &[][..])));
        }
    }

    #[test]
    fn a_packet_that_is_not_complete_is_waited_for() {
        let bytes = publish(1, "out/1", 1, b"contents");
        for end in 0..bytes.len() {
            assert_eq!(read(&bytes[..end]).unwrap(), None);
        }
        let both = [&acknowledge(9)[..], &bytes[..3]].concat();
        assert_eq!(read(&both).unwrap(), Some((Packet::Acknowledged, &bytes[..3])));
        read(&[0x30, 0xff, 0xff, 0xff, 0xff]).unwrap_err();
    }
}
