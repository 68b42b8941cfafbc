//! Accepts connections and dispatches requests to the routes.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ferrowire_core::MutexExt as _;
use ferrowire_core::port::{ByteStream, Origin, Upgrade};
use ferrowire_net::{Backlog, Stream};
use futures_util::FutureExt;
use hyper::StatusCode;
use hyper::body::{Body as _, Incoming};
use hyper::header::{CONNECTION, HeaderValue, UPGRADE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tracing::{debug, warn};

use crate::body::RequestBody;
use crate::client_certificate::ClientCertificate;
use crate::connections::{Admitted, Connections, Place};
use crate::ending::Ending;
use crate::handover::{Handover, Watched};
use crate::heads::Heads;
use crate::host;
use crate::metrics::{self, REFUSED};
use crate::output::Output;
use crate::{Request, Response, Routes, ServerTls, TrustedProxies, text};

/// Limits for peers, and who they may speak for.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The time limit of a TLS handshake, of the headers of a request, and of the decision about an
    /// upgrade.
    pub handshake: Duration,
    /// How long open requests may take to finish when the server stops.
    pub drain: Duration,
    /// How long a client may make no progress with sending the body of a request or reading a
    /// response; and in all, plus a second for each KiB. Then its connection is closed.
    pub transfer: Duration,
    /// The maximum number of connections, of which those that were taken over are part. Further ones
    /// are refused with status 503.
    pub connections: usize,
    /// The maximum number of HTTP connections of one address, or of one /64 network of IPv6, other
    /// than this machine's and those of `proxies`. Further ones wait for as long as a handshake may
    /// take, then they are closed. Those that were taken over do not count.
    pub connections_per_address: usize,
    /// The proxies that are trusted to name the client.
    pub proxies: TrustedProxies,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            handshake: Duration::from_secs(10),
            drain: Duration::from_secs(5),
            transfer: Duration::from_secs(60),
            connections: 65_536,
            connections_per_address: 1024,
            proxies: TrustedProxies::default(),
        }
    }
}

/// The maximum size of the headers of a request.
const MAX_HEADERS: usize = 64 * 1024;

/// The pause when the system is out of file descriptors or memory for connections.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Accepts connections until `ending` says otherwise. After its stop, open requests may finish for at
/// most `limits.drain`. Upgraded connections belong to their new owners and are not waited for.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Arc<ServerTls>>,
    routes: Routes,
    limits: Limits,
    ending: impl Into<Ending>,
) {
    let tasks = TaskTracker::new();
    let drain = limits.drain;
    let (all, most) = (limits.connections, limits.connections_per_address);
    let connections = Connections::new(all, most, limits.proxies.clone());
    let server = Arc::new(Server { tls, routes, limits, connections, ending: ending.into() });
    let Ending { closing, stop, .. } = server.ending.clone();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = closing.cancelled() => break,
        };
        match accepted {
            Ok((tcp, peer)) => server.begin(tcp, peer, &tasks),
            Err(error) => pause_after(&error).await,
        }
    }
    drop(listener);
    tasks.close();
    let too_late = async {
        stop.cancelled().await;
        tokio::time::sleep(drain).await;
    };
    tokio::select! {
        () = tasks.wait() => {}
        () = too_late => warn!(open = tasks.len(), "requests were still open when the server stopped"),
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
    tls: Option<Arc<ServerTls>>,
    routes: Routes,
    limits: Limits,
    connections: Connections,
    ending: Ending,
}

/// The response to a connection too many.
const REFUSAL: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

/// A request extension that marks requests over TLS.
#[derive(Clone, Copy, Debug)]
pub struct Secure;

impl Server {
    /// Serves a connection in a task of its own, unless there are too many.
    fn begin(self: &Arc<Self>, tcp: TcpStream, peer: SocketAddr, tasks: &TaskTracker) {
        match self.connections.admit() {
            Some(admitted) => {
                let server = Arc::clone(self);
                tasks.spawn(async move { server.connection(tcp, peer, admitted).await });
            }
            None => self.refuse(&tcp),
        }
    }

    fn refuse(&self, tcp: &TcpStream) {
        REFUSED.increment();
        let most = self.limits.connections;
        warn!("there are {most} connections (`max-connections`); another one was refused");
        if self.tls.is_none() {
            // The client may be gone.
            let _written = tcp.try_write(REFUSAL);
        }
    }

    /// Waits until the address has few enough connections; `None` if that takes too long.
    async fn place(&self, peer: SocketAddr) -> Option<Place<'_>> {
        let place = self.connections.place(peer.ip());
        let place = tokio::select! {
            place = tokio::time::timeout(self.limits.handshake, place) => place.ok(),
            () = self.ending.stop.cancelled() => return None,
        };
        if place.is_none() {
            REFUSED.increment();
            debug!(%peer, "too many connections of the address (`max-per-address`)");
        }
        place
    }

    async fn connection(&self, tcp: TcpStream, peer: SocketAddr, admitted: Admitted) {
        let Some(_place) = self.place(peer).await else { return };
        // Responses are written in one piece; Nagle's algorithm would only delay them.
        if let Err(error) = tcp.set_nodelay(true) {
            debug!(%peer, %error, "cannot set TCP_NODELAY");
        }
        // Until its first request is answered.
        let fresh = Mutex::new(Some(self.ending.requests.token()));
        let Some(stream) = self.secured(tcp, peer).await else { return };
        let certificate = ClientCertificate::of(&stream);
        let (heads, handover) = (Heads::default(), Handover::default());
        let output = Output::new(self.limits.transfer, Backlog::of_process());
        let respond = service_fn(|mut request: hyper::Request<_>| {
            certificate.mark(request.headers_mut());
            let under_way = fresh.locked().take().unwrap_or_else(|| self.ending.requests.token());
            self.handle((request, under_way), peer, &heads, (&handover, &output))
        });
        let mut connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.handshake)
            .max_buf_size(MAX_HEADERS)
            .serve_connection(
                TokioIo::new(Watched {
                    stream,
                    heads: &heads,
                    handover: &handover,
                    output: &output,
                }),
                respond,
            );
        let driven = async {
            tokio::select! {
                ended = handover.drive(&mut connection) => ended,
                () = self.ending.stop.cancelled() => {
                    std::pin::Pin::new(&mut connection).graceful_shutdown();
                    handover.drive(&mut connection).await
                }
            }
        };
        let ended = tokio::select! {
            ended = driven => ended,
            () = output.disconnected() => return debug!(%peer, "disconnected, it reads too slowly"),
        };
        match ended {
            Some(Ok(())) => {}
            Some(Err(error)) => debug!(%peer, %error, "connection failed"),
            None => {
                let parts = connection.into_parts();
                if let Some(take_over) = handover.take() {
                    let stream = ByteStream::new(parts.io.into_inner().stream);
                    take_over(stream.keeping(admitted), parts.read_buf);
                }
            }
        }
    }

    async fn secured(&self, tcp: TcpStream, peer: SocketAddr) -> Option<Stream> {
        let Some(tls) = &self.tls else { return Some(Stream::Plain(tcp)) };
        match tokio::time::timeout(self.limits.handshake, tls.acceptor().accept(tcp)).await {
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

    /// Refuses what is not valid HTTP, and responds to the rest. The body and the response are
    /// limited. The request is under way until then.
    async fn handle(
        &self,
        (request, _under_way): (hyper::Request<Incoming>, TaskTrackerToken),
        peer: SocketAddr,
        heads: &Heads,
        (handover, output): (&Handover, &Output),
    ) -> Result<Response, Infallible> {
        let request = request.map(|body| RequestBody::new(body, self.limits.transfer));
        let response = match heads.next_refusal().map_or_else(|| host::check(&request), Err) {
            Ok(()) => self.respond(request, peer, handover).await,
            Err(reason) => closing(text(StatusCode::BAD_REQUEST, reason)),
        };
        let response = match self.ending.closing.is_cancelled() {
            true => closing(response),
            false => response,
        };
        metrics::responded(response.status());
        output.add(response.body().size_hint().lower());
        Ok(response)
    }

    async fn respond(
        &self,
        mut request: Request,
        peer: SocketAddr,
        handover: &Handover,
    ) -> Response {
        if self.tls.is_some() {
            request.extensions_mut().insert(Secure);
        }
        self.routes.admit(&request).await;
        let client = self.limits.proxies.client(peer, request.headers());
        if let Some(wanted) = request.headers().get(UPGRADE) {
            let route = self.routes.upgrade_at(request.uri().path());
            let other = || is_websocket(wanted).then(|| self.routes.other_upgrades()).flatten();
            match route.or_else(other) {
                Some(route) => return self.upgrade(&*route, request, client, handover).await,
                None if is_websocket(wanted) => return closing(not_found()),
                // A client that offers another protocol accepts HTTP as well (RFC 9110 §7.8).
                None => {}
            }
        }
        match self.routes.page_for(&request) {
            Some(page) => page(request, client).await,
            None if self.routes.upgrade_at(request.uri().path()).is_some() => upgrade_required(),
            None => not_found(),
        }
    }

    /// Returns only if the upgrade is refused.
    async fn upgrade(
        &self,
        route: &dyn Upgrade,
        request: Request,
        client: SocketAddr,
        handover: &Handover,
    ) -> Response {
        let (head, body) = request.into_parts();
        if !body.is_end_stream() {
            // The body would be read as the start of the other protocol.
            let reason = "a request to upgrade must not have a body";
            return closing(text(StatusCode::BAD_REQUEST, reason));
        }
        let origin = Origin { address: client, secure: self.tls.is_some() };
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

/// The response to a plain request for a path at which a WebSocket can be opened (RFC 9110 §15.5.22).
fn upgrade_required() -> Response {
    let reason = "only WebSocket connections are accepted at this path";
    let mut response = text(StatusCode::UPGRADE_REQUIRED, reason);
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    response
}

fn closing(mut response: Response) -> Response {
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}
