//! Requests that RFC 9112 forbids, byte by byte over real sockets.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::net::SocketAddr;
use std::sync::Arc;

use ferrowire_core::async_trait;
use ferrowire_core::port::{Origin, TakeOver, Upgrade};
use ferrowire_http::{Limits, Page, Response, Routes, full, serve};
use http_body_util::BodyExt;
use hyper::http::request::Parts;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

struct Socket;

#[async_trait]
impl Upgrade for Socket {
    async fn upgrade(&self, _: Parts, _: Origin) -> Result<TakeOver, Response> {
        Ok(Box::new(|stream, _| drop(stream)))
    }
}

/// A port with an echo of bodies at `/`, and an upgrade at `/socket` below a page for all paths.
async fn port() -> SocketAddr {
    let routes = Routes::new();
    let echo: Page = Arc::new(|request, _| {
        Box::pin(async move {
            let body = request.into_body().collect().await;
            full("text/plain", body.unwrap().to_bytes())
        })
    });
    let registrations = (
        routes.add_upgrade("/socket", Arc::new(Socket)).unwrap(),
        routes.add_pages_below("/", echo).unwrap(),
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    #[expect(clippy::disallowed_methods, reason = "no node owns this task")]
    tokio::spawn(async move {
        let _kept = registrations;
        serve(listener, None, routes, Limits::default(), CancellationToken::new()).await;
    });
    address
}

/// All that the server sends until it closes the connection.
async fn exchange(address: SocketAddr, request: &[u8]) -> String {
    let mut client = TcpStream::connect(address).await.unwrap();
    // Each byte arrives alone, as far as the system sends it so.
    client.set_nodelay(true).unwrap();
    for byte in request {
        client.write_all(&[*byte]).await.unwrap();
    }
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn what_is_ambiguous_is_refused_and_ends_the_connection() {
    let address = port().await;
    for (request, reason) in [
        ("GET / HTTP/1.1\r\n\r\n", "`Host` is missing"),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "`Host` is given twice"),
        ("GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", "`Host` is given twice"),
        ("GET http://a/ HTTP/1.1\r\n\r\n", "`Host` is missing"),
        ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "`Host` is invalid"),
        ("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", "`Host` is invalid"),
        ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "`Host` is invalid"),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n\
             0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
            "exclude each other",
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n\
             0\r\n\r\n",
            "exclude each other",
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
            "`Content-Length` is given twice",
        ),
        ("GET / HTTP/1.1\nHost: a\n\n", "without a carriage return"),
        ("GET / HTTP/1.1\r\nHost: a\n\r\n", "without a carriage return"),
        ("GET / HTTP/1.1\r\nHost: a\r\n\n", "without a carriage return"),
    ] {
        let answer = exchange(address, request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{request:?}: {answer}");
        assert!(answer.trim_end().ends_with(reason), "{request:?}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{request:?}: {answer}");
    }
}

#[tokio::test]
async fn what_hyper_refuses_itself_is_a_400_as_well() {
    let address = port().await;
    for request in [
        "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\nx",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\nx",
        "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ] {
        let answer = exchange(address, request.as_bytes()).await;
        assert!(
            answer.starts_with("HTTP/1.1 400 ") || answer.starts_with("HTTP/1.0 400 "),
            "{request:?}: {answer}"
        );
    }
}

#[tokio::test]
async fn what_is_valid_is_answered_on_one_connection() {
    let requests = [
        "\r\nPOST / HTTP/1.1\r\nHost: a.example:8080\r\nContent-Length: 9\r\n\r\nline\nfeed",
        "POST / HTTP/1.1\r\nhost: [::1]:1880\r\ntransfer-encoding: chunked\r\n\r\n\
         9;ext=1\r\nline\nfeed\r\n0\r\nTrailer: x\r\n\r\n",
        "POST http://b/ HTTP/1.1\r\nHost: \r\nContent-Length: 9\r\n\r\nline\nfeed",
        "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 9\r\n\r\nline\nfeed",
    ];
    let answer = exchange(port().await, requests.concat().as_bytes()).await;
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 4, "{answer}");
    assert_eq!(answer.matches("line\nfeed").count(), 4, "{answer}");
    let old = exchange(port().await, b"GET / HTTP/1.0\r\n\r\n").await;
    assert!(old.starts_with("HTTP/1.0 200 "), "{old}");
}

#[tokio::test]
async fn a_plain_request_for_a_path_of_websockets_is_told_to_upgrade() {
    let address = port().await;
    let plain = "GET /socket HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let answer = exchange(address, plain.as_bytes()).await.to_lowercase();
    assert!(answer.starts_with("http/1.1 426 "), "{answer}");
    assert!(answer.contains("\r\nupgrade: websocket\r\n"), "{answer}");
    let other = plain.replace("/socket", "/other");
    assert!(exchange(address, other.as_bytes()).await.starts_with("HTTP/1.1 200 "));
}
