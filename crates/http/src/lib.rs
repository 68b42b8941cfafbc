//! The one port: HTTP, TLS, and the routing of upgrades.
//!
//! Whatever listens hangs its path into [`Routes`]: an [`Upgrade`] for WebSocket listeners, a
//! page for the rest. [`serve`] accepts connections and asks the routes; this crate knows no
//! WebSocket frame and no node.

mod body;
mod cors;
mod flows;
mod handover;
mod open;
mod routes;
mod server;
mod stream;
mod tls;

pub use body::{Body, Request, Response, empty, full, text};
pub use cors::{Cors, Origins};
pub use flows::{FlowPages, FlowSettings, Gate};
pub use open::{NotOpen, Open, OpenResponses, TooMany, Waiting};
pub use routes::{Find, Layer, Page, PathTaken, Registration, Routes, TakeOver, Turn, Upgrade};
pub use server::{Limits, Secure, serve};
pub use stream::Stream;
pub use tls::{InvalidTls, TlsFiles, server_config};
