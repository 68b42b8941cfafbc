//! Requests at the port, over a socket: what reaches a page is what a strict reading of RFC 9112
//! finds in the same bytes, so that no proxy in front of the port sees other requests.
#![no_main]

use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ferrowire_fuzz::requests::{Found, Seen, strictly};
use ferrowire_http::{Ending, Limits, Response, Routes, serve, text};
use http::StatusCode;
use http_body_util::BodyExt;
use libfuzzer_sys::fuzz_target;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};

type Answering = Pin<Box<dyn Future<Output = Response> + Send>>;

struct Server {
    runtime: Runtime,
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

thread_local! {
    static SERVER: Server = start();
}

fuzz_target!(|data: &[u8]| {
    SERVER.with(|server| {
        server.runtime.block_on(exchange(server.address, data));
        let seen = std::mem::take(&mut *server.seen.lock().expect("nothing panicked"));
        let mut expected = strictly(data).into_iter();
        for (at, seen) in seen.iter().enumerate() {
            match expected.next() {
                Some(Found::Request(request)) => assert_eq!(*seen, request, "request {at}"),
                Some(Found::Unknown) => return,
                other => panic!("request {at} is {seen:?}, but a strict reading finds {other:?}"),
            }
        }
    });
});

fn start() -> Server {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let seen = Arc::new(Mutex::new(Vec::new()));
    let routes = Routes::new();
    let record = Arc::clone(&seen);
    let page = move |request: ferrowire_http::Request, _| -> Answering {
        let record = Arc::clone(&record);
        Box::pin(async move {
            let (head, body) = request.into_parts();
            if let Ok(body) = body.collect().await {
                let body = body.to_bytes().to_vec();
                let target = head.uri.to_string();
                let seen = Seen { method: head.method.to_string(), target, body };
                record.lock().expect("nothing panicked").push(seen);
            }
            text(StatusCode::OK, "seen")
        })
    };
    let registration = routes.add_pages_below("/", Arc::new(page)).expect("no other page");
    std::mem::forget(registration);
    let limits = Limits { handshake: Duration::from_secs(1), ..Limits::default() };
    let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
    let listener = listener.expect("a port is free");
    let address = listener.local_addr().expect("it has an address");
    runtime.spawn(serve(listener, None, routes, limits, Ending::default()));
    Server { runtime, address, seen }
}

/// Sends `data` and reads until the server closes.
async fn exchange(address: SocketAddr, data: &[u8]) {
    let mut stream = TcpStream::connect(address).await.expect("the server accepts");
    // Without it, closed connections would use up the ports.
    stream.set_zero_linger().expect("a socket option");
    let (mut reading, mut writing) = stream.split();
    let write = async {
        // The server may have closed.
        let _sent = writing.write_all(data).await;
        let _ended = writing.shutdown().await;
    };
    let read = async {
        let mut answers = Vec::new();
        let _answers = reading.read_to_end(&mut answers).await;
    };
    tokio::join!(write, read);
}
