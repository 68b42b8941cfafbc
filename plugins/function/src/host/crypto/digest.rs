//! Hashes, and what is made of them: HMAC (RFC 2104) and PBKDF2 (RFC 8018, section 5.2).

use hmac::digest::{Digest as Hash, KeyInit as _};
use hmac::{EagerHash, Hmac, Mac as _};

use super::{Bytes, Refused};

/// The rounds of PBKDF2 between two looks at the time.
const ROUNDS: u32 = 1_024;

/// A hash, by the name that Node.js has for it.
#[derive(Clone, Copy)]
pub(super) enum Digest {
    Md5,
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
    Sha512Of256,
}

/// Calls a function that is generic over the hash.
macro_rules! with_hash {
    ($digest:expr, $function:ident($($argument:expr),*)) => {
        match $digest {
            Digest::Md5 => $function::<md5::Md5>($($argument),*),
            Digest::Sha1 => $function::<sha1::Sha1>($($argument),*),
            Digest::Sha224 => $function::<sha2::Sha224>($($argument),*),
            Digest::Sha256 => $function::<sha2::Sha256>($($argument),*),
            Digest::Sha384 => $function::<sha2::Sha384>($($argument),*),
            Digest::Sha512 => $function::<sha2::Sha512>($($argument),*),
            Digest::Sha512Of256 => $function::<sha2::Sha512_256>($($argument),*),
        }
    };
}

impl Digest {
    pub(super) fn named(name: &str) -> Result<Self, Refused> {
        Ok(match name {
            "md5" => Digest::Md5,
            "sha1" => Digest::Sha1,
            "sha224" => Digest::Sha224,
            "sha256" => Digest::Sha256,
            "sha384" => Digest::Sha384,
            "sha512" => Digest::Sha512,
            "sha512-256" => Digest::Sha512Of256,
            _ => return Err(Refused::because("Digest method not supported")),
        })
    }

    pub(super) fn hash(self, data: &[u8]) -> Bytes {
        Ok(with_hash!(self, hash(data)))
    }

    pub(super) fn hmac(self, key: &[u8], data: &[u8]) -> Bytes {
        with_hash!(self, hmac(key, data))
    }

    /// The key of a password and its salt. `is_over` is asked from time to time: the rounds may take years.
    pub(super) fn key_of_password(
        self,
        secret: (&[u8], &[u8]),
        rounds: u32,
        length: usize,
        is_over: &dyn Fn() -> bool,
    ) -> Bytes {
        with_hash!(self, derived(secret, rounds, length, is_over))
    }
}

fn hash<H: Hash>(data: &[u8]) -> Vec<u8> {
    H::digest(data).to_vec()
}

fn keyed<H: EagerHash>(key: &[u8]) -> Result<Hmac<H>, Refused> {
    Hmac::new_from_slice(key).map_err(|_| Refused("RangeError", "Invalid key length".to_owned()))
}

fn hmac<H: EagerHash>(key: &[u8], data: &[u8]) -> Bytes {
    Ok(keyed::<H>(key)?.chain_update(data).finalize().into_bytes().to_vec())
}

fn derived<H: EagerHash>(
    (password, salt): (&[u8], &[u8]),
    rounds: u32,
    length: usize,
    is_over: &dyn Fn() -> bool,
) -> Bytes
where
    Hmac<H>: Clone,
{
    let keyed = keyed::<H>(password)?;
    let mut key = Vec::new();
    for block in 1_u32.. {
        if key.len() >= length {
            break;
        }
        let first = keyed.clone().chain_update(salt).chain_update(block.to_be_bytes());
        let mut last = first.finalize().into_bytes();
        let mut sum = last.clone();
        for round in 1..rounds {
            last = keyed.clone().chain_update(&last).finalize().into_bytes();
            sum.iter_mut().zip(&last).for_each(|(sum, byte)| *sum ^= byte);
            if round % ROUNDS == 0 && is_over() {
                return Err(Refused("InternalError", "interrupted".to_owned()));
            }
        }
        if is_over() {
            return Err(Refused("InternalError", "interrupted".to_owned()));
        }
        key.extend_from_slice(&sum);
    }
    key.truncate(length);
    Ok(key)
}
