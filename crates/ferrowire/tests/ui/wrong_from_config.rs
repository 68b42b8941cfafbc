//! A `from_config` with another parameter type.

use ferrowire::FromConfig;

struct Shout;
struct Config;

impl FromConfig for Shout {
    fn from_config(_: Config) -> Self {
        Shout
    }
}

fn main() {}
