//! `Guard`: protects the runtime against web pages from other sites in a user's browser.
//!
//! There are two attacks. A page from another site may send requests that the browser allows without
//! a preflight, and may open WebSockets: such requests have a foreign `Origin`. Or the page's host
//! name may be made to resolve to this machine (DNS rebinding), so that the page has the same origin:
//! such requests have a foreign `Host`.

use std::net::{IpAddr, SocketAddr};

use hyper::header::{HOST, HeaderName, HeaderValue, ORIGIN, UPGRADE};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};

use crate::Reply;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The host names and origins that are accepted.
#[derive(Clone, Debug)]
pub struct Guard {
    /// Whether the port listens on a loopback address only. Then all names of it are known.
    is_local: bool,
    /// Further host names of the editor.
    names: Vec<String>,
}

impl Guard {
    /// A guard for a port that listens at `listen` and has the further host `names`, for example
    /// those of a proxy.
    pub fn new(listen: SocketAddr, names: Vec<String>) -> Self {
        let names = names.iter().map(|name| normal(name)).collect();
        Guard { is_local: listen.ip().is_loopback(), names }
    }

    /// Refuses a request that a page from another site may have caused.
    ///
    /// # Errors
    /// A reply with status 403 and the reason.
    pub fn check(&self, request: &Parts) -> Result<(), Reply> {
        let host = host(request);
        if let Some(host) = host.filter(|host| !self.knows(host)) {
            return forbidden(&format!(
                "unknown host name `{}`: if it is a name of this runtime, add it to the setting `editor-hosts`",
                shown(host)
            ));
        }
        let is_upgrade = request.headers.contains_key(UPGRADE);
        if !is_upgrade && matches!(request.method, Method::GET | Method::HEAD | Method::OPTIONS) {
            // A page from another site cannot read the response, and nothing changes.
            return Ok(());
        }
        let is_own = |origin: &HeaderValue| self.is_own(text(origin), host.unwrap_or_default());
        let origins = request.headers.get_all(ORIGIN);
        if let Some(origin) = origins.iter().find(|origin| !is_own(origin)) {
            let (origin, host) = (shown(text(origin)), shown(host.unwrap_or("none")));
            return forbidden(&format!(
                "pages of `{origin}` are not allowed to use this runtime, which was reached as `{host}`: \
                 if it is a name of this runtime, add the host name to the setting `editor-hosts`"
            ));
        }
        if origins.iter().next().is_some() {
            return Ok(());
        }
        match request.headers.get(SEC_FETCH_SITE).map(text) {
            None | Some("same-origin" | "none") => Ok(()),
            Some(_) => forbidden("pages of other sites are not allowed to use this runtime"),
        }
    }

    fn knows(&self, host: &str) -> bool {
        let name = normal(without_port(host));
        !self.is_local || is_local_name(&name) || self.names.contains(&name)
    }

    /// Whether `origin` is the origin of pages that are served at `host`.
    fn is_own(&self, origin: &str, host: &str) -> bool {
        let Some((scheme, authority)) = origin.split_once("://") else { return false };
        let default_port = match scheme {
            "http" => ":80",
            "https" => ":443",
            _ => return false,
        };
        let plain = |text: &str| normal(text.strip_suffix(default_port).unwrap_or(text));
        (!host.is_empty() && plain(authority) == plain(host))
            || self.names.contains(&normal(without_port(authority)))
    }
}

fn host(request: &Parts) -> Option<&str> {
    let in_uri = request.uri.authority().map(|authority| authority.as_str());
    in_uri.or_else(|| request.headers.get(HOST).map(text))
}

/// A header as text; `?` stands for one that is not text: no host or origin has this name.
fn text(value: &HeaderValue) -> &str {
    value.to_str().unwrap_or("?")
}

fn normal(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        // An IPv6 address stands in brackets, so its colons do not begin a port.
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    }
}

fn is_local_name(name: &str) -> bool {
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    name == "localhost"
        || name.ends_with(".localhost")
        || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The longest text of a request that messages repeat, in bytes.
const SHOWN: usize = 128;

/// A text of a request as messages show it: it is visible ASCII, or `?`.
fn shown(text: &str) -> &str {
    text.get(..SHOWN).unwrap_or(text)
}

fn forbidden(message: &str) -> Result<(), Reply> {
    tracing::warn!("refused a request: {message}");
    Err(Reply::error(StatusCode::FORBIDDEN, "forbidden", message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::Request;

    fn is_let_in(guard: &Guard, method: &str, headers: &[(&str, &str)]) -> bool {
        let mut request = Request::builder().method(method).uri("/flows");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        guard.check(&request.body(()).unwrap().into_parts().0).is_ok()
    }

    fn local() -> Guard {
        Guard::new("127.0.0.1:1880".parse().unwrap(), Vec::new())
    }

    #[test]
    fn only_names_of_this_machine_reach_a_local_port() {
        for host in ["localhost:1880", "127.0.0.1:1880", "[::1]:1880", "LOCALHOST.", "a.localhost"]
        {
            assert!(is_let_in(&local(), "GET", &[("host", host)]), "{host}");
        }
        for host in ["evil.example", "evil.example:1880", "127.0.0.1.evil.example", "10.0.0.1"] {
            assert!(!is_let_in(&local(), "GET", &[("host", host)]), "{host}");
        }
        let named = Guard::new("127.0.0.1:1880".parse().unwrap(), vec!["Flows.Example".to_owned()]);
        assert!(is_let_in(&named, "GET", &[("host", "flows.example")]));
        let public = Guard::new("0.0.0.0:1880".parse().unwrap(), Vec::new());
        assert!(is_let_in(&public, "GET", &[("host", "any.example")]));
    }

    #[test]
    fn changes_are_made_by_own_pages_only() {
        let host = ("host", "localhost:1880");
        let post = |name, value| is_let_in(&local(), "POST", &[host, (name, value)]);
        assert!(is_let_in(&local(), "POST", &[host]), "a program");
        assert!(post("origin", "http://localhost:1880"));
        assert!(!post("origin", "http://localhost:3000"));
        assert!(!post("origin", "http://127.0.0.1:1880"), "the browser calls it another origin");
        assert!(!post("origin", "https://evil.example"));
        assert!(!post("origin", "null"));
        assert!(!post("origin", "file://localhost:1880"));
        assert!(post("sec-fetch-site", "same-origin"));
        assert!(!post("sec-fetch-site", "same-site"));
        assert!(!post("sec-fetch-site", "cross-site"));
        assert!(is_let_in(&local(), "GET", &[host, ("sec-fetch-site", "cross-site")]), "a link");
    }

    #[test]
    fn websockets_are_opened_by_own_pages_only() {
        let upgrade = [("host", "localhost:1880"), ("upgrade", "websocket")];
        let from = |origin| {
            let headers: Vec<_> = upgrade.into_iter().chain([("origin", origin)]).collect();
            is_let_in(&local(), "GET", &headers)
        };
        assert!(is_let_in(&local(), "GET", &upgrade), "a program");
        assert!(from("http://localhost:1880"));
        assert!(!from("https://evil.example"));
    }

    #[test]
    fn a_page_behind_a_proxy_is_an_own_page() {
        let public = Guard::new("0.0.0.0:1880".parse().unwrap(), vec!["flows.example".to_owned()]);
        let post = |host, origin| is_let_in(&public, "POST", &[("host", host), ("origin", origin)]);
        assert!(post("other.example", "https://other.example"));
        assert!(post("other.example:443", "https://other.example"));
        assert!(post("10.0.0.1:1880", "https://flows.example"), "the proxy changed the host");
        assert!(!post("10.0.0.1:1880", "https://evil.example"));
    }
}
