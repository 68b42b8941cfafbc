//! A node registered without a `NodeType`.

use ferrowire::{FromConfig, Node, NodeConfig, register};

struct Shout;

impl FromConfig for Shout {
    fn from_config(_: &mut NodeConfig<'_>) -> Self {
        Shout
    }
}

impl Node for Shout {}

register!(Shout);

fn main() {}
