//! Reads a small document by HTTP.

use std::time::Duration;

use bytes::Bytes;
use ferrowire_core::{NodeContext, NodeError};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, AUTHORIZATION, HOST};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;

use crate::client::dial::{Plan, open};
use crate::client::url::Url;

/// The largest document that is read.
const LARGEST: usize = 256 * 1024;

/// How long it may take, from the first packet to the last.
const TIME: Duration = Duration::from_secs(5);

/// The content of the document at `url`.
///
/// # Errors
/// Why it cannot be read: the server, a status other than 200, its size, or the time.
pub(crate) async fn fetch(url: &Url, cx: &NodeContext) -> Result<Bytes, String> {
    let read = async {
        let plan = Plan::for_request(url.clone(), cx).await?;
        let stream = open(&plan).await;
        let stream =
            stream.map_err(|error| NodeError::caused_by("cannot connect", error).chain())?;
        get(TokioIo::new(stream), url).await
    };
    tokio::time::timeout(TIME, read).await.unwrap_or_else(|_| Err(format!("no answer in {TIME:?}")))
}

async fn get(
    stream: impl hyper::rt::Read + hyper::rt::Write + Unpin,
    url: &Url,
) -> Result<Bytes, String> {
    let (mut sender, connection) =
        http1::handshake(stream).await.map_err(|error| error.to_string())?;
    let mut request = Request::get(url.target.as_str())
        .header(HOST, &url.authority)
        .header(ACCEPT, "application/json");
    if let Some(authorization) = &url.authorization {
        request = request.header(AUTHORIZATION, authorization);
    }
    let request = request.body(Empty::<Bytes>::new()).map_err(|error| error.to_string())?;
    let exchange = async {
        let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
        // A redirection is not followed: the address is configured, and may be corrected there.
        if response.status() != StatusCode::OK {
            return Err(format!("the server responded with {}", response.status()));
        }
        let body = Limited::new(response.into_body(), LARGEST).collect().await;
        body.map(|body| body.to_bytes()).map_err(|error| error.to_string())
    };
    let mut exchange = std::pin::pin!(exchange);
    tokio::select! {
        biased;
        read = &mut exchange => read,
        // The rest of the response may already have been received.
        _ended = connection => exchange.await,
    }
}
