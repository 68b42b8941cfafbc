//! Accepting connections and asking the routes who answers.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use hyper::header::{CONNECTION, HeaderValue, UPGRADE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper::{StatusCode, upgrade};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use crate::{Request, Response, Routes, Stream, text};

/// What a peer may cost before it is known to be a friend.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The time for a TLS handshake, and again for the headers of a request.
    pub handshake: Duration,
    /// The time that open requests get to finish when the server stops.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { handshake: Duration::from_secs(10), drain: Duration::from_secs(5) }
    }
}

/// The most bytes that the headers of a request may take.
const MAX_HEADERS: usize = 64 * 1024;

/// How long to pause when the system has no more file descriptors or memory for connections.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Accepts connections until `stop` is cancelled, then lets open requests finish, for
/// `limits.drain` at most. Connections that were upgraded belong to whoever took them.
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

/// A connection that was lost before it was accepted is nobody's fault; anything else (no file
/// descriptors, no memory) would fail again at once.
async fn pause_after(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    if matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted) {
        return;
    }
    warn!(%error, "cannot accept a connection, trying again in {ACCEPT_PAUSE:?}");
    tokio::time::sleep(ACCEPT_PAUSE).await;
}

struct Server {
    tls: Option<TlsAcceptor>,
    routes: Routes,
    limits: Limits,
    stop: CancellationToken,
}

/// Marks requests that came over TLS, among their extensions.
#[derive(Clone, Copy, Debug)]
pub struct Secure;

/// An upgrade that was promised in a response: what to wait for, and who goes on.
type Promised = (OnUpgrade, Box<dyn FnOnce(Stream, Bytes) + Send>);

impl Server {
    async fn connection(&self, tcp: TcpStream, peer: SocketAddr) {
        // Answers are written whole; waiting for more to send would only delay them.
        if let Err(error) = tcp.set_nodelay(true) {
            debug!(%peer, %error, "cannot set TCP_NODELAY");
        }
        let Some(stream) = self.secured(tcp, peer).await else { return };
        let promised = Mutex::new(None);
        let respond = service_fn(|request| self.respond(request, peer, &promised));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.handshake)
            .max_buf_size(MAX_HEADERS)
            .serve_connection(TokioIo::new(stream), respond)
            .with_upgrades();
        let mut connection = std::pin::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            debug!(%peer, %error, "connection failed");
        }
        let promised = promised.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(promised) = promised {
            hand_over(promised, peer).await;
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
        promised: &Mutex<Option<Promised>>,
    ) -> Result<Response, Infallible> {
        if self.tls.is_some() {
            request.extensions_mut().insert(Secure);
        }
        if request.headers().contains_key(UPGRADE) {
            return Ok(self.respond_to_upgrade(request, peer, promised));
        }
        Ok(match self.routes.page_for(&request) {
            Some(page) => page(request, peer).await,
            None => not_found(),
        })
    }

    fn respond_to_upgrade(
        &self,
        mut request: Request,
        peer: SocketAddr,
        promised: &Mutex<Option<Promised>>,
    ) -> Response {
        let Some(route) = self.routes.upgrade_at(request.uri().path()) else {
            return closing(not_found());
        };
        let on_upgrade = upgrade::on(&mut request);
        match route.upgrade(&request.into_parts().0, peer) {
            Ok(accepted) => {
                let mut promised = promised.lock().unwrap_or_else(PoisonError::into_inner);
                *promised = Some((on_upgrade, accepted.connected));
                accepted.response
            }
            Err(response) => closing(*response),
        }
    }
}

fn not_found() -> Response {
    text(StatusCode::NOT_FOUND, "nothing is served at this path")
}

fn closing(mut response: Response) -> Response {
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

async fn hand_over((on_upgrade, connected): Promised, peer: SocketAddr) {
    let upgraded = match on_upgrade.await {
        Ok(upgraded) => upgraded,
        Err(error) => return debug!(%peer, %error, "the connection ended during its upgrade"),
    };
    match upgraded.downcast::<TokioIo<Stream>>() {
        Ok(parts) => connected(parts.io.into_inner(), parts.read_buf),
        Err(_) => warn!(%peer, "an upgraded connection is of an unexpected kind and is dropped"),
    }
}
