//! `PublicKey`: a public key for signatures, from its PEM form (RFC 7468).

use data_encoding::BASE64;
use pkcs8::ObjectIdentifier;
use pkcs8::spki::SubjectPublicKeyInfoRef;

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// What a PEM text with a public key begins with.
const BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const END: &str = "-----END PUBLIC KEY-----";

/// A public key, in the form that signatures are verified with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublicKey {
    /// An RSA key: `RSAPublicKey` in DER (RFC 8017).
    Rsa(Vec<u8>),
    /// A point of the curve P-256 or P-384, uncompressed (SEC 1).
    Ec(Vec<u8>),
    /// An Ed25519 key (RFC 8032).
    Ed25519(Vec<u8>),
}

impl PublicKey {
    /// Whether `text` is meant as a key or certificate in PEM form.
    pub fn is_pem(text: &str) -> bool {
        text.contains("-----BEGIN ")
    }

    /// Reads a `PUBLIC KEY`. Its line breaks may be missing, or be written as `\n`, as in
    /// environment variables and fields of one line.
    ///
    /// # Errors
    /// If it is another kind of text or key; says what is expected.
    pub fn from_pem(text: &str) -> Result<Self, String> {
        let (_, rest) = text.split_once(BEGIN).ok_or_else(|| {
            format!("expected a public key that begins with `{BEGIN}`; `openssl pkey -pubout` writes one")
        })?;
        let (base64, _) = rest.split_once(END).ok_or_else(|| format!("expected `{END}`"))?;
        let base64: String =
            base64.replace("\\n", "").chars().filter(|c| !c.is_whitespace()).collect();
        let der = BASE64.decode(base64.as_bytes()).map_err(|error| error.to_string())?;
        Self::from_der(&der)
    }

    fn from_der(der: &[u8]) -> Result<Self, String> {
        let info = SubjectPublicKeyInfoRef::try_from(der).map_err(|error| error.to_string())?;
        let key = info.subject_public_key.as_bytes().ok_or("the key is damaged")?.to_vec();
        match (info.algorithm.oid, key.len()) {
            (RSA, _) => Ok(PublicKey::Rsa(key)),
            // Uncompressed points of P-256 and P-384.
            (EC, 65 | 97) => Ok(PublicKey::Ec(key)),
            (ED25519, 32) => Ok(PublicKey::Ed25519(key)),
            _ => Err("expected a key for RSA, P-256, P-384 or Ed25519".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ED: &str = "-----BEGIN PUBLIC KEY-----\n\
        MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n\
        -----END PUBLIC KEY-----\n";

    #[test]
    fn a_key_is_read_however_its_lines_are_broken() {
        let key = PublicKey::from_pem(ED).unwrap();
        assert!(matches!(&key, PublicKey::Ed25519(bytes) if bytes.len() == 32));
        for text in [ED.replace('\n', "\\n"), ED.replace('\n', ""), ED.replace('\n', "\r\n")] {
            assert_eq!(PublicKey::from_pem(&text).as_ref(), Ok(&key), "{text}");
        }
    }

    #[test]
    fn what_is_no_public_key_is_refused() {
        for text in [
            "secret".to_owned(),
            ED.replace("PUBLIC", "PRIVATE"),
            ED.replace("-----END", ""),
            ED.replace("MCow", "MCo!"),
            ED.replace("BQYDK2Vw", "BQYDK2Vx"),
        ] {
            assert!(PublicKey::from_pem(&text).is_err(), "{text}");
        }
    }
}
