//! The node `function`: JavaScript over messages, run by QuickJS.
//!
//! A node has an interpreter of its own. It runs in the task of the sender as long as that takes
//! a few milliseconds; what takes longer gives its worker thread away, and is cut off at a limit
//! of time and of memory.

mod convert;
mod effects;
mod engine;
mod fault;
mod given;
mod host;
mod intl;
mod limit;
mod links;
mod names;
mod runner;
mod settings;
mod spread;
mod syntax;
mod timers;
mod tokens;
mod turn;
mod visible;

use std::sync::Arc;

use ferrowire::{
    Editor, FromConfig, Handled, Links, Message, Node, NodeConfig, NodeContext, NodeError,
    NodeType, StopReason, async_trait,
};

use runner::Runner;
use settings::Settings;
pub use settings::{MEMORY, TIMEOUT};

/// Node-RED's `function`.
#[derive(Debug)]
pub struct Function {
    runner: Arc<Runner>,
}

impl FromConfig for Function {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        Function { runner: Arc::new(Runner::new(Settings::from_config(config))) }
    }
}

#[async_trait]
impl Node for Function {
    async fn start(&self, cx: &NodeContext) -> Result<(), NodeError> {
        self.runner.start(cx).await
    }

    fn on_message_now(&self, msg: Message, cx: &NodeContext) -> Handled {
        self.runner.handle(msg, cx)
    }

    async fn stop(&self, _: StopReason, cx: &NodeContext) {
        self.runner.stop(cx).await;
    }
}

ferrowire::register!(
    NodeType::shared::<Function>("function")
        .summary("runs JavaScript over messages")
        .category("function")
        // It lists no `link in` nodes, its code names them.
        .links(Links::Call(""))
        .editor(Editor::NodeRed("function/10-function"))
);
