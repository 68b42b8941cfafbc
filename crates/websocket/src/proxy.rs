//! Which proxy a client dials through: `http_proxy`, `https_proxy`, `all_proxy`, `no_proxy`.

use hyper::Uri;
use hyper::header::HeaderValue;

use crate::url::{Url, basic};

/// An HTTP proxy that is asked to CONNECT.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Proxy {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) authorization: Option<HeaderValue>,
}

/// The proxy for `url`, if the environment names one.
///
/// # Errors
/// What is wrong with the variable that names it.
pub(crate) fn proxy_for(
    url: &Url,
    env: impl Fn(&str) -> Option<String>,
) -> Result<Option<Proxy>, String> {
    let variable = |name: &str| {
        let value = env(name).or_else(|| env(&name.to_uppercase()));
        value.filter(|value| !value.is_empty())
    };
    if variable("no_proxy").is_some_and(|list| is_excepted(url, &list)) {
        return Ok(None);
    }
    let name = if url.secure { "https_proxy" } else { "http_proxy" };
    let Some(text) = variable(name).or_else(|| variable("all_proxy")) else { return Ok(None) };
    parse(&text).map(Some).ok_or_else(|| {
        format!(
            "the proxy `{text}` of the environment (`{name}`) is not of the form `http://host:port`"
        )
    })
}

fn parse(text: &str) -> Option<Proxy> {
    let with_scheme = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let uri: Uri = with_scheme.parse().ok()?;
    let authority = uri.authority().filter(|_| uri.scheme_str() == Some("http"))?;
    Some(Proxy {
        host: authority.host().trim_start_matches('[').trim_end_matches(']').to_owned(),
        port: authority.port_u16().unwrap_or(80),
        authorization: basic(authority.as_str()),
    })
}

/// Whether a `no_proxy` list names the host: exactly, as a domain above it (`.example.org`,
/// `*.example.org`, `example.org`), with a port, or by `*`.
fn is_excepted(url: &Url, list: &str) -> bool {
    list.split([',', ' ']).filter(|entry| !entry.is_empty()).any(|entry| {
        let (name, port) = match entry.rsplit_once(':') {
            Some((name, port)) if port.parse::<u16>().is_ok() => (name, port.parse().ok()),
            _ => (entry, None),
        };
        if port.is_some_and(|port: u16| port != url.port) {
            return false;
        }
        let name = name.trim_start_matches('*').trim_start_matches('.').to_ascii_lowercase();
        let host = url.host.to_ascii_lowercase();
        name.is_empty() || host == name || host.ends_with(&format!(".{name}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(url: &str, variables: &[(&str, &str)]) -> Option<String> {
        let env = |name: &str| {
            variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned())
        };
        let proxy = proxy_for(&Url::parse(url).unwrap(), env).unwrap();
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
        assert!(proxy_for(&Url::parse("ws://a/").unwrap(), env).is_err());
    }
}
