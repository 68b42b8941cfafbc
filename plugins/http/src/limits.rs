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
}

// The runtime declares and checks these settings; the defaults apply in tests of a single node.
const MAX_LENGTH: Setting<usize> = Setting::bytes("http-node-max-length").default("32 MiB");
const MAX_OPEN: Setting<usize> = Setting::integer("http-node-max-open").default("4096");
const TIMEOUT: Setting<Duration> = Setting::seconds("http-node-timeout").default("300");

impl Limits {
    /// The limits for a node.
    pub(crate) fn of(cx: &NodeContext) -> Self {
        Limits {
            max_body: cx.setting(&MAX_LENGTH),
            max_open: cx.setting(&MAX_OPEN),
            timeout: cx.setting(&TIMEOUT),
        }
    }
}
