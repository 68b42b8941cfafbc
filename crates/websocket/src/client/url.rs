//! The URL of a `websocket-client` (RFC 6455 §3).

use ferrowire_core::Text;
use hyper::header::HeaderValue;
use percent_encoding::percent_decode_str;

/// A parsed `ws:` or `wss:` URL.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Url {
    pub(crate) secure: bool,
    /// Without the brackets of an IPv6 address.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// The value of the `Host` header: with the port only if it is not the default.
    pub(crate) authority: String,
    /// Path and query, encoded as the URL standard says.
    pub(crate) target: Text,
    /// User and password as Basic authorization.
    pub(crate) authorization: Option<HeaderValue>,
}

impl Url {
    /// Parses `text`.
    ///
    /// # Errors
    /// If the URL is invalid.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        Self::parse_as(text, ["ws", "wss"])
    }

    /// Parses `text`, whose scheme is one of these: without and with TLS.
    ///
    /// # Errors
    /// If the URL is invalid.
    pub(crate) fn parse_as(text: &str, [plain, secure]: [&str; 2]) -> Result<Self, String> {
        let whole = text;
        let text = shown(text);
        let url = match url::Url::parse(whole) {
            Ok(url) => url,
            Err(url::ParseError::EmptyHost) => {
                return Err(format!("invalid URL `{text}`: expected a host"));
            }
            Err(error) => return Err(format!("invalid URL `{text}`: {error}")),
        };
        let secure = match url.scheme() {
            scheme if scheme == plain => false,
            scheme if scheme == secure => true,
            _ => {
                return Err(format!(
                    "invalid URL `{text}`: expected `{plain}://` or `{secure}://`"
                ));
            }
        };
        if url.fragment().is_some() {
            return Err(format!("invalid URL `{text}`: unexpected fragment, write `%23` for `#`"));
        }
        let host =
            url.host_str().ok_or_else(|| format!("invalid URL `{text}`: expected a host"))?;
        let authority = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        let target = match url.query().filter(|query| !query.is_empty()) {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        Ok(Url {
            secure,
            host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port: url.port_or_known_default().unwrap_or(80),
            authority,
            target: target.into(),
            authorization: authorization(&url),
        })
    }

    /// Adds an encoded parameter to the query.
    pub(crate) fn add_parameter(&mut self, parameter: &str) {
        let sign = if self.target.contains('?') { '&' } else { '?' };
        self.target = format!("{}{sign}{parameter}", self.target).into();
    }
}

/// A URL as errors show it: without what may be a password or a token.
fn shown(text: &str) -> String {
    let (rest, query) = match text.split_once('?') {
        Some((rest, _)) => (rest, "?…"),
        None => (text, ""),
    };
    match rest.split_once("//") {
        Some((scheme, rest)) => {
            let (host, path) = rest.split_once('/').map_or((rest, ""), |(host, path)| (host, path));
            let slash = if host.len() < rest.len() { "/" } else { "" };
            let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
            format!("{scheme}//{host}{slash}{path}{query}")
        }
        None => format!("{rest}{query}"),
    }
}

/// User and password as a Basic authorization header, if there are any.
fn authorization(url: &url::Url) -> Option<HeaderValue> {
    let (user, password) = (url.username(), url.password().unwrap_or_default());
    if user.is_empty() && password.is_empty() {
        return None;
    }
    let mut plain: Vec<u8> = percent_decode_str(user).collect();
    plain.push(b':');
    plain.extend(percent_decode_str(password));
    let text = format!("Basic {}", data_encoding::BASE64.encode(&plain));
    let mut value = HeaderValue::try_from(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_stays_so() {
        let url = Url::parse("ws://example.org/a%20b?x=1&y=%2F").unwrap();
        assert_eq!(url.target, "/a%20b?x=1&y=%2F");
        assert_eq!((url.host.as_str(), url.port, url.secure), ("example.org", 80, false));
        assert_eq!(url.authority, "example.org");
    }

    #[test]
    fn a_port_and_an_ipv6_address_are_understood() {
        let url = Url::parse("wss://[::1]:8443").unwrap();
        assert_eq!((url.host.as_str(), url.port, url.secure), ("::1", 8443, true));
        assert_eq!((url.authority.as_str(), url.target.as_str()), ("[::1]:8443", "/"));
    }

    #[test]
    fn urls_are_read_as_the_standard_says() {
        for (text, host, port, target) in [
            ("ws://127.0.0.1:27993/ü?q=ü", "127.0.0.1", 27993, "/%C3%BC?q=%C3%BC"),
            ("ws://h/a b?c d", "h", 80, "/a%20b?c%20d"),
            (" WS://EXAMPLE.org:80/A\n", "example.org", 80, "/A"),
            ("Wss://h/a/./b/../c", "h", 443, "/a/c"),
            ("ws://127.1:90/", "127.0.0.1", 90, "/"),
            ("ws://0x7f000001/", "127.0.0.1", 80, "/"),
            ("ws://bücher.example/x", "xn--bcher-kva.example", 80, "/x"),
            ("ws://[0:0::1]/", "::1", 80, "/"),
            ("ws://h", "h", 80, "/"),
            ("ws://h/?", "h", 80, "/"),
            ("ws://h?a", "h", 80, "/?a"),
            ("ws:\\\\h\\a", "h", 80, "/a"),
        ] {
            let url = Url::parse(text).unwrap();
            let found = (url.host.as_str(), url.port, url.target.as_str());
            assert_eq!(found, (host, port, target), "{text}");
        }
    }

    #[test]
    fn user_and_password_become_basic_authorization() {
        let url = Url::parse("ws://user:p%40ss@host/").unwrap();
        assert_eq!(url.authorization.unwrap(), "Basic dXNlcjpwQHNz");
        assert_eq!(url.authority, "host");
    }

    #[test]
    fn errors_show_no_password_and_no_query() {
        for (bad, shown) in [
            ("ws://me:secret@h:99999/a?token=secret", "`ws://h:99999/a?…`"),
            ("http://h/?secret", "`http://h/?…`"),
        ] {
            let error = Url::parse(bad).err();
            assert!(error.is_none_or(|error| error.contains(shown)), "{bad}");
        }
    }

    #[test]
    fn a_parameter_is_added_to_a_query_or_begins_one() {
        for (text, target) in [("ws://h/a", "/a?t=1"), ("ws://h/?b=2", "/?b=2&t=1")] {
            let mut url = Url::parse(text).unwrap();
            url.add_parameter("t=1");
            assert_eq!(url.target, target);
        }
    }

    #[test]
    fn other_schemes_and_nonsense_are_refused() {
        for bad in
            ["http://x", "ws//x", "", "/ws", "ws://", "ws://a b", "ws://h/#a", "ws://h:99999/"]
        {
            assert!(Url::parse(bad).is_err(), "{bad}");
        }
    }
}
