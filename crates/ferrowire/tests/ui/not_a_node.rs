//! A registered struct that is not a node.

use ferrowire::{FromConfig, NodeConfig, NodeType, register};

struct Shout;

impl FromConfig for Shout {
    fn from_config(_: &mut NodeConfig<'_>) -> Self {
        Shout
    }
}

register!(NodeType::shared::<Shout>("shout"));

fn main() {}
