//! `msg.req`: a request in the form that Express gives it.

use ferrowire::expression::javascript::decode_uri_component;
use ferrowire::port::Origin;
use ferrowire::{Key, Map, Value};
use ferrowire_net::parse_cookies;
use http::Version;
use http::header::{COOKIE, HOST, HeaderMap};
use http::request::Parts;

use crate::{client, query};

/// The part of `msg.req` that follows from the head of a request. `path` is relative to `root`.
pub(crate) fn describe(
    parts: &Parts,
    origin: Origin,
    root: &str,
    pattern: &str,
    params: Map,
) -> Map {
    let uri = &parts.uri;
    let path = below(uri.path(), root);
    let with_query = |path: &str| match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let (peer, secure) = (origin.address, origin.secure);
    let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let xhr = parts.headers.get("x-requested-with");
    let mut socket: Map = [
        ("remoteAddress", Value::from(peer.ip().to_string())),
        ("remotePort", u32::from(peer.port()).into()),
        ("remoteFamily", (if peer.is_ipv4() { "IPv4" } else { "IPv6" }).into()),
        ("encrypted", secure.into()),
    ]
    .into_iter()
    .collect();
    if secure {
        client::describe(&parts.headers, &mut socket);
    }
    let route: Map = [("path", Value::from(pattern))].into_iter().collect();
    let query = query::parse(uri.query().unwrap_or_default().as_bytes());
    let url = with_query(path);
    [
        ("_parsedUrl", parsed_url(path, uri.query(), &url).into()),
        ("method", Value::from(parts.method.as_str())),
        ("url", url.into()),
        ("originalUrl", with_query(uri.path()).into()),
        ("baseUrl", root.into()),
        ("path", path.into()),
        ("query", query.into()),
        ("params", params.into()),
        ("headers", headers(&parts.headers).into()),
        ("rawHeaders", raw_headers(&parts.headers).into()),
        ("cookies", cookies(&parts.headers).into()),
        ("signedCookies", Map::new().into()),
        ("httpVersion", version(parts.version).into()),
        ("protocol", (if secure { "https" } else { "http" }).into()),
        ("secure", secure.into()),
        ("host", host.into()),
        ("hostname", hostname(host).into()),
        ("subdomains", subdomains(hostname(host)).into()),
        ("ip", peer.ip().to_string().into()),
        ("ips", Vec::<Value>::new().into()),
        ("xhr", xhr.is_some_and(|it| it.as_bytes().eq_ignore_ascii_case(b"xmlhttprequest")).into()),
        ("fresh", false.into()),
        ("stale", true.into()),
        ("route", route.into()),
        ("client", socket.clone().into()),
        ("socket", socket.clone().into()),
        ("connection", socket.into()),
    ]
    .into_iter()
    .collect()
}

/// The parts of the URL, as the npm package `parseurl` tells them.
fn parsed_url(path: &str, query: Option<&str>, url: &str) -> Map {
    let search = query.map(|query| format!("?{query}"));
    [
        ("search", search.map_or(Value::Null, Value::from)),
        ("query", query.map_or(Value::Null, Value::from)),
        ("pathname", path.into()),
        ("path", url.into()),
        ("href", url.into()),
        ("_raw", url.into()),
    ]
    .into_iter()
    .collect()
}

/// The path without the root.
pub(crate) fn below<'a>(path: &'a str, root: &str) -> &'a str {
    path.strip_prefix(root).filter(|path| path.starts_with('/')).unwrap_or(path)
}

fn version(version: Version) -> &'static str {
    if version == Version::HTTP_10 { "1.0" } else { "1.1" }
}

fn hostname(host: &str) -> &str {
    let end = if host.starts_with('[') { host.find(']').map(|at| at + 1) } else { host.find(':') };
    host.get(..end.unwrap_or(host.len())).unwrap_or_default()
}

/// The labels of the name before the last two, in reverse order.
fn subdomains(host: &str) -> Vec<Value> {
    if host.parse::<std::net::IpAddr>().is_ok() || host.starts_with('[') {
        return Vec::new();
    }
    host.split('.').rev().skip(2).map(Value::from).collect()
}

/// Headers by name, duplicates joined as in Node.js.
fn headers(headers: &HeaderMap) -> Map {
    let mut all = Map::new();
    for name in headers.keys() {
        let values: Vec<_> = headers.get_all(name).iter().map(|it| latin1(it.as_bytes())).collect();
        let separator = if name == COOKIE { "; " } else { ", " };
        all.insert(Key::from(name.as_str()), values.join(separator));
    }
    all
}

fn raw_headers(headers: &HeaderMap) -> Vec<Value> {
    let pair = |(name, value): (&http::header::HeaderName, &http::header::HeaderValue)| {
        [Value::from(name.as_str()), latin1(value.as_bytes()).into()]
    };
    headers.iter().flat_map(pair).collect()
}

/// Header bytes as Latin-1 text.
fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

fn cookies(headers: &HeaderMap) -> Map {
    let mut all = Map::new();
    for header in headers.get_all(COOKIE) {
        let text = latin1(header.as_bytes());
        for (name, value) in parse_cookies(&text) {
            if !all.contains_key(name) {
                all.insert(name, cookie(value));
            }
        }
    }
    all
}

/// A decoded value, parsed if it is marked as JSON (`j:`).
fn cookie(value: &str) -> Value {
    let text = decode_uri_component(value).map_or_else(|| value.to_owned(), Into::into);
    let parsed = text.strip_prefix("j:").and_then(|json| Value::from_json_text(json).ok());
    parsed.unwrap_or_else(|| text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_told_as_express_tells_it() {
        let request = http::Request::get("/root/items/7?a=1&b[]=2")
            .header("Host", "shop.eu.example.org:8080")
            .header("Cookie", "a=x%20y; j=j:{\"k\":1}; a=2")
            .header("X-Multi", "1")
            .header("X-Multi", "2")
            .body(())
            .unwrap();
        let origin = Origin { address: "127.0.0.1:5".parse().unwrap(), secure: false };
        let params = Map::from_iter([("id", "7")]);
        let parts = request.into_parts().0;
        let req = Value::from(describe(&parts, origin, "/root", "/items/:id", params));
        let get = |name: &str| req.get(name).unwrap().to_json();
        assert_eq!(get("url"), r#""/items/7?a=1&b[]=2""#);
        assert_eq!(get("originalUrl"), r#""/root/items/7?a=1&b[]=2""#);
        assert_eq!(get("path"), r#""/items/7""#);
        assert_eq!(get("query"), r#"{"a":"1","b":["2"]}"#);
        assert_eq!(get("params"), r#"{"id":"7"}"#);
        assert_eq!(get("cookies"), r#"{"a":"x y","j":{"k":1}}"#);
        assert_eq!(get("hostname"), r#""shop.eu.example.org""#);
        assert_eq!(get("subdomains"), r#"["eu","shop"]"#);
        assert_eq!(req.get("headers").unwrap().get("x-multi"), Some(&"1, 2".into()));
        assert_eq!(req.get("socket").unwrap().get("remotePort"), Some(&5.0.into()));
        assert_eq!(get("protocol"), r#""http""#);
    }
}
