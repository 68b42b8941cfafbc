//! Accepts connections and dispatches requests to the routes.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use ferrowire_core::port::{ByteStream, Origin, Upgrade};
use futures_util::FutureExt;
use hyper::StatusCode;
use hyper::body::Body as _;
use hyper::header::{CONNECTION, HeaderValue, UPGRADE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use crate::handover::{Handover, Watched};
use ferrowire_net::Stream;

use crate::{Request, Response, Routes, text};

/// Limits for peers.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The time limit of a TLS handshake, of the headers of a request, and of the decision about an
    /// upgrade.
    pub handshake: Duration,
    /// How long open requests may take to finish when the server stops.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { handshake: Duration::from_secs(10), drain: Duration::from_secs(5) }
    }
}

/// The maximum size of the headers of a request.
const MAX_HEADERS: usize = 64 * 1024;

/// The pause when the system is out of file descriptors or memory for connections.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Accepts connections until `stop` is cancelled, then lets open requests finish for at most
/// `limits.drain`. Upgraded connections belong to their new owners and are not waited for.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    routes: Routes,
    limits: Limits,
    stop: CancellationToken,
) {
    let tasks = TaskTracker::new();
    let server = Arc::new(Server { tls: tls.map(TlsAcceptor::from), routes, limits, stop });
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = server.stop.cancelled() => break,
        };
        match accepted {
            Ok((tcp, peer)) => {
                let server = Arc::clone(&server);
                tasks.spawn(async move { server.connection(tcp, peer).await });
            }
            Err(error) => pause_after(&error).await,
        }
    }
    drop(listener);
    tasks.close();
    if tokio::time::timeout(limits.drain, tasks.wait()).await.is_err() {
        warn!(open = tasks.len(), "requests were still open when the server stopped");
    }
}

/// A connection lost before it was accepted needs no pause; any other error (no file descriptors,
/// no memory) would occur again at once.
async fn pause_after(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    if matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted) {
        return;
    }
    warn!(%error, "cannot accept a connection; retrying in {ACCEPT_PAUSE:?}");
    tokio::time::sleep(ACCEPT_PAUSE).await;
}

struct Server {
    tls: Option<TlsAcceptor>,
    routes: Routes,
    limits: Limits,
    stop: CancellationToken,
}

/// A request extension that marks requests over TLS.
#[derive(Clone, Copy, Debug)]
pub struct Secure;

impl Server {
    async fn connection(&self, tcp: TcpStream, peer: SocketAddr) {
        // Responses are written in one piece; Nagle's algorithm would only delay them.
        if let Err(error) = tcp.set_nodelay(true) {
            debug!(%peer, %error, "cannot set TCP_NODELAY");
        }
        let Some(stream) = self.secured(tcp, peer).await else { return };
        let handover = Handover::default();
        let respond = service_fn(|request| self.respond(request, peer, &handover));
        let mut connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.handshake)
            .max_buf_size(MAX_HEADERS)
            .serve_connection(TokioIo::new(Watched { stream, handover: &handover }), respond);
        let ended = tokio::select! {
            ended = handover.drive(&mut connection) => ended,
            () = self.stop.cancelled() => {
                std::pin::Pin::new(&mut connection).graceful_shutdown();
                handover.drive(&mut connection).await
            }
        };
        match ended {
            Some(Ok(())) => {}
            Some(Err(error)) => debug!(%peer, %error, "connection failed"),
            None => {
                let parts = connection.into_parts();
                if let Some(take_over) = handover.take() {
                    take_over(ByteStream::new(parts.io.into_inner().stream), parts.read_buf);
                }
            }
        }
    }

    async fn secured(&self, tcp: TcpStream, peer: SocketAddr) -> Option<Stream> {
        let Some(tls) = &self.tls else { return Some(Stream::Plain(tcp)) };
        match tokio::time::timeout(self.limits.handshake, tls.accept(tcp)).await {
            Ok(Ok(stream)) => Some(Stream::Tls(Box::new(stream.into()))),
            Ok(Err(error)) => {
                debug!(%peer, %error, "TLS handshake failed");
                None
            }
            Err(_) => {
                debug!(%peer, "TLS handshake took too long");
                None
            }
        }
    }

    async fn respond(
        &self,
        mut request: Request,
        peer: SocketAddr,
        handover: &Handover,
    ) -> Result<Response, Infallible> {
        if self.tls.is_some() {
            request.extensions_mut().insert(Secure);
        }
        if let Some(wanted) = request.headers().get(UPGRADE) {
            match self.routes.upgrade_at(request.uri().path()) {
                Some(route) => return Ok(self.upgrade(&*route, request, peer, handover).await),
                None if is_websocket(wanted) => return Ok(closing(not_found())),
                // A client that offers another protocol accepts HTTP as well (RFC 9110 §7.8).
                None => {}
            }
        }
        Ok(match self.routes.page_for(&request) {
            Some(page) => page(request, peer).await,
            None => not_found(),
        })
    }

    /// Returns only if the upgrade is refused.
    async fn upgrade(
        &self,
        route: &dyn Upgrade,
        request: Request,
        peer: SocketAddr,
        handover: &Handover,
    ) -> Response {
        let (head, body) = request.into_parts();
        if !body.is_end_stream() {
            // The body would be read as the start of the other protocol.
            let reason = "a request to upgrade must not have a body";
            return closing(text(StatusCode::BAD_REQUEST, reason));
        }
        let origin = Origin { address: peer, secure: self.tls.is_some() };
        let decision = AssertUnwindSafe(route.upgrade(head, origin)).catch_unwind();
        match tokio::time::timeout(self.limits.handshake, decision).await {
            Ok(Ok(Ok(take_over))) => {
                handover.agree(take_over);
                // The new owner of the connection writes the response.
                std::future::pending().await
            }
            Ok(Ok(Err(refusal))) => closing(refusal),
            Ok(Err(_)) => {
                warn!("the decision about an upgrade panicked");
                closing(text(StatusCode::INTERNAL_SERVER_ERROR, "the upgrade failed"))
            }
            Err(_) => {
                let limit = self.limits.handshake;
                warn!("an upgrade was not decided within {limit:?} (`handshake-timeout`)");
                let reason = "the upgrade was not decided in time";
                closing(text(StatusCode::SERVICE_UNAVAILABLE, reason))
            }
        }
    }
}

fn is_websocket(wanted: &HeaderValue) -> bool {
    let mut protocols = wanted.as_bytes().split(|byte| *byte == b',');
    protocols.any(|protocol| protocol.trim_ascii().eq_ignore_ascii_case(b"websocket"))
}

fn not_found() -> Response {
    text(StatusCode::NOT_FOUND, "nothing is served at this path")
}

fn closing(mut response: Response) -> Response {
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}
