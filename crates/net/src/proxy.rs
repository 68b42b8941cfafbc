//! `Proxy`: an HTTP proxy, from the environment or a node.
//!
//! hyper-util has a matcher for these variables too. It ignores an invalid value, which is an error here, and it knows
//! neither ports nor `*.example.org` in `no_proxy`, which Node-RED's nodes support.

use percent_encoding::percent_decode_str;

use data_encoding::BASE64;

/// An HTTP proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// Its host name or address, without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The value of `Proxy-Authorization`.
    pub authorization: Option<String>,
}

impl Proxy {
    /// Parses `http://user:password@host:port`; everything but the host is optional.
    pub fn parse(text: &str) -> Option<Self> {
        let rest = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => rest,
            Some(_) => return None,
            None => text,
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let (user, address) = match authority.rsplit_once('@') {
            Some((user, address)) => (Some(user), address),
            None => (None, authority),
        };
        let (host, port) = match address.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
            _ => (address, 80),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let is_name = |c: char| c.is_alphanumeric() || "-._:".contains(c);
        if host.is_empty() || !host.chars().all(is_name) {
            return None;
        }
        let authorization = user.map(|user| {
            let (name, password) = user.split_once(':').unwrap_or((user, ""));
            let decode = |text| percent_decode_str(text).collect::<Vec<u8>>();
            basic(&decode(name), &decode(password))
        });
        Some(Proxy { host: host.to_owned(), port, authorization })
    }

    /// The same proxy with other credentials.
    #[must_use]
    pub fn with_credentials(self, user: &str, password: &str) -> Self {
        Proxy { authorization: Some(basic(user.as_bytes(), password.as_bytes())), ..self }
    }

    /// The proxy that the environment sets for a host: `http_proxy`, `https_proxy`, `all_proxy` and
    /// `no_proxy`, in lower or upper case.
    ///
    /// # Errors
    /// If the variable for this host is invalid.
    pub fn from_environment(
        secure: bool,
        host: &str,
        port: u16,
        env: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, String> {
        let variable = |name: &str| {
            let value = env(name).or_else(|| env(&name.to_uppercase()));
            value.filter(|value| !value.is_empty())
        };
        if variable("no_proxy").is_some_and(|list| is_excepted(host, port, &list)) {
            return Ok(None);
        }
        let name = if secure { "https_proxy" } else { "http_proxy" };
        let Some(text) = variable(name).or_else(|| variable("all_proxy")) else { return Ok(None) };
        Proxy::parse(&text).map(Some).ok_or_else(|| {
            format!(
                "invalid proxy `{text}` in the environment variable `{name}`: \
                 expected `http://host:port`"
            )
        })
    }
}

/// The header value for Basic authorization (RFC 7617).
pub fn basic(user: &[u8], password: &[u8]) -> String {
    format!("Basic {}", BASE64.encode(&[user, b":", password].concat()))
}

/// Whether a `no_proxy` list contains the host: exactly, by a parent domain (`.example.org`,
/// `*.example.org`, `example.org`), with a port, or by `*`.
pub fn is_excepted(host: &str, port: u16, list: &str) -> bool {
    list.split([',', ' ']).filter(|entry| !entry.is_empty()).any(|entry| {
        let (name, only) = match entry.rsplit_once(':') {
            Some((name, only)) if only.parse::<u16>().is_ok() => (name, only.parse().ok()),
            _ => (entry, None),
        };
        if only.is_some_and(|only: u16| only != port) {
            return false;
        }
        let name = name.trim_start_matches('*').trim_start_matches('.').to_ascii_lowercase();
        let host = host.to_ascii_lowercase();
        name.is_empty() || host == name || host.ends_with(&format!(".{name}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The proxy for a URL's host, without a port.
    fn proxy(url: &str, variables: &[(&str, &str)]) -> Option<String> {
        let env = |name: &str| {
            variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned())
        };
        let secure = url.starts_with("wss");
        let host = url.split('/').nth(2).unwrap();
        let port = if secure { 443 } else { 80 };
        let proxy = Proxy::from_environment(secure, host, port, env).unwrap();
        proxy.map(|proxy| format!("{}:{}", proxy.host, proxy.port))
    }

    #[test]
    fn the_scheme_decides_which_variable_counts() {
        let variables = [("http_proxy", "http://plain:1"), ("HTTPS_PROXY", "secure:2")];
        assert_eq!(proxy("ws://a/", &variables).as_deref(), Some("plain:1"));
        assert_eq!(proxy("wss://a/", &variables).as_deref(), Some("secure:2"));
        assert_eq!(proxy("ws://a/", &[]), None);
        assert_eq!(proxy("ws://a/", &[("all_proxy", "any:3")]).as_deref(), Some("any:3"));
    }

    #[test]
    fn no_proxy_excepts_hosts_domains_and_ports() {
        let with = |list| [("http_proxy", "p:1"), ("no_proxy", list)];
        for list in ["a.example.org", ".example.org", "example.org", "*", "x, *.example.org:80"] {
            assert_eq!(proxy("ws://a.example.org/", &with(list)), None, "{list}");
        }
        for list in ["b.example.org", "ample.org", "a.example.org:81"] {
            assert!(proxy("ws://a.example.org/", &with(list)).is_some(), "{list}");
        }
    }

    #[test]
    fn a_proxy_that_is_no_http_url_is_an_error() {
        let env = |name: &str| (name == "http_proxy").then(|| "socks5://x:1".to_owned());
        assert!(Proxy::from_environment(false, "a", 80, env).is_err());
        for text in ["https://a:1", "http://", "a b", "http://a:x"] {
            assert_eq!(Proxy::parse(text), None, "{text}");
        }
    }

    #[test]
    fn credentials_are_decoded() {
        let proxy = Proxy::parse("http://u%40x:p%3A@[::1]:8080/").unwrap();
        assert_eq!((proxy.host.as_str(), proxy.port), ("::1", 8080));
        assert_eq!(proxy.authorization, Some(basic(b"u@x", b"p:")));
        assert_eq!(proxy.with_credentials("a", "b").authorization.as_deref(), Some("Basic YTpi"));
    }
}
