//! A node with state that only one thread may touch.

use std::cell::Cell;

use ferrowire::Node;

struct Count(Cell<u32>);

impl Node for Count {}

fn main() {}
