//! Opening a connection as a client: proxy, TLS, the opening handshake (RFC 6455 §4.1).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ferrowire_net::Proxy;
use ferrowire_net::Stream;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1;
use hyper::header::{
    AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue,
    PROXY_AUTHORIZATION, RETRY_AFTER, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS,
    SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::{Method, Request, Response, StatusCode, body::Incoming, upgrade};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;
use tungstenite::handshake::{client::generate_key, derive_accept_key};

use crate::client::url::Url;
use crate::deflate::Agreed;
use crate::deflate::negotiation::Offer;
use crate::deflate::options::CompressionOptions;
use crate::listener::handshake::has_token;

/// The parameters of a connection attempt.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) url: Url,
    pub(crate) subprotocols: Vec<String>,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) proxy: Option<Proxy>,
    /// For `wss:`, with the server name if it is not the host.
    pub(crate) tls: Option<(Arc<ClientConfig>, Option<String>)>,
    /// What to offer, if anything.
    pub(crate) compression: Option<CompressionOptions>,
}

/// A connection after its handshake.
pub(crate) struct Opened {
    pub(crate) stream: Stream,
    /// The bytes received after the handshake.
    pub(crate) early: Bytes,
    /// The subprotocol that was agreed on.
    pub(crate) protocol: Option<String>,
    /// The compression that was agreed on.
    pub(crate) compression: Option<Agreed>,
}

/// Why a connection could not be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DialError {
    #[error("cannot reach {host}:{port}")]
    Connect { host: String, port: u16, source: std::io::Error },
    #[error("the TLS handshake with `{0}` failed")]
    Tls(String, #[source] std::io::Error),
    #[error("invalid TLS server name `{0}`")]
    ServerName(String),
    #[error("HTTP failed during the handshake")]
    Http(#[from] hyper::Error),
    #[error("the proxy responded with {0}")]
    Proxy(Refusal),
    #[error("the server responded with {0} instead of switching to WebSocket")]
    Status(Refusal),
    #[error("invalid handshake response: {0}")]
    Handshake(&'static str),
}

/// A response other than the expected one.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    /// The text in its body.
    reason: Option<String>,
    /// When to come back.
    retry_after: Option<Duration>,
}

impl DialError {
    /// The status with which the server refused, and how long it asked to wait.
    pub(crate) fn refusal(&self) -> Option<(u16, Option<Duration>)> {
        match self {
            DialError::Status(refusal) => Some((refusal.status.as_u16(), refusal.retry_after)),
            _ => None,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reason {
            Some(reason) => write!(f, "{} (`{reason}`)", self.status),
            None => write!(f, "{}", self.status),
        }
    }
}

/// Opens the connection. Has no time limit of its own.
pub(crate) async fn dial(plan: &Plan) -> Result<Opened, DialError> {
    shake_hands(open(plan).await?, plan).await
}

/// Opens the stream below HTTP.
pub(crate) async fn open(plan: &Plan) -> Result<Stream, DialError> {
    let tcp = match &plan.proxy {
        Some(proxy) => through(proxy, &plan.url).await?,
        None => connect(&plan.url.host, plan.url.port).await?,
    };
    match &plan.tls {
        Some((config, name)) => {
            let name = name.as_deref().unwrap_or(&plan.url.host);
            secure(tcp, Arc::clone(config), name).await
        }
        None => Ok(Stream::Plain(tcp)),
    }
}

async fn connect(host: &str, port: u16) -> Result<TcpStream, DialError> {
    let failed = |source| DialError::Connect { host: host.to_owned(), port, source };
    let tcp = TcpStream::connect((host, port)).await.map_err(failed)?;
    tcp.set_nodelay(true).map_err(failed)?;
    Ok(tcp)
}

async fn secure(
    tcp: TcpStream,
    config: Arc<ClientConfig>,
    name: &str,
) -> Result<Stream, DialError> {
    let server_name =
        ServerName::try_from(name.to_owned()).map_err(|_| DialError::ServerName(name.into()))?;
    let stream = TlsConnector::from(config)
        .connect(server_name, tcp)
        .await
        .map_err(|source| DialError::Tls(name.to_owned(), source))?;
    Ok(Stream::Tls(Box::new(stream.into())))
}

/// A tunnel through an HTTP proxy (RFC 9110 §9.3.6).
async fn through(proxy: &Proxy, url: &Url) -> Result<TcpStream, DialError> {
    let tcp = connect(&proxy.host, proxy.port).await?;
    let host = if url.host.contains(':') { format!("[{}]", url.host) } else { url.host.clone() };
    let authority = format!("{host}:{}", url.port);
    let mut request = Request::new(Empty::new());
    *request.method_mut() = Method::CONNECT;
    *request.uri_mut() = authority
        .parse()
        .map_err(|_| DialError::Handshake("invalid host for a CONNECT request"))?;
    put(request.headers_mut(), HOST, &authority);
    if let Some(authorization) = &proxy.authorization {
        put(request.headers_mut(), PROXY_AUTHORIZATION, authorization);
    }
    let response = exchange(Stream::Plain(tcp), request).await?.map_err(DialError::Proxy)?;
    match regained(response).await? {
        (Stream::Plain(tcp), early) if early.is_empty() => Ok(tcp),
        _ => Err(DialError::Handshake("the proxy sent data before the tunnel was used")),
    }
}

async fn shake_hands(stream: Stream, plan: &Plan) -> Result<Opened, DialError> {
    let offer = plan.compression.map(CompressionOptions::offer);
    let key = generate_key();
    let mut request = Request::new(Empty::new());
    *request.uri_mut() =
        plan.url.target.parse().map_err(|_| DialError::Handshake("invalid path for a request"))?;
    *request.headers_mut() = request_headers(plan, &key);
    if let Some(offer) = &offer {
        put(request.headers_mut(), SEC_WEBSOCKET_EXTENSIONS, &offer.header());
    }
    let response = exchange(stream, request).await?.map_err(DialError::Status)?;
    let headers = response.headers();
    check(headers, &key, &plan.subprotocols).map_err(DialError::Handshake)?;
    let protocol = headers.get(SEC_WEBSOCKET_PROTOCOL);
    let protocol = protocol.and_then(|name| name.to_str().ok()).map(str::to_owned);
    let compression = check_extensions(headers, offer).map_err(DialError::Handshake)?;
    let (stream, early) = regained(response).await?;
    Ok(Opened { stream, early, protocol, compression })
}

fn request_headers(plan: &Plan, key: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    put(&mut headers, HOST, &plan.url.authority);
    put(&mut headers, UPGRADE, "websocket");
    put(&mut headers, CONNECTION, "Upgrade");
    put(&mut headers, SEC_WEBSOCKET_VERSION, "13");
    put(&mut headers, SEC_WEBSOCKET_KEY, key);
    if !plan.subprotocols.is_empty() {
        put(&mut headers, SEC_WEBSOCKET_PROTOCOL, &plan.subprotocols.join(","));
    }
    if let Some(authorization) = &plan.url.authorization {
        headers.insert(AUTHORIZATION, authorization.clone());
    }
    for (name, value) in &plan.headers {
        headers.insert(name.clone(), value.clone());
    }
    headers
}

/// All values were checked when the configuration was read; a value that is still invalid is not
/// sent.
fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// Sends a request and waits for the head of the response after which the connection becomes
/// another one, or for a response that refuses that.
async fn exchange(
    stream: Stream,
    request: Request<Empty<Bytes>>,
) -> Result<Result<Response<Incoming>, Refusal>, DialError> {
    let connects = request.method() == Method::CONNECT;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let mut connection = std::pin::pin!(connection.with_upgrades());
    let mut response = std::pin::pin!(sender.send_request(request));
    let (response, is_over) = tokio::select! {
        response = &mut response => (response?, false),
        ended = &mut connection => {
            ended?;
            // The response has arrived before.
            (response.await?, true)
        }
    };
    let changes = match connects {
        true => response.status().is_success(),
        false => response.status() == StatusCode::SWITCHING_PROTOCOLS,
    };
    if !changes {
        let status = response.status();
        let retry_after = retry_after(response.headers());
        let mut reason = std::pin::pin!(explanation(response));
        // The body arrives while the connection is driven, which may end before all of it is read.
        let reason = tokio::select! {
            reason = &mut reason => reason,
            _ended = &mut connection, if !is_over => reason.await,
        };
        return Ok(Err(Refusal { status, reason, retry_after }));
    }
    if !is_over {
        connection.await?;
    }
    Ok(Ok(response))
}

/// The seconds in `Retry-After`; its other form, a date, depends on two clocks.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// How much of a body is read for the reason of a refusal, in bytes, and for how long.
const MOST_READ: usize = 1024;
const READ_FOR: Duration = Duration::from_secs(1);

/// The longest reason that is shown, in characters.
const MOST_SHOWN: usize = 200;

/// The text in the body of an error response, in one line; `None` for pages and binary data.
async fn explanation(response: Response<Incoming>) -> Option<String> {
    if !response.status().is_client_error() && !response.status().is_server_error() {
        return None;
    }
    let kind = response.headers().get(CONTENT_TYPE).map_or("", |kind| kind.to_str().unwrap_or("?"));
    let media = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_text = matches!(media.as_str(), "" | "text/plain" | "application/json")
        || media.ends_with("+json");
    if !is_text {
        return None;
    }
    let (mut body, mut bytes) = (response.into_body(), Vec::new());
    let read = async {
        while bytes.len() < MOST_READ
            && let Some(Ok(frame)) = body.frame().await
        {
            bytes.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
        }
    };
    // A body that takes longer is shown as far as it came.
    let _ended = tokio::time::timeout(READ_FOR, read).await;
    bytes.truncate(MOST_READ);
    let text = String::from_utf8_lossy(&bytes).replace(|c: char| c.is_control(), " ");
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let shown: String = line.chars().take(MOST_SHOWN).collect();
    match shown.len() < line.len() {
        true => Some(format!("{shown}…")),
        false => Some(shown).filter(|shown| !shown.is_empty()),
    }
}

/// The stream below HTTP, with the bytes that HTTP read beyond the response.
async fn regained(response: Response<Incoming>) -> Result<(Stream, Bytes), DialError> {
    let upgraded = upgrade::on(response).await?;
    match upgraded.downcast::<TokioIo<Stream>>() {
        Ok(parts) => Ok((parts.io.into_inner(), parts.read_buf)),
        Err(_) => Err(DialError::Handshake("the connection cannot be taken over")),
    }
}

/// What the server accepted of the offer.
fn check_extensions(
    headers: &HeaderMap,
    offer: Option<Offer>,
) -> Result<Option<Agreed>, &'static str> {
    match offer {
        Some(offer) => offer.check(headers),
        None if headers.contains_key(SEC_WEBSOCKET_EXTENSIONS) => {
            Err("the server chose an extension, but none was offered")
        }
        None => Ok(None),
    }
}

/// The client's checks of the response (RFC 6455 §4.1).
fn check(headers: &HeaderMap, key: &str, offered: &[String]) -> Result<(), &'static str> {
    if !has_token(headers, UPGRADE.as_str(), "websocket") {
        return Err("`Upgrade: websocket` is missing");
    }
    if !has_token(headers, CONNECTION.as_str(), "upgrade") {
        return Err("`Connection: Upgrade` is missing");
    }
    let accept = derive_accept_key(key.as_bytes());
    if headers.get(SEC_WEBSOCKET_ACCEPT).is_none_or(|found| found != accept.as_str()) {
        return Err("`Sec-WebSocket-Accept` does not match the key");
    }
    match headers.get(SEC_WEBSOCKET_PROTOCOL) {
        None if !offered.is_empty() => Err("the server chose none of the offered subprotocols"),
        Some(chosen) if !offered.iter().any(|offer| chosen == offer.as_str()) => {
            Err("the server chose a subprotocol that was not offered")
        }
        _ => Ok(()),
    }
}
