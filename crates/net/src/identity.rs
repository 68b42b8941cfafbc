//! `Identity`: a client's certificate and its private key, read from PEM or from a PKCS#12 archive.

use std::sync::Arc;

use data_encoding::BASE64;
use p12_keystore::Pkcs12Archive;
use tokio_rustls::rustls::InconsistentKeys::KeyMismatch;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::sign::{CertifiedKey, SigningKey};
use tokio_rustls::rustls::{self};

use crate::pem;
use crate::tls::{Source, certificates};

pub(crate) struct Identity {
    pub(crate) own: CertifiedKey,
    /// Further certificates of the archive, trusted as authorities.
    pub(crate) authorities: Vec<CertificateDer<'static>>,
}

/// Reads a certificate and its key in PEM form; the key may be encrypted.
///
/// # Errors
/// If one of them is invalid, or they do not match.
pub(crate) fn from_pem(
    certificate: &Source,
    key: &Source,
    passphrase: Option<&str>,
) -> Result<Identity, String> {
    let chain = certificates(certificate)?;
    let key = pem::private_key(&key.read()?, passphrase, "passphrase")
        .map_err(|error| format!("invalid private key: {error}"))?;
    let own = CertifiedKey::new(chain, signing(&key)?);
    match own.keys_match() {
        Err(error @ rustls::Error::InconsistentKeys(KeyMismatch)) => {
            Err(format!("certificate and key do not match: {error}"))
        }
        // Version 1 certificates cannot be compared; servers may accept them.
        _ => Ok(Identity { own, authorities: Vec::new() }),
    }
}

/// Reads a PKCS#12 archive: its first key with the matching certificate. The other certificates are
/// sent along and trusted, as in Node.js.
///
/// # Errors
/// If the archive is invalid or lacks a key or certificate.
pub(crate) fn from_archive(archive: &Source, passphrase: Option<&str>) -> Result<Identity, String> {
    let mut content = archive.read()?;
    if archive.is_pasted() {
        content = BASE64
            .decode(content.trim_ascii())
            .map_err(|_| format!("invalid PKCS#12 archive in {archive:?}: expected base64"))?;
    }
    let found =
        Pkcs12Archive::from_pkcs12(&content, passphrase.unwrap_or_default()).map_err(|error| {
            match error {
                p12_keystore::error::Error::MacError(_) => {
                    format!("cannot open {archive:?} with this `passphrase`")
                }
                error => format!("invalid PKCS#12 archive in {archive:?}: {error}"),
            }
        })?;
    let key = found.keys.first().ok_or_else(|| format!("{archive:?} contains no private key"))?;
    let key = PrivateKeyDer::try_from(key.key.as_der().to_vec())?;
    let key = signing(&key)?;
    let mut chain: Vec<CertificateDer<'static>> =
        found.certs.iter().map(|bag| bag.cert.as_der().to_vec().into()).collect();
    let belongs = |candidate: &CertificateDer<'static>| {
        let own = CertifiedKey::new(vec![candidate.clone()], Arc::clone(&key));
        own.keys_match().is_ok()
    };
    let own = chain.iter().position(belongs);
    let own = own.ok_or_else(|| format!("{archive:?} contains no certificate for its key"))?;
    let leaf = chain.remove(own);
    let authorities = chain.clone();
    chain.insert(0, leaf);
    Ok(Identity { own: CertifiedKey::new(chain, key), authorities })
}

fn signing(key: &PrivateKeyDer<'_>) -> Result<Arc<dyn SigningKey>, String> {
    ring::sign::any_supported_type(key).map_err(|error| format!("invalid private key: {error}"))
}
