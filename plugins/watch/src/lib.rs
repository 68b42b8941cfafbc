//! The nodes `catch`, `status` and `complete`: send errors, statuses and completed messages of
//! other nodes into the flow.
//!
//! The runtime selects the watched nodes by the properties `scope` and `uncaught`.

use ferrowire::{
    Editor, FromConfig, Handled, Message, Node, NodeConfig, NodeContext, NodeType, Value, Watches,
};

/// Passes on the messages that the runtime delivers.
#[derive(Debug)]
pub struct Watch;

impl FromConfig for Watch {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        check_scope(config);
        config.boolean("uncaught", false);
        Watch
    }
}

fn check_scope(config: &mut NodeConfig<'_>) {
    let fine = match config.raw("scope") {
        None => true,
        Some(Value::String(scope)) => matches!(scope.as_str(), "" | "all" | "group"),
        Some(Value::Array(ids)) => ids.iter().all(|id| id.as_str().is_some()),
        Some(_) => false,
    };
    if !fine {
        config.problem("scope", "expected `null`, `group` or a list of node ids");
    }
}

impl Node for Watch {
    fn on_message_now(&self, msg: Message, _: &NodeContext) -> Handled {
        Handled::Send(0, msg)
    }
}

const fn watching(name: &'static str, what: Watches) -> NodeType {
    NodeType::shared::<Watch>(name).category("common").watches(what)
}

ferrowire::register!(
    watching("catch", Watches::Errors)
        .summary("receives the errors of other nodes")
        .editor(Editor::NodeRed("common/25-catch")),
    watching("status", Watches::Statuses)
        .summary("receives the statuses of other nodes")
        .editor(Editor::NodeRed("common/25-status")),
    watching("complete", Watches::Completions)
        .summary("receives the completed messages of other nodes")
        .editor(Editor::NodeRed("common/24-complete")),
);
