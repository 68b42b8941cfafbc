//! `Origins`: the web pages whose scripts may connect (RFC 6455 §10.2).

use ferrowire_core::NodeConfig;
use hyper::header::{HeaderMap, ORIGIN};

use crate::listener::split_list;

/// The allowed origins; empty if every page may connect.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origins(Vec<Pattern>);

/// An origin as browsers send it (RFC 6454 §6.2): the scheme, the host, and the port unless it is the default.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    /// This text, such as `https://example.org`, or `null` for pages without an origin.
    Exact(String),
    /// All subdomains of a host: `https://*.example.org` is `https://` and `.example.org`.
    Below { before: String, after: String },
}

impl Origins {
    /// Reads `origins`, a list separated by commas.
    pub(crate) fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let list = split_list(&config.text("origins"));
        let read = |entry: &String| {
            let pattern = Pattern::parse(entry);
            if pattern.is_none() {
                let text = format!(
                    "invalid origin `{entry}`: expected `https://example.org`, \
                     `https://*.example.org` for its subdomains, or `null`"
                );
                config.problem("origins", text);
            }
            pattern
        };
        Origins(list.iter().filter_map(read).collect())
    }

    /// Whether a handshake with these headers may come in. One without an origin is not from a web
    /// page, and so not sent in the name of somebody who visits one.
    pub(crate) fn allow(&self, headers: &HeaderMap) -> bool {
        let Some(origin) = headers.get(ORIGIN) else { return true };
        self.0.is_empty()
            || origin.to_str().is_ok_and(|origin| {
                let origin = origin.to_ascii_lowercase();
                self.0.iter().any(|pattern| pattern.matches(&origin))
            })
    }
}

impl Pattern {
    fn parse(entry: &str) -> Option<Self> {
        if entry == "null" {
            return Some(Pattern::Exact(entry.to_owned()));
        }
        let (scheme, rest) = entry.split_once("://")?;
        let (is_below, host) = match rest.strip_prefix("*.") {
            Some(host) => (true, host),
            None => (false, rest),
        };
        let url = url::Url::parse(&format!("{scheme}://{host}")).ok()?;
        let is_origin = url.path().trim_matches('/').is_empty()
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        if !is_origin || host.contains('*') {
            return None;
        }
        let host = url.host_str().filter(|host| !host.is_empty())?.to_ascii_lowercase();
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        let scheme = url.scheme();
        Some(match is_below {
            true => {
                Pattern::Below { before: format!("{scheme}://"), after: format!(".{host}{port}") }
            }
            false => Pattern::Exact(format!("{scheme}://{host}{port}")),
        })
    }

    fn matches(&self, origin: &str) -> bool {
        match self {
            Pattern::Exact(text) => origin == text,
            Pattern::Below { before, after } => {
                let middle = origin.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
                middle.is_some_and(is_labels)
            }
        }
    }
}

/// Whether `text` is one or more labels of a host name: a `*` must not match `evil.org/x` or a user name.
fn is_labels(text: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
    };
    text.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use ferrowire_core::{Map, NodeInfo};
    use proptest::prelude::*;

    use super::*;

    fn read(list: &str) -> (Origins, usize) {
        let properties = Map::from_distinct([("origins".into(), list.into())]);
        let mut config = NodeConfig::new(NodeInfo::default(), properties, &|_| None);
        let origins = Origins::from_config(&mut config);
        (origins, config.take_problems().len())
    }

    fn allows(list: &str, origin: &str) -> bool {
        let headers = [(ORIGIN, origin.parse().unwrap())].into_iter().collect();
        let (origins, problems) = read(list);
        assert_eq!(problems, 0, "{list}");
        origins.allow(&headers)
    }

    #[test]
    fn an_origin_is_compared_as_a_whole() {
        let list = "https://example.org, http://localhost:1880, https://Bücher.example:443";
        for origin in ["https://example.org", "HTTPS://Example.org", "http://localhost:1880"] {
            assert!(allows(list, origin), "{origin}");
        }
        assert!(allows(list, "https://xn--bcher-kva.example"), "default port, punycode");
        for origin in [
            "http://example.org",
            "https://example.org:8443",
            "https://example.org.evil.test",
            "https://evil.test/https://example.org",
            "https://sub.example.org",
            "http://localhost",
            "null",
        ] {
            assert!(!allows(list, origin), "{origin}");
        }
        assert!(allows("null", "null"));
    }

    #[test]
    fn a_star_stands_for_subdomains() {
        let list = "https://*.example.org, http://*.test:8080";
        for origin in ["https://a.example.org", "https://a.b-2.example.org", "http://x.test:8080"] {
            assert!(allows(list, origin), "{origin}");
        }
        for origin in [
            "https://example.org",
            "https://.example.org",
            "https://evilexample.org",
            "https://evil.test/.example.org",
            "https://me@a.example.org",
            "http://a.example.org",
            "https://a.example.org:444",
            "http://x.test",
        ] {
            assert!(!allows(list, origin), "{origin}");
        }
    }

    #[test]
    fn without_a_list_or_an_origin_all_may_connect() {
        assert!(allows("", "https://example.org"));
        assert!(read("https://example.org").0.allow(&HeaderMap::new()));
    }

    #[test]
    fn what_is_no_origin_is_reported() {
        for list in [
            "example.org",
            "*",
            "https://*",
            "https://a.*.org",
            "https://example.org/path",
            "https://me@example.org",
            "https://example.org?x",
            "https://",
        ] {
            assert_eq!(read(list).1, 1, "{list}");
        }
    }

    proptest! {
        #[test]
        fn no_other_text_passes(origin in "[ -~]{0,40}") {
            let listed = ["https://example.org", "https://a.example.org"];
            prop_assume!(!listed.contains(&origin.to_ascii_lowercase().as_str()));
            prop_assume!(!origin.to_ascii_lowercase().ends_with(".example.org"));
            prop_assert!(!allows("https://example.org, https://*.example.org", &origin));
        }
    }
}
