//! `websocket-client`: one connection to a server, kept open while a node uses it.

mod attempt;
mod auth;
mod details;
pub(crate) mod dial;
mod headers;
mod heartbeat;
mod link;
mod opening;
mod options;
mod plan;
mod queue;
mod sending;
mod serve;
mod stops;
pub(crate) mod url;
mod wish;

use std::sync::{Arc, OnceLock};

use ferrowire_core::{
    FromConfig, Handled, Message, Node, NodeConfig, NodeContext, NodeError, StopReason, Value,
    async_trait,
};

use crate::client::link::Link;
use crate::client::options::Options;

/// The configuration node `websocket-client`.
#[derive(Debug)]
pub struct Client {
    options: Arc<Options>,
    link: OnceLock<Arc<Link>>,
}

impl FromConfig for Client {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        Client { options: Arc::new(Options::from_config(config)), link: OnceLock::new() }
    }
}

#[async_trait]
impl Node for Client {
    async fn start(&self, cx: &NodeContext) -> Result<(), NodeError> {
        let link = Arc::new(Link::new(cx.clone(), Arc::clone(&self.options)));
        if self.link.set(Arc::clone(&link)).is_ok() {
            cx.spawn(async move { link.run().await });
        }
        Ok(())
    }

    fn on_message_now(&self, msg: Message, _: &NodeContext) -> Handled {
        match self.link.get() {
            Some(link) => link.send(msg),
            None => Handled::Done,
        }
    }

    async fn on_request(
        &self,
        _: &str,
        request: Value,
        _: &NodeContext,
    ) -> Result<Value, NodeError> {
        match self.link.get() {
            Some(link) => link.answer(&request),
            None => Err(NodeError::new("the client has not started")),
        }
    }

    async fn stop(&self, _: StopReason, _: &NodeContext) {
        if let Some(link) = self.link.get() {
            link.stop().await;
        }
    }
}
