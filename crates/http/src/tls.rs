//! Certificates and keys for the server side of TLS.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig};

/// The certificate and key files, in PEM form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, followed by the intermediate certificates.
    pub certificate: PathBuf,
    /// The private key (PKCS#8, PKCS#1 or SEC1).
    pub key: PathBuf,
}

/// Why TLS cannot be enabled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidTls {
    /// A file cannot be read or is not PEM.
    #[error("cannot read {what} `{path}`")]
    File {
        /// `certificate` or `private key`.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The reason.
        source: pem::Error,
    },
    /// The certificate file contains no certificate.
    #[error("`{0}` contains no certificate in PEM form")]
    NoCertificate(PathBuf),
    /// The certificate or the key is unusable, or they do not match.
    #[error("invalid pair of certificate `{certificate}` and private key `{key}`")]
    Unusable {
        /// The certificate file.
        certificate: PathBuf,
        /// The key file.
        key: PathBuf,
        /// The reason.
        source: rustls::Error,
    },
}

/// Loads certificate and key.
///
/// # Errors
/// If a file is missing or not PEM, or the files do not match; names the file.
pub fn server_config(files: &TlsFiles) -> Result<Arc<ServerConfig>, InvalidTls> {
    let certificates = read_certificates(&files.certificate)?;
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|source| InvalidTls::File {
        what: "private key",
        path: files.key.clone(),
        source,
    })?;
    let unusable = |source| InvalidTls::Unusable {
        certificate: files.certificate.clone(),
        key: files.key.clone(),
        source,
    };
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .map_err(unusable)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, InvalidTls> {
    let unreadable =
        |source| InvalidTls::File { what: "certificate", path: path.to_owned(), source };
    let certificates: Vec<_> = CertificateDer::pem_file_iter(path)
        .map_err(unreadable)?
        .collect::<Result<_, _>>()
        .map_err(unreadable)?;
    if certificates.is_empty() {
        return Err(InvalidTls::NoCertificate(path.to_owned()));
    }
    Ok(certificates)
}
