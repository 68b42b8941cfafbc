//! The node `junction`: a point where wires meet.

use ferrowire::{Editor, FromConfig, Handled, Message, Node, NodeConfig, NodeContext, NodeType};

/// Node-RED's `junction`: passes every message on.
#[derive(Debug)]
pub struct Junction;

impl FromConfig for Junction {
    fn from_config(_: &mut NodeConfig<'_>) -> Self {
        Junction
    }
}

impl Node for Junction {
    fn on_message_now(&self, msg: Message, _: &NodeContext) -> Handled {
        Handled::Send(0, msg)
    }
}

ferrowire::register!(
    NodeType::shared::<Junction>("junction")
        .summary("joins wires")
        .category("common")
        .editor(Editor::NodeRed("common/05-junction"))
);
