//! The runtime's HTTP port as nodes see it: routes and connection upgrades.
//!
//! The runtime owns the socket and handles TLS, limits, timeouts, CORS and logins. A node adds
//! routes and upgrades in [`Node::start`](crate::Node::start) and removes them by dropping their
//! [`Registration`]s. This module does not depend on WebSocket.

mod response;

use std::any::Any;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use async_trait::async_trait;
use bytes::Bytes;
use http::Method;
use http::request::Parts;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

pub use http;
pub use response::{empty, full, text, whole};

use crate::{NodeError, NodeInfo};

/// The body of a request or response: complete, or streamed.
pub type Body = Pin<Box<dyn http_body::Body<Data = Bytes, Error = io::Error> + Send>>;

/// An HTTP response.
pub type Response = http::Response<Body>;

/// A request and its connection.
pub struct Incoming {
    /// The request. Its path includes the root.
    pub request: http::Request<Body>,
    /// The connection's origin.
    pub origin: Origin,
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming")
            .field("method", self.request.method())
            .field("uri", self.request.uri())
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}

/// The origin of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The address of the peer.
    pub address: SocketAddr,
    /// Whether the connection is encrypted.
    pub secure: bool,
}

/// Handles HTTP requests.
#[async_trait]
pub trait Answer: Send + Sync {
    /// Whether this handles requests with that method and path. `path` begins with a slash and does
    /// not include the root. Called on a connection thread for each request that no earlier route
    /// handles, and with each method for an `OPTIONS` request: it must return quickly and not block.
    fn answers(&self, method: &Method, path: &str) -> bool;

    /// Handles one request. Runs in the connection's task, several at once. Dropped when the client
    /// disconnects before the response; a panic becomes a response with status 500.
    async fn answer(&self, incoming: Incoming) -> Response;
}

/// Handles upgrade requests.
#[async_trait]
pub trait Upgrade: Send + Sync {
    /// Accepts the request and returns the handler of the connection, or refuses it. May wait:
    /// after the handshake timeout (`handshake-timeout`) the runtime drops the future and responds
    /// with 503. Also dropped when the client disconnects.
    ///
    /// # Errors
    /// The response that refuses the upgrade.
    async fn upgrade(&self, head: Parts, origin: Origin) -> Result<TakeOver, Response>;
}

/// Takes over a connection, with the bytes received after the request. Nothing was sent yet: the
/// new owner writes `101 Switching Protocols` first. Dropped without a call if the connection ends
/// before. Must not block; long work belongs in a task
/// ([`NodeContext::spawn`](crate::NodeContext::spawn)).
pub type TakeOver = Box<dyn FnOnce(ByteStream, Bytes) + Send>;

/// A connection that was taken over: plain or TLS, of this process or of a library's host. Closed
/// on drop.
pub struct ByteStream {
    transport: Box<dyn Transport>,
    _kept: Option<Box<dyn Any + Send>>,
}

trait Transport: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Transport for T {}

impl ByteStream {
    /// A stream over `transport`.
    pub fn new(transport: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Self {
        ByteStream { transport: Box::new(transport), _kept: None }
    }

    /// Keeps `value` until the connection is closed.
    pub fn keeping(self, value: impl Send + 'static) -> Self {
        ByteStream { _kept: Some(Box::new(value)), ..self }
    }
}

impl fmt::Debug for ByteStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByteStream").finish_non_exhaustive()
    }
}

impl AsyncRead for ByteStream {
    #[inline]
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.transport).poll_read(cx, buf)
    }
}

impl AsyncWrite for ByteStream {
    #[inline]
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.transport).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.transport).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.transport).poll_shutdown(cx)
    }

    #[inline]
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.transport).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.transport.is_write_vectored()
    }
}

/// A part of the port's paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Paths of flows, below `http-node-root` (Node-RED's `httpNode`).
    Flows,
    /// Paths of the admin API, below `http-admin-root` (Node-RED's `httpAdmin`).
    Admin,
}

/// A route that a node handles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The part of the port's paths.
    pub place: Place,
    /// A description such as `GET /items/:id`: of routes with equal names only the first is
    /// reached.
    pub name: String,
    /// For [`Place::Admin`]: the permission that a user needs, such as `flows.read`; empty for
    /// public routes. Ignored for [`Place::Flows`].
    pub permission: String,
}

impl Route {
    /// A route of the flows.
    pub fn of_flows(name: impl Into<String>) -> Self {
        Route { place: Place::Flows, name: name.into(), permission: String::new() }
    }

    /// A route of the admin API, for users with `permission`.
    pub fn of_admin(name: impl Into<String>, permission: impl Into<String>) -> Self {
        Route { place: Place::Admin, name: name.into(), permission: permission.into() }
    }
}

/// The port. Routes are tried in the order in which they were added.
pub trait Port: fmt::Debug + Send + Sync {
    /// The path prefix of `place`, without a trailing slash.
    fn root(&self, place: Place) -> &str;

    /// Adds a route below the root of its place. `owner` is the node that adds it, for log
    /// messages.
    ///
    /// # Errors
    /// If the runtime does not serve that place.
    fn add_route(
        &self,
        owner: &NodeInfo,
        route: Route,
        answer: Arc<dyn Answer>,
    ) -> Result<Registration, NodeError>;

    /// Adds a handler for upgrade requests at exactly `path`, which begins with a slash and does
    /// not include the root of the flows.
    ///
    /// # Errors
    /// If another node handles upgrades at `path`.
    fn add_upgrade(
        &self,
        owner: &NodeInfo,
        path: &str,
        upgrade: Arc<dyn Upgrade>,
    ) -> Result<Registration, NodeError>;
}

/// A route or upgrade of the port, removed on drop; requests in progress are not interrupted.
#[must_use = "the route is removed as soon as this is dropped"]
pub struct Registration {
    earlier: Vec<String>,
    _guard: Box<dyn Any + Send + Sync>,
}

impl Registration {
    /// A registration that lasts as long as `guard`. `earlier` are the nodes whose routes have the
    /// same name and take precedence.
    pub fn new(guard: impl Any + Send + Sync, earlier: Vec<String>) -> Self {
        Registration { earlier, _guard: Box::new(guard) }
    }

    /// The ids of the nodes whose routes have the same name and take precedence.
    pub fn earlier(&self) -> &[String] {
        &self.earlier
    }
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registration").field("earlier", &self.earlier).finish_non_exhaustive()
    }
}
