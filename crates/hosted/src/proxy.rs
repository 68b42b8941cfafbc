//! `Proxy`: passes requests on to the child, for the routes of packages.
//!
//! The child serves the routes of its nodes and of its part of the admin API under the same paths, so this
//! side cannot tell them apart. It says in headers what a request may do, and the child refuses the rest.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use ferrowire_core::async_trait;
use ferrowire_core::port::http::header::{CONNECTION, HeaderMap, HeaderName, HeaderValue};
use ferrowire_core::port::http::request::Parts;
use ferrowire_core::port::http::response::Parts as ResponseHead;
use ferrowire_core::port::http::{StatusCode, Uri};
use ferrowire_core::port::{Body, ByteStream, Origin, Response, TakeOver, Upgrade, text};
use ferrowire_http::Request;
use futures_util::future::BoxFuture;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt as _;
use tokio::net::UnixStream;
use tokio_util::task::TaskTracker;

use crate::shared::Shared;

/// The scopes of the user of a request, separated by spaces.
const SCOPES: HeaderName = HeaderName::from_static("x-ferrowire-scopes");
/// Present if a request may use the routes of flows.
const FLOWS: HeaderName = HeaderName::from_static("x-ferrowire-flows");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// What a request may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    /// The scopes of its user for the admin API, such as `*` or `flows.read`.
    pub scopes: Vec<String>,
    /// Whether it may use the routes of flows.
    pub flows: bool,
}

/// Says what the request of a client may do.
pub type Access = Arc<dyn Fn(Parts, SocketAddr) -> BoxFuture<'static, Allowed> + Send + Sync>;

/// Passes requests on to the child. Clones share the tasks.
#[derive(Clone)]
pub struct Proxy {
    shared: Arc<Shared>,
    access: Access,
    tasks: TaskTracker,
}

impl Proxy {
    pub(crate) fn new(shared: Arc<Shared>, access: Access) -> Self {
        Proxy { shared, access, tasks: TaskTracker::new() }
    }

    /// Whether there is a child.
    pub fn is_ready(&self) -> bool {
        self.shared.is_ready()
    }

    /// The child's response to the request of a client.
    pub async fn respond(&self, request: Request, client: SocketAddr) -> Response {
        if !self.is_ready() {
            return not_found();
        }
        self.answer(request, client).await.unwrap_or_else(|error| unreachable(&error))
    }

    async fn answer(&self, request: Request, client: SocketAddr) -> io::Result<Response> {
        let (mut head, body) = request.into_parts();
        self.mark(&mut head, client, None).await;
        head.headers.remove(CONNECTION);
        Ok(response_of(self.send(head, Box::pin(body)).await?))
    }

    /// Sends a request to the child over a connection of its own.
    async fn send(&self, mut head: Parts, body: Body) -> io::Result<hyper::Response<Incoming>> {
        head.uri = path_of(&head.uri);
        let connection = http1::handshake(TokioIo::new(self.connect().await?)).await;
        let (mut sender, connection) = connection.map_err(io::Error::other)?;
        self.tasks.spawn(connection.with_upgrades());
        let sent = sender.send_request(hyper::Request::from_parts(head, body)).await;
        sent.map_err(io::Error::other)
    }

    /// Says in headers what a request may do, and where it comes from.
    async fn mark(&self, head: &mut Parts, client: SocketAddr, secure: Option<bool>) {
        let allowed = (self.access)(head.clone(), client).await;
        let headers = &mut head.headers;
        let ours = |name: &HeaderName| name.as_str().starts_with("x-ferrowire-");
        let forged: Vec<_> = headers.keys().filter(|name| ours(name)).cloned().collect();
        forged.iter().for_each(|name| drop(headers.remove(name)));
        insert(headers, SCOPES, &allowed.scopes.join(" "));
        if allowed.flows {
            insert(headers, FLOWS, "1");
        }
        insert(headers, FORWARDED_FOR, &client.ip().to_string());
        if let Some(secure) = secure {
            insert(headers, FORWARDED_PROTO, if secure { "https" } else { "http" });
        }
    }

    async fn connect(&self) -> io::Result<UnixStream> {
        let socket: Option<PathBuf> = self.shared.http();
        let socket = socket.ok_or_else(|| io::Error::other("Node.js does not run"))?;
        UnixStream::connect(socket).await
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy").field("is_ready", &self.is_ready()).finish_non_exhaustive()
    }
}

/// An invalid value is left out: it would come from the settings.
fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(name, value);
    }
}

/// The path and query of a request: proxies may send more.
fn path_of(uri: &Uri) -> Uri {
    let path = uri.path_and_query().cloned();
    path.map_or_else(Uri::default, Uri::from)
}

fn not_found() -> Response {
    text(StatusCode::NOT_FOUND, "nothing is served at this path")
}

fn unreachable(error: &io::Error) -> Response {
    text(StatusCode::BAD_GATEWAY, format!("Node.js, which serves this, cannot be reached: {error}"))
}

#[async_trait]
impl Upgrade for Proxy {
    async fn upgrade(&self, mut head: Parts, origin: Origin) -> Result<TakeOver, Response> {
        if !self.is_ready() {
            return Err(not_found());
        }
        self.mark(&mut head, origin.address, Some(origin.secure)).await;
        let mut response =
            self.send(head, empty_body()).await.map_err(|error| unreachable(&error))?;
        // What follows a request that was not upgraded is the next request, whose headers nobody
        // has looked at: the client gets its connection only to a WebSocket.
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err(response_of(response));
        }
        let upgraded = hyper::upgrade::on(&mut response).await;
        let child = upgraded.map_err(|error| unreachable(&io::Error::other(error)))?;
        let head = head_of(&response.into_parts().0);
        let tasks = self.tasks.clone();
        Ok(Box::new(move |stream, early| {
            tasks.spawn(pass_on(stream, head, early, TokioIo::new(child)));
        }))
    }
}

fn empty_body() -> Body {
    Box::pin(http_body_util::Empty::new().map_err(|never: std::convert::Infallible| match never {}))
}

fn response_of(response: hyper::Response<Incoming>) -> Response {
    let (head, body) = response.into_parts();
    Response::from_parts(head, Box::pin(body.map_err(io::Error::other)))
}

/// The head of the response that accepts an upgrade, as it is sent.
fn head_of(head: &ResponseHead) -> Vec<u8> {
    let mut sent = b"HTTP/1.1 101 Switching Protocols\r\n".to_vec();
    for (name, value) in &head.headers {
        sent.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    sent.extend(b"\r\n");
    sent
}

/// Accepts the upgrade, and passes bytes on in both directions until one side closes. `early` is what
/// the client sent before.
async fn pass_on(
    mut client: ByteStream,
    head: Vec<u8>,
    early: Bytes,
    mut child: TokioIo<hyper::upgrade::Upgraded>,
) {
    if client.write_all(&head).await.is_ok() && child.write_all(&early).await.is_ok() {
        // An error is the end of the connection, which is all that either side needs to know.
        let _ended = tokio::io::copy_bidirectional(&mut client, &mut child).await;
    }
}
