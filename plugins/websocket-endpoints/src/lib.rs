//! The configuration nodes of the WebSocket nodes: `websocket-listener`, a path where clients
//! connect, and `websocket-client`, a connection to a server.

mod editor;

use ferrowire::{NodeType, Reference};
use ferrowire_websocket::{Client, Listener};

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
