//! `$base64encode` and `$base64decode`: one byte per character, like `btoa`.

use jsonata_core::value::JValue;

use super::{Found, text};

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Characters above U+00FF are reduced to their low byte.
pub(super) fn encode(args: &[JValue]) -> Found {
    let Some(text) = text("base64encode", args)? else { return Ok(JValue::Undefined) };
    let bytes: Vec<u8> = text.encode_utf16().map(|unit| unit.to_le_bytes()[0]).collect();
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let byte = |at: usize| u32::from(three.get(at).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            let letter = LETTERS.get((bits >> (18 - 6 * at) & 63) as usize).copied();
            let letter = letter.filter(|_| at <= three.len());
            out.push(letter.map_or('=', char::from));
        }
    }
    Ok(JValue::string(out))
}

/// Accepts both alphabets, skips other characters and stops at the first `=`, like Node.js.
pub(super) fn decode(args: &[JValue]) -> Found {
    let Some(text) = text("base64decode", args)? else { return Ok(JValue::Undefined) };
    let (mut out, mut bits, mut count) = (String::new(), 0_u32, 0);
    for letter in text.bytes().take_while(|letter| *letter != b'=').filter_map(six_bits) {
        bits = bits << 6 | letter;
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push(char::from((bits >> count) as u8));
            bits &= (1 << count) - 1;
        }
    }
    Ok(JValue::string(out))
}

fn six_bits(letter: u8) -> Option<u32> {
    let letter = match letter {
        b'-' => b'+',
        b'_' => b'/',
        other => other,
    };
    LETTERS.iter().zip(0..).find(|(known, _)| **known == letter).map(|(_, bits)| bits)
}
