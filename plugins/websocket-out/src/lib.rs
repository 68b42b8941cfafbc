//! The node `websocket out`: sends messages to its endpoint.

mod addressing;
mod editor;

use ferrowire::{
    FromConfig, Handled, Message, Node, NodeConfig, NodeContext, NodeError, NodeType, Reference,
    Value, async_trait,
};

use addressing::Addressing;
use editor::EDITOR;

/// Node-RED's `websocket out`. The bus wires its output 0 to the endpoint, a `websocket-listener`
/// or `websocket-client`, which sends the message to one connection or to all.
///
/// With `to` set, it addresses other sessions than the sender's, by `msg._session`.
#[derive(Debug)]
pub struct WebSocketOut {
    /// `None` for Node-RED's way: to the session in `msg._session`, or to all.
    addressing: Option<Addressing>,
    send_empty: bool,
}

/// The configuration nodes of a WebSocket node. If a flow file has both, the client takes
/// precedence, as in Node-RED.
const ENDPOINTS: &[Reference] =
    &[Reference::new("client", "websocket-client"), Reference::new("server", "websocket-listener")];

impl FromConfig for WebSocketOut {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        WebSocketOut {
            addressing: Addressing::from_config(config),
            send_empty: config.boolean("sendEmpty", false),
        }
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

    fn on_message_now(&self, mut msg: Message, cx: &NodeContext) -> Handled {
        if let Some(addressing) = &self.addressing
            && let Err(error) = addressing.address(&mut msg, cx)
        {
            return Handled::Failed(error);
        }
        if self.send_empty && msg.payload().and_then(Value::as_str) == Some("") {
            addressing::let_empty_through(&mut msg);
        }
        Handled::Send(0, msg)
    }
}

ferrowire::register!(
    NodeType::shared::<WebSocketOut>("websocket out")
        .summary("sends messages to a WebSocket endpoint")
        .category("network")
        .sends_to(ENDPOINTS)
        .editor(EDITOR)
);
