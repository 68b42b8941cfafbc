//! The configuration nodes of the WebSocket nodes: `websocket-listener`, which accepts connections
//! at a path, and `websocket-client`, which connects to a server.

mod editor;

use ferrowire::{NodeType, Reference};
use ferrowire_websocket::{Client, Listener, metrics};

use editor::EDITOR;

ferrowire::register!(
    NodeType::shared::<Listener>("websocket-listener")
        .summary("accepts WebSocket connections at a path of the runtime's port")
        .category("config")
        .unique(&["path"])
        .editor(EDITOR),
    NodeType::shared::<Client>("websocket-client")
        .summary("keeps a WebSocket connection to a server")
        .category("config")
        .uses(&[Reference::new("tls", "tls-config")])
        .editor(EDITOR),
);

ferrowire::metrics!(
    metrics::OPEN,
    metrics::OPEN_CLIENTS,
    metrics::ACCEPTED,
    metrics::REFUSED,
    metrics::RECEIVED,
    metrics::RECEIVED_CLIENTS,
    metrics::SENT,
    metrics::SENT_CLIENTS,
    metrics::DROPPED_SLOW,
    metrics::DROPPED_GONE,
);
