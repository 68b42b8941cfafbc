//! Listeners and their clients over in-memory pipes, on paused time.

#![expect(clippy::unwrap_used, reason = "tests")]

mod alive;
mod history;
mod slow;
mod support;

use ferrowire_plugin_websocket_endpoints as _;
