//! `websocket admit`: tells the listener what the flow has decided.

use ferrowire::{
    FromConfig, Map, Message, Node, NodeConfig, NodeContext, NodeError, Value, async_trait,
};

/// What an answer takes from the message.
const TAKEN: [&str; 5] = ["user", "claims", "rooms", "statusCode", "payload"];

/// Answers the handshake that a message began with.
#[derive(Debug)]
pub(crate) struct Admit {
    listener: String,
}

impl FromConfig for Admit {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        Admit { listener: config.text("server") }
    }
}

#[async_trait]
impl Node for Admit {
    async fn start(&self, cx: &NodeContext) -> Result<(), NodeError> {
        if self.listener.is_empty() {
            cx.error("Missing server configuration: choose the path whose handshakes it answers");
        }
        Ok(())
    }

    async fn on_message(&self, msg: Message, cx: &NodeContext) -> Result<(), NodeError> {
        let Some(id) = msg.get("_handshake").and_then(Value::as_str) else {
            return Err(NodeError::new(
                "expected a message of a `websocket handshake` node, with its `msg._handshake`",
            ));
        };
        let mut request = Map::from_iter([("action", "admit"), ("handshake", id)]);
        for name in TAKEN {
            if let Some(value) = msg.get(name) {
                request.insert(name, value.clone());
            }
        }
        cx.ask(&self.listener, request).await.map(drop)
    }
}
