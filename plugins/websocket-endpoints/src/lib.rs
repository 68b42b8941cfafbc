//! The configuration nodes of the WebSocket nodes: `websocket-listener`, which accepts connections
//! at a path, and `websocket-client`, which connects to a server.

mod editor;

use ferrowire::{Credential, NodeType, Reference};
use std::time::Duration;

use ferrowire_websocket::{Client, Listener, metrics, settings};

use editor::EDITOR;

ferrowire::register!(
    NodeType::shared::<Listener>("websocket-listener")
        .summary("accepts WebSocket connections at a path of the runtime's port")
        .category("config")
        .unique(&["path"])
        .credentials(&[
            Credential::Password("authTokens"),
            Credential::Password("authUsers"),
            Credential::Password("jwtKey"),
        ])
        .editor(EDITOR),
    NodeType::shared::<Client>("websocket-client")
        .summary("keeps a WebSocket connection to a server")
        .category("config")
        .uses(&[Reference::new("tls", "tls-config")])
        .credentials(&[
            Credential::Password("token"),
            Credential::Text("user"),
            Credential::Password("password"),
        ])
        .editor(EDITOR),
);

ferrowire::settings! {
    MAX_MESSAGE: usize = settings::MAX_MESSAGE;
    MAX_QUEUE: usize = settings::MAX_QUEUE;
    MAX_QUEUE_MESSAGES: Option<usize> = settings::MAX_QUEUE_MESSAGES;
    MAX_HISTORY: usize = settings::MAX_HISTORY;
    SLOW_CLIENT: String = settings::SLOW_CLIENT;
    MAX_MESSAGE_RATE: Option<usize> = settings::MAX_MESSAGE_RATE;
    MAX_BYTE_RATE: Option<usize> = settings::MAX_BYTE_RATE;
    FAST_CLIENT: String = settings::FAST_CLIENT;
    STALL_TIMEOUT: Duration = settings::STALL_TIMEOUT;
    RECONNECT_DELAY: Duration = settings::RECONNECT_DELAY;
    MAX_CLIENTS: Option<usize> = settings::MAX_CLIENTS;
    MAX_CLIENTS_PER_ADDRESS: Option<usize> = settings::MAX_CLIENTS_PER_ADDRESS;
    MAX_HANDSHAKE_RATE: Option<usize> = settings::MAX_HANDSHAKE_RATE;
    MAX_WAITING_HANDSHAKES: usize = settings::MAX_WAITING_HANDSHAKES;
    MAX_COMPRESSION_MEMORY: usize = settings::MAX_COMPRESSION_MEMORY;
}

ferrowire::metrics!(
    metrics::OPEN,
    metrics::OPEN_CLIENTS,
    metrics::ACCEPTED,
    metrics::REFUSED,
    metrics::refused::CONNECTIONS,
    metrics::refused::ADDRESS,
    metrics::refused::RATE,
    metrics::refused::ORIGIN,
    metrics::refused::UNAUTHORIZED,
    metrics::refused::THROTTLED,
    metrics::refused::UNAVAILABLE,
    metrics::refused::WAITING,
    metrics::refused::TIMEOUT,
    metrics::refused::FLOW,
    metrics::EXPIRED,
    metrics::RECEIVED,
    metrics::RECEIVED_CLIENTS,
    metrics::SENT,
    metrics::SENT_CLIENTS,
    metrics::DROPPED_SLOW,
    metrics::DROPPED_REPLACED,
    metrics::DROPPED_CLUSTER,
    metrics::DROPPED_GONE,
    metrics::CLOSED_HEARTBEAT,
    metrics::CLOSED_IDLE,
    metrics::CLOSED_AGE,
    metrics::CLOSED_RATE,
    metrics::CLOSED_SLOW,
    metrics::DELAYED,
    metrics::DROPPED_RATE,
    metrics::HISTORY_RECOVERED,
    metrics::HISTORY_LOST,
    metrics::DROPPED_QUEUE,
    metrics::BEFORE_COMPRESSION,
    metrics::COMPRESSED,
    metrics::RECEIVED_COMPRESSED,
    metrics::DECOMPRESSED,
    metrics::CONTEXTS,
    metrics::QUEUED,
    metrics::DISCONNECTED,
    metrics::RECEIVED_BYTES_SERVER,
    metrics::RECEIVED_BYTES_CLIENT,
    metrics::SENT_BYTES_SERVER,
    metrics::SENT_BYTES_CLIENT,
    metrics::ROOMS,
    metrics::closed_with::NORMAL,
    metrics::closed_with::AWAY,
    metrics::closed_with::PROTOCOL,
    metrics::closed_with::UNSUPPORTED,
    metrics::closed_with::NO_CODE,
    metrics::closed_with::LOST,
    metrics::closed_with::INVALID,
    metrics::closed_with::POLICY,
    metrics::closed_with::SIZE,
    metrics::closed_with::ERROR,
    metrics::closed_with::RESTART,
    metrics::closed_with::AGAIN,
    metrics::closed_with::LIBRARY,
    metrics::closed_with::PRIVATE,
    metrics::closed_with::OTHER,
    metrics::client_closed_with::NORMAL,
    metrics::client_closed_with::AWAY,
    metrics::client_closed_with::PROTOCOL,
    metrics::client_closed_with::UNSUPPORTED,
    metrics::client_closed_with::NO_CODE,
    metrics::client_closed_with::LOST,
    metrics::client_closed_with::INVALID,
    metrics::client_closed_with::POLICY,
    metrics::client_closed_with::SIZE,
    metrics::client_closed_with::ERROR,
    metrics::client_closed_with::RESTART,
    metrics::client_closed_with::AGAIN,
    metrics::client_closed_with::LIBRARY,
    metrics::client_closed_with::PRIVATE,
    metrics::client_closed_with::OTHER,
);
