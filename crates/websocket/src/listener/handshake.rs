//! The server's side of the opening handshake (RFC 6455 §4.2).

use bytes::Bytes;
use ferrowire_core::port::{Response, text};
use hyper::header::{
    CONNECTION, HeaderMap, HeaderValue, ORIGIN, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode, Version};
use tungstenite::handshake::derive_accept_key;

use crate::deflate::Agreed;
use crate::deflate::options::CompressionOptions;
use crate::deflate::parameters::Malformed;

/// Accepts a handshake: the complete response, which must be sent before any frame. Without
/// `subprotocols` the first one that the client offers is chosen, as in Node-RED.
///
/// # Errors
/// The response that refuses it: 405 for methods other than GET, 426 for another protocol version,
/// 400 for anything else that is missing or malformed.
pub fn accept(request: &Parts, subprotocols: &[String]) -> Result<Bytes, Box<Response>> {
    accept_with(request, subprotocols, None).map(|accepted| accepted.answer)
}

/// An accepted handshake.
pub(crate) struct Accepted {
    /// The complete response.
    pub(crate) answer: Bytes,
    pub(crate) compression: Option<Agreed>,
}

/// The same with compression, if it is on and the client offers it.
pub(crate) fn accept_with(
    request: &Parts,
    subprotocols: &[String],
    compression: Option<&CompressionOptions>,
) -> Result<Accepted, Box<Response>> {
    let key = check(request)?;
    let negotiated = match compression.map(|options| options.answer(&request.headers)) {
        None => None,
        Some(Ok(negotiated)) => negotiated,
        Some(Err(Malformed)) => return Err(bad("`Sec-WebSocket-Extensions` is malformed")),
    };
    let mut answer = String::from(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n",
    );
    let mut add = |name: &str, value: &str| {
        answer.extend([name, ": ", value, "\r\n"]);
    };
    add("Sec-WebSocket-Accept", &derive_accept_key(key.as_bytes()));
    if let Some(subprotocol) = choose_subprotocol(&request.headers, subprotocols) {
        add("Sec-WebSocket-Protocol", subprotocol);
    }
    if let Some(negotiated) = &negotiated {
        add("Sec-WebSocket-Extensions", &negotiated.header);
    }
    answer.push_str("\r\n");
    let compression = negotiated.map(|negotiated| negotiated.agreed);
    Ok(Accepted { answer: answer.into(), compression })
}

/// Checks everything but the offers, and returns the key.
fn check(request: &Parts) -> Result<&HeaderValue, Box<Response>> {
    let headers = &request.headers;
    if request.method != Method::GET {
        return refuse(StatusCode::METHOD_NOT_ALLOWED, "a handshake must be a GET request");
    }
    if request.version < Version::HTTP_11 {
        return refuse(StatusCode::BAD_REQUEST, "a handshake requires HTTP/1.1");
    }
    if !has_token(headers, UPGRADE.as_str(), "websocket") {
        return refuse(StatusCode::BAD_REQUEST, "only upgrades to `websocket` are supported");
    }
    if !has_token(headers, CONNECTION.as_str(), "upgrade") {
        return refuse(StatusCode::BAD_REQUEST, "the header `Connection: Upgrade` is missing");
    }
    // RFC 6455 §11.3: these must not appear more than once.
    for (name, reason) in [
        (SEC_WEBSOCKET_KEY, "`Sec-WebSocket-Key` is given twice"),
        (SEC_WEBSOCKET_VERSION, "`Sec-WebSocket-Version` is given twice"),
        (ORIGIN, "`Origin` is given twice"),
    ] {
        if headers.get_all(name).iter().nth(1).is_some() {
            return refuse(StatusCode::BAD_REQUEST, reason);
        }
    }
    if headers.get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        return Err(Box::new(other_version()));
    }
    let key = headers.get(SEC_WEBSOCKET_KEY).filter(|key| is_valid_key(key));
    key.ok_or_else(|| bad("`Sec-WebSocket-Key` is missing or malformed"))
}

fn bad(reason: &'static str) -> Box<Response> {
    Box::new(text(StatusCode::BAD_REQUEST, reason))
}

fn refuse<T>(status: StatusCode, reason: &'static str) -> Result<T, Box<Response>> {
    Err(Box::new(text(status, reason)))
}

fn other_version() -> Response {
    let mut response = text(StatusCode::UPGRADE_REQUIRED, "only version 13 is supported");
    response.headers_mut().insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    response
}

/// Whether a comma-separated header contains `token`, case-insensitively.
pub(crate) fn has_token(headers: &HeaderMap, name: &str, token: &str) -> bool {
    tokens(headers, name).any(|found| found.eq_ignore_ascii_case(token))
}

pub(crate) fn tokens<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a str> {
    headers
        .get_all(name)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|token| !token.is_empty())
}

/// Whether the key is 16 bytes in base64 (RFC 6455 §4.2.1).
fn is_valid_key(key: &HeaderValue) -> bool {
    data_encoding::BASE64.decode(key.as_bytes()).is_ok_and(|bytes| bytes.len() == 16)
}

/// The first of our subprotocols that was offered; without our own list the first offer, as in
/// Node-RED.
pub(crate) fn choose_subprotocol<'a>(
    headers: &'a HeaderMap,
    ours: &'a [String],
) -> Option<&'a str> {
    let mut offered = tokens(headers, SEC_WEBSOCKET_PROTOCOL.as_str());
    match ours {
        [] => offered.next(),
        ours => {
            let offered: Vec<&str> = offered.collect();
            ours.iter().map(String::as_str).find(|name| offered.contains(name))
        }
    }
}
