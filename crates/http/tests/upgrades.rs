//! Connections that leave HTTP, over real sockets.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

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
use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;

const UPGRADE: &str = "GET /other HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n";

/// More than the socket buffers of both sides hold.
const LARGE: usize = 16 << 20;

/// Passes connections on.
struct Taken(mpsc::Sender<(ByteStream, Bytes)>);

#[async_trait]
impl Upgrade for Taken {
    async fn upgrade(&self, _: Parts, _: Origin) -> Result<TakeOver, Response> {
        let over = self.0.clone();
        Ok(Box::new(move |stream, early| over.try_send((stream, early)).unwrap()))
    }
}

/// A port with an upgrade at `/other` and a large page at `/large`, which reads the request's body
/// only after it has responded; and the connections that are taken over.
async fn port() -> (SocketAddr, mpsc::Receiver<(ByteStream, Bytes)>) {
    let (over, connections) = mpsc::channel(1);
    (port_with(Arc::new(Taken(over)), Limits::default()).await, connections)
}

async fn port_with(upgrade: Arc<dyn Upgrade>, limits: Limits) -> SocketAddr {
    let routes = Routes::new();
    let upgrade = routes.add_upgrade("/other", upgrade).unwrap();
    let large: Page = Arc::new(|request, _| {
        spawn(async move { drop(request.into_body().collect().await) });
        Box::pin(std::future::ready(full("text/plain", vec![b'x'; LARGE])))
    });
    let large = routes.add_page("/large", large).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    spawn(async move {
        let _kept = (upgrade, large);
        serve(listener, None, routes, limits, CancellationToken::new()).await;
    });
    address
}

#[expect(clippy::disallowed_methods, reason = "no node owns this task")]
fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(task);
}

async fn head(client: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

#[tokio::test]
async fn who_takes_a_connection_over_gives_the_answer_and_nothing_comes_before_it() {
    let (address, mut taken) = port().await;
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(format!("{UPGRADE}early").as_bytes()).await.unwrap();
    let (mut stream, early) = taken.recv().await.unwrap();
    assert_eq!(early, "early");
    stream.write_all(b"my own answer").await.unwrap();
    drop(stream);
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert_eq!(answer, "my own answer");
}

#[tokio::test]
async fn what_was_answered_before_an_upgrade_is_written_before_it() {
    let (address, mut taken) = port().await;
    let mut client = TcpStream::connect(address).await.unwrap();
    let post = "POST /large HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n";
    client.write_all(post.as_bytes()).await.unwrap();
    assert!(head(&mut client).await.contains(&format!("content-length: {LARGE}")));
    // Both requests are complete while most of the page is still being sent.
    client.write_all(format!("body{UPGRADE}").as_bytes()).await.unwrap();
    let mut page = vec![0; LARGE];
    client.read_exact(&mut page).await.unwrap();
    assert!(page.iter().all(|byte| *byte == b'x'));
    let (mut stream, _) = taken.recv().await.unwrap();
    stream.write_all(b"!").await.unwrap();
    assert_eq!(client.read_u8().await.unwrap(), b'!');
}

#[tokio::test]
async fn an_upgrade_with_a_body_is_refused() {
    let (address, _taken) = port().await;
    let mut client = TcpStream::connect(address).await.unwrap();
    let request = UPGRADE.replace("Host: x", "Host: x\r\nContent-Length: 4");
    client.write_all(format!("{request}body").as_bytes()).await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(answer.ends_with("a request to upgrade must not have a body\n"), "{answer}");
}

/// Decides on demand.
struct Waiting(Mutex<mpsc::Receiver<bool>>);

#[async_trait]
impl Upgrade for Waiting {
    async fn upgrade(&self, _: Parts, origin: Origin) -> Result<TakeOver, Response> {
        assert!(!origin.secure);
        match self.0.lock().await.recv().await {
            Some(true) => Ok(Box::new(|stream, _| drop(stream))),
            Some(false) => Err(text(StatusCode::FORBIDDEN, "not today")),
            None => panic!("no decision"),
        }
    }
}

async fn answer_to_upgrade(address: SocketAddr) -> String {
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(UPGRADE.as_bytes()).await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn a_decision_may_wait_refuse_accept_and_panic() {
    let (decide, decisions) = mpsc::channel(1);
    let upgrade = Arc::new(Waiting(Mutex::new(decisions)));
    let address = port_with(upgrade, Limits::default()).await;
    let (refused, ()) =
        tokio::join!(answer_to_upgrade(address), async { decide.send(false).await.unwrap() });
    assert!(refused.starts_with("HTTP/1.1 403 ") && refused.ends_with("not today\n"), "{refused}");
    let (accepted, ()) =
        tokio::join!(answer_to_upgrade(address), async { decide.send(true).await.unwrap() });
    assert_eq!(accepted, "", "the new owner answers");
    drop(decide);
    let panicked = answer_to_upgrade(address).await;
    assert!(panicked.starts_with("HTTP/1.1 500 "), "{panicked}");
}

#[tokio::test]
async fn a_decision_that_takes_too_long_is_a_503() {
    let (_decide, decisions) = mpsc::channel(1);
    let limits = Limits { handshake: Duration::from_millis(50), ..Limits::default() };
    let address = port_with(Arc::new(Waiting(Mutex::new(decisions))), limits).await;
    let answer = answer_to_upgrade(address).await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.ends_with("the upgrade was not decided in time\n"), "{answer}");
}

#[tokio::test]
async fn a_page_answers_who_offers_a_protocol_that_nobody_speaks_there() {
    let (address, _taken) = port().await;
    let mut client = TcpStream::connect(address).await.unwrap();
    let request = UPGRADE.replace("/other", "/large").replace("Upgrade: x", "Upgrade: h2c");
    for _ in 0..2 {
        client.write_all(request.as_bytes()).await.unwrap();
        assert!(head(&mut client).await.starts_with("HTTP/1.1 200 "));
        client.read_exact(&mut vec![0; LARGE]).await.unwrap();
    }
    client.write_all(request.replace("h2c", "h2c, WebSocket").as_bytes()).await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
}
