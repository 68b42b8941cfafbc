//! The node `websocket out`: sends messages to its endpoint.

use ferrowire::{
    Editor, FromConfig, Handled, Message, Node, NodeConfig, NodeContext, NodeError, NodeType,
    Reference, async_trait,
};

/// Node-RED's `websocket out`. The bus wires its output 0 to the endpoint, a `websocket-listener`
/// or `websocket-client`, which sends the message to one connection or to all.
#[derive(Debug)]
pub struct WebSocketOut;

/// The configuration nodes of a WebSocket node. If a flow file has both, the client takes
/// precedence, as in Node-RED.
const ENDPOINTS: &[Reference] =
    &[Reference::new("client", "websocket-client"), Reference::new("server", "websocket-listener")];

impl FromConfig for WebSocketOut {
    fn from_config(_: &mut NodeConfig<'_>) -> Self {
        WebSocketOut
    }
}

#[async_trait]
impl Node for WebSocketOut {
    async fn start(&self, cx: &NodeContext) -> Result<(), NodeError> {
        if cx.endpoint().is_none() {
            // Logged rather than failed, as in Node-RED.
            cx.error("Missing server configuration: choose a path or a URL to send to");
        }
        Ok(())
    }

    fn on_message_now(&self, msg: Message, _: &NodeContext) -> Handled {
        Handled::Send(0, msg)
    }
}

ferrowire::register!(
    NodeType::shared::<WebSocketOut>("websocket out")
        .summary("sends messages to a WebSocket endpoint")
        .category("network")
        .sends_to(ENDPOINTS)
        .editor(Editor::NodeRed("network/22-websocket"))
);
