//! `Encoding`: how text becomes the bytes of a file. The names are those of Node-RED's dialog.

use data_encoding::BASE64;
use encoding_rs::{CoderResult, EncoderResult, UTF_8, UTF_16BE, UTF_16LE};
use ferrowire::expression::javascript;

use crate::code_page::CodePage;

/// An encoding.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Encoding {
    /// Node-RED's default: UTF-8, whose byte order mark is a character.
    Default,
    /// An encoding whose byte order mark is removed.
    Charset(&'static encoding_rs::Encoding),
    /// An encoding of single bytes that encoding_rs lacks.
    CodePage(CodePage),
    /// One byte for each of the first 256 characters.
    Latin1,
    /// One byte for each of the first 128 characters.
    Ascii,
    /// The text is the base64 form of the bytes.
    Base64,
    /// The text is the hexadecimal form of the bytes.
    Hex,
}

impl Encoding {
    /// The encoding `name`, in any case; `None` if it is not supported.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        Some(match name.as_str() {
            "" | "none" => Encoding::Default,
            "ucs2" | "ucs-2" | "utf16le" | "utf-16le" => Encoding::Charset(UTF_16LE),
            "utf16be" | "utf-16be" => Encoding::Charset(UTF_16BE),
            "ascii" => Encoding::Ascii,
            "binary" | "latin1" | "iso-8859-1" => Encoding::Latin1,
            "base64" => Encoding::Base64,
            "hex" => Encoding::Hex,
            name => match CodePage::named(name) {
                Some(page) => Encoding::CodePage(page),
                None => Encoding::Charset(charset(name)?),
            },
        })
    }

    /// The bytes of `text`. A character that the encoding lacks becomes `?`.
    pub(crate) fn encode(self, text: &str) -> Vec<u8> {
        match self {
            Encoding::Default => text.as_bytes().to_vec(),
            Encoding::Charset(charset) if charset == UTF_16LE => {
                text.encode_utf16().flat_map(u16::to_le_bytes).collect()
            }
            Encoding::Charset(charset) if charset == UTF_16BE => {
                text.encode_utf16().flat_map(u16::to_be_bytes).collect()
            }
            Encoding::Charset(charset) => encode(text, charset),
            Encoding::CodePage(page) => page.encode(text),
            Encoding::Latin1 => text.encode_utf16().map(|unit| unit as u8).collect(),
            Encoding::Ascii => text
                .encode_utf16()
                .map(|unit| if unit < 0x80 { unit as u8 } else { b'?' })
                .collect(),
            Encoding::Base64 => javascript::bytes_of_base64(text),
            Encoding::Hex => from_hex(text),
        }
    }

    /// A decoder for the bytes of one file.
    pub(crate) fn decoder(self) -> Decoder {
        match self {
            Encoding::Default => Decoder::Charset(UTF_8.new_decoder_without_bom_handling()),
            Encoding::Charset(charset) => Decoder::Charset(charset.new_decoder_with_bom_removal()),
            Encoding::CodePage(page) => Decoder::CodePage(Box::new(page.characters())),
            simple => Decoder::Simple(simple),
        }
    }
}

/// The names that encoding_rs has under another label.
fn charset(name: &str) -> Option<&'static encoding_rs::Encoding> {
    let label = match name {
        "windows932" | "windows-31j" => "shift_jis",
        "windows936" | "euc-cn" => "gbk",
        "windows949" | "ks_c_5601" => "euc-kr",
        "windows950" => "big5",
        "cp874" => "windows-874",
        "iso-8859-11" => "windows-874",
        "maccyrillic" | "macukraine" => "x-mac-cyrillic",
        "macroman" => "macintosh",
        name => name,
    };
    encoding_rs::Encoding::for_label(label.as_bytes())
        .filter(|found| found.output_encoding() == *found)
}

fn encode(text: &str, charset: &'static encoding_rs::Encoding) -> Vec<u8> {
    let mut encoder = charset.new_encoder();
    let mut bytes = Vec::with_capacity(text.len() + 16);
    let mut rest = text;
    loop {
        let (result, read) =
            encoder.encode_from_utf8_to_vec_without_replacement(rest, &mut bytes, true);
        rest = rest.get(read..).unwrap_or_default();
        match result {
            EncoderResult::InputEmpty => return bytes,
            EncoderResult::OutputFull => bytes.reserve(rest.len() + 16),
            EncoderResult::Unmappable(_) => bytes.push(b'?'),
        }
    }
}

/// Decodes the bytes of one file, piece by piece.
pub(crate) enum Decoder {
    Charset(encoding_rs::Decoder),
    /// The character of each byte.
    CodePage(Box<[char; 256]>),
    /// Each byte is decoded by itself; base64 piece by piece, as in Node-RED.
    Simple(Encoding),
}

impl Decoder {
    /// Appends the text of `bytes` to `text`. A character may be divided between pieces; invalid bytes
    /// become U+FFFD.
    pub(crate) fn push(&mut self, mut bytes: &[u8], last: bool, text: &mut String) {
        let decoder = match self {
            Decoder::Charset(decoder) => decoder,
            Decoder::CodePage(characters) => {
                let character = |byte: &u8| characters.get(usize::from(*byte));
                return text.extend(bytes.iter().filter_map(character));
            }
            Decoder::Simple(Encoding::Base64) => return text.push_str(&BASE64.encode(bytes)),
            Decoder::Simple(Encoding::Hex) => {
                return text.push_str(&data_encoding::HEXLOWER.encode(bytes));
            }
            Decoder::Simple(Encoding::Ascii) => {
                let character =
                    |byte: &u8| if byte.is_ascii() { *byte as char } else { '\u{fffd}' };
                return text.extend(bytes.iter().map(character));
            }
            Decoder::Simple(_) => return text.extend(bytes.iter().map(|byte| *byte as char)),
        };
        loop {
            let needed = decoder.max_utf8_buffer_length(bytes.len()).unwrap_or(bytes.len());
            text.reserve(needed);
            let (result, read, _) = decoder.decode_to_string(bytes, text, last);
            bytes = bytes.get(read..).unwrap_or_default();
            if result == CoderResult::InputEmpty {
                return;
            }
        }
    }
}

/// As `Buffer.from(text, "hex")`: up to the first pair that is not hexadecimal.
fn from_hex(text: &str) -> Vec<u8> {
    let digit = |byte: u8| (byte as char).to_digit(16).map(|digit| digit as u8);
    text.as_bytes()
        .as_chunks::<2>()
        .0
        .iter()
        .map_while(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decode(encoding: Encoding, pieces: &[&[u8]]) -> String {
        let (mut decoder, mut text) = (encoding.decoder(), String::new());
        for piece in pieces {
            decoder.push(piece, false, &mut text);
        }
        decoder.push(&[], true, &mut text);
        text
    }

    fn named(name: &str) -> Encoding {
        Encoding::named(name).expect(name)
    }

    #[test]
    fn bytes_are_those_of_node_reds_encodings() {
        // Recorded from iconv-lite 0.6.3, which writes the same code pages as 0.7.3.
        for (name, text, bytes) in [
            ("none", "äß", &b"\xc3\xa4\xc3\x9f"[..]),
            ("ucs2", "aß", b"a\0\xdf\0"),
            ("utf-16be", "aß", b"\0a\0\xdf"),
            ("ascii", "aß", b"a?"),
            ("binary", "aß", b"a\xdf"),
            ("ISO-8859-1", "aß", b"a\xdf"),
            ("cp1252", "€ж", b"\x80?"),
            ("cp1251", "ж", b"\xe6"),
            ("Shift_JIS", "日本", b"\x93\xfa\x96\x7b"),
            ("GBK", "中文", b"\xd6\xd0\xce\xc4"),
            ("koi8-r", "ж", b"\xd6"),
            ("cp437", "é╬ж", b"\x82\xce?"),
            ("viscii", "Ằa", b"\x82a"),
            ("iso646jp", "¥~\\", b"\x5c??"),
            ("macthai", "ก", b"\xa1"),
            ("KS_C_5601", "한", b"\xc7\xd1"),
            ("base64", "aGk=", b"hi"),
            ("base64", "_-8", b"\xff\xef"),
            ("hex", "6869zz", b"hi"),
        ] {
            assert_eq!(named(name).encode(text), bytes, "{name} {text}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_removed_unless_the_encoding_is_the_default() {
        assert_eq!(decode(named("utf8"), &[b"\xef\xbb\xbfa"]), "a");
        assert_eq!(decode(named("none"), &[b"\xef\xbb\xbfa"]), "\u{feff}a");
        assert_eq!(decode(named("utf-16le"), &[b"\xff\xfea\0"]), "a");
    }

    #[test]
    fn names_without_an_encoding_are_not_supported() {
        for name in ["cp", "cp4371", "klingon", "replacement"] {
            assert_eq!(Encoding::named(name), None, "{name}");
        }
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_decoded_at_any_border(text in "[a-zäß€]{0,40}", at in 0usize..80) {
            for name in ["none", "utf8", "ucs2", "utf-16be", "cp1252", "GB18030"] {
                let bytes = named(name).encode(&text);
                let (first, second) = bytes.split_at(at.min(bytes.len()));
                prop_assert_eq!(&decode(named(name), &[first, second]), &text);
            }
        }
    }
}
