//! Errors of sockets, with the codes of Node.js.

use std::io::{Error, ErrorKind};

/// The code of an error: its name in Node.js, or its number.
pub(crate) fn code(error: &Error) -> String {
    let name = match error.kind() {
        ErrorKind::AddrInUse => "EADDRINUSE",
        ErrorKind::AddrNotAvailable => "EADDRNOTAVAIL",
        ErrorKind::PermissionDenied => "EACCES",
        ErrorKind::InvalidInput => "EINVAL",
        ErrorKind::NetworkUnreachable => "ENETUNREACH",
        ErrorKind::HostUnreachable => "EHOSTUNREACH",
        ErrorKind::ConnectionRefused => "ECONNREFUSED",
        _ => return error.to_string(),
    };
    name.to_owned()
}

/// The text for a socket that cannot be opened.
pub(crate) fn not_open(error: &Error, port: u16) -> String {
    if error.kind() == ErrorKind::PermissionDenied && port < 1024 {
        return "UDP access error, you may need root access for ports below 1024".to_owned();
    }
    format!("error: {}", code(error))
}

/// The text for a multicast group that cannot be joined.
pub(crate) fn not_joined(error: &Error) -> String {
    match error.kind() {
        ErrorKind::InvalidInput => "Bad Multicast Address".to_owned(),
        ErrorKind::NotFound | ErrorKind::AddrNotAvailable => {
            "Must be ip address of the required interface".to_owned()
        }
        _ => format!("error: {}", code(error)),
    }
}
