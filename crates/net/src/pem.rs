//! Certificates and private keys in PEM form, as files have them: with a byte order mark, encrypted, or in
//! an old form.

use std::borrow::Cow;

use pkcs8::{EncryptedPrivateKeyInfoRef, SecretDocument};
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// All certificates in a file; there may be none.
///
/// # Errors
/// If a part of the file is damaged.
pub fn certificates(content: &[u8]) -> Result<Vec<CertificateDer<'static>>, pem::Error> {
    CertificateDer::pem_slice_iter(&without_mark(content)).collect()
}

/// The first private key in a file: PKCS#8, encrypted or not, PKCS#1 or SEC1. `setting` names what
/// `passphrase` is the value of.
///
/// # Errors
/// If there is no key, or it cannot be decrypted; says what to do.
pub fn private_key(
    content: &[u8],
    passphrase: Option<&str>,
    setting: &str,
) -> Result<PrivateKeyDer<'static>, String> {
    let content = without_mark(content);
    let text = String::from_utf8_lossy(&content);
    if text.contains("Proc-Type: 4,ENCRYPTED") {
        return Err(
            "it is encrypted in OpenSSL's old format; convert it with `openssl pkcs8 -topk8`"
                .to_owned(),
        );
    }
    let Some(start) = text.find("-----BEGIN ENCRYPTED PRIVATE KEY-----") else {
        return PrivateKeyDer::from_pem_slice(&content).map_err(|error| error.to_string());
    };
    let passphrase = passphrase.ok_or_else(|| format!("it is encrypted; set `{setting}`"))?;
    let (_, document) = SecretDocument::from_pem(text.get(start..).unwrap_or_default())
        .map_err(|error| error.to_string())?;
    let encrypted = EncryptedPrivateKeyInfoRef::try_from(document.as_bytes())
        .map_err(|error| error.to_string())?;
    let key = encrypted
        .decrypt(passphrase)
        .map_err(|error| format!("cannot decrypt it with this `{setting}`: {error}"))?;
    PrivateKeyDer::try_from(key.as_bytes().to_vec()).map_err(str::to_owned)
}

/// The content as ASCII: Windows' editors and shells write a byte order mark, or UTF-16.
fn without_mark(content: &[u8]) -> Cow<'_, [u8]> {
    let utf16 = |rest: &[u8], unit: fn([u8; 2]) -> u16| {
        let units = rest.as_chunks::<2>().0.iter().map(|pair| unit(*pair));
        char::decode_utf16(units).map(|c| c.unwrap_or('\u{fffd}')).collect::<String>()
    };
    match content {
        [0xef, 0xbb, 0xbf, rest @ ..] => Cow::Borrowed(rest),
        [0xff, 0xfe, rest @ ..] => Cow::Owned(utf16(rest, u16::from_le_bytes).into_bytes()),
        [0xfe, 0xff, rest @ ..] => Cow::Owned(utf16(rest, u16::from_be_bytes).into_bytes()),
        _ => Cow::Borrowed(content),
    }
}
