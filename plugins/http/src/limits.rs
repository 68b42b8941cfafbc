//! What requests to flows may cost.

use std::time::Duration;

use ferrowire::{NodeContext, Setting};

/// The limits of all `http in` nodes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The most bytes of a request's body.
    pub(crate) max_body: usize,
    /// How many requests may wait for an answer.
    pub(crate) max_open: usize,
    /// How long each of them may wait.
    pub(crate) timeout: Duration,
}

// Settings of the runtime, which declares and checks them; the defaults count in tests of one node.
const MAX_LENGTH: Setting<usize> = Setting::bytes("http-node-max-length").default("32 MiB");
const MAX_OPEN: Setting<usize> = Setting::integer("http-node-max-open").default("4096");
const TIMEOUT: Setting<Duration> = Setting::seconds("http-node-timeout").default("300");

impl Limits {
    /// The limits that hold for a node.
    pub(crate) fn of(cx: &NodeContext) -> Self {
        Limits {
            max_body: cx.setting(&MAX_LENGTH),
            max_open: cx.setting(&MAX_OPEN),
            timeout: cx.setting(&TIMEOUT),
        }
    }
}
