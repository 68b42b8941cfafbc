//! A node with state that is not `Sync`.

use std::cell::Cell;

use ferrowire::Node;

struct Count(Cell<u32>);

impl Node for Count {}

fn main() {}
