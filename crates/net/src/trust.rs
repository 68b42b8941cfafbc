//! Which server certificates a client trusts, besides those of the system's authorities.

use std::sync::Arc;

use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::client::{WebPkiServerVerifier, verify_server_name};
use tokio_rustls::rustls::crypto::{CryptoProvider, verify_tls13_signature_with_raw_key};
use tokio_rustls::rustls::pki_types::{
    CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime,
};
use tokio_rustls::rustls::server::ParsedCertificate;
use tokio_rustls::rustls::{
    CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};

/// Trusts every server, for flows with `verifyservercert` off. Signatures are not verified: without
/// checking the certificate they prove nothing.
#[derive(Debug)]
pub(crate) struct TrustAll(pub(crate) Arc<CryptoProvider>);

impl ServerCertVerifier for TrustAll {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// Trusts certificates signed by the given authorities, and the given certificates themselves.
///
/// A self-signed certificate is given as its own authority. Those created with `openssl`'s defaults
/// are either marked as authorities or of version 1; webpki accepts neither for a server.
#[derive(Debug)]
pub(crate) struct TrustGiven {
    authorities: Arc<WebPkiServerVerifier>,
    given: Vec<Given>,
    provider: Arc<CryptoProvider>,
}

#[derive(Debug)]
struct Given {
    certificate: CertificateDer<'static>,
    key: SubjectPublicKeyInfoDer<'static>,
}

impl TrustGiven {
    /// Trusts `certificates`.
    ///
    /// # Errors
    /// If one of them is invalid.
    pub(crate) fn new(
        certificates: Vec<CertificateDer<'static>>,
        provider: Arc<CryptoProvider>,
    ) -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        for certificate in &certificates {
            roots.add(certificate.clone()).map_err(|error| error.to_string())?;
        }
        let keys = roots.roots.iter().map(|root| sequence(&root.subject_public_key_info));
        let given = certificates
            .into_iter()
            .zip(keys)
            .map(|(certificate, key)| Given { certificate, key: key.into() })
            .collect();
        let authorities =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
                .build()
                .map_err(|error| error.to_string())?;
        Ok(TrustGiven { authorities, given, provider })
    }

    fn given(&self, certificate: &CertificateDer<'_>) -> Option<&Given> {
        self.given.iter().find(|given| given.certificate == *certificate)
    }
}

/// The content of a DER sequence with its head (X.690, 8.1).
fn sequence(content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let length: Vec<u8> = length.into_iter().skip_while(|byte| *byte == 0).collect();
    let mut der = vec![0x30];
    if content.len() >= 0x80 {
        der.push(0x80 | length.len() as u8);
    }
    der.extend_from_slice(&length);
    der.extend_from_slice(content);
    der
}

impl ServerCertVerifier for TrustGiven {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self.authorities.verify_server_cert(certificate, between, name, ocsp, now) {
            Err(Error::InvalidCertificate(CertificateError::Other(_)))
                if self.given(certificate).is_some() =>
            {
                // A version 1 certificate has no subject alternative name; it is trusted for any
                // name.
                if let Ok(parsed) = ParsedCertificate::try_from(certificate) {
                    verify_server_name(&parsed, name)?;
                }
                Ok(ServerCertVerified::assertion())
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.authorities.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        match self.given(certificate) {
            Some(given) => {
                verify_tls13_signature_with_raw_key(message, &given.key, signature, algorithms)
            }
            None => self.authorities.verify_tls13_signature(message, certificate, signature),
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.authorities.supported_verify_schemes()
    }
}
