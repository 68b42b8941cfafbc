//! JavaScript's encoding of URIs.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// The characters that `encodeURIComponent` encodes.
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

/// The characters that `encodeURI` encodes: all but the delimiters.
const WHOLE: &AsciiSet = &COMPONENT
    .remove(b';')
    .remove(b',')
    .remove(b'/')
    .remove(b'?')
    .remove(b':')
    .remove(b'@')
    .remove(b'&')
    .remove(b'=')
    .remove(b'+')
    .remove(b'$')
    .remove(b'#');

/// `encodeURI(text)`.
pub fn encode_uri(text: &str) -> String {
    utf8_percent_encode(text, WHOLE).to_string()
}

/// `encodeURIComponent(text)`.
pub fn encode_uri_component(text: &str) -> String {
    utf8_percent_encode(text, COMPONENT).to_string()
}

/// `decodeURIComponent(text)`; `None` where it would throw.
pub fn decode_uri_component(text: &str) -> Option<Cow<'_, str>> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_are_encoded_as_javascript_does() {
        assert_eq!(encode_uri_component("a b/é;=~*'()!-_."), "a%20b%2F%C3%A9%3B%3D~*'()!-_.");
        assert_eq!(decode_uri_component("a%20b%C3%A9").as_deref(), Some("a bé"));
        for invalid in ["%", "%4", "%zz", "%ff"] {
            assert_eq!(decode_uri_component(invalid), None, "{invalid}");
        }
    }
}
