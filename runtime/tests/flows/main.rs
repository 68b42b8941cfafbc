//! Flows through the real binary, over real sockets.

mod support;
mod websocket_listener;
