//! The node `comment`: a note for the reader of a flow. It does nothing.

use ferrowire::{Editor, FromConfig, Node, NodeConfig, NodeType};

/// Node-RED's `comment`. It has no wires; a message to it is an error.
#[derive(Debug)]
pub struct Comment;

impl FromConfig for Comment {
    fn from_config(_: &mut NodeConfig<'_>) -> Self {
        Comment
    }
}

impl Node for Comment {}

ferrowire::register!(
    NodeType::shared::<Comment>("comment")
        .summary("a note in the flow")
        .category("common")
        .editor(Editor::NodeRed("common/90-comment"))
);
