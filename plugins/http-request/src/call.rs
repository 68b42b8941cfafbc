//! `Call`: a request as it is to be sent, and `Got`: what came back.

use std::time::Duration;

use bytes::Bytes;
use ferrowire::Value;
use hyper::header::{HeaderMap, SET_COOKIE};
use hyper::{Method, StatusCode};
use url::Url;

use crate::headers::Headers;
use crate::jar::Jar;

/// A request that is ready to be sent.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: Headers,
    pub(crate) body: Bytes,
    pub(crate) jar: Jar,
    pub(crate) follow: bool,
    /// User and password for a server that asks for a digest.
    pub(crate) digest: Option<(String, String)>,
    pub(crate) timeout: Duration,
    /// Whether the server has to prove who it is.
    pub(crate) verify: bool,
}

/// A response.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Where it came from in the end.
    pub(crate) url: Url,
    /// `msg.redirectList`.
    pub(crate) redirects: Vec<Value>,
}

/// The `Set-Cookie` lines of a response.
pub(crate) fn set_cookies(headers: &HeaderMap) -> Vec<String> {
    headers.get_all(SET_COOKIE).iter().map(|line| latin1(line.as_bytes())).collect()
}

/// Bytes of a header as text: each is the character of that number.
pub(crate) fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}
