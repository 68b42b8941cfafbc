//! The nodes with a real broker. `cargo xtask brokers` runs these tests, which need Mosquitto.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod messages;
mod reconnects;
mod server;
mod sessions;
mod support;
mod transports;
mod witnesses;
