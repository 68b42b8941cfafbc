//! The shared port: HTTP, TLS, and the routing of upgrades.
//!
//! A listener adds its path to [`Routes`] with an [`Upgrade`](ferrowire_core::port::Upgrade); pages
//! are added as handlers. [`serve`] accepts connections and dispatches to the routes. This crate
//! depends on neither WebSocket nor node types.

mod body;
mod client_certificate;
mod connections;
mod cors;
mod ending;
mod files;
mod handover;
mod heads;
mod host;
pub mod metrics;
mod output;
mod pace;
mod port;
mod proxies;
mod routes;
mod server;
mod tls;

pub use body::{Body, Request, RequestBody, Response, empty, full, text};
pub use cors::{Cors, Origins};
pub use ending::Ending;
pub use ferrowire_net::Throttle;
pub use files::{Folder, Open, file_response};
pub use port::{AdminRoutes, FlowRoutes, Gate, GateFor, NodePort};
pub use proxies::{InvalidProxy, TrustedProxies};
pub use routes::{Find, Held, Layer, NoUpgrade, Page, PathTaken, Registration, Routes, Turn};
pub use server::{Limits, Secure, serve};
pub use tls::{Clients, InvalidTls, Passphrase, ServerTls, TlsFiles};
