//! The case of header names, kept as the flow writes it: some servers insist on one.
//!
//! `hyper` writes names in lower case, except those of a request that it has read itself with
//! `preserve_header_case`, as a proxy does. So it is given one to read.

use std::sync::{Mutex, PoisonError};

use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::http::Extensions;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt;

/// What a request has to carry for these names to be written as they are. Nothing when they are
/// in lower case, which needs no help.
pub(crate) async fn kept<'a>(names: impl Iterator<Item = &'a str>) -> Extensions {
    let mut head = String::new();
    for name in names.filter(|name| name.bytes().any(|b| b.is_ascii_uppercase())) {
        // The body of this request is none of the other one's business.
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
        *found.lock().unwrap_or_else(PoisonError::into_inner) = request.into_parts().0.extensions;
        std::future::ready(Ok::<_, std::convert::Infallible>(Response::new(Empty::<Bytes>::new())))
    };
    let (mut writer, reader) = tokio::io::duplex(head.len() + 1024);
    if writer.write_all(head.as_bytes()).await.is_ok() {
        let mut server = http1::Builder::new();
        server.preserve_header_case(true);
        // The request is read; that nobody waits for its answer is no failure.
        let _answered = server.serve_connection(TokioIo::new(reader), service_fn(take)).await;
    }
    found.into_inner().unwrap_or_else(PoisonError::into_inner)
}
