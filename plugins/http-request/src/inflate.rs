//! Decompresses responses, as Node-RED does.

use std::io::Read;

use bytes::Bytes;
use hyper::header::{CONTENT_ENCODING, HeaderMap};

use crate::exchange::too_large;
use crate::failure::Failure;

/// The supported encodings, as sent to servers.
pub(crate) const ACCEPTED: &str = "gzip, deflate, br";

/// The size of the chunks of a brotli stream.
const STEP: usize = 4096;

/// Decompresses a body and removes the headers about the compression. A body in an unknown encoding
/// is not changed. The result is limited to `most` bytes.
///
/// # Errors
/// If the body does not match its header, or is too large.
pub(crate) fn body(headers: &mut HeaderMap, bytes: Bytes, most: usize) -> Result<Bytes, Failure> {
    let encoding = headers.get(CONTENT_ENCODING).map(|it| it.as_bytes().to_ascii_lowercase());
    let reader: Box<dyn Read> = match encoding.as_deref() {
        Some(b"gzip") => Box::new(flate2::read::MultiGzDecoder::new(bytes.as_ref())),
        Some(b"deflate") => Box::new(flate2::read::ZlibDecoder::new(bytes.as_ref())),
        Some(b"br") => Box::new(brotli_decompressor::Decompressor::new(bytes.as_ref(), STEP)),
        _ => return Ok(bytes),
    };
    headers.remove(CONTENT_ENCODING);
    if bytes.is_empty() {
        return Ok(Bytes::new());
    }
    let mut plain = Vec::new();
    let bound = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    reader.take(bound).read_to_end(&mut plain).map_err(|error| {
        let encoding =
            String::from_utf8_lossy(encoding.as_deref().unwrap_or_default()).into_owned();
        let text = format!("the response is not valid `{encoding}`: {error}");
        Failure::new("Z_DATA_ERROR", text)
    })?;
    if plain.len() > most { Err(too_large(most)) } else { Ok(plain.into()) }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const TEXT: &[u8] = b"hello hello hello";

    /// `TEXT` compressed by `brotli`.
    const BROTLI: &[u8] =
        &[27, 16, 0, 248, 141, 148, 110, 222, 68, 85, 134, 150, 108, 32, 111, 1, 79, 28, 96, 28];

    fn encoded(encoding: &str) -> (HeaderMap, Bytes) {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_ENCODING, encoding.parse().unwrap());
        let level = flate2::Compression::default();
        let bytes = match encoding {
            "br" => BROTLI.to_vec(),
            "deflate" => {
                let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), level);
                encoder.write_all(TEXT).unwrap();
                encoder.finish().unwrap()
            }
            _ => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
                encoder.write_all(TEXT).unwrap();
                encoder.finish().unwrap()
            }
        };
        (headers, bytes.into())
    }

    #[test]
    fn every_encoding_that_servers_are_told_of_is_taken_away() {
        for encoding in ACCEPTED.split(", ").chain(["GZIP"]) {
            let (mut headers, bytes) = encoded(encoding);
            assert_eq!(body(&mut headers, bytes, TEXT.len()).unwrap(), TEXT, "{encoding}");
            assert!(headers.is_empty(), "{encoding}");
        }
    }

    #[test]
    fn what_is_not_compressed_stays_as_it_is() {
        let text = Bytes::from_static(TEXT);
        assert_eq!(body(&mut HeaderMap::new(), text.clone(), 1).unwrap(), TEXT);
        let (mut headers, _) = encoded("zstd");
        assert_eq!(body(&mut headers, text, 1).unwrap(), TEXT);
        assert_eq!(headers.len(), 1);
        let (mut headers, _) = encoded("gzip");
        assert_eq!(body(&mut headers, Bytes::new(), 1).unwrap(), "");
    }

    #[test]
    fn what_grows_too_large_or_is_none_is_an_error() {
        for encoding in ACCEPTED.split(", ") {
            let (mut headers, bytes) = encoded(encoding);
            let error = body(&mut headers, bytes, TEXT.len() - 1).unwrap_err();
            assert_eq!(error.code, "ERR_BODY_TOO_LARGE", "{encoding}");
            let (mut headers, bytes) = encoded(encoding);
            let error = body(&mut headers, bytes.slice(..5), 100).unwrap_err();
            assert_eq!(error.code, "Z_DATA_ERROR", "{encoding}");
            let text = format!("is not valid `{encoding}`");
            assert!(error.to_string().contains(&text), "{error}");
        }
    }
}
