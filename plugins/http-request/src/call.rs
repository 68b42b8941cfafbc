//! `Call`: a request to send, and `Got`: its response.

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
    /// User and password for digest authentication.
    pub(crate) digest: Option<(String, String)>,
    pub(crate) timeout: Duration,
    /// Whether to verify the server's certificate.
    pub(crate) verify: bool,
}

/// A response.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The final URL, after redirects.
    pub(crate) url: Url,
    /// `msg.redirectList`.
    pub(crate) redirects: Vec<Value>,
}

/// The `Set-Cookie` lines of a response.
pub(crate) fn set_cookies(headers: &HeaderMap) -> Vec<String> {
    headers.get_all(SET_COOKIE).iter().map(|line| latin1(line.as_bytes())).collect()
}

/// Header bytes as Latin-1 text.
pub(crate) fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}
