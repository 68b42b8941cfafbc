//! What a client is told while it runs: to connect, to disconnect, to use another URL.

use ferrowire_core::{NodeError, Text, Value};

use crate::client::url::Url;
use crate::connection::closing::requested;
use crate::frame::Close;

/// What the flow wants.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    /// To be connected.
    pub(crate) on: bool,
    pub(crate) url: Option<Url>,
    /// Counts the requests that end a connection.
    pub(crate) round: u64,
    /// How the flow wants the connection to be closed.
    pub(crate) close: Close,
}

impl Wish {
    /// The wish of a node that nobody has told anything.
    pub(crate) fn first(on: bool, url: Option<Url>) -> Self {
        Wish { on, url, round: 0, close: normal() }
    }
}

/// `1000`: its work is done.
fn normal() -> Close {
    Close { code: Some(1000), reason: Text::new() }
}

/// A request, as a node that uses the client asks it.
#[derive(Debug)]
pub(crate) enum Request {
    /// With the URL from now on, if it is another one.
    Connect(Option<Url>),
    Disconnect(Close),
}

impl Request {
    /// Reads `{action: "connect", url}` or `{action: "disconnect", code, reason}`.
    ///
    /// # Errors
    /// If it is something else.
    pub(crate) fn read(request: &Value) -> Result<Self, NodeError> {
        let text = |name: &str| request.get(name).and_then(Value::as_str).unwrap_or_default();
        match text("action") {
            "connect" => match request.get("url") {
                None | Some(Value::Undefined | Value::Null) => Ok(Request::Connect(None)),
                Some(Value::String(url)) => {
                    Ok(Request::Connect(Some(Url::parse(url).map_err(NodeError::new)?)))
                }
                Some(_) => Err(NodeError::new("invalid URL: expected a text")),
            },
            "disconnect" => Ok(Request::Disconnect(close(request)?)),
            other => Err(NodeError::new(format!(
                "expected `connect` or `disconnect` as the action of a client, found `{other}`"
            ))),
        }
    }

    /// Changes the wish. A new round ends the connection of the last one.
    pub(crate) fn apply(self, wish: &mut Wish) {
        match self {
            Request::Connect(url) => {
                let is_other = url.is_some() && url != wish.url;
                if is_other || !wish.on {
                    wish.round += 1;
                    wish.close = normal();
                }
                wish.url = url.or(wish.url.take());
                wish.on = true;
            }
            Request::Disconnect(close) => {
                if wish.on {
                    wish.round += 1;
                }
                wish.on = false;
                wish.close = close;
            }
        }
    }
}

/// What a client may send, as in browsers.
fn close(request: &Value) -> Result<Close, NodeError> {
    let is_allowed = |code: f64| code == 1000.0 || (3000.0..=4999.0).contains(&code);
    let refusal = "invalid close code: expected 1000, or one from 3000 to 4999";
    requested((request.get("code"), request.get("reason")), is_allowed, refusal)
}
