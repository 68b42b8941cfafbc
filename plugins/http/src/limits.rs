//! What requests to flows may cost.

use std::time::Duration;

/// The limits of all `http in` nodes.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most bytes of a request's body.
    pub max_body: usize,
    /// How many requests may wait for an answer.
    pub max_open: usize,
    /// How long each of them may wait.
    pub timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { max_body: 32 << 20, max_open: 4096, timeout: Duration::from_secs(300) }
    }
}
