//! The node `websocket in`: what its endpoint receives goes on into the flow.

use ferrowire::{
    Editor, FromConfig, Handled, Message, Node, NodeConfig, NodeContext, NodeError, NodeType,
    Reference, async_trait,
};

/// Node-RED's `websocket in`. The endpoint, a `websocket-listener` or `websocket-client`, owns
/// the connections and makes the messages; this node is the place where they enter a flow.
#[derive(Debug)]
pub struct WebSocketIn;

/// The configuration nodes that a WebSocket node may refer to, the client's first, as Node-RED
/// prefers it when a flow file holds both.
const ENDPOINTS: &[Reference] =
    &[Reference::new("client", "websocket-client"), Reference::new("server", "websocket-listener")];

impl FromConfig for WebSocketIn {
    fn from_config(_: &mut NodeConfig<'_>) -> Self {
        WebSocketIn
    }
}

#[async_trait]
impl Node for WebSocketIn {
    async fn start(&self, cx: &NodeContext) -> Result<(), NodeError> {
        if cx.endpoint().is_none() {
            // Logged and not failed, as in Node-RED: the flow is idle, and nothing is lost yet.
            cx.error("Missing server configuration: choose a path or a URL to receive from");
        }
        Ok(())
    }

    fn on_message_now(&self, msg: Message, _: &NodeContext) -> Handled {
        Handled::Send(0, msg)
    }
}

ferrowire::register!(
    NodeType::shared::<WebSocketIn>("websocket in")
        .summary("receives messages from a WebSocket endpoint")
        .category("network")
        .receives_from(ENDPOINTS)
        .editor(Editor::NodeRed("network/22-websocket"))
);
