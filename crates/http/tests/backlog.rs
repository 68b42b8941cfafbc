//! Unread responses are part of the backlog of the process, of which this test needs one of its own.

use std::sync::Arc;

use bytes::Bytes;
use ferrowire_http::{Limits, Page, Routes, full, serve};
use ferrowire_net::Backlog;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// More than the socket buffers of both sides hold.
const LARGE: usize = 32 << 20;

#[tokio::test]
async fn the_longest_unread_response_ends_when_too_much_waits() {
    Backlog::of_process().set_limit(LARGE + LARGE / 2);
    let routes = Routes::new();
    let page = |length: usize| -> Page {
        let body = Bytes::from(vec![b'x'; length]);
        Arc::new(move |_, _| Box::pin(std::future::ready(full("text/plain", body.clone()))))
    };
    let _short = routes.add_page("/short", page(LARGE)).unwrap();
    let _long = routes.add_page("/long", page(2 * LARGE)).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let server = serve(listener, None, routes, Limits::default(), stop.clone());
    let client = async {
        let ask = async |path: &str| {
            let mut client = TcpStream::connect(address).await.unwrap();
            let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
            client.write_all(request.as_bytes()).await.unwrap();
            client.readable().await.unwrap();
            client
        };
        let mut short = ask("/short").await;
        let mut long = ask("/long").await;
        let mut read = Vec::new();
        let _reset = long.read_to_end(&mut read).await;
        assert!(read.len() < 2 * LARGE, "{} bytes were read", read.len());
        read.clear();
        short.read_to_end(&mut read).await.unwrap();
        assert!(read.len() > LARGE, "{} bytes were read", read.len());
        assert_eq!(Backlog::of_process().held(), 0);
        stop.cancel();
    };
    tokio::join!(server, client);
}
