//! The node `websocket control`: the rooms of a listener's sessions, their data, lists and ends; the
//! connection of a client.

mod client;
mod editor;
mod request;

use ferrowire::{
    FromConfig, Message, Node, NodeConfig, NodeContext, NodeError, NodeType, Reference, Value,
    async_trait,
};

use client::ClientRequest;
use editor::EDITOR;
use request::Request;

/// Asks its listener to do something with sessions, or its client to connect or disconnect; the
/// result is the payload of its output.
#[derive(Debug)]
pub struct WebSocketControl {
    /// The id of the listener or client.
    endpoint: String,
    request: Asked,
}

#[derive(Debug)]
enum Asked {
    Listener(Box<Request>),
    Client(ClientRequest),
}

impl FromConfig for WebSocketControl {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let (server, client) = (config.text("server"), config.text("client"));
        // As of `websocket in` and `websocket out`, the client takes precedence.
        if !client.is_empty() {
            let request = Asked::Client(ClientRequest::from_config(config));
            return WebSocketControl { endpoint: client, request };
        }
        if server.is_empty() {
            config.problem("server", "no `websocket-listener` or `websocket-client` is selected");
        }
        let request = Asked::Listener(Box::new(Request::from_config(config)));
        WebSocketControl { endpoint: server, request }
    }
}

#[async_trait]
impl Node for WebSocketControl {
    async fn on_message(&self, mut msg: Message, cx: &NodeContext) -> Result<(), NodeError> {
        let request = match &self.request {
            Asked::Listener(request) => request.of(&msg, cx)?,
            Asked::Client(request) => request.of(&msg)?,
        };
        let answer = cx.ask(&self.endpoint, request).await?;
        copy(&mut msg, &answer, "unanswered");
        if let Some(list) = answer.get("sessions").filter(|list| list.as_array().is_some()) {
            copy(&mut msg, &answer, "cursor");
            msg.set("payload", list.clone());
        } else if let Some(count) = answer.get("count") {
            msg.set("payload", count.clone());
        } else {
            msg.set("payload", answer);
        }
        cx.send(0, msg).await;
        Ok(())
    }
}

/// Sets a property to what the answer has, or removes it.
fn copy(msg: &mut Message, answer: &Value, name: &'static str) {
    match answer.get(name) {
        Some(value) => drop(msg.set(name, value.clone())),
        None => drop(msg.remove(name)),
    }
}

const ENDPOINTS: &[Reference] =
    &[Reference::new("client", "websocket-client"), Reference::new("server", "websocket-listener")];

ferrowire::register!(
    NodeType::shared::<WebSocketControl>("websocket control")
        .summary(
            "joins rooms, closes and lists the sessions of a WebSocket listener; connects a client"
        )
        .category("network")
        .uses(ENDPOINTS)
        .editor(EDITOR)
);

/// A property of a message that is there.
fn property<'a>(msg: &'a Message, name: &str) -> Option<&'a Value> {
    msg.get(name).filter(|value| !matches!(value, Value::Null))
}
