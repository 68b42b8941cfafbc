//! Who may use the admin API, and what editors hear at `/comms`: over real sockets.
#![cfg(test)]

mod auth;
mod comms;
mod resources;
mod support;
