//! What the node asks its client for.

use ferrowire::{Map, Message, NodeConfig, NodeError, Value};

use crate::property;
use crate::request::{add_close, close_code, one_of};

const ACTIONS: &[&str] = &["connect", "disconnect"];

/// The properties of a node that has a client.
#[derive(Debug)]
pub(crate) struct ClientRequest {
    /// Empty for `msg.action`.
    action: String,
    code: String,
    reason: String,
}

impl ClientRequest {
    pub(crate) fn from_config(config: &mut NodeConfig<'_>) -> Self {
        ClientRequest {
            action: one_of(config, "action", ACTIONS),
            code: close_code(config),
            reason: config.text("reason"),
        }
    }

    /// The request for `msg`; its `url` is for a connect.
    pub(crate) fn of(&self, msg: &Message) -> Result<Map, NodeError> {
        let action = match self.action.as_str() {
            "" => property(msg, "action").cloned().ok_or_else(|| {
                NodeError::new("no action: select one in the node, or set `msg.action`")
            })?,
            action => Value::from(action),
        };
        let mut request = Map::new();
        match action.as_str() {
            Some("connect") => {
                if let Some(url) = property(msg, "url") {
                    request.insert("url", url.clone());
                }
            }
            _ => add_close(&mut request, msg, (&self.code, &self.reason)),
        }
        request.insert("action", action);
        Ok(request)
    }
}
