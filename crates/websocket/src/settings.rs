//! What the runtime sets for all endpoints, and what a node may set for itself.

use std::time::Duration;

use ferrowire_core::NodeConfig;

use crate::connection::Limits;

/// What happens to a message for a peer whose queue is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SlowPeer {
    /// The peer is disconnected with 1008 and may come back.
    #[default]
    Disconnect,
    /// The message is dropped for this peer.
    Drop,
    /// The sender waits, and so does whoever sends to it.
    Wait,
}

impl SlowPeer {
    /// The policy called `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "disconnect" => Some(SlowPeer::Disconnect),
            "drop" => Some(SlowPeer::Drop),
            "wait" => Some(SlowPeer::Wait),
            _ => None,
        }
    }
}

/// The settings of the runtime for all WebSocket endpoints: a resource for their nodes.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The limits of each connection.
    pub limits: Limits,
    /// What happens to those who read too slowly.
    pub slow_peer: SlowPeer,
    /// How long a client waits before it dials again; after failures in a row up to 20 times
    /// as long.
    pub reconnect: Duration,
    /// How long a server that a client dials may take from the first packet to the end of the
    /// handshake.
    pub handshake: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            limits: Limits::default(),
            slow_peer: SlowPeer::default(),
            reconnect: Duration::from_secs(3),
            handshake: Duration::from_secs(10),
        }
    }
}

/// What a node sets for itself, beyond Node-RED's properties.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Overrides {
    max_message: Option<usize>,
    max_queue: Option<usize>,
    slow_peer: Option<SlowPeer>,
}

impl Overrides {
    /// Reads `maxMessage` and `maxQueue` (bytes) and `slowClient`
    /// (`disconnect`, `drop` or `wait`).
    pub(crate) fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let name = config.text("slowClient");
        let slow_peer = SlowPeer::from_name(&name);
        if slow_peer.is_none() && !name.is_empty() {
            let text = format!("`{name}` is none of `disconnect`, `drop` and `wait`");
            config.problem("slowClient", text);
        }
        let bytes = 1.0..=f64::from(u32::MAX);
        Overrides {
            max_message: config.number_in("maxMessage", bytes.clone()).map(|n| n as usize),
            max_queue: config.number_in("maxQueue", bytes).map(|n| n as usize),
            slow_peer,
        }
    }

    /// The settings of the runtime with these in front.
    pub(crate) fn over(self, settings: &Settings) -> (Limits, SlowPeer) {
        let limits = Limits {
            max_message: self.max_message.unwrap_or(settings.limits.max_message),
            max_queue: self.max_queue.unwrap_or(settings.limits.max_queue),
            ..settings.limits
        };
        (limits, self.slow_peer.unwrap_or(settings.slow_peer))
    }
}
