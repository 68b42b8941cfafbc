//! A node that wants its configuration in a type of its own.

use ferrowire::FromConfig;

struct Shout;
struct Config;

impl FromConfig for Shout {
    fn from_config(_: Config) -> Self {
        Shout
    }
}

fn main() {}
