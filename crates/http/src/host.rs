//! The `Host` of a request (RFC 9112 §3.2), which hyper does not check.

use hyper::Version;
use hyper::header::HOST;
use hyper::http::uri::Authority;

use crate::Request;

/// Checks that there is one valid `Host`, which a request of HTTP/1.0 may lack.
///
/// # Errors
/// Why the request must be refused with status 400.
pub(crate) fn check(request: &Request) -> Result<(), &'static str> {
    let mut hosts = request.headers().get_all(HOST).iter();
    let first = hosts.next();
    if hosts.next().is_some() {
        return Err("`Host` is given twice");
    }
    match first {
        None if request.version() < Version::HTTP_11 => Ok(()),
        None => Err("`Host` is missing"),
        Some(host) if host.is_empty() => Ok(()),
        Some(host) => match Authority::try_from(host.as_bytes()) {
            Ok(authority) if !authority.as_str().contains('@') => Ok(()),
            _ => Err("`Host` is invalid"),
        },
    }
}
