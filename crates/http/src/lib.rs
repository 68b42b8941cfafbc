//! The shared port: HTTP, TLS, and the routing of upgrades.
//!
//! A listener adds its path to [`Routes`] with an [`Upgrade`](ferrowire_core::port::Upgrade); pages
//! are added as handlers. [`serve`] accepts connections and dispatches to the routes. This crate
//! depends on neither WebSocket nor node types.

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
