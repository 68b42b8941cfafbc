//! The nodes `link in`, `link out` and `link call`: virtual wires, and calls that return.

mod call;
mod out;

use ferrowire::{
    Editor, FromConfig, Handled, Links, Message, Node, NodeConfig, NodeContext, NodeType, Value,
};

use call::LinkCall;
use out::LinkOut;

/// The property that lists the ids of the other ends.
const LINKS: &str = "links";

/// The property of a message with the calls to return to, the latest last.
const SOURCES: &str = "_linkSource";

/// The property of a returning message with the id of its call.
const RETURN: &str = "_linkReturn";

/// Passes on messages from links.
#[derive(Debug)]
struct LinkIn;

impl FromConfig for LinkIn {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        check_links(config);
        LinkIn
    }
}

impl Node for LinkIn {
    fn on_message_now(&self, msg: Message, _: &NodeContext) -> Handled {
        Handled::Send(0, msg)
    }
}

fn check_links(config: &mut NodeConfig<'_>) {
    let fine = match config.raw(LINKS) {
        None | Some(Value::String(_)) => true,
        Some(Value::Array(ids)) => ids.iter().all(|id| id.as_str().is_some()),
        Some(_) => false,
    };
    if !fine {
        config.problem(LINKS, "expected a list of node ids");
    }
}

ferrowire::register!(
    NodeType::shared::<LinkIn>("link in")
        .summary("receives messages without a wire")
        .category("common")
        .links(Links::In(LINKS))
        .editor(Editor::NodeRed("common/60-link")),
    NodeType::shared::<LinkOut>("link out")
        .summary("sends to `link in` nodes, or returns to a `link call`")
        .category("common")
        .links(Links::Out(LINKS))
        .editor(Editor::NodeRed("common/60-link")),
    NodeType::shared::<LinkCall>("link call")
        .summary("sends to a `link in` and waits for the return")
        .category("common")
        .links(Links::Call(LINKS))
        .editor(Editor::NodeRed("common/60-link")),
);
