//! The nodes `mqtt in` and `mqtt out`, and their broker, the configuration node `mqtt-broker`.
//!
//! A broker node ([`Broker`]) keeps one connection while nodes use it. They ask it to subscribe and to
//! publish; it sends them what it receives and what became of their messages.

// From the bottom up: packets, one connection, the broker, its users.
mod reason;
mod codec;
mod properties;
mod publication;
mod topic;
mod address;
mod options;
mod traces;
mod transport;
mod session;
mod outbox;
mod outcomes;
mod inbox;
mod subscriptions;
mod alive;
mod handshake;
mod connection;
mod status;
mod round;
mod link;
mod request;
mod answers;
mod delivery;
mod broker;
mod membership;
mod payload;
mod input;
mod output;
mod settings;
mod editor;

use ferrowire::{Credential, NodeType, Reference};

pub use broker::Broker;
#[doc(hidden)]
pub use codec::read_all;
use editor::EDITOR;
pub use input::MqttIn;
pub use output::MqttOut;
pub use settings::{MAX_PACKET, MAX_QUEUE, RECONNECT_TIME};

ferrowire::register!(
    NodeType::shared::<Broker>("mqtt-broker")
        .summary("keeps a connection to an MQTT broker")
        .category("config")
        .uses(&[Reference::new("tls", "tls-config")])
        .credentials(&[Credential::Text("user"), Credential::Password("password")])
        .editor(EDITOR),
    NodeType::shared::<MqttIn>("mqtt in")
        .summary("receives messages of an MQTT broker")
        .category("network")
        .uses(&[Reference::new("broker", "mqtt-broker")])
        .editor(EDITOR),
    NodeType::shared::<MqttOut>("mqtt out")
        .summary("publishes messages at an MQTT broker")
        .category("network")
        .uses(&[Reference::new("broker", "mqtt-broker")])
        .editor(EDITOR),
);
