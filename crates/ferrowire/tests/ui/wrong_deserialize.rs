//! A configuration read into a type that does not implement `Deserialize`.

use ferrowire::{FromConfig, NodeConfig};

struct Shout {
    times: u32,
}

struct Config {
    times: u32,
}

impl FromConfig for Shout {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        Shout { times: config.deserialize::<Config>().times }
    }
}

fn main() {}
