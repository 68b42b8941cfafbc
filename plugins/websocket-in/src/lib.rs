//! The node `websocket in`: sends what its endpoint receives into the flow.

use ferrowire::{
    Editor, FromConfig, Handled, Message, Node, NodeConfig, NodeContext, NodeError, NodeType,
    Reference, async_trait,
};

/// Node-RED's `websocket in`. The endpoint, a `websocket-listener` or `websocket-client`, owns the
/// connections and creates the messages, which enter the flow at this node.
#[derive(Debug)]
pub struct WebSocketIn;

/// The configuration nodes of a WebSocket node. If a flow file has both, the client takes
/// precedence, as in Node-RED.
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
            // Logged rather than failed, as in Node-RED: the flow is idle, but nothing is lost.
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
