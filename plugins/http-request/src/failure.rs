//! `Failure`: why there is no response, with Node.js's error code.

use std::error::Error;
use std::io;

use ferrowire_net::dial::NoConnection;
use tokio_rustls::rustls;

/// Why there is no response.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub(crate) struct Failure {
    pub(crate) text: String,
    pub(crate) code: &'static str,
}

impl Failure {
    pub(crate) fn new(code: &'static str, text: impl Into<String>) -> Self {
        Failure { text: text.into(), code }
    }

    pub(crate) fn timed_out() -> Self {
        Failure::new("ETIMEDOUT", "no response from server")
    }

    /// The failure for an error of the HTTP client.
    pub(crate) fn of(error: &(dyn Error + 'static)) -> Self {
        let mut text = String::new();
        let mut code = None;
        let mut next = Some(error);
        while let Some(error) = next {
            code = code.or_else(|| code_of(error));
            let line = error.to_string();
            // Wrappers repeat the text of the wrapped error.
            if !text.ends_with(&line) && !line.starts_with("client error (") {
                if !text.is_empty() {
                    text.push_str(": ");
                }
                text.push_str(&line);
            }
            next = error.source();
        }
        Failure { text, code: code.unwrap_or("ERR_HTTP") }
    }
}

fn code_of(error: &(dyn Error + 'static)) -> Option<&'static str> {
    if let Some(error) = error.downcast_ref::<NoConnection>() {
        return match error {
            NoConnection::Connect(_, _, source) => Some(code_of_io(source).unwrap_or("ENOTFOUND")),
            NoConnection::Tls(_, source) => Some(code_of_io(source).unwrap_or("EPROTO")),
            NoConnection::Options(_) => Some("ERR_INVALID_ARG_VALUE"),
            NoConnection::Proxy(..) => Some("ERR_PROXY"),
        };
    }
    if let Some(error) = error.downcast_ref::<hyper::Error>() {
        if error.is_parse() || error.is_parse_status() {
            return Some("HPE_INVALID_CONSTANT");
        }
        if error.is_incomplete_message() {
            return Some("ECONNRESET");
        }
    }
    error.downcast_ref::<io::Error>().and_then(code_of_io)
}

fn code_of_io(error: &io::Error) -> Option<&'static str> {
    use io::ErrorKind as Kind;
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    if let Some(rustls::Error::InvalidCertificate(reason)) = inner {
        use rustls::CertificateError as Reason;
        return Some(match reason {
            Reason::Expired | Reason::ExpiredContext { .. } => "CERT_HAS_EXPIRED",
            Reason::NotValidYet | Reason::NotValidYetContext { .. } => "CERT_NOT_YET_VALID",
            Reason::NotValidForName | Reason::NotValidForNameContext { .. } => {
                "ERR_TLS_CERT_ALTNAME_INVALID"
            }
            _ => "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
        });
    }
    match error.kind() {
        Kind::ConnectionRefused => Some("ECONNREFUSED"),
        Kind::ConnectionReset | Kind::UnexpectedEof => Some("ECONNRESET"),
        Kind::BrokenPipe => Some("EPIPE"),
        Kind::TimedOut => Some("ETIMEDOUT"),
        Kind::HostUnreachable => Some("EHOSTUNREACH"),
        Kind::NetworkUnreachable => Some("ENETUNREACH"),
        Kind::AddrNotAvailable => Some("EADDRNOTAVAIL"),
        _ => None,
    }
}
