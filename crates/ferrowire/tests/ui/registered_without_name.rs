//! A type with an empty name.

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
