//! `Places`: where a handshake has its token.

use ferrowire_core::NodeConfig;
use ferrowire_net::parse_cookies;
use hyper::Uri;
use hyper::header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderValue, SEC_WEBSOCKET_PROTOCOL};
use hyper::http::request::Parts;
use url::form_urlencoded;

use crate::listener::handshake::tokens;
use crate::listener::split_list;

/// What precedes the token in a subprotocol, unless another prefix is set.
const PREFIX: &str = "bearer.";

/// A place for a token.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// `Authorization: Bearer …`.
    Header,
    /// The cookie of that name.
    Cookie(String),
    /// The query parameter of that name.
    Query(String),
    /// An offered subprotocol with that prefix, since scripts in browsers cannot set headers.
    Subprotocol(String),
    /// The first message.
    Message,
}

/// The places for a token, in the order in which they are looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Places(Vec<Place>);

impl Places {
    /// Reads `authFrom`, a list separated by commas; without it, tokens are in the header.
    pub(crate) fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let mut places = Vec::new();
        for entry in split_list(&config.text("authFrom")) {
            match Place::parse(&entry) {
                Some(place) => places.push(place),
                None => config.problem(
                    "authFrom",
                    format!(
                        "expected `header`, `cookie:NAME`, `query:NAME`, `subprotocol` or \
                         `message`, found `{entry}`"
                    ),
                ),
            }
        }
        if places.is_empty() {
            places.push(Place::Header);
        }
        Places(places)
    }

    /// Whether a client without a token may send it as its first message.
    pub(crate) fn include_message(&self) -> bool {
        self.0.contains(&Place::Message)
    }

    /// Takes the token out of the head of a handshake, so that nothing behind this sees it. The first
    /// place that has one counts.
    pub(crate) fn take(&self, head: &mut Parts) -> Option<String> {
        let found = self.0.iter().fold(None, |found, place| found.or_else(|| place.find(head)));
        for place in &self.0 {
            place.clear(head);
        }
        found
    }
}

impl Place {
    fn parse(entry: &str) -> Option<Self> {
        let (kind, name) = entry.split_once(':').unwrap_or((entry, ""));
        let name = name.trim();
        match (kind.trim(), name) {
            ("header", "") => Some(Place::Header),
            ("message", "") => Some(Place::Message),
            ("cookie", name) if !name.is_empty() => Some(Place::Cookie(name.to_owned())),
            ("query", name) if !name.is_empty() => Some(Place::Query(name.to_owned())),
            ("subprotocol", "") => Some(Place::Subprotocol(PREFIX.to_owned())),
            ("subprotocol", prefix) => Some(Place::Subprotocol(prefix.to_owned())),
            _ => None,
        }
    }

    fn find(&self, head: &Parts) -> Option<String> {
        let found = match self {
            Place::Header => bearer(&head.headers).map(str::to_owned),
            Place::Cookie(name) => cookie(&head.headers, name).map(str::to_owned),
            Place::Query(name) => {
                let pairs = form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes());
                pairs.into_iter().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
            }
            Place::Subprotocol(prefix) => tokens(&head.headers, SEC_WEBSOCKET_PROTOCOL.as_str())
                .find_map(|offer| offer.strip_prefix(prefix.as_str()))
                .map(str::to_owned),
            Place::Message => None,
        };
        found.filter(|token| !token.is_empty())
    }

    fn clear(&self, head: &mut Parts) {
        match self {
            Place::Header => {
                head.headers.remove(AUTHORIZATION);
            }
            Place::Cookie(name) => keep_lines(&mut head.headers, &COOKIE, ";", |part| {
                part.split_once('=').is_none_or(|(key, _)| key.trim() != name)
            }),
            Place::Query(name) => {
                if let Some(uri) = without_parameter(&head.uri, name) {
                    head.uri = uri;
                }
            }
            Place::Subprotocol(prefix) => {
                keep_lines(&mut head.headers, &SEC_WEBSOCKET_PROTOCOL, ",", |offer| {
                    !offer.trim().starts_with(prefix.as_str())
                });
            }
            Place::Message => {}
        }
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(parse_cookies).find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// Keeps the parts of a header for which `keep` is true.
fn keep_lines(
    headers: &mut HeaderMap,
    name: &hyper::header::HeaderName,
    separator: &str,
    keep: impl Fn(&str) -> bool,
) {
    let lines = headers.get_all(name).into_iter().filter_map(|line| line.to_str().ok());
    let kept: Vec<HeaderValue> = lines
        .map(|line| line.split(separator).filter(|part| keep(part)).collect::<Vec<_>>())
        .filter(|parts| !parts.is_empty())
        .filter_map(|parts| HeaderValue::from_str(parts.join(separator).trim()).ok())
        .collect();
    headers.remove(name);
    for line in kept {
        headers.append(name, line);
    }
}

/// The address without the query parameter `name`; `None` if it has none of that name.
fn without_parameter(uri: &Uri, name: &str) -> Option<Uri> {
    let query = uri.query()?;
    let is_kept = |pair: &&str| {
        let mut decoded = form_urlencoded::parse(pair.as_bytes());
        decoded.next().is_none_or(|(key, _)| key != name)
    };
    let kept: Vec<&str> = query.split('&').filter(is_kept).collect();
    let path = uri.path();
    let target = match kept.is_empty() {
        true => path.to_owned(),
        false => format!("{path}?{}", kept.join("&")),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = target.parse().ok();
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use ferrowire_core::{Map, NodeInfo};
    use hyper::Request;
    use proptest::prelude::*;

    use super::*;

    fn places(list: &str) -> Places {
        let properties = Map::from_distinct([("authFrom".into(), list.into())]);
        let mut config = NodeConfig::new(NodeInfo::default(), properties, &|_| None);
        let places = Places::from_config(&mut config);
        assert!(config.take_problems().is_empty(), "{list}");
        places
    }

    fn head(target: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder().uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    const EVERYWHERE: &str = "header, cookie:sid, query:token, subprotocol, message";

    #[test]
    fn a_token_is_found_in_each_place() {
        for (target, headers, expected) in [
            ("/", vec![("authorization", "bearer abc")], Some("abc")),
            ("/", vec![("authorization", "Basic abc")], None),
            ("/", vec![("cookie", "a=1; sid=abc")], Some("abc")),
            ("/?x=1&token=a%20b", vec![], Some("a b")),
            ("/", vec![("sec-websocket-protocol", "chat, bearer.abc")], Some("abc")),
            ("/?token=second", vec![("authorization", "Bearer first")], Some("first")),
            ("/?token=", vec![], None),
            ("/", vec![], None),
        ] {
            let mut head = head(target, &headers);
            assert_eq!(places(EVERYWHERE).take(&mut head).as_deref(), expected, "{target}");
        }
        let mut other = head("/?token=abc", &[("cookie", "sid=abc")]);
        assert_eq!(places("").take(&mut other), None, "only the header by default");
    }

    #[test]
    fn nothing_behind_sees_the_token() {
        let mut head = head(
            "/ws?a=1&token=abc&b=2&token=x",
            &[
                ("authorization", "Bearer abc"),
                ("cookie", "a=1; sid=abc; b=2"),
                ("sec-websocket-protocol", "chat, bearer.abc"),
                ("sec-websocket-protocol", "bearer.abc"),
            ],
        );
        places(EVERYWHERE).take(&mut head);
        assert_eq!(head.uri, "/ws?a=1&b=2");
        assert_eq!(head.headers.get("cookie").unwrap(), "a=1; b=2");
        assert_eq!(head.headers.get("sec-websocket-protocol").unwrap(), "chat");
        assert!(!format!("{head:?}").contains("abc"));
    }

    #[test]
    fn another_prefix_of_subprotocols_may_be_set() {
        let mut head = head("/", &[("sec-websocket-protocol", "auth-abc, v1")]);
        assert_eq!(places("subprotocol:auth-").take(&mut head).as_deref(), Some("abc"));
        assert_eq!(head.headers.get("sec-websocket-protocol").unwrap(), "v1");
    }

    #[test]
    fn what_is_no_place_is_reported() {
        for list in ["body", "cookie", "query:", "header:x", "message:x"] {
            let properties = Map::from_distinct([("authFrom".into(), list.into())]);
            let mut config = NodeConfig::new(NodeInfo::default(), properties, &|_| None);
            Places::from_config(&mut config);
            assert_eq!(config.take_problems().len(), 1, "{list}");
        }
    }

    proptest! {
        #[test]
        fn any_head_is_read_and_cleared(query in "[ -~]{0,40}", cookie in "[ -~]{0,40}") {
            let query: String = query.chars().filter(|c| !"\"<>\\^`{|}# ".contains(*c)).collect();
            let Ok(uri) = format!("/?{query}").parse::<Uri>() else { return Ok(()) };
            let mut head = head("/", &[("cookie", &cookie)]);
            head.uri = uri;
            let all = places(EVERYWHERE);
            all.take(&mut head);
            prop_assert_eq!(all.take(&mut head), None, "{:?}", head);
        }
    }
}
