//! Keeps the case of header names as in the flow: some servers are case-sensitive.
//!
//! `hyper` writes names in lower case, except for a request that it has parsed itself with
//! `preserve_header_case`, as in a proxy. So this lets it parse one.

use std::sync::{Mutex, PoisonError};

use ferrowire::MutexExt as _;

use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::http::Extensions;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt;

/// The extensions a request needs for its names to be written with this case. Empty if they are all
/// in lower case.
pub(crate) async fn kept<'a>(names: impl Iterator<Item = &'a str>) -> Extensions {
    let mut head = String::new();
    for name in names.filter(|name| name.bytes().any(|b| b.is_ascii_uppercase())) {
        // The dummy request has no body.
        if !name.eq_ignore_ascii_case("content-length")
            && !name.eq_ignore_ascii_case("transfer-encoding")
        {
            head.push_str(name);
            head.push_str(": x\r\n");
        }
    }
    if head.is_empty() {
        return Extensions::new();
    }
    read(&format!("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{head}\r\n")).await
}

async fn read(head: &str) -> Extensions {
    let found = Mutex::new(Extensions::new());
    let take = |request: Request<Incoming>| {
        *found.locked() = request.into_parts().0.extensions;
        std::future::ready(Ok::<_, std::convert::Infallible>(Response::new(Empty::<Bytes>::new())))
    };
    let (mut writer, reader) = tokio::io::duplex(head.len() + 1024);
    if writer.write_all(head.as_bytes()).await.is_ok() {
        let mut server = http1::Builder::new();
        server.preserve_header_case(true);
        // The request is parsed; its response is not needed.
        let _answered = server.serve_connection(TokioIo::new(reader), service_fn(take)).await;
    }
    found.into_inner().unwrap_or_else(PoisonError::into_inner)
}
