//! The bodies of requests and responses.

pub use ferrowire_core::port::{Body, Response, empty, full, text};

/// A received request.
pub type Request = hyper::Request<hyper::body::Incoming>;
