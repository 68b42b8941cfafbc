//! The `Cookie` header, and the encoding of what is in it.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// What `encodeURIComponent` encodes.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

/// `encodeURIComponent(text)`.
pub fn encode_component(text: &str) -> String {
    utf8_percent_encode(text, COMPONENT).to_string()
}

/// `decodeURIComponent(text)`; `None` where that throws.
pub fn decode_component(text: &str) -> Option<Cow<'_, str>> {
    let bytes = text.as_bytes();
    let is_pair = |at: usize| {
        let digits = bytes.get(at + 1..at + 3);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    let encoded = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'%');
    if !encoded.map(|(at, _)| at).all(is_pair) {
        return None;
    }
    percent_decode_str(text).decode_utf8().ok()
}

/// The pairs of a `Cookie` header, values as they stand there without quotes. Of equal names the
/// first counts.
pub fn parse_cookies(header: &str) -> Vec<(&str, &str)> {
    let mut pairs: Vec<(&str, &str)> = Vec::new();
    for part in header.split(';') {
        let Some((name, value)) = part.split_once('=') else { continue };
        let (name, value) = (name.trim(), value.trim());
        let unquoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
        if !pairs.iter().any(|(known, _)| *known == name) {
            pairs.push((name, unquoted.unwrap_or(value)));
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_are_encoded_as_javascript_does() {
        assert_eq!(encode_component("a b/é;=~*'()!-_."), "a%20b%2F%C3%A9%3B%3D~*'()!-_.");
        assert_eq!(decode_component("a%20b%C3%A9").as_deref(), Some("a bé"));
        for invalid in ["%", "%4", "%zz", "%ff"] {
            assert_eq!(decode_component(invalid), None, "{invalid}");
        }
    }

    #[test]
    fn cookies_are_told_apart() {
        assert_eq!(
            parse_cookies("a=1; b=\"two\";c = x=y ; nothing; a=2"),
            [("a", "1"), ("b", "two"), ("c", "x=y")]
        );
    }
}
