//! Checks of single settings that go beyond their kind.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::path::PathBuf;
use std::str::FromStr;

use ferrowire_admin::CredentialSecret;
use ferrowire_core::Secret;
use ferrowire_core::cluster::{is_name, is_prefix};
use ferrowire_http::TrustedProxies;

/// An address or a host name, with or without a port. A host name is looked up; an IPv4 address that
/// it has is preferred.
pub(super) fn address(text: String) -> Result<(IpAddr, Option<u16>), String> {
    const EXPECTED: &str =
        "expected an address such as `127.0.0.1:1880`, `127.0.0.1` or `localhost:1880`";
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Ok((address.ip(), Some(address.port())));
    }
    if let Ok(address) = text.parse() {
        return Ok((address, None));
    }
    let (name, port) = match text.rsplit_once(':').map(|(name, port)| (name, port.parse::<u16>())) {
        Some((name, Ok(port))) if !name.is_empty() && !name.contains([':', '/']) => (name, port),
        _ => return Err(EXPECTED.to_owned()),
    };
    let found: Vec<SocketAddr> = match (name, port).to_socket_addrs() {
        Ok(found) => found.collect(),
        Err(error) => return Err(format!("{EXPECTED}; cannot look up the host: {error}")),
    };
    let first = found.iter().find(|address| address.is_ipv4()).or(found.first());
    let first = first.ok_or_else(|| format!("{EXPECTED}; the host has no address"))?;
    Ok((first.ip(), Some(port)))
}

/// The port for metrics, unless the address says another one. OpenTelemetry's exporters for Prometheus
/// have it as well.
const METRICS_PORT: u16 = 9464;

/// As [`address`], with a port.
pub(super) fn metrics(text: Option<String>) -> Result<Option<SocketAddr>, String> {
    let address = text.map(address).transpose()?;
    Ok(address.map(|(address, port)| SocketAddr::new(address, port.unwrap_or(METRICS_PORT))))
}

/// A name of a cluster or an instance.
pub(super) fn name(text: String) -> Result<String, String> {
    match is_name(&text) {
        true => Ok(text),
        false => Err("expected up to 64 letters, digits, `-` and `_`".to_owned()),
    }
}

/// What subjects in NATS begin with.
pub(super) fn subject(text: String) -> Result<String, String> {
    match is_prefix(&text) {
        true => Ok(text),
        false => {
            Err("expected names of letters, digits, `-` and `_`, with dots between them".to_owned())
        }
    }
}

/// A path of URLs, without a slash at its end.
pub(super) fn root(text: String) -> Result<String, String> {
    let trimmed = text.trim_matches('/');
    match trimmed {
        "" => Ok(String::new()),
        _ if text.starts_with('/') => Ok(format!("/{trimmed}")),
        _ => Err("expected a path that begins with `/`".to_owned()),
    }
}

/// As [`root`]; `None` for `off`, and for Node-RED's `false`.
pub(super) fn admin_root(text: String) -> Result<Option<String>, String> {
    match text.as_str() {
        "off" | "false" => Ok(None),
        _ => root(text)
            .map(Some)
            .map_err(|_| "expected a path that begins with `/`, or `off`".to_owned()),
    }
}

/// Host names without a port. Those in one text may also be separated by spaces.
pub(super) fn hosts(texts: Vec<String>) -> Result<Vec<String>, String> {
    let names: Vec<String> =
        texts.iter().flat_map(|text| text.split_whitespace()).map(str::to_owned).collect();
    let is_name = |name: &String| {
        name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
    };
    match names.iter().all(is_name) {
        true => Ok(names),
        false => Err("expected host names such as `flows.example.org`, without a port".to_owned()),
    }
}

/// Addresses, and networks such as `10.0.0.0/8`.
pub(super) fn proxies(texts: Vec<String>) -> Result<TrustedProxies, String> {
    TrustedProxies::parse(&texts).map_err(|error| error.to_string())
}

/// As in Node-RED, `false` turns encryption off.
pub(super) fn credential_secret(secret: Option<Secret>) -> Result<CredentialSecret, String> {
    Ok(match secret.as_ref().map(Secret::expose) {
        None => CredentialSecret::Generated,
        Some("false") => CredentialSecret::Off,
        Some(secret) => CredentialSecret::Given(secret.to_owned()),
    })
}

/// A filter of log lines.
pub(super) fn filter(text: String) -> Result<String, String> {
    match tracing_subscriber::EnvFilter::from_str(&text) {
        Ok(_) => Ok(text),
        Err(error) => {
            Err(format!("expected a filter such as `info` or `ferrowire=debug`: {error}"))
        }
    }
}

/// A directory that exists, if one is given.
pub(super) fn directory(path: Option<PathBuf>) -> Result<Option<PathBuf>, String> {
    match path {
        Some(path) if !path.is_dir() => Err("expected a directory that exists".to_owned()),
        path => Ok(path),
    }
}
