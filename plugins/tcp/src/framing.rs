//! `Framing`: which payloads a stream of bytes becomes.

use std::io;

use bytes::{Bytes, BytesMut};
use data_encoding::BASE64;
use ferrowire::{NodeConfig, Value};
use memchr::memmem;

/// The properties `datamode`, `datatype`, `newline` and `trim`.
#[derive(Clone, Debug)]
pub(crate) struct FramingOptions {
    /// The data is sent as it arrives; otherwise once, at the end.
    streams: bool,
    form: Form,
    delimiter: String,
    /// The delimiter stays with the text.
    keeps: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    Buffer,
    Text,
    Base64,
}

/// A property with `\n`, `\r` and `\t` as the characters that they mean.
pub(crate) fn unescaped(text: &str) -> String {
    text.replace("\\n", "\n").replace("\\r", "\r").replace("\\t", "\t")
}

impl FramingOptions {
    /// Reads them.
    pub(crate) fn from_config(config: &mut NodeConfig<'_>) -> Self {
        FramingOptions {
            streams: matches!(config.text("datamode").as_str(), "" | "stream"),
            form: match config.text("datatype").as_str() {
                "utf8" => Form::Text,
                "base64" => Form::Base64,
                _ => Form::Buffer,
            },
            delimiter: unescaped(&config.text("newline")),
            keeps: config.boolean("trim", false),
        }
    }

    /// Those of `tcp request`, for a text with a delimiter.
    pub(crate) fn of_lines(delimiter: &str, keeps: bool) -> Self {
        let delimiter = delimiter.to_owned();
        FramingOptions { streams: true, form: Form::Text, delimiter, keeps }
    }

    fn has_delimiter(&self) -> bool {
        self.streams && self.form == Form::Text && !self.delimiter.is_empty()
    }
}

/// What has arrived and not been sent yet.
#[derive(Debug)]
pub(crate) struct Framing {
    options: FramingOptions,
    rest: BytesMut,
    /// Up to here, the rest has no delimiter.
    searched: usize,
    limit: usize,
}

impl Framing {
    /// Nothing has arrived. At most `limit` bytes are kept.
    pub(crate) fn new(options: FramingOptions, limit: usize) -> Self {
        Framing { options, rest: BytesMut::new(), searched: 0, limit }
    }

    /// The payloads that are complete with these bytes.
    ///
    /// # Errors
    /// If too much is kept then.
    pub(crate) fn add(&mut self, bytes: Bytes) -> io::Result<Vec<Value>> {
        if !self.options.streams || self.options.has_delimiter() {
            self.rest.extend_from_slice(&bytes);
            let found = if self.options.streams { self.lines() } else { Vec::new() };
            return match self.rest.len() > self.limit {
                true => Err(self.too_long()),
                false => Ok(found),
            };
        }
        Ok(match self.options.form {
            Form::Text => self.text(&bytes).into_iter().collect(),
            _ => vec![self.value(&bytes)],
        })
    }

    fn too_long(&self) -> io::Error {
        let text = format!("a message is larger than `tcp-max-message` ({} bytes)", self.limit);
        io::Error::new(io::ErrorKind::FileTooLarge, text)
    }

    fn value(&self, bytes: &[u8]) -> Value {
        match self.options.form {
            Form::Buffer => Bytes::copy_from_slice(bytes).into(),
            Form::Text => String::from_utf8_lossy(bytes).as_ref().into(),
            Form::Base64 => BASE64.encode(bytes).into(),
        }
    }

    /// The bytes as a text, without a character that is not complete.
    fn text(&mut self, bytes: &[u8]) -> Option<Value> {
        self.rest.extend_from_slice(bytes);
        let whole = whole_characters(&self.rest);
        let text = self.rest.split_to(whole);
        (!text.is_empty()).then(|| self.value(&text))
    }

    fn lines(&mut self) -> Vec<Value> {
        let delimiter = self.options.delimiter.clone();
        let finder = memmem::Finder::new(delimiter.as_bytes());
        let mut found = Vec::new();
        while let Some(at) = self.rest.get(self.searched..).and_then(|rest| finder.find(rest)) {
            let end = self.searched + at;
            let line = self.rest.split_to(end + delimiter.len());
            let kept = if self.options.keeps { line.len() } else { end };
            found.push(self.value(line.get(..kept).unwrap_or_default()));
            self.searched = 0;
        }
        // A delimiter may have begun.
        self.searched = (self.rest.len() + 1).saturating_sub(delimiter.len());
        found
    }

    /// The last payload, at the end of the data.
    pub(crate) fn end(&mut self) -> Option<Value> {
        let rest = std::mem::take(&mut self.rest);
        (!rest.is_empty()).then(|| self.value(&rest))
    }
}

/// How many bytes at the beginning are not part of a character whose end is missing.
fn whole_characters(bytes: &[u8]) -> usize {
    let tail = bytes.len().saturating_sub(3);
    let begins = |at: &usize| bytes.get(*at).is_some_and(|byte| byte & 0xc0 == 0xc0);
    let Some(start) = (tail..bytes.len()).rev().find(begins) else { return bytes.len() };
    match std::str::from_utf8(bytes.get(start..).unwrap_or_default()) {
        Err(error) if error.error_len().is_none() => start,
        _ => bytes.len(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn framing(streams: bool, form: Form, delimiter: &str, keeps: bool) -> Framing {
        let delimiter = delimiter.to_owned();
        Framing::new(FramingOptions { streams, form, delimiter, keeps }, 1000)
    }

    fn texts(framing: &mut Framing, pieces: &[&[u8]]) -> Vec<String> {
        let mut found = Vec::new();
        for piece in pieces {
            found.extend(framing.add(Bytes::copy_from_slice(piece)).unwrap());
        }
        found.extend(framing.end());
        found
            .iter()
            .map(|value| value.as_str().map_or_else(|| value.to_json(), str::to_owned))
            .collect()
    }

    #[test]
    fn texts_end_at_the_delimiter_across_reads() {
        let pieces: [&[u8]; 3] = [b"a\r\nb\r", b"\n\r\nc", b"d"];
        let mut plain = framing(true, Form::Text, "\r\n", false);
        assert_eq!(texts(&mut plain, &pieces), ["a", "b", "", "cd"]);
        let mut kept = framing(true, Form::Text, "\r\n", true);
        assert_eq!(texts(&mut kept, &pieces), ["a\r\n", "b\r\n", "\r\n", "cd"]);
    }

    #[test]
    fn a_character_is_not_divided() {
        let mut framing = framing(true, Form::Text, "", false);
        assert_eq!(
            texts(&mut framing, &[b"a\xc3", b"\xa4\xf0\x9f", b"\x98\x80\xff", b"\xe2"]),
            ["a", "ä", "😀\u{fffd}", "\u{fffd}"]
        );
    }

    #[test]
    fn a_single_message_is_sent_at_the_end() {
        let mut base64 = framing(false, Form::Base64, "", false);
        assert_eq!(texts(&mut base64, &[b"h", b"i"]), ["aGk="]);
        let mut nothing = framing(false, Form::Buffer, "", false);
        assert_eq!(texts(&mut nothing, &[]), [""; 0]);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut framing = framing(true, Form::Text, "\n", false);
        assert!(framing.add(vec![b'x'; 1000].into()).is_ok());
        assert!(framing.add(vec![b'x'; 1].into()).is_err());
    }

    proptest! {
        #[test]
        fn the_borders_of_reads_change_no_line(
            text in "[ab\n]{0,40}",
            cut in 0..40_usize,
            keeps: bool,
        ) {
            for delimiter in ["\n", "ab", "aba"] {
                let cut = cut.min(text.len());
                let (first, second) = text.as_bytes().split_at(cut);
                let mut whole = framing(true, Form::Text, delimiter, keeps);
                let mut parts = framing(true, Form::Text, delimiter, keeps);
                prop_assert_eq!(
                    texts(&mut whole, &[text.as_bytes()]),
                    texts(&mut parts, &[first, second])
                );
            }
        }
    }
}
