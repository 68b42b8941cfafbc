//! `http proxy`, and the choice of a request's proxy.

use ferrowire::{FromConfig, Map, Node, NodeConfig, NodeContext, Value};
use ferrowire_net::{Proxy, is_excepted};
use hyper::Uri;

/// The configuration node `http proxy`: only its properties matter.
#[derive(Debug)]
pub struct HttpProxy;

impl FromConfig for HttpProxy {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let properties = config.properties().clone();
        Choice::from_properties(&properties, |text| config.problem("url", text));
        HttpProxy
    }
}

impl Node for HttpProxy {}

/// The source of a node's proxy.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Choice {
    /// `http_proxy` and the related environment variables.
    Environment,
    /// An `http proxy`: none, or this one with a list of exceptions.
    Node(Option<Proxy>, String),
}

impl Choice {
    /// Reads the properties of an `http proxy`; calls `problem` for an invalid URL.
    pub(crate) fn from_properties(properties: &Map, mut problem: impl FnMut(String)) -> Self {
        let text = |of: Option<&Value>| of.and_then(Value::as_str).unwrap_or_default().to_owned();
        let url = text(properties.get("url"));
        let mut proxy = Proxy::parse(&url);
        if proxy.is_none() && !url.is_empty() {
            problem(format!("invalid proxy `{url}`: expected `http://host:port`"));
        }
        let credential =
            |name: &str| text(properties.get("credentials").and_then(|all| all.get(name)));
        let (user, password) = (credential("username"), credential("password"));
        if !user.is_empty() || !password.is_empty() {
            proxy = proxy.map(|proxy| proxy.with_credentials(&user, &password));
        }
        let excepted = match properties.get("noproxy") {
            Some(Value::Array(hosts)) => {
                hosts.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(",")
            }
            other => text(other),
        };
        Choice::Node(proxy, excepted)
    }

    /// The proxy for a URL.
    ///
    /// # Errors
    /// If the environment sets an invalid proxy.
    pub(crate) fn proxy_for(&self, uri: &Uri, cx: &NodeContext) -> Result<Option<Proxy>, String> {
        let (secure, host, port) = target(uri);
        match self {
            Choice::Node(proxy, excepted) => {
                Ok(proxy.clone().filter(|_| !is_excepted(host, port, excepted)))
            }
            Choice::Environment => {
                let env = |name: &str| cx.env(name)?.as_str().map(str::to_owned);
                Proxy::from_environment(secure, host, port, env)
            }
        }
    }
}

/// Whether a URL requires TLS, its host without brackets, and its port.
pub(crate) fn target(uri: &Uri) -> (bool, &str, u16) {
    let secure = uri.scheme_str() == Some("https");
    let host = uri.host().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    (secure, host, uri.port_u16().unwrap_or(if secure { 443 } else { 80 }))
}
