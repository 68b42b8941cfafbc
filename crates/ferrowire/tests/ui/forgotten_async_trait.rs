//! An `impl Node` without `#[async_trait]`.

use ferrowire::{Message, Node, NodeContext, NodeError};

struct Shout;

impl Node for Shout {
    async fn on_message(&self, msg: Message, cx: &NodeContext) -> Result<(), NodeError> {
        cx.send(0, msg).await;
        Ok(())
    }
}

fn main() {}
