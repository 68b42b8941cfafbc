//! The settings of TCP nodes.

use std::time::Duration;

use ferrowire::{NodeRedNames, Setting};

const GROUP: &str = "TCP nodes";

ferrowire::settings! {
    /// The delay before a client connects again.
    pub RECONNECT_TIME: Duration = Setting::seconds("tcp-reconnect-time")
        .default("10")
        .node_red(NodeRedNames::key("socketReconnectTime"))
        .group(GROUP)
        .help("Seconds before a TCP node connects again");
    /// How long a connection may be idle.
    pub IDLE_TIMEOUT: Option<Duration> = Setting::seconds("tcp-idle-timeout")
        .otherwise("no limit")
        .node_red(NodeRedNames::key("socketTimeout"))
        .group(GROUP)
        .help("Seconds without data after which a TCP node closes a connection");
    /// The bytes that wait for one peer.
    pub MAX_QUEUE: usize = Setting::bytes("tcp-max-queue")
        .default("16 MiB")
        .group(GROUP)
        .help("Bytes that may wait for a TCP peer; senders wait for room, up to 5 seconds");
    /// The largest message that is put together.
    pub MAX_MESSAGE: usize = Setting::bytes("tcp-max-message")
        .default("100 MiB")
        .group(GROUP)
        .help("Largest message that a TCP node puts together until a delimiter or the end");
    /// The connections of one server.
    pub MAX_CONNECTIONS: usize = Setting::integer("tcp-max-connections")
        .between("1", "1000000")
        .default("10000")
        .group(GROUP)
        .help("Connections that a TCP node which listens keeps; more are closed");
}
