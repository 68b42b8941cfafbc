//! The one port: HTTP, TLS, and the routing of upgrades.
//!
//! Whatever listens hangs its path into [`Routes`]: an [`Upgrade`] for WebSocket listeners, a
//! page for the rest. [`serve`] accepts connections and asks the routes; this crate knows no
//! WebSocket frame and no node.

mod body;
mod cors;
mod handover;
mod port;
mod routes;
mod server;
mod tls;

pub use body::{Body, Request, Response, empty, full, text};
pub use cors::{Cors, Origins};
pub use port::{AdminRoutes, FlowRoutes, Gate, GateFor, NodePort};
pub use routes::{Find, Layer, Page, PathTaken, Registration, Routes, Turn};
pub use server::{Limits, Secure, serve};
pub use tls::{InvalidTls, TlsFiles, server_config};
