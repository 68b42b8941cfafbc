//! A shared node registered as an exclusive one.

use ferrowire::{FromConfig, Node, NodeConfig, NodeType, register};

struct Shout;

impl FromConfig for Shout {
    fn from_config(_: &mut NodeConfig<'_>) -> Self {
        Shout
    }
}

impl Node for Shout {}

register!(NodeType::exclusive::<Shout>("shout"));

fn main() {}
