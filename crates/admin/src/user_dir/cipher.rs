//! The encryption of `flows_cred.json`, which is Node-RED's: AES-256 in counter mode, the key a
//! hash of the secret, initialisation vector and text in one string.

use aes::Aes256;
use ctr::Ctr128BE;
use ctr::cipher::{KeyIvInit, StreamCipher};
use data_encoding::{BASE64, HEXLOWER_PERMISSIVE};
use ferrowire_core::{Map, Value};
use sha2::{Digest, Sha256};

/// The bytes of an initialisation vector.
const IV: usize = 16;

/// Encrypts the credentials with `secret`.
pub(crate) fn encrypt(credentials: &Map, secret: &str) -> String {
    let iv: [u8; IV] = rand::random();
    let mut text = Value::from(credentials.clone()).to_json().into_bytes();
    apply(secret, &iv, &mut text);
    format!("{}{}", HEXLOWER_PERMISSIVE.encode(&iv), BASE64.encode(&text))
}

/// The credentials in `text`; `None` with the wrong secret.
pub(crate) fn decrypt(text: &str, secret: &str) -> Option<Map> {
    let (iv, text) = text.split_at_checked(2 * IV)?;
    let iv = HEXLOWER_PERMISSIVE.decode(iv.as_bytes()).ok()?;
    let mut text = BASE64.decode(text.as_bytes()).ok()?;
    apply(secret, iv.first_chunk()?, &mut text);
    match Value::from_json(&text).ok()? {
        Value::Object(map) => Some(Map::clone(&map)),
        _ => None,
    }
}

/// Encrypts or decrypts, which is the same.
fn apply(secret: &str, iv: &[u8; IV], text: &mut [u8]) {
    let key = Sha256::digest(secret);
    Ctr128BE::<Aes256>::new(&key, iv.into()).apply_keystream(text);
}

/// A secret nobody knows: 64 hexadecimal digits.
pub(crate) fn new_secret() -> String {
    HEXLOWER_PERMISSIVE.encode(&rand::random::<[u8; 32]>())
}
