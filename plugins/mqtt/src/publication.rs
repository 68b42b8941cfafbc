//! `Publication`: a message for the broker.

use bytes::Bytes;
use ferrowire::expression::javascript;
use ferrowire::{Map, Text, Unprintable, Value};
use mqtt5_protocol::packet::publish::PublishPacket;
use mqtt5_protocol::{Properties, PropertyId, PropertyValue, QoS};

use crate::codec::{Version, qos};
use crate::{properties, topic};

/// The memory of a message beside its bytes.
const OVERHEAD: usize = 512;

/// A message for the broker.
#[derive(Clone, Debug)]
pub(crate) struct Publication {
    pub(crate) topic: String,
    pub(crate) payload: Bytes,
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
    pub(crate) properties: Properties,
    /// The topic alias that the flow wants.
    pub(crate) alias: Option<u16>,
}

/// Why a message cannot be published.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unpublishable {
    /// Node-RED only warns.
    #[error("Invalid topic specified")]
    Topic,
    #[error(transparent)]
    Payload(#[from] Unprintable),
}

impl Publication {
    /// Reads `topic`, `payload`, `qos`, `retain`, and for MQTT 5 the other properties.
    ///
    /// # Errors
    /// If nothing can be published under the topic, or the payload has no JSON.
    pub(crate) fn of(msg: &Map, version: Version) -> Result<Self, Unpublishable> {
        let is_new = version == Version::V5;
        let given = msg.get("topic").map(|topic| topic.as_str().unwrap_or_default());
        let response = is_new.then(|| properties::text_in(msg, "responseTopic")).flatten();
        let topic = match given {
            Some("") | None => response.ok_or(Unpublishable::Topic)?,
            Some(topic) => topic,
        };
        if !topic::is_publishable(topic) {
            return Err(Unpublishable::Topic);
        }
        Ok(Publication {
            topic: topic.to_owned(),
            payload: bytes(msg.get("payload"))?,
            qos: qos(javascript::number(msg.get("qos"))).unwrap_or(QoS::AtMostOnce),
            retain: properties::boolean_in(msg, "retain").unwrap_or(false),
            properties: match is_new {
                true => properties::of_message(msg),
                false => Properties::default(),
            },
            alias: is_new.then(|| properties::short_in(msg, "topicAlias")).flatten(),
        })
    }

    /// The bytes of its packet, but for its header.
    pub(crate) fn size(&self) -> usize {
        self.topic.len() + self.payload.len() + self.properties.encoded_len()
    }

    /// The memory that it takes until it is published, in bytes.
    pub(crate) fn weight(&self) -> usize {
        self.size() + OVERHEAD
    }

    /// The packet for it.
    pub(crate) fn packet(&self, id: Option<u16>, version: Version) -> PublishPacket {
        PublishPacket {
            topic_name: self.topic.clone(),
            packet_id: id,
            payload: self.payload.clone(),
            qos: self.qos,
            retain: self.retain,
            dup: false,
            properties: self.properties.clone(),
            protocol_version: version.number(),
            stream_id: None,
        }
    }
}

/// Adds a topic alias to a packet.
pub(crate) fn add_alias(packet: &mut PublishPacket, alias: u16) {
    // A packet has one alias at most.
    let _is_added =
        packet.properties.add(PropertyId::TopicAlias, PropertyValue::TwoByteInteger(alias));
}

/// A payload as it is published: a buffer or text as it is, of an object its JSON, otherwise its text.
///
/// # Errors
/// If an object has no JSON.
pub(crate) fn printed(payload: Option<&Value>) -> Result<Value, Unprintable> {
    Ok(match payload {
        None | Some(Value::Null | Value::Undefined) => Text::new().into(),
        Some(value @ (Value::Buffer(_) | Value::String(_))) => value.clone(),
        Some(value @ (Value::Object(_) | Value::Array(_) | Value::Date(_))) => {
            value.stringify()?.unwrap_or_default().into()
        }
        Some(value) => javascript::text(Some(value)).into(),
    })
}

/// The bytes of a payload.
fn bytes(payload: Option<&Value>) -> Result<Bytes, Unprintable> {
    Ok(match printed(payload)? {
        Value::Buffer(bytes) => bytes,
        Value::String(text) => text.to_bytes(),
        _ => Bytes::new(),
    })
}
