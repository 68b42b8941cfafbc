//! The URL of a `websocket-client` (RFC 6455 §3).

use ferrowire_core::Text;
use hyper::Uri;
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
    /// Path and query, unchanged.
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
        let uri: Uri = text.parse().map_err(|error| format!("invalid URL `{text}`: {error}"))?;
        let secure = match uri.scheme_str() {
            Some("ws") => false,
            Some("wss") => true,
            _ => return Err(format!("invalid URL `{text}`: expected `ws://` or `wss://`")),
        };
        let host = uri.host().filter(|host| !host.is_empty());
        let host = host.ok_or_else(|| format!("invalid URL `{text}`: expected a host"))?;
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let authority = match uri.port_u16() {
            Some(port) if port != if secure { 443 } else { 80 } => format!("{host}:{port}"),
            _ => host.to_owned(),
        };
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        Ok(Url {
            secure,
            host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port,
            authority,
            target: if target.is_empty() { "/".into() } else { target.into() },
            authorization: uri.authority().and_then(|authority| basic(authority.as_str())),
        })
    }
}

/// `user:password@host` as a Basic authorization header.
pub(crate) fn basic(authority: &str) -> Option<HeaderValue> {
    let (user_info, _) = authority.rsplit_once('@')?;
    let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
    let mut plain: Vec<u8> = percent_decode_str(user).collect();
    plain.push(b':');
    plain.extend(percent_decode_str(password));
    let mut value =
        HeaderValue::try_from(format!("Basic {}", data_encoding::BASE64.encode(&plain))).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_and_query_stay_as_they_are() {
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
    fn user_and_password_become_basic_authorization() {
        let url = Url::parse("ws://user:p%40ss@host/").unwrap();
        assert_eq!(url.authorization.unwrap(), "Basic dXNlcjpwQHNz");
        assert_eq!(url.authority, "host");
    }

    #[test]
    fn other_schemes_and_nonsense_are_refused() {
        for bad in ["http://x", "ws//x", "", "/ws", "ws://", "ws://a b"] {
            assert!(Url::parse(bad).is_err(), "{bad}");
        }
    }
}
