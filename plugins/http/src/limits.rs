//! Limits for requests to flows.

use std::time::Duration;

use ferrowire::{NodeContext, Setting};

/// The limits of all `http in` nodes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The maximum size of a request's body.
    pub(crate) max_body: usize,
    /// How many requests may wait for a response.
    pub(crate) max_open: usize,
    /// How long a request may wait.
    pub(crate) timeout: Duration,
    /// How long it may wait after a node has failed with it.
    pub(crate) error_timeout: Duration,
}

/// The heading in help and documentation, which the runtime's settings of these nodes share.
const GROUP: &str = "HTTP and WebSocket nodes";

ferrowire::settings! {
    MAX_LENGTH: usize = Setting::bytes("http-node-max-length")
        .default("32 MiB")
        .group(GROUP)
        .help("Largest body of a request to a flow");
    MAX_OPEN: usize = Setting::integer("http-node-max-open")
        .between("1", "1000000")
        .default("4096")
        .group(GROUP)
        .help("HTTP requests that may wait for a response from a flow at a time");
    TIMEOUT: Duration = Setting::seconds("http-node-timeout")
        .default("300")
        .group(GROUP)
        .help("Seconds that an HTTP request may wait for a response from a flow");
    ERROR_TIMEOUT: Duration = Setting::seconds("http-error-timeout")
        .default("5")
        .group(GROUP)
        .help("Seconds that an HTTP request may wait after a function or an http response failed with it; then it is answered with 500");
}

impl Limits {
    /// The limits for a node.
    pub(crate) fn of(cx: &NodeContext) -> Self {
        Limits {
            max_body: cx.setting(&MAX_LENGTH),
            max_open: cx.setting(&MAX_OPEN),
            timeout: cx.setting(&TIMEOUT),
            error_timeout: cx.setting(&ERROR_TIMEOUT),
        }
    }
}
