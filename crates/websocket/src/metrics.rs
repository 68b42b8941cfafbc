//! The metrics of WebSocket endpoints.

use ferrowire_core::metric::{Counter, Gauge};

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
/// Messages dropped because their session has ended or is closing.
pub static DROPPED_GONE: Counter =
    Counter::new("websocket_messages_dropped", "messages that no peer got").label("reason", "gone");
