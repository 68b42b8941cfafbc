//! The metrics of the Node.js child.

use ferrowire_core::metric::{Counter, Gauge};

/// Whether a child has loaded the packages and runs.
pub static RUNNING: Gauge =
    Gauge::new("npm_running", "1 while a Node.js process runs the nodes from npm");
/// Children that were started.
pub static STARTS: Counter =
    Counter::new("npm_starts", "starts of Node.js processes for the nodes from npm");
/// What the child took of memory when it answered last, in bytes.
pub static MEMORY: Gauge =
    Gauge::new("npm_memory", "resident memory of the Node.js process").unit("bytes");

const LOST: &str = "npm_messages_lost";
const LOST_HELP: &str = "messages between native nodes and nodes from npm that were lost";

/// Messages that a child had not taken when it ended, or that wait for one that will not come.
pub static LOST_TO: Counter = Counter::new(LOST, LOST_HELP).label("direction", "to");
/// Messages of nodes from npm that no native node took.
pub static LOST_FROM: Counter = Counter::new(LOST, LOST_HELP).label("direction", "from");
