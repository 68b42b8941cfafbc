//! An optional number used as a number.

use ferrowire::{FromConfig, NodeConfig};

struct Shout {
    times: f64,
}

impl FromConfig for Shout {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        Shout { times: config.number("times") }
    }
}

fn main() {}
