//! `KeySet`: the keys that tokens are verified with, a single one or a JWK Set (RFC 7517).

use ferrowire_net::PublicKey;
use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, Header};

/// The most keys of a set that are used; a set of more than these is refused.
const MOST: usize = 100;

/// Keys for verification.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeySet(Vec<Key>);

#[derive(Clone, Debug)]
struct Key {
    id: Option<String>,
    /// The only algorithm that the key is for, if it says so.
    algorithm: Option<Algorithm>,
    key: DecodingKey,
}

impl KeySet {
    /// The key in a configuration: a public key in PEM form, or the secret of an HMAC.
    ///
    /// # Errors
    /// If a PEM text has no usable public key.
    pub(crate) fn single(text: &str) -> Result<Self, String> {
        let key = if PublicKey::is_pem(text) {
            match PublicKey::from_pem(text)? {
                PublicKey::Rsa(der) => DecodingKey::from_rsa_der(&der),
                PublicKey::Ec(point) => DecodingKey::from_ec_der(&point),
                PublicKey::Ed25519(bytes) => DecodingKey::from_ed_der(&bytes),
            }
        } else {
            DecodingKey::from_secret(text.as_bytes()).map_err(|_| "expected a key".to_owned())?
        };
        Ok(KeySet(vec![Key { id: None, algorithm: None, key }]))
    }

    /// Reads a JWK Set. Secrets in it are not used: whoever can read the address could sign with
    /// them.
    ///
    /// # Errors
    /// If it is no set, has too many keys, or none for signatures.
    pub(crate) fn from_json(json: &[u8]) -> Result<Self, String> {
        let set: JwkSet =
            serde_json::from_slice(json).map_err(|error| format!("expected a JWK Set: {error}"))?;
        if set.keys.len() > MOST {
            return Err(format!("the set has more than {MOST} keys"));
        }
        let keys: Vec<Key> = set.keys.iter().filter_map(Key::from_jwk).collect();
        if keys.is_empty() {
            return Err("the set has no public key for signatures".to_owned());
        }
        Ok(KeySet(keys))
    }

    /// The keys that may have signed a token with this header.
    pub(crate) fn matching(&self, header: &Header) -> impl Iterator<Item = &DecodingKey> {
        let fits = |it: &&Key| {
            let is_named = match (&it.id, &header.kid) {
                (Some(ours), Some(theirs)) => ours == theirs,
                _ => true,
            };
            is_named
                && it.key.family() == header.alg.family()
                && it.algorithm.is_none_or(|algorithm| algorithm == header.alg)
        };
        self.0.iter().filter(fits).map(|it| &it.key)
    }

    /// The kinds of algorithms that the keys are for.
    pub(crate) fn families(&self) -> impl Iterator<Item = AlgorithmFamily> {
        self.0.iter().map(|it| it.key.family())
    }
}

impl Key {
    /// `None` for a key that is not for verifying signatures, or of an unknown kind.
    fn from_jwk(jwk: &Jwk) -> Option<Self> {
        let common = &jwk.common;
        if matches!(common.public_key_use, Some(PublicKeyUse::Encryption)) {
            return None;
        }
        let algorithm = match common.key_algorithm {
            Some(named) => Some(Algorithm::try_from(named).ok()?),
            None => None,
        };
        let key = DecodingKey::from_jwk(jwk).ok()?;
        let is_public = key.family() != AlgorithmFamily::Hmac;
        is_public.then(|| Key { id: common.key_id.clone(), algorithm, key })
    }
}
