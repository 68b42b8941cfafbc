//! `Membership`: the broker node that a node uses.

use std::sync::OnceLock;

use ferrowire::{Message, NodeConfig, NodeContext, NodeError, StopReason, Text, Value};

use crate::link::MARK;
use crate::request;
use crate::status::State;

/// A node's broker.
#[derive(Debug)]
pub(crate) struct Membership {
    /// The id of the broker node; `None` if there is none.
    broker: Option<String>,
    /// What the broker node's messages are marked with.
    mark: OnceLock<Text>,
}

impl Membership {
    /// Reads the property `broker`.
    pub(crate) fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let id = config.text("broker");
        let broker = config.find(&id).map(|_| id);
        Membership { broker, mark: OnceLock::new() }
    }

    /// Begins to use the broker.
    ///
    /// # Errors
    /// If there is none, or it does not run.
    pub(crate) async fn join(&self, cx: &NodeContext) -> Result<(), NodeError> {
        cx.status(State::Disconnected.status());
        let answer = self.ask(cx, request::join()).await?;
        if let Some(mark) = answer.get(MARK).and_then(Value::as_str) {
            // A node starts once.
            let _is_first = self.mark.set(mark.into());
        }
        Ok(())
    }

    /// Shows that the node is not connected, unless it is gone.
    pub(crate) fn leave(&self, reason: StopReason, cx: &NodeContext) {
        if reason != StopReason::Removed {
            cx.status(State::Disconnected.status());
        }
    }

    /// Asks the broker node.
    ///
    /// # Errors
    /// Its error; or that there is none.
    pub(crate) fn ask(
        &self,
        cx: &NodeContext,
        request: Value,
    ) -> impl Future<Output = Result<Value, NodeError>> + Send + 'static {
        let asking = self.broker.as_ref().map(|id| cx.ask(id, request));
        async move {
            match asking {
                Some(asking) => asking.await,
                None => Err(NodeError::new("missing broker configuration")),
            }
        }
    }

    /// Whether a message comes from the broker node, whose mark is taken off then.
    pub(crate) fn has_sent(&self, msg: &mut Message) -> bool {
        let mark = self.mark.get().map(Text::as_str);
        let is_marked = mark.is_some() && msg.get(MARK).and_then(Value::as_str) == mark;
        if is_marked {
            msg.remove(MARK);
        }
        is_marked
    }

    /// Switches the connection on or off; the message is complete when that is done.
    pub(crate) fn switch(&self, is_on: bool, msg: Message, cx: &NodeContext) {
        let asking = self.ask(cx, request::switch(is_on, &msg));
        let own = cx.clone();
        cx.spawn(async move {
            match asking.await {
                Ok(_) => own.complete(msg).await,
                Err(error) => own.fail_with(error, msg).await,
            }
        });
    }
}

/// An error that Node-RED creates as an `Error`, which its text says.
pub(crate) fn error(text: &str) -> NodeError {
    NodeError::new(format!("Error: {text}"))
}
