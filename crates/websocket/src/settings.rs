//! The runtime's settings for all endpoints, and a node's own.

use std::time::Duration;

use ferrowire_core::{NodeConfig, NodeContext, Setting};

use crate::connection::Limits;

/// What happens to a message for a peer whose queue is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum SlowPeer {
    /// The peer is disconnected with 1008 and may reconnect.
    #[default]
    Disconnect,
    /// The message is dropped for this peer.
    Drop,
    /// The sender waits, and with it the nodes that send to it.
    Wait,
}

impl SlowPeer {
    /// The policy named `name`.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        match name {
            "disconnect" => Some(SlowPeer::Disconnect),
            "drop" => Some(SlowPeer::Drop),
            "wait" => Some(SlowPeer::Wait),
            _ => None,
        }
    }
}

// The runtime declares and checks these settings; the defaults apply in tests of a single node.
const MAX_MESSAGE: Setting<usize> = Setting::bytes("max-message").default("100 MiB");
const MAX_QUEUE: Setting<usize> = Setting::bytes("max-queue").default("4 MiB");
const SLOW_CLIENT: Setting<String> =
    Setting::choice("slow-client", &["disconnect", "drop", "wait"]).default("disconnect");
const STALL_TIMEOUT: Setting<Duration> = Setting::seconds("stall-timeout").default("60");
const RECONNECT_DELAY: Setting<Duration> = Setting::seconds("reconnect-delay").default("3");
const HANDSHAKE_TIMEOUT: Setting<Duration> = Setting::seconds("handshake-timeout").default("10");

/// The settings of the runtime for all WebSocket endpoints.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The limits of each connection.
    pub(crate) limits: Limits,
    /// What happens to peers that read too slowly.
    pub(crate) slow_peer: SlowPeer,
    /// The first delay before a client reconnects; after repeated failures up to 20 times as long.
    pub(crate) reconnect: Duration,
    /// The time limit for a client to connect, from the first packet to the end of the handshake.
    pub(crate) handshake: Duration,
}

impl Settings {
    /// The settings for a node.
    pub(crate) fn of(cx: &NodeContext) -> Self {
        Settings {
            limits: Limits {
                max_message: cx.setting(&MAX_MESSAGE),
                max_queue: cx.setting(&MAX_QUEUE),
                stall: cx.setting(&STALL_TIMEOUT),
                ..Limits::default()
            },
            slow_peer: SlowPeer::from_name(&cx.setting(&SLOW_CLIENT)).unwrap_or_default(),
            reconnect: cx.setting(&RECONNECT_DELAY),
            handshake: cx.setting(&HANDSHAKE_TIMEOUT),
        }
    }
}

/// A node's own settings, beyond Node-RED's properties.
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
            let text = format!("expected `disconnect`, `drop` or `wait`, found `{name}`");
            config.problem("slowClient", text);
        }
        let bytes = 1.0..=f64::from(u32::MAX);
        Overrides {
            max_message: config.number_in("maxMessage", bytes.clone()).map(|n| n as usize),
            max_queue: config.number_in("maxQueue", bytes).map(|n| n as usize),
            slow_peer,
        }
    }

    /// The runtime's settings, overridden by these.
    pub(crate) fn over(self, settings: &Settings) -> (Limits, SlowPeer) {
        let limits = Limits {
            max_message: self.max_message.unwrap_or(settings.limits.max_message),
            max_queue: self.max_queue.unwrap_or(settings.limits.max_queue),
            ..settings.limits
        };
        (limits, self.slow_peer.unwrap_or(settings.slow_peer))
    }
}
