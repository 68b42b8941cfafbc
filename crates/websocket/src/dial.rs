//! Opening a connection as a client: proxy, TLS, the opening handshake (RFC 6455 §4.1).

use std::sync::Arc;

use bytes::Bytes;
use ferrowire_net::Proxy;
use ferrowire_net::Stream;
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper::header::{
    AUTHORIZATION, CONNECTION, HOST, HeaderMap, HeaderName, HeaderValue, PROXY_AUTHORIZATION,
    SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::{Method, Request, Response, StatusCode, body::Incoming, upgrade};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;
use tungstenite::handshake::{client::generate_key, derive_accept_key};

use crate::handshake::has_token;
use crate::url::Url;

/// The parameters of a connection attempt.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) url: Url,
    pub(crate) subprotocols: Vec<String>,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) proxy: Option<Proxy>,
    /// For `wss:`, with the server name if it is not the host.
    pub(crate) tls: Option<(Arc<ClientConfig>, Option<String>)>,
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
    Proxy(StatusCode),
    #[error("the server responded with {0} instead of switching to WebSocket")]
    Status(StatusCode),
    #[error("invalid handshake response: {0}")]
    Handshake(&'static str),
}

/// Opens the connection. Has no time limit of its own.
///
/// Returns the stream and the bytes received after the handshake.
pub(crate) async fn dial(plan: &Plan) -> Result<(Stream, Bytes), DialError> {
    let tcp = match &plan.proxy {
        Some(proxy) => through(proxy, &plan.url).await?,
        None => connect(&plan.url.host, plan.url.port).await?,
    };
    let stream = match &plan.tls {
        Some((config, name)) => {
            let name = name.as_deref().unwrap_or(&plan.url.host);
            secure(tcp, Arc::clone(config), name).await?
        }
        None => Stream::Plain(tcp),
    };
    shake_hands(stream, plan).await
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
    let response = exchange(Stream::Plain(tcp), request).await?;
    if !response.status().is_success() {
        return Err(DialError::Proxy(response.status()));
    }
    match regained(response).await? {
        (Stream::Plain(tcp), early) if early.is_empty() => Ok(tcp),
        _ => Err(DialError::Handshake("the proxy sent data before the tunnel was used")),
    }
}

async fn shake_hands(stream: Stream, plan: &Plan) -> Result<(Stream, Bytes), DialError> {
    let key = generate_key();
    let mut request = Request::new(Empty::new());
    *request.uri_mut() =
        plan.url.target.parse().map_err(|_| DialError::Handshake("invalid path for a request"))?;
    *request.headers_mut() = request_headers(plan, &key);
    let response = exchange(stream, request).await?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Err(DialError::Status(response.status()));
    }
    check(response.headers(), &key, &plan.subprotocols).map_err(DialError::Handshake)?;
    regained(response).await
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

/// Sends a request and waits for the head of its response.
async fn exchange(
    stream: Stream,
    request: Request<Empty<Bytes>>,
) -> Result<Response<Incoming>, DialError> {
    let connects = request.method() == Method::CONNECT;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let mut connection = std::pin::pin!(connection.with_upgrades());
    let mut response = std::pin::pin!(sender.send_request(request));
    let response = tokio::select! {
        response = &mut response => response?,
        ended = &mut connection => {
            ended?;
            // The connection ended because it was upgraded; the response has arrived.
            return Ok(response.await?);
        }
    };
    // Only then the connection becomes another one; else it may stay as it is for long.
    let changes = match connects {
        true => response.status().is_success(),
        false => response.status() == StatusCode::SWITCHING_PROTOCOLS,
    };
    if changes {
        connection.await?;
    }
    Ok(response)
}

/// The stream below HTTP, with the bytes that HTTP read beyond the response.
async fn regained(response: Response<Incoming>) -> Result<(Stream, Bytes), DialError> {
    let upgraded = upgrade::on(response).await?;
    match upgraded.downcast::<TokioIo<Stream>>() {
        Ok(parts) => Ok((parts.io.into_inner(), parts.read_buf)),
        Err(_) => Err(DialError::Handshake("the connection cannot be taken over")),
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
    if headers.contains_key(SEC_WEBSOCKET_EXTENSIONS) {
        return Err("the server chose an extension, but none was offered");
    }
    match headers.get(SEC_WEBSOCKET_PROTOCOL) {
        None if !offered.is_empty() => Err("the server chose none of the offered subprotocols"),
        Some(chosen) if !offered.iter().any(|offer| chosen == offer.as_str()) => {
            Err("the server chose a subprotocol that was not offered")
        }
        _ => Ok(()),
    }
}
