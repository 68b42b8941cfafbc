//! The metrics of WebSocket endpoints.

use ferrowire_core::metric::{Counter, Gauge};

pub use ferrowire_net::backlog::{DISCONNECTED, OF_PROCESS as QUEUED};

const ROLE: &str = "role";

/// Open connections of all listeners.
pub static OPEN: Gauge =
    Gauge::new("websocket_connections", "open connections").label(ROLE, "server");
/// Open connections of all `websocket-client` nodes.
pub static OPEN_CLIENTS: Gauge =
    Gauge::new("websocket_connections", "open connections").label(ROLE, "client");

/// Handshakes that a listener accepted.
pub static ACCEPTED: Counter =
    Counter::new("websocket_handshakes", "opening handshakes of clients")
        .label("result", "accepted");
/// Handshakes that a listener refused.
pub static REFUSED: Counter = Counter::new("websocket_handshakes", "opening handshakes of clients")
    .label("result", "refused");

/// Messages that listeners received.
pub static RECEIVED: Counter =
    Counter::new("websocket_messages_received", "messages that peers sent").label(ROLE, "server");
/// Messages that clients received.
pub static RECEIVED_CLIENTS: Counter =
    Counter::new("websocket_messages_received", "messages that peers sent").label(ROLE, "client");

/// Messages that listeners sent; a broadcast counts once per receiver.
pub static SENT: Counter =
    Counter::new("websocket_messages_sent", "messages to peers").label(ROLE, "server");
/// Messages that clients sent.
pub static SENT_CLIENTS: Counter =
    Counter::new("websocket_messages_sent", "messages to peers").label(ROLE, "client");

/// Messages dropped because their receiver reads too slowly.
pub static DROPPED_SLOW: Counter =
    Counter::new("websocket_messages_dropped", "messages that no peer got").label("reason", "slow");
/// Messages dropped because a newer one about the same topic took their place.
pub static DROPPED_REPLACED: Counter =
    Counter::new("websocket_messages_dropped", "messages that no peer got")
        .label("reason", "replaced");
/// Messages of other instances dropped because too many wait, or because they are none.
pub static DROPPED_CLUSTER: Counter =
    Counter::new("websocket_messages_dropped", "messages that no peer got")
        .label("reason", "cluster");
/// Messages dropped because their session has ended or is closing.
pub static DROPPED_GONE: Counter =
    Counter::new("websocket_messages_dropped", "messages that no peer got").label("reason", "gone");

/// Connections of listeners closed because a ping was not answered in time.
pub static CLOSED_HEARTBEAT: Counter = Counter::new(CLOSED, CLOSED_HELP).label(REASON, "heartbeat");
/// Connections of listeners closed because their client sent no message for too long.
pub static CLOSED_IDLE: Counter = Counter::new(CLOSED, CLOSED_HELP).label(REASON, "idle");
/// Connections of listeners closed because they were open for as long as they may be.
pub static CLOSED_AGE: Counter = Counter::new(CLOSED, CLOSED_HELP).label(REASON, "age");
/// Connections of listeners closed because their client sent faster than it may.
pub static CLOSED_RATE: Counter = Counter::new(CLOSED, CLOSED_HELP).label(REASON, "rate");
/// Connections of listeners closed because their client read too slowly.
pub static CLOSED_SLOW: Counter = Counter::new(CLOSED, CLOSED_HELP).label(REASON, "slow");

/// Messages that listeners took later because their clients sent faster than they may.
pub static DELAYED: Counter =
    Counter::new("websocket_messages_delayed", "messages that were taken later than they came");
/// Messages of clients that sent faster than they may, which no flow got.
pub static DROPPED_RATE: Counter =
    Counter::new("websocket_messages_refused", "messages of peers that no flow got")
        .label(REASON, "rate");

/// Clients that got all that they had missed.
pub static HISTORY_RECOVERED: Counter =
    Counter::new("websocket_recoveries", "clients that asked for what they had missed")
        .label("result", "recovered");
/// Clients that could not get all that they had missed.
pub static HISTORY_LOST: Counter =
    Counter::new("websocket_recoveries", "clients that asked for what they had missed")
        .label("result", "lost");

const CLOSED: &str = "websocket_connections_closed";
const CLOSED_HELP: &str = "connections that a listener closed";
const REASON: &str = "reason";
/// Messages dropped because the queue of a client that is not connected is full.
pub static DROPPED_QUEUE: Counter =
    Counter::new("websocket_messages_dropped", "messages that no peer got")
        .label("reason", "queue");

/// Handshakes that listeners refused, by what refused them.
pub mod refused {
    use ferrowire_core::metric::Counter;

    const NAME: &str = "websocket_handshakes_refused";
    const HELP: &str = "opening handshakes of clients that access or a limit refused";

    const fn by(reason: &'static str) -> Counter {
        Counter::new(NAME, HELP).label("reason", reason)
    }

    /// `maxConnections` or `max-clients` was reached.
    pub static CONNECTIONS: Counter = by("connections");
    /// `maxPerAddress` or `max-clients-per-address` was reached.
    pub static ADDRESS: Counter = by("address");
    /// `maxHandshakeRate` or `max-handshake-rate` was reached.
    pub static RATE: Counter = by("rate");
    /// `origins` does not contain the origin.
    pub static ORIGIN: Counter = by("origin");
    /// A token or login was missing or wrong; also of first messages.
    pub static UNAUTHORIZED: Counter = by("unauthorized");
    /// The address had failed too often.
    pub static THROTTLED: Counter = by("throttled");
    /// The keys of tokens, or the node that decides, were missing.
    pub static UNAVAILABLE: Counter = by("unavailable");
    /// Too many handshakes waited for the flow.
    pub static WAITING: Counter = by("waiting");
    /// The flow, or a first message, took too long.
    pub static TIMEOUT: Counter = by("timeout");
    /// The flow refused.
    pub static FLOW: Counter = by("flow");
}

/// Sessions that ended with their token.
pub static EXPIRED: Counter =
    Counter::new("websocket_sessions_expired", "sessions that ended with their token");

const SENT_BYTES: &str = "websocket_compression_sent";
const SENT_HELP: &str = "messages that were compressed; a broadcast counts once";
const RECEIVED_BYTES: &str = "websocket_compression_received";
const RECEIVED_HELP: &str = "messages that arrived compressed";
const FORM: &str = "form";

/// The size of sent messages before they were compressed.
pub static BEFORE_COMPRESSION: Counter =
    Counter::new(SENT_BYTES, SENT_HELP).unit("bytes").label(FORM, "plain");
/// The size of sent messages after they were compressed.
pub static COMPRESSED: Counter =
    Counter::new(SENT_BYTES, SENT_HELP).unit("bytes").label(FORM, "compressed");
/// The size of received messages before they were decompressed.
pub static RECEIVED_COMPRESSED: Counter =
    Counter::new(RECEIVED_BYTES, RECEIVED_HELP).unit("bytes").label(FORM, "compressed");
/// The size of received messages after they were decompressed.
pub static DECOMPRESSED: Counter =
    Counter::new(RECEIVED_BYTES, RECEIVED_HELP).unit("bytes").label(FORM, "plain");

const RECEIVED_ON_WIRE: &str = "websocket_received";
const RECEIVED_ON_WIRE_HELP: &str = "bytes of WebSocket frames from peers, before TLS";
const SENT_ON_WIRE: &str = "websocket_sent";
const SENT_ON_WIRE_HELP: &str = "bytes of WebSocket frames to peers, before TLS";

/// What clients sent to listeners.
pub static RECEIVED_BYTES_SERVER: Counter =
    Counter::new(RECEIVED_ON_WIRE, RECEIVED_ON_WIRE_HELP).unit("bytes").label(ROLE, "server");
/// What servers sent to `websocket-client` nodes.
pub static RECEIVED_BYTES_CLIENT: Counter =
    Counter::new(RECEIVED_ON_WIRE, RECEIVED_ON_WIRE_HELP).unit("bytes").label(ROLE, "client");
/// What listeners sent, with the responses to handshakes.
pub static SENT_BYTES_SERVER: Counter =
    Counter::new(SENT_ON_WIRE, SENT_ON_WIRE_HELP).unit("bytes").label(ROLE, "server");
/// What `websocket-client` nodes sent.
pub static SENT_BYTES_CLIENT: Counter =
    Counter::new(SENT_ON_WIRE, SENT_ON_WIRE_HELP).unit("bytes").label(ROLE, "client");

/// Rooms of all listeners that have members.
pub static ROOMS: Gauge = Gauge::new("websocket_rooms", "rooms with members");

macro_rules! closes {
    ($name:literal, $help:literal) => {
        use ferrowire_core::metric::Counter;

        const fn code(code: &'static str) -> Counter {
            Counter::new($name, $help).label("code", code)
        }

        /// The purpose of the connection was fulfilled.
        pub static NORMAL: Counter = code("1000");
        /// One side went away.
        pub static AWAY: Counter = code("1001");
        /// A violation of the protocol.
        pub static PROTOCOL: Counter = code("1002");
        /// A type of data that is not accepted.
        pub static UNSUPPORTED: Counter = code("1003");
        /// A close frame without a code.
        pub static NO_CODE: Counter = code("1005");
        /// No close frame.
        pub static LOST: Counter = code("1006");
        /// Data that does not match the type of its message.
        pub static INVALID: Counter = code("1007");
        /// A policy was violated.
        pub static POLICY: Counter = code("1008");
        /// A message was too large.
        pub static SIZE: Counter = code("1009");
        /// An unexpected condition.
        pub static ERROR: Counter = code("1011");
        /// This runtime, or the listener, restarted.
        pub static RESTART: Counter = code("1012");
        /// Try again later.
        pub static AGAIN: Counter = code("1013");
        /// Codes of libraries and frameworks.
        pub static LIBRARY: Counter = code("3xxx");
        /// Codes of applications.
        pub static PRIVATE: Counter = code("4xxx");
        /// All other codes.
        pub static OTHER: Counter = code("other");

        /// The counter of a code; `None` stands for a close frame without one.
        pub(crate) fn counter(code: Option<u16>) -> &'static Counter {
            match code {
                None => &NO_CODE,
                Some(code) => known(code),
            }
        }

        fn known(code: u16) -> &'static Counter {
            match code {
                1000 => &NORMAL,
                1001 => &AWAY,
                1002 => &PROTOCOL,
                1003 => &UNSUPPORTED,
                1005 => &NO_CODE,
                1006 => &LOST,
                1007 => &INVALID,
                1008 => &POLICY,
                1009 => &SIZE,
                1011 => &ERROR,
                1012 => &RESTART,
                1013 => &AGAIN,
                3000..=3999 => &LIBRARY,
                4000..=4999 => &PRIVATE,
                _ => &OTHER,
            }
        }
    };
}

/// Ends of sessions, by the close code.
pub mod closed_with {
    closes!(
        "websocket_closes",
        "sessions of listeners that ended, by close code; 1006 stands for no close frame"
    );
}

/// Ends of the connections of clients, by the close code.
pub mod client_closed_with {
    closes!(
        "websocket_client_closes",
        "connections of clients that ended, by close code; 1006 stands for no close frame"
    );
}

pub use crate::deflate::memory::CONTEXTS;
