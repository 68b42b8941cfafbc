//! Conditional requests: the `ETag` of a response, and whether the client has the response already.

use std::time::SystemTime;

use data_encoding::BASE64_NOPAD;
use http::header::{
    CACHE_CONTROL, ETAG, HeaderMap, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED,
};
use http::request::Parts;
use http::{Method, StatusCode};
use sha1::{Digest, Sha1};

/// The weak `ETag` that Express gives the same content.
pub(crate) fn tag(content: &[u8]) -> HeaderValue {
    let sum = BASE64_NOPAD.encode(&Sha1::digest(content));
    let tag = format!("W/\"{:x}-{sum}\"", content.len());
    HeaderValue::try_from(tag).unwrap_or(HeaderValue::from_static("\"\""))
}

/// Whether the client's copy of this response is current (RFC 9110 §13.1).
pub(crate) fn is_fresh(asked: &Parts, status: StatusCode, headers: &HeaderMap) -> bool {
    let is_read = matches!(asked.method, Method::GET | Method::HEAD);
    if !is_read || !(status.is_success() || status == StatusCode::NOT_MODIFIED) {
        return false;
    }
    // A reload in a browser.
    if of(&asked.headers, CACHE_CONTROL).is_some_and(|it| it.contains("no-cache")) {
        return false;
    }
    match of(&asked.headers, IF_NONE_MATCH) {
        Some(known) => of(headers, ETAG).is_some_and(|tag| is_among(known, tag)),
        None => is_unchanged(&asked.headers, headers),
    }
}

fn is_among(known: &str, tag: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    known.trim() == "*" || known.split(',').any(|known| opaque(known) == opaque(tag))
}

fn is_unchanged(asked: &HeaderMap, headers: &HeaderMap) -> bool {
    let date = |headers, name| -> Option<SystemTime> {
        httpdate::parse_http_date(of(headers, name)?).ok()
    };
    let since = date(asked, IF_MODIFIED_SINCE);
    since.zip(date(headers, LAST_MODIFIED)).is_some_and(|(since, changed)| changed <= since)
}

fn of(headers: &HeaderMap, name: http::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_that_of_express() {
        assert_eq!(tag(b"hello"), "W/\"5-qvTGHdzF6KLavt4PO0gs2a6pQ00\"");
        assert_eq!(tag(b""), "W/\"0-2jmj7l5rSw0yVb/vlWAYkK/YBwk\"");
    }

    #[test]
    fn a_copy_is_current_by_its_tag_or_else_by_its_date() {
        let fresh = |method: &str, status, asked: &[(&str, &str)]| {
            let mut request = http::Request::builder().method(method);
            for (name, value) in asked {
                request = request.header(*name, *value);
            }
            let head = request.body(()).unwrap().into_parts().0;
            let headers = [
                (ETAG, HeaderValue::from_static("W/\"a\"")),
                (LAST_MODIFIED, HeaderValue::from_static("Sun, 01 Nov 2026 00:00:00 GMT")),
            ];
            is_fresh(&head, StatusCode::from_u16(status).unwrap(), &headers.into_iter().collect())
        };
        let later = ("if-modified-since", "Mon, 02 Nov 2026 00:00:00 GMT");
        let earlier = ("if-modified-since", "Sat, 31 Oct 2026 00:00:00 GMT");
        assert!(fresh("GET", 200, &[("if-none-match", "\"b\", \"a\"")]));
        assert!(fresh("HEAD", 200, &[("if-none-match", "*")]));
        assert!(fresh("GET", 200, &[later]));
        for (method, status, asked) in [
            ("GET", 200, &[][..]),
            ("GET", 200, &[earlier]),
            ("GET", 200, &[("if-none-match", "\"b\""), later]),
            ("GET", 200, &[("if-none-match", "*"), ("cache-control", "no-cache")]),
            ("POST", 200, &[("if-none-match", "*")]),
            ("GET", 404, &[("if-none-match", "*")]),
        ] {
            assert!(!fresh(method, status, asked), "{method} {status} {asked:?}");
        }
    }
}
