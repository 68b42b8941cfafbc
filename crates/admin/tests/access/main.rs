//! Access to the admin API, and the messages at `/comms`, over real sockets.
#![cfg(test)]

mod auth;
mod comms;
mod resources;
mod support;
