//! Signatures with RSA (PKCS #1 v1.5), ECDSA on P-256 and P-384, and Ed25519.

use std::fmt::Display;

use ferrowire_net::{PublicKey, pem};
use ring::signature::{self, UnparsedPublicKey};
use tokio_rustls::rustls::SignatureScheme;
use tokio_rustls::rustls::crypto::ring::sign::any_supported_type;

use super::{Bytes, Refused};

/// How something is signed.
pub(super) struct Signing<'a> {
    /// The name of the hash; empty for the one that the key implies.
    pub(super) digest: &'a str,
    /// Whether a signature of ECDSA has a fixed length (IEEE P1363) instead of being DER.
    pub(super) is_fixed: bool,
}

const PAIRS: &str = "expected RSA with SHA-256, SHA-384 or SHA-512, P-256 with SHA-256, P-384 with SHA-384, or Ed25519";

impl Signing<'_> {
    /// Signs with a private key in PEM form: PKCS #8, which may be encrypted, PKCS #1 or SEC 1.
    pub(super) fn sign(&self, key: &str, passphrase: Option<&str>, data: &[u8]) -> Bytes {
        if self.is_fixed {
            let text = "a signature with `dsaEncoding: 'ieee-p1363'` cannot be made; use `der`";
            return Err(Refused::because(text));
        }
        let invalid =
            |error: &dyn Display| Refused::because(format!("invalid private key: {error}"));
        let der = pem::private_key(key.as_bytes(), passphrase, "passphrase")
            .map_err(|error| invalid(&error))?;
        let key = any_supported_type(&der).map_err(|error| invalid(&error))?;
        let scheme = self.schemes().iter().find_map(|scheme| key.choose_scheme(&[*scheme]));
        let signed = scheme.ok_or_else(|| Refused::because(PAIRS))?.sign(data);
        signed.map_err(|error| Refused::because(error.to_string()))
    }

    /// The ways to sign with the hash, of which a key has at most one.
    fn schemes(&self) -> &'static [SignatureScheme] {
        match self.digest {
            "" => &[SignatureScheme::ED25519, SignatureScheme::RSA_PKCS1_SHA256],
            "sha256" => {
                &[SignatureScheme::RSA_PKCS1_SHA256, SignatureScheme::ECDSA_NISTP256_SHA256]
            }
            "sha384" => {
                &[SignatureScheme::RSA_PKCS1_SHA384, SignatureScheme::ECDSA_NISTP384_SHA384]
            }
            "sha512" => &[SignatureScheme::RSA_PKCS1_SHA512],
            _ => &[],
        }
    }

    /// Whether a signature is that of the public key in PEM form.
    pub(super) fn verify(&self, key: &str, data: &[u8], signed: &[u8]) -> Result<bool, Refused> {
        let key = PublicKey::from_pem(key).map_err(Refused::because)?;
        let algorithm = self.verification(&key).ok_or_else(|| Refused::because(PAIRS))?;
        let (PublicKey::Rsa(bytes) | PublicKey::Ec(bytes) | PublicKey::Ed25519(bytes)) = &key;
        Ok(UnparsedPublicKey::new(algorithm, bytes).verify(data, signed).is_ok())
    }

    fn verification(
        &self,
        key: &PublicKey,
    ) -> Option<&'static dyn signature::VerificationAlgorithm> {
        Some(match (key, self.digest, self.is_fixed) {
            (PublicKey::Rsa(_), "sha1", _) => {
                &signature::RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY
            }
            (PublicKey::Rsa(_), "sha256" | "", _) => &signature::RSA_PKCS1_2048_8192_SHA256,
            (PublicKey::Rsa(_), "sha384", _) => &signature::RSA_PKCS1_2048_8192_SHA384,
            (PublicKey::Rsa(_), "sha512", _) => &signature::RSA_PKCS1_2048_8192_SHA512,
            (PublicKey::Ec(_), "sha256", false) => &signature::ECDSA_P256_SHA256_ASN1,
            (PublicKey::Ec(_), "sha256", true) => &signature::ECDSA_P256_SHA256_FIXED,
            (PublicKey::Ec(_), "sha384", false) => &signature::ECDSA_P384_SHA384_ASN1,
            (PublicKey::Ec(_), "sha384", true) => &signature::ECDSA_P384_SHA384_FIXED,
            (PublicKey::Ed25519(_), "", _) => &signature::ED25519,
            _ => return None,
        })
    }
}
