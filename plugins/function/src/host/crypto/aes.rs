//! AES (FIPS 197) in the modes ECB, CBC, CTR and GCM (NIST SP 800-38A and 38D).

use aes::cipher::array::Array;
use aes::cipher::consts::U16;
use aes::cipher::{
    BlockCipherDecrypt, BlockCipherEncrypt, BlockModeDecrypt as _, BlockModeEncrypt as _,
    BlockSizeUser, InnerIvInit as _, KeyInit as _, StreamCipher as _, StreamCipherSeek as _,
};
use aes::{Aes128, Aes192, Aes256};
use aes_gcm::aead::AeadInOut as _;
use aes_gcm::{AesGcm, Nonce};
use ctr::cipher::consts::U12;

use super::{Bytes, Refused};

/// A key.
pub(super) enum Aes {
    Of128(Aes128),
    Of192(Aes192),
    Of256(Aes256),
}

type Block = Array<u8, U16>;

/// Calls a function that is generic over the length of the key.
macro_rules! with_key {
    ($key:expr, $cipher:ident => $call:expr) => {
        match $key {
            Aes::Of128($cipher) => $call,
            Aes::Of192($cipher) => $call,
            Aes::Of256($cipher) => $call,
        }
    };
}

impl Aes {
    pub(super) fn new(key: &[u8]) -> Result<Self, Refused> {
        let invalid = |_| Refused("RangeError", "Invalid key length".to_owned());
        match key.len() {
            16 => Aes128::new_from_slice(key).map(Aes::Of128).map_err(invalid),
            24 => Aes192::new_from_slice(key).map(Aes::Of192).map_err(invalid),
            _ => Aes256::new_from_slice(key).map(Aes::Of256).map_err(invalid),
        }
    }

    /// Encrypts or decrypts whole blocks, chained if there is an initialization vector.
    pub(super) fn blocks(self, iv: Option<&Vec<u8>>, encrypts: bool, mut data: Vec<u8>) -> Bytes {
        let (blocks, rest) = Block::slice_as_chunks_mut(&mut data);
        if !rest.is_empty() {
            return Err(Refused::because("expected whole blocks"));
        }
        match iv.map(|iv| vector(iv)).transpose()? {
            Some(iv) => with_key!(self, cipher => chained(cipher, iv, encrypts, blocks)),
            None => with_key!(self, cipher => alone(&cipher, encrypts, blocks)),
        }
        Ok(data)
    }

    /// Encrypts or decrypts with the counter that begins as `first`, from a position in the text on.
    pub(super) fn stream(self, first: &[u8], position: u64, mut data: Vec<u8>) -> Bytes {
        let first = vector(first)?;
        with_key!(self, cipher => counted(cipher, first, position, &mut data))?;
        Ok(data)
    }

    /// The tag of a text that is to be encrypted.
    pub(super) fn tag(self, nonce: &[u8], extra: &[u8], mut text: Vec<u8>) -> Bytes {
        let nonce = <&Nonce<U12>>::try_from(nonce).map_err(|_| invalid_vector())?;
        with_key!(self, cipher => {
            AesGcm::<_, U12>::from(cipher)
                .encrypt_inout_detached(nonce, extra, text.as_mut_slice().into())
                .map(|tag| tag.to_vec())
                .map_err(|_| Refused::because("the text is too long"))
        })
    }
}

fn invalid_vector() -> Refused {
    Refused("TypeError", "Invalid initialization vector".to_owned())
}

fn vector(iv: &[u8]) -> Result<&Block, Refused> {
    <&Block>::try_from(iv).map_err(|_| invalid_vector())
}

trait Cipher: BlockCipherEncrypt + BlockCipherDecrypt + BlockSizeUser<BlockSize = U16> {}
impl<C: BlockCipherEncrypt + BlockCipherDecrypt + BlockSizeUser<BlockSize = U16>> Cipher for C {}

fn chained(cipher: impl Cipher, iv: &Block, encrypts: bool, blocks: &mut [Block]) {
    if encrypts {
        cbc::Encryptor::inner_iv_init(cipher, iv).encrypt_blocks(blocks);
    } else {
        cbc::Decryptor::inner_iv_init(cipher, iv).decrypt_blocks(blocks);
    }
}

fn alone(cipher: &impl Cipher, encrypts: bool, blocks: &mut [Block]) {
    if encrypts { cipher.encrypt_blocks(blocks) } else { cipher.decrypt_blocks(blocks) }
}

fn counted(
    cipher: impl Cipher,
    first: &Block,
    position: u64,
    data: &mut [u8],
) -> Result<(), Refused> {
    let core = ctr::CtrCore::<_, ctr::flavors::Ctr128BE>::inner_iv_init(cipher, first);
    let mut stream = ctr::cipher::StreamCipherCoreWrapper::from_core(core);
    let too_long = "the text is too long";
    stream.try_seek(position).map_err(|_| Refused::because(too_long))?;
    stream.try_apply_keystream(data).map_err(|_| Refused::because(too_long))
}
