//! `details`: what the handshake said, as properties of `msg._session`.
//!
//! The object is built once for each connection and shared by all its messages.

use std::net::IpAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use ferrowire_core::port::Origin;
use ferrowire_core::{Key, Map, NodeConfig, Value};
use ferrowire_net::parse_cookies;
use hyper::header::{
    AUTHORIZATION, CONNECTION, COOKIE, HeaderMap, HeaderName, PROXY_AUTHORIZATION,
    SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::http::request::Parts;

use crate::listener::split_list;

/// Left out unless they are listed: what may be secret, and what only concerns the handshake.
const NOT_SHOWN: [HeaderName; 10] = [
    AUTHORIZATION,
    PROXY_AUTHORIZATION,
    COOKIE,
    CONNECTION,
    UPGRADE,
    SEC_WEBSOCKET_ACCEPT,
    SEC_WEBSOCKET_EXTENSIONS,
    SEC_WEBSOCKET_KEY,
    // A token may be among the subprotocols.
    SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION,
];

/// The properties `details` and `detailHeaders` of a listener.
#[derive(Clone, Debug, Default)]
pub(crate) struct DetailsOptions {
    /// Whether sessions have details.
    pub(crate) enabled: bool,
    /// The headers to show; empty for all but those that are not shown by themselves.
    headers: Vec<HeaderName>,
}

impl DetailsOptions {
    /// Reads `details` (`true`) and `detailHeaders` (a comma-separated list).
    pub(crate) fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let mut headers = Vec::new();
        for name in split_list(&config.text("detailHeaders")) {
            match HeaderName::from_bytes(name.as_bytes()) {
                Ok(name) => headers.push(name),
                Err(_) => {
                    config.problem("detailHeaders", format!("invalid header name `{name}`"));
                }
            }
        }
        DetailsOptions { enabled: config.boolean("details", false), headers }
    }

    /// What the handshake said; `path` is the path below the root, `params` its parameters,
    /// `protocol` the chosen subprotocol.
    pub(crate) fn of(&self, head: &Parts, origin: Origin, route: Route<'_>) -> Map {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Map::from_iter([
            (Key::new_static("path"), Value::from(route.path)),
            (Key::new_static("params"), route.params.into()),
            (Key::new_static("query"), query(head).into()),
            (Key::new_static("headers"), self.headers(&head.headers).into()),
            (Key::new_static("cookies"), cookies(&head.headers).into()),
            (Key::new_static("ip"), address(origin.address.ip()).into()),
            (Key::new_static("protocol"), route.protocol.unwrap_or_default().into()),
            (Key::new_static("since"), (since.as_millis() as f64).into()),
        ])
    }

    fn headers(&self, headers: &HeaderMap) -> Map {
        let is_shown = |name: &HeaderName| match self.headers.as_slice() {
            [] => !NOT_SHOWN.contains(name),
            listed => listed.contains(name),
        };
        shown(headers, is_shown)
    }
}

/// The whole handshake, for the flow that decides about it; `params` are those of its path.
pub(crate) fn request(head: &Parts, origin: Origin, route: Route<'_>) -> Map {
    Map::from_iter([
        (Key::new_static("path"), Value::from(route.path)),
        (Key::new_static("params"), route.params.into()),
        (Key::new_static("query"), query(head).into()),
        (Key::new_static("headers"), shown(&head.headers, |_| true).into()),
        (Key::new_static("cookies"), cookies(&head.headers).into()),
        (Key::new_static("ip"), address(origin.address.ip()).into()),
    ])
}

/// A parameter that is given several times becomes a list, as in Node-RED's `msg.req.query`.
fn query(head: &Parts) -> Map {
    let mut map = Map::new();
    let query = head.uri.query().unwrap_or_default();
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        add(&mut map, &name, value.into_owned().into());
    }
    map
}

fn shown(headers: &HeaderMap, is_shown: impl Fn(&HeaderName) -> bool) -> Map {
    let mut map = Map::new();
    for name in headers.keys().filter(|name| is_shown(name)) {
        let values = headers.get_all(name).iter();
        let values: Vec<_> =
            values.map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
        map.insert(name.as_str(), values.join(", "));
    }
    map
}

fn cookies(headers: &HeaderMap) -> Map {
    let header = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let header = header.collect::<Vec<_>>().join("; ");
    let cookies = parse_cookies(&header).into_iter();
    cookies.map(|(name, value)| (name, percent_decoded(value))).collect()
}

/// Where a handshake went.
#[derive(Debug)]
pub(crate) struct Route<'a> {
    /// The path below the root of the flows.
    pub(crate) path: &'a str,
    /// The parameters in it.
    pub(crate) params: Map,
    /// The subprotocol that was chosen.
    pub(crate) protocol: Option<&'a str>,
}

fn add(map: &mut Map, name: &str, value: Value) {
    match map.get_mut(name) {
        None => drop(map.insert(name, value)),
        Some(Value::Array(values)) => std::sync::Arc::make_mut(values).push(value),
        Some(first) => {
            let list = vec![std::mem::take(first), value];
            *first = list.into();
        }
    }
}

fn percent_decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// An IPv4 client of an IPv6 socket has an IPv4 address.
fn address(ip: IpAddr) -> String {
    ip.to_canonical().to_string()
}
