//! The certificate of a client in `msg.req.client`, as far as Node.js' sockets have it as data.

use data_encoding::{BASE64, HEXUPPER};
use ferrowire::{Key, Map, Value};
use http::HeaderMap;
use x509_parser::prelude::{FromDer, X509Certificate, X509Name};

/// Adds `authorized`, and with a certificate `peerCertificate`, which Node.js returns from
/// `getPeerCertificate()`. The port sets the header `Client-Cert` (RFC 9440) to a certificate that it has
/// verified, and removes any other.
pub(crate) fn describe(headers: &HeaderMap, socket: &mut Map) {
    let certificate = headers.get("client-cert").and_then(|field| {
        let field = field.as_bytes().strip_prefix(b":")?.strip_suffix(b":")?;
        BASE64.decode(field).ok()
    });
    socket.insert("authorized", certificate.is_some());
    if let Some((_, found)) =
        certificate.as_ref().and_then(|der| X509Certificate::from_der(der).ok())
    {
        let serial = HEXUPPER.encode(&found.tbs_certificate.serial.to_bytes_be());
        let names: Map = [
            ("subject", Value::from(name(found.subject()))),
            ("issuer", name(found.issuer()).into()),
            ("serialNumber", serial.into()),
            ("valid_from", found.validity().not_before.to_string().into()),
            ("valid_to", found.validity().not_after.to_string().into()),
        ]
        .into_iter()
        .collect();
        socket.insert("peerCertificate", names);
    }
}

/// The parts of a name by their short names, such as `CN`. Of several with one name, the last.
fn name(name: &X509Name<'_>) -> Map {
    let parts = name.iter_attributes().filter_map(|part| {
        let registry = x509_parser::objects::oid_registry();
        let short = x509_parser::objects::oid2abbrev(part.attr_type(), registry).ok()?;
        Some((Key::from(short), Value::from(part.as_str().ok()?)))
    });
    parts.collect()
}
