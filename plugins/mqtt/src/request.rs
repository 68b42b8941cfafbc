//! `Request`: what a user asks of its broker node.

use ferrowire::{Map, Message, NodeError, Value};
use mqtt5_protocol::packet::subscribe::SubscriptionOptions;

use crate::link::answer;
use crate::subscriptions;

/// The options and properties of a request without any.
static EMPTY: Map = Map::new();

/// A request.
#[derive(Debug)]
pub(crate) enum Request<'a> {
    /// To be known: the answer has the mark of the broker node's messages.
    Join,
    Subscribe {
        filter: String,
        options: SubscriptionOptions,
    },
    Unsubscribe {
        filter: String,
        is_final: bool,
    },
    Publish {
        ticket: f64,
        msg: &'a Map,
    },
    Connect(Option<Map>),
    Disconnect,
}

impl<'a> Request<'a> {
    /// Reads what the functions below write.
    ///
    /// # Errors
    /// If it is something else.
    pub(crate) fn read(request: &'a Value) -> Result<Self, NodeError> {
        let text = |name: &str| request.get(name).and_then(Value::as_str).unwrap_or_default();
        let map = |name: &str| request.get(name).and_then(Value::as_object);
        let filter = || text("filter").to_owned();
        Ok(match text("action") {
            "join" => Request::Join,
            "subscribe" => Request::Subscribe {
                filter: filter(),
                options: subscriptions::options(map("options").unwrap_or(&EMPTY)),
            },
            "unsubscribe" => Request::Unsubscribe {
                filter: filter(),
                is_final: request.get("final").is_some_and(Value::is_truthy),
            },
            "publish" => Request::Publish {
                ticket: request.get("ticket").and_then(Value::as_f64).unwrap_or_default(),
                msg: map("msg").unwrap_or(&EMPTY),
            },
            "connect" => Request::Connect(map("broker").cloned()),
            "disconnect" => Request::Disconnect,
            other => {
                let text = format!("an MQTT broker node does not know the request `{other}`");
                return Err(NodeError::new(text));
            }
        })
    }
}

/// The request of a node that begins to use the broker.
pub(crate) fn join() -> Value {
    answer([("action", "join".into())])
}

/// The request for a subscription.
pub(crate) fn subscribe(filter: &str, options: &Map) -> Value {
    let options = options.clone().into();
    answer([("action", "subscribe".into()), ("filter", filter.into()), ("options", options)])
}

/// The request to end a subscription; for good, or until the node runs again.
pub(crate) fn unsubscribe(filter: &str, is_final: bool) -> Value {
    let is_final = is_final.into();
    answer([("action", "unsubscribe".into()), ("filter", filter.into()), ("final", is_final)])
}

/// The request to publish a message, which has this number.
pub(crate) fn publish(ticket: f64, msg: Message) -> Value {
    answer([("action", "publish".into()), ("ticket", ticket.into()), ("msg", msg.into())])
}

/// The request to connect, with the options of `msg.broker`, or to disconnect.
pub(crate) fn switch(is_on: bool, msg: &Message) -> Value {
    let action = if is_on { "connect" } else { "disconnect" };
    let broker = msg.get("broker").cloned().unwrap_or_default();
    answer([("action", action.into()), ("broker", broker)])
}
