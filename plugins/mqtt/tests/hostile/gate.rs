//! The node `gate`, which takes a message only when the test lets it.

use std::sync::LazyLock;

use ferrowire::{
    FromConfig, Message, Node, NodeConfig, NodeContext, NodeError, NodeType, async_trait,
};
use tokio::sync::Semaphore;

/// One permit for each message that may pass.
pub(crate) static PASSES: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(0));

struct Gate;

impl FromConfig for Gate {
    fn from_config(_: &mut NodeConfig<'_>) -> Self {
        Gate
    }
}

#[async_trait]
impl Node for Gate {
    async fn on_message(&self, msg: Message, cx: &NodeContext) -> Result<(), NodeError> {
        PASSES.acquire().await.map_err(|error| NodeError::new(error.to_string()))?.forget();
        cx.send(0, msg).await;
        Ok(())
    }
}

ferrowire::register!(NodeType::shared::<Gate>("gate").summary("waits for the test"));
