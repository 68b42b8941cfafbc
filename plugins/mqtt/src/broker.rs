//! `Broker`: the configuration node `mqtt-broker`.

use std::sync::{Arc, OnceLock};

use ferrowire::{
    FromConfig, Node, NodeConfig, NodeContext, NodeError, StopReason, Value, async_trait,
};

use crate::delivery;
use crate::inbox::inbox;
use crate::link::Link;
use crate::options::Profile;
use crate::settings::MAX_QUEUE;

/// Node-RED's `mqtt-broker`.
#[derive(Debug)]
pub struct Broker {
    profile: Profile,
    link: OnceLock<Arc<Link>>,
}

impl FromConfig for Broker {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        Broker { profile: Profile::from_config(config), link: OnceLock::new() }
    }
}

#[async_trait]
impl Node for Broker {
    async fn start(&self, cx: &NodeContext) -> Result<(), NodeError> {
        let link = Arc::new(Link::new(cx.clone(), self.profile.clone()));
        if self.link.set(Arc::clone(&link)).is_ok() {
            let (inbox, delivery) = inbox(cx.setting(&MAX_QUEUE));
            cx.spawn(delivery::run(Arc::clone(&link), delivery));
            cx.spawn(delivery::report(Arc::clone(&link)));
            cx.spawn(async move { link.run(inbox).await });
        }
        Ok(())
    }

    async fn on_request(
        &self,
        from: &str,
        request: Value,
        _: &NodeContext,
    ) -> Result<Value, NodeError> {
        match self.link.get() {
            Some(link) => link.answer(from, &request).await,
            None => Err(NodeError::new("the broker node has not started")),
        }
    }

    async fn stop(&self, _: StopReason, _: &NodeContext) {
        if let Some(link) = self.link.get() {
            link.stop().await;
        }
    }
}
