//! The node `websocket in`: sends what its endpoint receives into the flow.

mod editor;

use ferrowire::{
    FromConfig, Handled, Message, Node, NodeConfig, NodeContext, NodeError, NodeType, Reference,
    async_trait,
};

use editor::EDITOR;

/// Node-RED's `websocket in`. The endpoint, a `websocket-listener` or `websocket-client`, owns the
/// connections and creates the messages, which enter the flow at this node.
///
/// With `events` set, the listener also sends it a message for each connect and disconnect; with `eventsOf`
/// `cluster` those of all instances.
#[derive(Debug)]
pub struct WebSocketIn {
    only_events: bool,
}

/// The configuration nodes of a WebSocket node. If a flow file has both, the client takes
/// precedence, as in Node-RED.
const ENDPOINTS: &[Reference] =
    &[Reference::new("client", "websocket-client"), Reference::new("server", "websocket-listener")];

impl FromConfig for WebSocketIn {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let events = config.text("events");
        if !matches!(events.as_str(), "" | "also" | "only") {
            config.problem("events", format!("expected `also` or `only`, found `{events}`"));
        }
        let of = config.text("eventsOf");
        if !matches!(of.as_str(), "" | "cluster") {
            config.problem("eventsOf", format!("expected `cluster` or nothing, found `{of}`"));
        }
        WebSocketIn { only_events: events == "only" }
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
        if self.only_events && !is_event(&msg) {
            return Handled::Done;
        }
        Handled::Send(0, msg)
    }
}

/// A peer cannot set `_session`, but may set `event` of a whole message.
fn is_event(msg: &Message) -> bool {
    msg.get("_session").is_some_and(|session| session.get("event").is_some())
}

ferrowire::register!(
    NodeType::shared::<WebSocketIn>("websocket in")
        .summary("receives messages from a WebSocket endpoint")
        .category("network")
        .receives_from(ENDPOINTS)
        .editor(EDITOR)
);
