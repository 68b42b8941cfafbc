//! The signatures of tokens (RFC 7518 §3, RFC 8037), with ring.

use jsonwebtoken::crypto::{CryptoProvider, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{ErrorKind, Result};
use jsonwebtoken::signature::{self, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind};
use ring::signature::{
    RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};
use ring::{hmac, signature as ring_signature};

static PROVIDER: CryptoProvider = CryptoProvider {
    // Tokens are only verified here.
    signer_factory: |_, _| Err(ErrorKind::UnsupportedAlgorithm.into()),
    verifier_factory: verifier,
    // Only used to make keys into JWKs.
    key_utils: KeyUtils::new_unimplemented(),
};

/// Makes the library verify with ring. May be called any number of times.
pub(crate) fn install() {
    // It fails if it is installed already.
    let _installed = PROVIDER.install_default();
}

fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>> {
    if key.family() != algorithm.family() {
        return Err(ErrorKind::InvalidAlgorithm.into());
    }
    Ok(Box::new(WithRing { algorithm: *algorithm, key: key.clone() }))
}

struct WithRing {
    algorithm: Algorithm,
    key: DecodingKey,
}

impl JwtVerifier for WithRing {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

impl Verifier<Vec<u8>> for WithRing {
    fn verify(
        &self,
        message: &[u8],
        signed: &Vec<u8>,
    ) -> std::result::Result<(), signature::Error> {
        let is_valid = match self.algorithm {
            Algorithm::HS256 => self.hmac(hmac::HMAC_SHA256, message, signed),
            Algorithm::HS384 => self.hmac(hmac::HMAC_SHA384, message, signed),
            Algorithm::HS512 => self.hmac(hmac::HMAC_SHA512, message, signed),
            Algorithm::RS256 => {
                self.rsa(&ring_signature::RSA_PKCS1_2048_8192_SHA256, message, signed)
            }
            Algorithm::RS384 => {
                self.rsa(&ring_signature::RSA_PKCS1_2048_8192_SHA384, message, signed)
            }
            Algorithm::RS512 => {
                self.rsa(&ring_signature::RSA_PKCS1_2048_8192_SHA512, message, signed)
            }
            Algorithm::PS256 => {
                self.rsa(&ring_signature::RSA_PSS_2048_8192_SHA256, message, signed)
            }
            Algorithm::PS384 => {
                self.rsa(&ring_signature::RSA_PSS_2048_8192_SHA384, message, signed)
            }
            Algorithm::PS512 => {
                self.rsa(&ring_signature::RSA_PSS_2048_8192_SHA512, message, signed)
            }
            Algorithm::ES256 => {
                self.other(&ring_signature::ECDSA_P256_SHA256_FIXED, message, signed)
            }
            Algorithm::ES384 => {
                self.other(&ring_signature::ECDSA_P384_SHA384_FIXED, message, signed)
            }
            Algorithm::EdDSA => self.other(&ring_signature::ED25519, message, signed),
            _ => false,
        };
        if is_valid { Ok(()) } else { Err(signature::Error::new()) }
    }
}

impl WithRing {
    fn bytes(&self) -> &[u8] {
        self.key.try_get_as_bytes().unwrap_or_default()
    }

    fn hmac(&self, algorithm: hmac::Algorithm, message: &[u8], signed: &[u8]) -> bool {
        hmac::verify(&hmac::Key::new(algorithm, self.bytes()), message, signed).is_ok()
    }

    fn rsa(&self, parameters: &'static RsaParameters, message: &[u8], signed: &[u8]) -> bool {
        match self.key.kind() {
            DecodingKeyKind::SecretOrDer(der) => {
                UnparsedPublicKey::new(parameters, der).verify(message, signed).is_ok()
            }
            DecodingKeyKind::RsaModulusExponent { n, e } => {
                let key = RsaPublicKeyComponents { n: without_zeros(n), e: without_zeros(e) };
                key.verify(parameters, message, signed).is_ok()
            }
        }
    }

    fn other(
        &self,
        algorithm: &'static dyn VerificationAlgorithm,
        message: &[u8],
        signed: &[u8],
    ) -> bool {
        UnparsedPublicKey::new(algorithm, self.bytes()).verify(message, signed).is_ok()
    }
}

/// A number without the leading zeros that some servers send, and ring refuses.
fn without_zeros(number: &[u8]) -> &[u8] {
    let start = number.iter().position(|byte| *byte != 0).unwrap_or(number.len());
    number.get(start..).unwrap_or_default()
}
