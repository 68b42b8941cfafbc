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

/// The heading in help and documentation.
const GROUP: &str = "WebSocket connections";

/// The largest message that is accepted.
pub const MAX_MESSAGE: Setting<usize> = Setting::bytes("max-message")
    .default("100 MiB")
    .group(GROUP)
    .help("Largest WebSocket message accepted");
/// How much output may wait for a peer.
pub const MAX_QUEUE: Setting<usize> = Setting::bytes("max-queue")
    .default("4 MiB")
    .group(GROUP)
    .help("Bytes that may wait for a WebSocket peer that reads slowly");
/// What happens to a client whose queue is full.
pub const SLOW_CLIENT: Setting<String> =
    Setting::choice("slow-client", &["disconnect", "drop", "wait"])
        .default("disconnect")
        .value_name("POLICY")
        .group(GROUP)
        .help(
            "What happens when max-queue is reached: close the connection, drop the message, or \
               make the sender wait",
        );
/// How long a peer may read nothing while output waits.
pub const STALL_TIMEOUT: Setting<Duration> = Setting::seconds("stall-timeout")
    .default("60")
    .group(GROUP)
    .help("Seconds that a WebSocket peer may read nothing while output waits");
/// The first delay before a client reconnects.
pub const RECONNECT_DELAY: Setting<Duration> = Setting::seconds("reconnect-delay")
    .default("3")
    .group(GROUP)
    .help("Seconds before a WebSocket client dials again");
// The runtime declares and checks this one; the default applies in tests of a single node.
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

/// The properties of a node that override settings, beyond Node-RED's.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Overrides {
    max_message: Option<usize>,
    max_queue: Option<usize>,
}

impl Overrides {
    /// Reads `maxMessage` and `maxQueue` (bytes).
    pub(crate) fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let bytes = 1.0..=f64::from(u32::MAX);
        Overrides {
            max_message: config.number_in("maxMessage", bytes.clone()).map(|n| n as usize),
            max_queue: config.number_in("maxQueue", bytes).map(|n| n as usize),
        }
    }

    /// The settings' limits, overridden by these.
    pub(crate) fn over(self, limits: Limits) -> Limits {
        Limits {
            max_message: self.max_message.unwrap_or(limits.max_message),
            max_queue: self.max_queue.unwrap_or(limits.max_queue),
            ..limits
        }
    }
}

/// Reads `slowClient` of a listener: `disconnect`, `drop` or `wait`; `None` if the setting applies.
pub(crate) fn slow_client(config: &mut NodeConfig<'_>) -> Option<SlowPeer> {
    let name = config.text("slowClient");
    let policy = SlowPeer::from_name(&name);
    if policy.is_none() && !name.is_empty() {
        let text = format!("expected `disconnect`, `drop` or `wait`, found `{name}`");
        config.problem("slowClient", text);
    }
    policy
}
