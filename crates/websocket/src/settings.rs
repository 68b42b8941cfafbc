//! The runtime's settings for all endpoints, and a node's own.

use std::time::Duration;

use ferrowire_core::{NodeConfig, NodeContext, Setting};
use ferrowire_net::Backlog;

use crate::connection::{Limits, Overflow};
use crate::deflate::memory::CONTEXTS;

/// What happens to a message for a peer whose queue is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum SlowPeer {
    /// The peer is disconnected with 1008 and may reconnect.
    #[default]
    Disconnect,
    /// The message is dropped for this peer.
    Drop,
    /// The oldest messages that wait for this peer are dropped.
    DropOldest,
    /// Of the messages that wait for this peer, the newest of each topic is kept; when the queue is
    /// full, the oldest are dropped.
    Latest,
    /// The sender waits, and with it the nodes that send to it.
    Wait,
}

impl SlowPeer {
    /// The policies by name.
    const NAMES: [(&str, SlowPeer); 5] = [
        ("disconnect", SlowPeer::Disconnect),
        ("drop", SlowPeer::Drop),
        ("dropOldest", SlowPeer::DropOldest),
        ("latest", SlowPeer::Latest),
        ("wait", SlowPeer::Wait),
    ];

    /// The policy named `name`.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, policy)| *policy)
    }

    /// What the queue of a connection does by itself.
    pub(crate) fn overflow(self) -> Overflow {
        match self {
            SlowPeer::DropOldest => Overflow::DropOldest,
            SlowPeer::Latest => Overflow::Latest,
            SlowPeer::Disconnect | SlowPeer::Drop | SlowPeer::Wait => Overflow::Refuse,
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
/// How many messages may wait for a client of a listener.
pub const MAX_QUEUE_MESSAGES: Setting<Option<usize>> = Setting::integer("max-queue-messages")
    .otherwise("no limit")
    .between("1", "1000000000")
    .value_name("MESSAGES")
    .group(GROUP)
    .help("Messages that may wait for a WebSocket client that reads slowly");
/// What happens to a client whose queue is full.
pub const SLOW_CLIENT: Setting<String> = Setting::choice(
    "slow-client",
    &["disconnect", "drop", "dropOldest", "latest", "wait"],
)
.default("disconnect")
.value_name("POLICY")
.group(GROUP)
.help(
    "What happens when max-queue is reached: close the connection, drop the message, drop the \
             oldest that wait, keep the latest of each topic, or make the sender wait",
);
/// How long a peer may read nothing while output waits.
pub const STALL_TIMEOUT: Setting<Duration> = Setting::seconds("stall-timeout")
    .default("60")
    .group(GROUP)
    .help("Seconds that a WebSocket peer may read nothing while output waits");
/// How much a listener and its rooms may keep.
pub const MAX_HISTORY: Setting<usize> = Setting::bytes("max-history")
    .default("64 MiB")
    .group(GROUP)
    .help("Bytes that the histories of a WebSocket listener and its rooms may hold");
/// How many messages a client of a listener may send a second.
pub const MAX_MESSAGE_RATE: Setting<Option<usize>> = Setting::integer("max-message-rate")
    .otherwise("no limit")
    .between("1", "1000000000000")
    .value_name("MESSAGES")
    .group(GROUP)
    .help("Messages a second that a WebSocket client may send");
/// How many bytes a client of a listener may send a second.
pub const MAX_BYTE_RATE: Setting<Option<usize>> = Setting::bytes("max-byte-rate")
    .otherwise("no limit")
    .group(GROUP)
    .help("Bytes a second that a WebSocket client may send");
/// What happens to a client that sends faster.
pub const FAST_CLIENT: Setting<String> = Setting::choice("fast-client", &["wait", "drop", "close"])
    .default("wait")
    .value_name("POLICY")
    .group(GROUP)
    .help(
        "What happens above max-message-rate or max-byte-rate: read from the client more slowly, \
             drop the message, or close the connection",
    );
/// The first delay before a client reconnects.
pub const RECONNECT_DELAY: Setting<Duration> = Setting::seconds("reconnect-delay")
    .default("3")
    .group(GROUP)
    .help("Seconds before a WebSocket client dials again");
/// How many WebSocket connections all listeners may have together.
pub const MAX_CLIENTS: Setting<Option<usize>> = Setting::integer("max-clients")
    .value_name("N")
    .otherwise("no limit")
    .group(GROUP)
    .help("WebSocket connections of all listeners; further handshakes get 503");
/// How many WebSocket connections an address may have.
pub const MAX_CLIENTS_PER_ADDRESS: Setting<Option<usize>> =
    Setting::integer("max-clients-per-address")
        .value_name("N")
        .otherwise("no limit")
        .group(GROUP)
        .help("WebSocket connections of an address, of IPv6 a /64; further handshakes get 429");
/// How many handshakes all listeners accept in a second.
pub const MAX_HANDSHAKE_RATE: Setting<Option<usize>> = Setting::integer("max-handshake-rate")
    .value_name("N")
    .otherwise("no limit")
    .group(GROUP)
    .help("WebSocket handshakes a second of all listeners; further ones get 503");
/// How many handshakes may wait for a flow.
pub const MAX_WAITING_HANDSHAKES: Setting<usize> =
    Setting::integer("max-waiting-handshakes").default("1000").value_name("N").group(GROUP).help(
        "WebSocket handshakes of a listener that may wait for its flow; further ones get 503",
    );
/// How much memory connections may keep for compression with context takeover.
pub const MAX_COMPRESSION_MEMORY: Setting<usize> =
    Setting::bytes("max-compression-memory").default("256 MiB").group(GROUP).help(
        "Memory that WebSocket connections may keep to compress with context takeover; more \
         connections compress without it",
    );
// The runtime declares and checks these; the defaults apply in tests of a single node.
pub(crate) const CLUSTER: Setting<Vec<String>> = Setting::list("cluster");
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
    /// The settings for a node. Also sets the limits of the process: a library has its own.
    pub(crate) fn of(cx: &NodeContext) -> Self {
        Backlog::take_limit(cx);
        CONTEXTS.set_limit(cx.setting(&MAX_COMPRESSION_MEMORY));
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

/// Seconds that a property may have: from a tenth, so that a time limit is more than a delay of the
/// network.
const SECONDS: std::ops::RangeInclusive<f64> = 0.1..=31_536_000.0;

/// Reads a property in seconds; empty and 0 are off.
pub(crate) fn seconds(config: &mut NodeConfig<'_>, name: &str) -> Option<Duration> {
    if config.number(name)? == 0.0 {
        return None;
    }
    config.number_in(name, SECONDS).map(Duration::from_secs_f64)
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

/// Reads `slowClient` of a listener; `None` if the setting applies.
pub(crate) fn slow_client(config: &mut NodeConfig<'_>) -> Option<SlowPeer> {
    let name = config.text("slowClient");
    let policy = SlowPeer::from_name(&name);
    if policy.is_none() && !name.is_empty() {
        let text = format!(
            "expected `disconnect`, `drop`, `dropOldest`, `latest` or `wait`, found `{name}`"
        );
        config.problem("slowClient", text);
    }
    policy
}

/// The limits of a listener's connections for clients that read slowly: `limits` with
/// `maxQueueMessages`, or its setting, and with what the queue does under `policy`.
pub(crate) fn for_slow_clients(
    limits: Limits,
    max_messages: Option<usize>,
    policy: SlowPeer,
    cx: &NodeContext,
) -> Limits {
    let max_messages = max_messages.or_else(|| cx.setting(&MAX_QUEUE_MESSAGES));
    Limits {
        max_queue_messages: max_messages.filter(|most| *most > 0).unwrap_or(usize::MAX),
        overflow: policy.overflow(),
        ..limits
    }
}
