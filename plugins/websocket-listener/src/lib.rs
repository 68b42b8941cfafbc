//! The configuration node `websocket-listener`: a path where WebSocket clients connect.

use ferrowire::{Editor, NodeType};
use ferrowire_websocket::Listener;

ferrowire::register!(
    NodeType::shared::<Listener>("websocket-listener")
        .summary("accepts WebSocket connections at a path of the runtime's port")
        .category("config")
        .unique(&["path"])
        .editor(Editor::NodeRed("network/22-websocket"))
);
