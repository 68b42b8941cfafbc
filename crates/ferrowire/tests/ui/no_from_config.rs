//! A node that does not implement `FromConfig`.

use ferrowire::{Node, NodeType, register};

struct Shout;

impl Node for Shout {}

register!(NodeType::shared::<Shout>("shout"));

fn main() {}
