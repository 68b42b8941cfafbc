//! A type without the name that flow files call it by.

use ferrowire::{FromConfig, Node, NodeConfig, NodeType, register};

struct Shout;

impl FromConfig for Shout {
    fn from_config(_: &mut NodeConfig<'_>) -> Self {
        Shout
    }
}

impl Node for Shout {}

register!(NodeType::shared::<Shout>());

fn main() {}
