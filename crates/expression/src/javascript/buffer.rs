//! Values as bytes, as `Buffer.from` makes them.

use bytes::Bytes;
use data_encoding::Specification;
use ferrowire_core::Value;

use super::text;

/// The bytes that Node-RED's nodes send for a value: a buffer as it is, otherwise `String(value)`. If
/// `is_base64`, a text is the base64 form of the bytes.
pub fn bytes(value: Option<&Value>, is_base64: bool) -> Bytes {
    match value {
        Some(Value::Buffer(bytes)) => bytes.clone(),
        Some(Value::String(text)) if is_base64 => bytes_of_base64(text).into(),
        Some(Value::String(text)) => text.to_bytes(),
        other => text(other).into(),
    }
}

/// `Buffer.from(text, "base64")`: both alphabets, without padding, and other characters are skipped.
pub fn bytes_of_base64(text: &str) -> Vec<u8> {
    let symbols: Vec<u8> = text
        .bytes()
        .take_while(|byte| *byte != b'=')
        .filter_map(|byte| match byte {
            b'-' => Some(b'+'),
            b'_' => Some(b'/'),
            byte if byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/' => Some(byte),
            _ => None,
        })
        .collect();
    // A single last symbol has fewer bits than a byte.
    let whole = symbols.len() - usize::from(symbols.len() % 4 == 1);
    let mut lenient = Specification::new();
    lenient.symbols.push_str("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
    lenient.check_trailing_bits = false;
    let decoded = lenient.encoding().ok().and_then(|it| it.decode(symbols.get(..whole)?).ok());
    decoded.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_become_what_node_red_sends() {
        for (value, is_base64, expected) in [
            (Value::from("aGk="), false, &b"aGk="[..]),
            ("aGk=".into(), true, b"hi"),
            (vec![1u8, 2].into(), true, &[1, 2]),
            (1.5.into(), true, b"1.5"),
            (Value::Null, false, b"null"),
        ] {
            assert_eq!(bytes(Some(&value), is_base64), expected, "{value:?}");
        }
    }
}
