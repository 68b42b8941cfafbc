//! Checks of single settings that go beyond their kind.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use ferrowire_admin::CredentialSecret;
use ferrowire_core::Secret;

/// An address with a port.
pub(super) fn address(text: String) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "expected an address such as `127.0.0.1:1880`".to_owned())
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

/// As [`root`]; `None` for `off`.
pub(super) fn admin_root(text: String) -> Result<Option<String>, String> {
    match text.as_str() {
        "off" => Ok(None),
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
