//! A handler that holds a value that is not `Send` across an `await`.

use std::rc::Rc;

use ferrowire::{Message, Node, NodeContext, NodeError, async_trait};

struct Shout;

#[async_trait]
impl Node for Shout {
    async fn on_message(&self, msg: Message, cx: &NodeContext) -> Result<(), NodeError> {
        let mine = Rc::new(1);
        cx.send(0, msg).await;
        drop(mine);
        Ok(())
    }
}

fn main() {}
