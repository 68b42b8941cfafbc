//! What clients may hold: unfinished bodies, unread responses, connections; over real sockets.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ferrowire_core::async_trait;
use ferrowire_core::port::{ByteStream, Origin, TakeOver, Upgrade};
use ferrowire_http::{Limits, Page, Response, Routes, full, serve, text};
use http_body_util::BodyExt;
use hyper::StatusCode;
use hyper::http::request::Parts;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// More than the socket buffers of both sides hold.
const LARGE: usize = 16 << 20;

/// A pause that is too long.
const SHORT: Duration = Duration::from_millis(100);

/// Passes connections on.
struct Taken(mpsc::Sender<ByteStream>);

#[async_trait]
impl Upgrade for Taken {
    async fn upgrade(&self, _: Parts, _: Origin) -> Result<TakeOver, Response> {
        let over = self.0.clone();
        Ok(Box::new(move |stream, _| over.try_send(stream).unwrap()))
    }
}

/// The length of the body, or 408.
async fn measure(request: ferrowire_http::Request) -> Response {
    match request.into_body().collect().await {
        Ok(body) => text(StatusCode::OK, body.to_bytes().len().to_string()),
        Err(error) if error.kind() == ErrorKind::TimedOut => {
            text(StatusCode::REQUEST_TIMEOUT, error.to_string())
        }
        Err(error) => text(StatusCode::BAD_REQUEST, error.to_string()),
    }
}

/// A body that tells when it is dropped.
struct Large(Vec<u8>, mpsc::Sender<()>);

impl AsRef<[u8]> for Large {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Large {
    fn drop(&mut self) {
        let _nobody_waits = self.1.try_send(());
    }
}

/// A port with a page for bodies at `/`, a large one at `/large` and an upgrade at `/other`.
struct Port {
    address: SocketAddr,
    /// The connections that are taken over.
    taken: mpsc::Receiver<ByteStream>,
    /// Large responses that the port holds no longer.
    written: mpsc::Receiver<()>,
}

async fn port(limits: Limits) -> Port {
    let routes = Routes::new();
    let (over, taken) = mpsc::channel(4);
    let upgrade = routes.add_upgrade("/other", Arc::new(Taken(over))).unwrap();
    let page: Page = Arc::new(|request, _| Box::pin(measure(request)));
    let page = routes.add_page("/", page).unwrap();
    let (dropped, written) = mpsc::channel(4);
    let large: Page = Arc::new(move |_, _| {
        let body = Bytes::from_owner(Large(vec![b'x'; LARGE], dropped.clone()));
        Box::pin(std::future::ready(full("text/plain", body)))
    });
    let large = routes.add_page("/large", large).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    spawn(async move {
        let _kept = (upgrade, page, large);
        serve(listener, None, routes, limits, CancellationToken::new()).await;
    });
    Port { address, taken, written }
}

#[expect(clippy::disallowed_methods, reason = "no node owns this task")]
fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(task);
}

async fn send(address: SocketAddr, request: &str) -> TcpStream {
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(request.as_bytes()).await.unwrap();
    client
}

async fn rest(client: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    // A reset ends the answer as well.
    let _end = client.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

const POST: &str = "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 10\r\n\r\n";
const GET: &str = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
const GET_LARGE: &str = "GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

#[tokio::test]
async fn a_body_that_is_not_finished_ends_in_time() {
    let Port { address, .. } = port(Limits { transfer: SHORT, ..Limits::default() }).await;
    let mut client = send(address, POST).await;
    client.write_all(b"12345").await.unwrap();
    let answer = rest(&mut client).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("the client sends the body of its request too slowly"), "{answer}");
    let mut client = send(address, &format!("{POST}1234567890")).await;
    assert!(rest(&mut client).await.ends_with("\r\n\r\n10\n"));
}

#[tokio::test]
async fn a_response_that_is_not_read_ends_in_time() {
    let mut port = port(Limits { transfer: SHORT, ..Limits::default() }).await;
    let mut client = send(port.address, GET_LARGE).await;
    port.written.recv().await.unwrap();
    let read = rest(&mut client).await.len();
    assert!(read < LARGE, "{read} bytes were read");
}

#[tokio::test]
async fn a_response_that_is_read_is_complete() {
    let port = port(Limits::default()).await;
    let mut client = send(port.address, GET_LARGE).await;
    let read = rest(&mut client).await.len();
    assert!(read > LARGE, "{read} bytes were read");
}

#[tokio::test]
async fn connections_are_bounded_and_those_that_left_http_count() {
    let Port { address, mut taken, .. } =
        port(Limits { connections: 2, ..Limits::default() }).await;
    let upgrade = "GET /other HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n";
    let _first = send(address, upgrade).await;
    let first = taken.recv().await.unwrap();
    let _second = send(address, upgrade).await;
    let _second = taken.recv().await.unwrap();
    let mut client = TcpStream::connect(address).await.unwrap();
    let answer = rest(&mut client).await;
    assert!(answer.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{answer}");
    drop(first);
    let mut client = send(address, GET).await;
    let answer = rest(&mut client).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[tokio::test]
async fn connections_of_this_machine_are_not_bounded_by_their_address() {
    let limits = Limits { connections_per_address: 1, ..Limits::default() };
    let Port { address, .. } = port(limits).await;
    let _open = send(address, POST).await;
    let mut client = send(address, GET).await;
    assert!(rest(&mut client).await.starts_with("HTTP/1.1 200 "));
}
