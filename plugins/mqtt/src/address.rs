//! `Address`: where a broker is, from a URL or from host and port.

use std::net::Ipv6Addr;

use percent_encoding::percent_decode_str;

/// Where a broker is, and how it is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) is_secure: bool,
    pub(crate) is_websocket: bool,
    /// Without the brackets of an IPv6 address.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// The URL without user and password.
    pub(crate) url: String,
    /// User and password of the URL.
    pub(crate) login: Option<(String, String)>,
}

/// The URL for the properties `broker`, `port` and `usetls`.
pub(crate) fn url_of(broker: &str, port: &str, is_secure: bool) -> String {
    if broker.contains("://") {
        return broker.to_owned();
    }
    let scheme = if is_secure { "mqtts" } else { "mqtt" };
    if broker.is_empty() {
        return format!("{scheme}://localhost:1883");
    }
    let port = if port.is_empty() { "1883" } else { port };
    // A zone, as in `fe80::1%eth0`, is no part of the address.
    let address = broker.split('%').next().unwrap_or_default();
    match address.parse::<Ipv6Addr>() {
        Ok(_) => format!("{scheme}://[{broker}]:{port}"),
        Err(_) => format!("{scheme}://{broker}:{port}"),
    }
}

impl Address {
    /// Reads a URL.
    ///
    /// # Errors
    /// If it is none, or of another protocol.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let invalid = |why: &str| format!("invalid address of a broker `{}`: {why}", shown(text));
        let mut url = url::Url::parse(text).map_err(|error| invalid(&error.to_string()))?;
        let (is_secure, is_websocket, default) = match url.scheme() {
            "mqtt" | "tcp" => (false, false, 1883),
            "mqtts" | "ssl" | "tls" => (true, false, 8883),
            "ws" => (false, true, 80),
            "wss" => (true, true, 443),
            _ => return Err(invalid("expected `mqtt://`, `mqtts://`, `ws://` or `wss://`")),
        };
        let host = url.host_str().filter(|host| !host.is_empty());
        let host = host.ok_or_else(|| invalid("expected a host"))?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = url.port().unwrap_or(default);
        let login = login(&url);
        // Neither fails: the URL has a host.
        let _is_removed = (url.set_username(""), url.set_password(None));
        Ok(Address { is_secure, is_websocket, host, port, url: url.into(), login })
    }
}

fn login(url: &url::Url) -> Option<(String, String)> {
    let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let (user, password) = (url.username(), url.password().unwrap_or_default());
    (!user.is_empty()).then(|| (decode(user), decode(password)))
}

/// A URL as logs show it: without user and password.
pub(crate) fn shown(url: &str) -> String {
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let end = rest.find('/').unwrap_or(rest.len());
            let (authority, path) = rest.split_at(end);
            let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
            format!("{scheme}://{host}{path}")
        }
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_and_port_become_a_url() {
        for (broker, port, is_secure, url) in [
            ("", "", false, "mqtt://localhost:1883"),
            ("example.org", "", false, "mqtt://example.org:1883"),
            ("example.org", "8883", true, "mqtts://example.org:8883"),
            ("::1", "1884", false, "mqtt://[::1]:1884"),
            ("ws://example.org/mqtt", "1883", true, "ws://example.org/mqtt"),
        ] {
            assert_eq!(url_of(broker, port, is_secure), url);
        }
    }

    #[test]
    fn urls_have_a_protocol_a_host_and_a_port() {
        for (text, is_secure, is_websocket, host, port) in [
            ("mqtt://example.org", false, false, "example.org", 1883),
            ("mqtts://example.org:1", true, false, "example.org", 1),
            ("tcp://[::1]:1884", false, false, "::1", 1884),
            ("ws://example.org/mqtt?a=b", false, true, "example.org", 80),
            ("wss://user:p%40ss@example.org/mqtt", true, true, "example.org", 443),
        ] {
            let address = Address::parse(text).unwrap();
            let found = (address.is_secure, address.is_websocket, &*address.host, address.port);
            assert_eq!(found, (is_secure, is_websocket, host, port), "{text}");
        }
        for text in ["", "example.org", "http://example.org", "mqtt://", "mqtt://a:99999"] {
            assert!(Address::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_password_is_kept_apart() {
        let address = Address::parse("wss://user:p%40ss@example.org/mqtt").unwrap();
        assert_eq!(address.url, "wss://example.org/mqtt");
        assert_eq!(address.login, Some(("user".to_owned(), "p@ss".to_owned())));
        assert_eq!(shown("mqtt://a:b@c:1/d"), "mqtt://c:1/d");
        let error = Address::parse("xyz://user:secret@host").unwrap_err();
        assert!(!error.contains("secret"), "{error}");
    }
}
