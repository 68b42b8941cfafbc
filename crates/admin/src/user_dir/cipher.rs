//! The encryption of `flows_cred.json`, as in Node-RED: AES-256 in counter mode, with a hash of the
//! secret as the key. The initialisation vector stands before the text.

use aes::Aes256;
use ctr::Ctr128BE;
use ctr::cipher::{KeyIvInit, StreamCipher};
use data_encoding::{BASE64, HEXLOWER_PERMISSIVE};
use ferrowire_core::{Map, Value};
use sha2::{Digest, Sha256};

/// The length of an initialisation vector in bytes.
const IV: usize = 16;

/// Encrypts the credentials with `secret`.
pub(crate) fn encrypt(credentials: &Map, secret: &str) -> String {
    let iv: [u8; IV] = rand::random();
    let mut text = Value::from(credentials.clone()).to_json().into_bytes();
    apply(secret, &iv, &mut text);
    format!("{}{}", HEXLOWER_PERMISSIVE.encode(&iv), BASE64.encode(&text))
}

/// The credentials in `text`; `None` if the secret is wrong.
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

/// Encrypts or decrypts: in counter mode both are the same operation.
fn apply(secret: &str, iv: &[u8; IV], text: &mut [u8]) {
    let key = Sha256::digest(secret);
    Ctr128BE::<Aes256>::new(&key, iv.into()).apply_keystream(text);
}

/// A random secret: 64 hexadecimal digits.
pub(crate) fn new_secret() -> String {
    HEXLOWER_PERMISSIVE.encode(&rand::random::<[u8; 32]>())
}
