//! A node that nothing makes from its configuration.

use ferrowire::{Node, NodeType, register};

struct Shout;

impl Node for Shout {}

register!(NodeType::shared::<Shout>("shout"));

fn main() {}
