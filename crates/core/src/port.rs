//! The runtime's HTTP port, as nodes see it: requests that a node answers, and connections that
//! it takes over.
//!
//! The runtime owns the socket: it does TLS, limits, timeouts, CORS and logins. A node adds routes
//! and upgrades in [`Node::start`](crate::Node::start) and removes them when it drops their
//! [`Registration`]s. Nothing here knows WebSocket.

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

/// The body of a request or response: whole, or one part after the other.
pub type Body = Pin<Box<dyn http_body::Body<Data = Bytes, Error = io::Error> + Send>>;

/// A response on its way out.
pub type Response = http::Response<Body>;

/// A request, and the connection that it came on.
pub struct Incoming {
    /// The request. Its path is complete, with the root.
    pub request: http::Request<Body>,
    /// Where it came from.
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

/// The connection of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The address of the peer.
    pub address: SocketAddr,
    /// Whether the connection is encrypted.
    pub secure: bool,
}

/// Answers requests.
#[async_trait]
pub trait Answer: Send + Sync {
    /// Whether this answers requests with that method and path. `path` begins with a slash and
    /// stands behind the root. Called for each request that no earlier route answers, and for each
    /// method when `OPTIONS` asks for them, on a thread that serves connections: it must neither
    /// block nor take long.
    fn answers(&self, method: &Method, path: &str) -> bool;

    /// Answers one request. Runs in the task of the connection, several at once. Dropped when the
    /// client leaves before the answer; a panic becomes a response with status 500.
    async fn answer(&self, incoming: Incoming) -> Response;
}

/// Decides about requests to upgrade a connection.
#[async_trait]
pub trait Upgrade: Send + Sync {
    /// Accepts the request, and says what to do with the connection; or refuses it. The decision
    /// may wait: the runtime gives it as long as a handshake may take (`handshake-timeout`), then
    /// drops it and answers 503. It is also dropped when the client leaves.
    ///
    /// # Errors
    /// The response that refuses the upgrade.
    async fn upgrade(&self, head: Parts, origin: Origin) -> Result<TakeOver, Response>;
}

/// Takes a connection over, with the bytes that came in behind the request. Nothing was answered
/// yet: `101 Switching Protocols` is the first that the new owner writes. Dropped without a call if
/// the connection ends before. Must not block; what lasts belongs into a task
/// ([`NodeContext::spawn`](crate::NodeContext::spawn)).
pub type TakeOver = Box<dyn FnOnce(ByteStream, Bytes) + Send>;

/// A connection that was taken over: plain or encrypted, of this process or of a library's host.
/// Closed when it is dropped.
pub struct ByteStream(Box<dyn Transport>);

trait Transport: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Transport for T {}

impl ByteStream {
    /// A stream over `transport`.
    pub fn new(transport: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Self {
        ByteStream(Box::new(transport))
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
        Pin::new(&mut *self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for ByteStream {
    #[inline]
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_shutdown(cx)
    }

    #[inline]
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }
}

/// A part of the port's paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// What flows serve, below `http-node-root` (Node-RED's `httpNode`).
    Flows,
    /// What editors ask for, below `http-admin-root` (Node-RED's `httpAdmin`).
    Admin,
}

/// Requests that a node answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The part of the port's paths.
    pub place: Place,
    /// What it answers, such as `GET /items/:id`: routes with equal names hide each other.
    pub name: String,
    /// For [`Place::Admin`]: the permission that a user needs, such as `flows.read`. Everybody may
    /// ask when it is empty. Without a meaning for [`Place::Flows`].
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

/// The port. Routes are asked in the order in which they were added.
pub trait Port: fmt::Debug + Send + Sync {
    /// What stands before every path of `place`, without a slash at the end.
    fn root(&self, place: Place) -> &str;

    /// Has `answer` asked about requests below the root of the route's place. `owner` is the node
    /// that adds it, for messages about it.
    ///
    /// # Errors
    /// When the runtime serves no such place.
    fn add_route(
        &self,
        owner: &NodeInfo,
        route: Route,
        answer: Arc<dyn Answer>,
    ) -> Result<Registration, NodeError>;

    /// Has `upgrade` decide about requests to upgrade at exactly `path`, which begins with a slash
    /// and stands behind the root of the flows.
    ///
    /// # Errors
    /// When another node takes upgrades at `path`.
    fn add_upgrade(
        &self,
        owner: &NodeInfo,
        path: &str,
        upgrade: Arc<dyn Upgrade>,
    ) -> Result<Registration, NodeError>;
}

/// A route or upgrade of the port. It is removed when this is dropped; requests that are being
/// answered are not interrupted.
#[must_use = "the route is removed as soon as this is dropped"]
pub struct Registration {
    earlier: Vec<String>,
    _guard: Box<dyn Any + Send + Sync>,
}

impl Registration {
    /// A registration that lasts as long as `guard`. `earlier` are the nodes whose routes have the
    /// same name and are asked first.
    pub fn new(guard: impl Any + Send + Sync, earlier: Vec<String>) -> Self {
        Registration { earlier, _guard: Box::new(guard) }
    }

    /// The ids of the nodes whose routes have the same name and are asked first.
    pub fn earlier(&self) -> &[String] {
        &self.earlier
    }
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registration").field("earlier", &self.earlier).finish_non_exhaustive()
    }
}
