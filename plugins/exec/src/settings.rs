//! The settings of `exec` nodes.

use ferrowire::{NodeRedNames, Setting};

const GROUP: &str = "Commands of flows";

ferrowire::settings! {
    /// Whether flows may run commands.
    pub ENABLED: bool = Setting::boolean("allow-exec")
        .default("true")
        .group(GROUP)
        .help("Whether flows may run commands of the operating system");
    /// The bytes of one output that `exec` mode collects.
    pub MAX_BUFFER: usize = Setting::bytes("exec-max-buffer")
        .default("10000000")
        .node_red(NodeRedNames::key("execMaxBufferSize"))
        .group(GROUP)
        .help("Bytes of output or of errors that a command in exec mode may print; it is killed beyond that");
    /// The commands of one node that run at the same time.
    pub MAX_PROCESSES: usize = Setting::integer("exec-max-processes")
        .between("1", "100000")
        .default("256")
        .group(GROUP)
        .help("Commands of one exec node that may run at the same time; more are errors");
}
