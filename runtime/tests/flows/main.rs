//! Flows through the real binary, over real sockets.

mod command_line;
mod examples;
mod support;
mod websocket_client;
mod websocket_listener;
