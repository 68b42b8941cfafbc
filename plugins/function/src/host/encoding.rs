//! The encodings of `Buffer`, both ways, as lenient as Node.js is.

use std::fmt::Write as _;

use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL_NOPAD, HEXLOWER};
use rquickjs::{Exception, Result, Value as Js};

use crate::convert::Scope;

/// The bytes of a `Uint8Array`. The interpreter hands them out as base64: its memory cannot be
/// read directly without unsafe code.
pub(crate) fn bytes<'js>(scope: &Scope<'_, 'js>, array: Js<'js>) -> Result<Vec<u8>> {
    let text: String = scope.call("base64")?.call((array,))?;
    let invalid = |_| Exception::throw_internal(scope.ctx, "the bytes of a buffer cannot be read");
    BASE64.decode(text.as_bytes()).map_err(invalid)
}

pub(super) fn encode(bytes: &[u8], to: &str) -> std::result::Result<String, String> {
    Ok(match to {
        "utf8" => String::from_utf8_lossy(bytes).into_owned(),
        "hex" => HEXLOWER.encode(bytes),
        "base64" => BASE64.encode(bytes),
        "base64url" => BASE64URL_NOPAD.encode(bytes),
        "latin1" => bytes.iter().copied().map(char::from).collect(),
        "ascii" => bytes.iter().map(|byte| char::from(byte & 0x7f)).collect(),
        "utf16le" => {
            let units = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
            char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
        }
        other => {
            let mut text = "Unknown encoding: ".to_owned();
            write!(text, "{other}").map_err(|error| error.to_string())?;
            return Err(text);
        }
    })
}

pub(super) fn decode(text: &str, from: &str) -> Vec<u8> {
    match from {
        "hex" => decode_hex(text),
        "base64" | "base64url" => decode_base64(text),
        "latin1" | "ascii" => text.encode_utf16().map(|unit| (unit & 0xff) as u8).collect(),
        "utf16le" => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        _ => text.as_bytes().to_vec(),
    }
}

/// Up to the first pair that is no hexadecimal number.
fn decode_hex(text: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let pair = |pair: &[u8]| Some((digit(pair[0])? * 16 + digit(pair[1])?) as u8);
    text.as_bytes().chunks_exact(2).map_while(pair).collect()
}

/// Both alphabets, up to the first `=`; other characters are skipped.
fn decode_base64(text: &str) -> Vec<u8> {
    let symbol = |byte: u8| match byte {
        b'-' => Some(b'+'),
        b'_' => Some(b'/'),
        b'+' | b'/' => Some(byte),
        _ => byte.is_ascii_alphanumeric().then_some(byte),
    };
    let mut symbols: Vec<u8> =
        text.bytes().take_while(|byte| *byte != b'=').filter_map(symbol).collect();
    // One symbol alone holds no byte, and bits beyond the last byte do not count.
    match symbols.len() % 4 {
        1 => drop(symbols.pop()),
        tail @ (2 | 3) => clear_tail(&mut symbols, tail),
        _ => {}
    }
    BASE64_NOPAD.decode(&symbols).unwrap_or_default()
}

fn clear_tail(symbols: &mut [u8], tail: usize) {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mask = if tail == 2 { 0b11_0000 } else { 0b11_1100 };
    if let Some(last) = symbols.last_mut()
        && let Some(value) = ALPHABET.iter().position(|symbol| symbol == last)
    {
        *last = ALPHABET[value & mask];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decoding_is_as_lenient_as_that_of_node() {
        assert_eq!(decode("48656c6c6fzz00", "hex"), b"Hello");
        assert_eq!(decode("SGVsbG8=", "base64"), b"Hello");
        assert_eq!(decode("S GV\nsbG8", "base64"), b"Hello");
        assert_eq!(decode("-_-_", "base64url"), [0xfb, 0xff, 0xbf]);
        assert_eq!(decode("SGVsbG9", "base64"), b"Hello");
        assert_eq!(decode("SGVsbG9A=", "base64"), [b'H', b'e', b'l', b'l', b'o', b'@']);
        assert_eq!(decode("A", "base64"), b"");
        assert_eq!(decode("é\u{20ac}", "latin1"), [0xe9, 0xac]);
        assert_eq!(decode("h\u{1f600}", "utf16le"), [0x68, 0, 0x3d, 0xd8, 0, 0xde]);
    }

    #[test]
    fn encoding_is_that_of_node() {
        let encode = |bytes: &[u8], to| encode(bytes, to).unwrap();
        assert_eq!(encode(b"\xff\x00", "hex"), "ff00");
        assert_eq!(encode(b"\xffa", "utf8"), "\u{fffd}a");
        assert_eq!(encode(b"\xff\xef", "base64url"), "_-8");
        assert_eq!(encode(b"\xe9\x61", "ascii"), "ia");
        assert_eq!(encode(b"\x3d\xd8\x00\xde\x01", "utf16le"), "\u{1f600}");
    }
}
