//! The node `function`: JavaScript over messages, run by QuickJS.
//!
//! Each node has its own interpreter, which is created for its first message. It runs in the task of the
//! sender for up to a few milliseconds; a longer run gives its worker thread away, and is cut off at limits of
//! time and memory.

mod budget;
mod causes;
mod changed;
mod changes;
mod code;
mod convert;
mod editor;
mod effects;
mod engine;
mod fault;
mod given;
mod host;
mod http;
mod intl;
mod kept;
mod lasting;
mod library;
mod limit;
mod links;
mod names;
mod place;
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
    FromConfig, Handled, Links, Message, Node, NodeConfig, NodeContext, NodeError, NodeType,
    StopReason, async_trait,
};

pub use engine::{INTERPRETERS, TIMED_OUT};
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

ferrowire::metrics!(INTERPRETERS, TIMED_OUT);

ferrowire::register!(
    NodeType::shared::<Function>("function")
        .summary("runs JavaScript over messages")
        .category("function")
        // It lists no `link in` nodes, its code names them.
        .links(Links::Call(""))
        .editor(editor::EDITOR)
);
