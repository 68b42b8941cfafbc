//! The configuration node `websocket-client`: a connection to a WebSocket server.

use ferrowire::{Editor, NodeType, Reference};
use ferrowire_websocket::Client;

ferrowire::register!(
    NodeType::shared::<Client>("websocket-client")
        .summary("keeps a WebSocket connection to a server")
        .category("config")
        .uses(&[Reference::new("tls", "tls-config")])
        .editor(Editor::NodeRed("network/22-websocket"))
);
