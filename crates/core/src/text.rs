//! `Text`: an immutable string that is cheap to clone and shares the buffers of sockets.
//!
//! Short strings are stored inline; longer ones are reference-counted slices, ideally of the buffer
//! that a socket was read into.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::str::Utf8Error;

use bytes::Bytes;
use bytestring::ByteString;
use smol_str::SmolStr;

/// Strings of at most this many bytes are stored without an allocation.
pub const INLINE_LEN: usize = 23;

/// An immutable UTF-8 string: cloning never copies more than [`INLINE_LEN`] bytes.
#[derive(Clone)]
pub struct Text(Repr);

#[derive(Clone)]
enum Repr {
    Small(SmolStr),
    Shared(ByteString),
}

impl Text {
    /// The empty string.
    pub const fn new() -> Self {
        Text(Repr::Small(SmolStr::new_static("")))
    }

    /// A static string; nothing is copied.
    pub const fn from_static(text: &'static str) -> Self {
        Text(Repr::Small(SmolStr::new_static(text)))
    }

    /// Takes `bytes` as a string without copying them, unless they are short.
    ///
    /// # Errors
    /// If `bytes` are not valid UTF-8.
    pub fn from_utf8(bytes: Bytes) -> Result<Self, Utf8Error> {
        if bytes.len() <= INLINE_LEN {
            return Ok(std::str::from_utf8(&bytes)?.into());
        }
        Ok(Text(Repr::Shared(ByteString::try_from(bytes)?)))
    }

    /// The string as a slice.
    #[inline]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Repr::Small(text) => text.as_str(),
            Repr::Shared(text) => text,
        }
    }

    /// The bytes of the string, without a copy if they are reference-counted.
    pub fn to_bytes(&self) -> Bytes {
        match &self.0 {
            Repr::Small(text) => Bytes::copy_from_slice(text.as_bytes()),
            Repr::Shared(text) => text.as_bytes().clone(),
        }
    }
}

impl Default for Text {
    fn default() -> Self {
        Text::new()
    }
}

impl Deref for Text {
    type Target = str;
    #[inline]
    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl Borrow<str> for Text {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        if text.len() <= INLINE_LEN {
            return Text(Repr::Small(SmolStr::new(text)));
        }
        Text(Repr::Shared(ByteString::from(text)))
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        if text.len() <= INLINE_LEN {
            return Text(Repr::Small(SmolStr::new(text)));
        }
        Text(Repr::Shared(ByteString::from(text)))
    }
}

impl From<SmolStr> for Text {
    fn from(text: SmolStr) -> Self {
        Text(Repr::Small(text))
    }
}

impl From<ByteString> for Text {
    fn from(text: ByteString) -> Self {
        Text(Repr::Shared(text))
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Text {}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_shares_the_bytes_it_came_from() {
        let bytes = Bytes::from(vec![b'x'; 64]);
        let text = Text::from_utf8(bytes.clone()).unwrap();
        assert_eq!(text.to_bytes().as_ptr(), bytes.as_ptr());
        assert_eq!(text.clone().to_bytes().as_ptr(), bytes.as_ptr());
    }

    #[test]
    fn invalid_utf8_is_refused_at_every_length() {
        assert!(Text::from_utf8(Bytes::from_static(b"\xff")).is_err());
        assert!(Text::from_utf8(Bytes::from(vec![0xff; 64])).is_err());
    }

    #[test]
    fn short_and_shared_strings_are_equal_by_content() {
        let shared = Text(Repr::Shared(ByteString::from_static("same")));
        assert_eq!(shared, Text::from("same"));
    }
}
