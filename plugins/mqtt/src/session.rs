//! `Session`: what client and broker have to remember of each other, also without a connection: messages
//! that are not acknowledged yet, in both directions, and what the broker allows.

use std::collections::HashMap;

use bytes::BytesMut;
use mqtt5_protocol::packet::pubrel::PubRelPacket;
use mqtt5_protocol::{MqttError, Properties, PropertyId, QoS};

use crate::codec::{self, Ack, ConnAck, Version};
use crate::outbox::{Outgoing, Ticket};
use crate::properties;
use crate::publication::{Publication, add_alias};
use crate::reason;

/// The messages that are on their way to the broker at the same time, if it allows more.
const MOST_IN_FLIGHT: usize = 1024;

/// The same for messages with QoS 2 before MQTT 5, where a broker cannot say how many it takes: Mosquitto
/// takes 20, and loses some of the others.
const MOST_EXACTLY_ONCE: usize = 20;

/// The packets that may wait for an acknowledgement when a subscription is sent.
const MOST_WAITING: usize = 16_384;

/// The state that outlives connections.
#[derive(Debug)]
pub(crate) struct Session {
    version: Version,
    last_id: u16,
    /// What waits for an acknowledgement, by packet identifier.
    waiting: HashMap<u16, Waiting>,
    in_flight: InFlight,
    sent: u64,
    /// The messages with QoS 2 that the broker has not released, and whether the flow has them.
    received: HashMap<u16, bool>,
    /// Counts the sessions: acknowledgements of an earlier one are not sent.
    pub(crate) epoch: u64,
    pub(crate) broker: Allowed,
    /// The topics of the aliases that this connection uses.
    aliases: HashMap<u16, String>,
}

#[derive(Debug)]
enum Waiting {
    Message(Box<Flight>),
    Subscription { filter: String },
    End,
}

/// A message on its way.
#[derive(Debug)]
struct Flight {
    /// Counts up: messages are sent again in their order.
    number: u64,
    publication: Publication,
    /// The broker has it, and will not get it again.
    is_released: bool,
    ticket: Ticket,
}

/// How many messages are on their way.
#[derive(Clone, Copy, Debug, Default)]
struct InFlight {
    all: usize,
    /// Those with QoS 2.
    exactly_once: usize,
}

impl InFlight {
    fn add(&mut self, flight: &Flight) {
        self.all += 1;
        self.exactly_once += usize::from(flight.publication.qos == QoS::ExactlyOnce);
    }

    fn remove(&mut self, flight: &Flight) {
        self.all -= 1;
        self.exactly_once -= usize::from(flight.publication.qos == QoS::ExactlyOnce);
    }
}

/// What became of a message.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) ticket: Ticket,
    pub(crate) result: Result<(), String>,
}

/// What a broker allows.
#[derive(Clone, Debug)]
pub(crate) struct Allowed {
    receive_maximum: usize,
    maximum_qos: u8,
    retains: bool,
    alias_maximum: u16,
    packet_maximum: usize,
    /// Subscriptions may have identifiers.
    pub(crate) has_identifiers: bool,
    /// Replaces the client's interval, in seconds.
    pub(crate) keep_alive: Option<u16>,
}

impl Allowed {
    fn of(given: &Properties, version: Version) -> Self {
        let number = |id| properties::number(given, id);
        let is_on = |id| number(id) != Some(0);
        Allowed {
            receive_maximum: number(PropertyId::ReceiveMaximum)
                .map_or(usize::from(u16::MAX), |most| most.max(1) as usize),
            maximum_qos: number(PropertyId::MaximumQoS).map_or(2, |most| most as u8),
            retains: is_on(PropertyId::RetainAvailable),
            alias_maximum: number(PropertyId::TopicAliasMaximum).map_or(0, |most| most as u16),
            packet_maximum: number(PropertyId::MaximumPacketSize)
                .map_or(usize::MAX, |most| most as usize),
            has_identifiers: version == Version::V5
                && is_on(PropertyId::SubscriptionIdentifierAvailable),
            keep_alive: number(PropertyId::ServerKeepAlive).map(|seconds| seconds as u16),
        }
    }
}

/// What is to be done with a received message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Receipt {
    /// The flow gets it.
    New,
    /// The flow gets or got it already; acknowledged again if it has it.
    Again { is_acknowledged: bool },
}

impl Session {
    /// The session of a client that has not connected yet.
    pub(crate) fn new(version: Version) -> Self {
        Session {
            version,
            last_id: 0,
            waiting: HashMap::new(),
            in_flight: InFlight::default(),
            sent: 0,
            received: HashMap::new(),
            epoch: 0,
            broker: Allowed::of(&Properties::default(), version),
            aliases: HashMap::new(),
        }
    }

    /// Whether something may be sent now: not too much waits for an acknowledgement.
    pub(crate) fn admits(&self, next: &Outgoing) -> bool {
        match next {
            Outgoing::Message(publication, _) => match publication.qos {
                QoS::AtMostOnce => true,
                QoS::ExactlyOnce if self.version != Version::V5 => {
                    self.has_room() && self.in_flight.exactly_once < MOST_EXACTLY_ONCE
                }
                QoS::AtLeastOnce | QoS::ExactlyOnce => self.has_room(),
            },
            Outgoing::Subscription(_) | Outgoing::End(_) => self.waiting.len() < MOST_WAITING,
        }
    }

    fn has_room(&self) -> bool {
        self.in_flight.all < self.broker.receive_maximum.min(MOST_IN_FLIGHT)
    }

    /// No message waits for its acknowledgement.
    pub(crate) fn is_idle(&self) -> bool {
        self.in_flight.all == 0
    }

    /// A connection begins. Appends what the broker has not acknowledged yet to `output`, and returns
    /// the messages that are complete without that, or cannot be sent.
    pub(crate) fn begin(&mut self, answer: &ConnAck, output: &mut BytesMut) -> Vec<Outcome> {
        self.broker = Allowed::of(&answer.properties, self.version);
        self.aliases.clear();
        let mut flights: Vec<(u16, Flight)> = self
            .waiting
            .drain()
            .filter_map(|(id, waiting)| match waiting {
                Waiting::Message(flight) => Some((id, *flight)),
                Waiting::Subscription { .. } | Waiting::End => None,
            })
            .collect();
        flights.sort_by_key(|(_, flight)| flight.number);
        self.in_flight = InFlight::default();
        if !answer.session_present {
            self.epoch += 1;
            self.received.clear();
        }
        flights
            .into_iter()
            .filter_map(|(id, flight)| self.resume(id, flight, answer.session_present, output))
            .collect()
    }

    fn resume(
        &mut self,
        id: u16,
        flight: Flight,
        is_known: bool,
        output: &mut BytesMut,
    ) -> Option<Outcome> {
        if flight.is_released && !is_known {
            // The broker has had it, and has forgotten about it.
            return Some(Outcome { ticket: flight.ticket, result: Ok(()) });
        }
        let written = match flight.is_released {
            true => codec::write(&PubRelPacket::new(id), output),
            false => {
                let mut packet = flight.publication.packet(Some(id), self.version);
                packet.dup = is_known;
                codec::write_publish(&packet, output)
            }
        };
        match written {
            Ok(()) => {
                self.keep(id, flight);
                None
            }
            Err(error) => Some(Outcome { ticket: flight.ticket, result: Err(error.to_string()) }),
        }
    }

    /// The messages that were not acknowledged. The session is over.
    pub(crate) fn end(&mut self) -> Vec<Ticket> {
        self.in_flight = InFlight::default();
        let all = self.waiting.drain();
        all.filter_map(|(_, waiting)| match waiting {
            Waiting::Message(flight) => Some(flight.ticket),
            Waiting::Subscription { .. } | Waiting::End => None,
        })
        .collect()
    }

    /// An identifier that is not in use. There is one: fewer packets wait than there are identifiers.
    fn next_id(&mut self) -> u16 {
        loop {
            self.last_id = self.last_id.checked_add(1).unwrap_or(1);
            if !self.waiting.contains_key(&self.last_id) {
                return self.last_id;
            }
        }
    }

    /// Appends a message to `output`. Returns it if it is complete with that: it need not be
    /// acknowledged, or cannot be sent.
    pub(crate) fn publish(
        &mut self,
        publication: Publication,
        ticket: Ticket,
        output: &mut BytesMut,
    ) -> Option<Outcome> {
        if let Err(text) = self.allows(&publication) {
            return Some(Outcome { ticket, result: Err(text) });
        }
        let is_acknowledged = publication.qos != QoS::AtMostOnce;
        let id = is_acknowledged.then(|| self.next_id());
        if let Err(error) = self.write(&publication, id, output) {
            return Some(Outcome { ticket, result: Err(error.to_string()) });
        }
        let Some(id) = id else { return Some(Outcome { ticket, result: Ok(()) }) };
        self.sent += 1;
        self.keep(id, Flight { number: self.sent, publication, is_released: false, ticket });
        None
    }

    fn keep(&mut self, id: u16, flight: Flight) {
        self.in_flight.add(&flight);
        self.waiting.insert(id, Waiting::Message(Box::new(flight)));
    }

    fn allows(&self, publication: &Publication) -> Result<(), String> {
        let most = self.broker.maximum_qos;
        if publication.qos as u8 > most {
            return Err(format!("the broker accepts messages up to QoS {most}"));
        }
        if publication.retain && !self.broker.retains {
            return Err("the broker does not retain messages".to_owned());
        }
        // A header of up to five bytes, the lengths of topic and identifier.
        let size = publication.size() + 9;
        if size > self.broker.packet_maximum {
            let most = self.broker.packet_maximum;
            return Err(format!("the message has {size} bytes; the broker accepts {most}"));
        }
        Ok(())
    }

    /// Writes a message, by its alias if the broker knows that already.
    fn write(
        &mut self,
        publication: &Publication,
        id: Option<u16>,
        output: &mut BytesMut,
    ) -> Result<(), MqttError> {
        let mut packet = publication.packet(id, self.version);
        let alias = publication.alias.filter(|alias| *alias <= self.broker.alias_maximum);
        if let Some(alias) = alias {
            add_alias(&mut packet, alias);
            if self.aliases.get(&alias) == Some(&packet.topic_name) {
                packet.topic_name.clear();
            }
        }
        codec::write_publish(&packet, output)?;
        if let Some(alias) = alias.filter(|_| !packet.topic_name.is_empty()) {
            self.aliases.insert(alias, packet.topic_name);
        }
        Ok(())
    }

    /// The identifier for a subscription to `filter`.
    pub(crate) fn subscribe(&mut self, filter: &str) -> u16 {
        let id = self.next_id();
        self.waiting.insert(id, Waiting::Subscription { filter: filter.to_owned() });
        id
    }

    /// The identifier for the end of a subscription.
    pub(crate) fn unsubscribe(&mut self) -> u16 {
        let id = self.next_id();
        self.waiting.insert(id, Waiting::End);
        id
    }

    /// The broker has answered a subscription; returns the filter.
    pub(crate) fn subscribed(&mut self, id: u16) -> Option<String> {
        match self.waiting.get(&id)? {
            Waiting::Subscription { .. } => match self.waiting.remove(&id)? {
                Waiting::Subscription { filter } => Some(filter),
                _ => None,
            },
            _ => None,
        }
    }

    /// The broker has ended a subscription.
    pub(crate) fn unsubscribed(&mut self, id: u16) {
        if matches!(self.waiting.get(&id), Some(Waiting::End)) {
            self.waiting.remove(&id);
        }
    }

    /// The broker has a message with QoS 1, or refuses it.
    pub(crate) fn acknowledged(&mut self, ack: Ack) -> Option<Outcome> {
        self.flight(ack.id).filter(|it| it.publication.qos == QoS::AtLeastOnce)?;
        self.finish(ack)
    }

    /// The broker has a message with QoS 2, or refuses it. The former is answered with PUBREL.
    pub(crate) fn recorded(&mut self, ack: Ack, output: &mut BytesMut) -> Option<Outcome> {
        if ack.code >= 0x80 {
            self.flight(ack.id).filter(|it| it.publication.qos == QoS::ExactlyOnce)?;
            return self.finish(ack);
        }
        if let Some(flight) = self.flight(ack.id) {
            flight.is_released = true;
        }
        // Also for an unknown message: the broker waits for it.
        let _is_written = codec::write(&PubRelPacket::new(ack.id), output);
        None
    }

    /// The broker has forgotten about a message with QoS 2.
    pub(crate) fn completed(&mut self, ack: Ack) -> Option<Outcome> {
        self.flight(ack.id).filter(|it| it.is_released)?;
        self.finish(Ack { code: 0, ..ack })
    }

    fn flight(&mut self, id: u16) -> Option<&mut Flight> {
        match self.waiting.get_mut(&id)? {
            Waiting::Message(flight) => Some(flight),
            Waiting::Subscription { .. } | Waiting::End => None,
        }
    }

    fn finish(&mut self, ack: Ack) -> Option<Outcome> {
        let Waiting::Message(flight) = self.waiting.remove(&ack.id)? else { return None };
        self.in_flight.remove(&flight);
        let result = match ack.code < 0x80 {
            true => Ok(()),
            false => Err(format!("Error: Publish error: {}", reason::name(ack.code))),
        };
        Some(Outcome { ticket: flight.ticket, result })
    }

    /// A message with QoS 2 has arrived.
    pub(crate) fn receive(&mut self, id: u16) -> Receipt {
        match self.received.get(&id) {
            Some(is_acknowledged) => Receipt::Again { is_acknowledged: *is_acknowledged },
            None => {
                self.received.insert(id, false);
                Receipt::New
            }
        }
    }

    /// The flow has a message with QoS 2.
    pub(crate) fn delivered(&mut self, id: u16) {
        if let Some(is_acknowledged) = self.received.get_mut(&id) {
            *is_acknowledged = true;
        }
    }

    /// The broker does not send a message again.
    pub(crate) fn released(&mut self, id: u16) {
        self.received.remove(&id);
    }
}
