//! The certificate that a client presented, as a header of its requests: `Client-Cert` of RFC 9440.

use data_encoding::BASE64;
use ferrowire_net::Stream;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};

const CERTIFICATE: HeaderName = HeaderName::from_static("client-cert");
const CHAIN: HeaderName = HeaderName::from_static("client-cert-chain");

/// The header of a connection's requests; nothing without a certificate, which was verified in the
/// handshake.
pub(crate) struct ClientCertificate(Option<HeaderValue>);

impl ClientCertificate {
    pub(crate) fn of(stream: &Stream) -> Self {
        let Stream::Tls(tls) = stream else { return ClientCertificate(None) };
        let certificates = tls.get_ref().1.peer_certificates();
        // A byte sequence (RFC 8941, 3.3.5).
        let field = certificates.and_then(<[_]>::first).and_then(|certificate| {
            HeaderValue::try_from(format!(":{}:", BASE64.encode(certificate))).ok()
        });
        ClientCertificate(field)
    }

    /// Sets the header, and removes what the client itself sent under this name.
    pub(crate) fn mark(&self, headers: &mut HeaderMap) {
        headers.remove(CHAIN);
        match &self.0 {
            Some(field) => drop(headers.insert(CERTIFICATE, field.clone())),
            None => drop(headers.remove(CERTIFICATE)),
        }
    }
}
