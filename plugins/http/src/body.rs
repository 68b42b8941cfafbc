//! Reads the body of a request within its limits and parses it by its type.

use std::convert::Infallible;
use std::io::{self, Read};

use bytes::Bytes;
use ferrowire::{Map, Text, Value, port};
use http::StatusCode;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, TRANSFER_ENCODING};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use crate::query;

/// How an `http in` treats bodies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    /// Bodies are not parsed: `skipBodyParsing`.
    pub(crate) raw: bool,
    /// File uploads are accepted: `upload`.
    pub(crate) uploads: bool,
    /// The maximum size in bytes.
    pub(crate) most: usize,
}

/// Why a body cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadBody {
    #[error("the body is larger than {0} bytes; raise `http-node-max-length`")]
    TooLarge(usize),
    #[error("the body is incomplete")]
    BrokenOff,
    #[error("the client sent the body too slowly (`transfer-timeout`)")]
    TooSlow,
    #[error("unsupported content encoding `{0}`")]
    Encoding(String),
    #[error("the body is not valid {0}: {1}")]
    Malformed(&'static str, String),
}

impl BadBody {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            BadBody::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            BadBody::Encoding(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            BadBody::TooSlow => StatusCode::REQUEST_TIMEOUT,
            BadBody::BrokenOff | BadBody::Malformed(..) => StatusCode::BAD_REQUEST,
        }
    }
}

/// A parsed body.
#[derive(Debug, Default)]
pub(crate) struct Body {
    /// `msg.req.body` and, for most methods, `msg.payload`.
    pub(crate) value: Value,
    /// `msg.req.files`.
    pub(crate) files: Option<Vec<Value>>,
}

/// Reads and parses a body.
///
/// # Errors
/// If it is too large, incomplete, or does not match its type.
pub(crate) async fn read(
    headers: &HeaderMap,
    body: port::Body,
    how: Reading,
) -> Result<Body, BadBody> {
    let bytes = match Limited::new(body, how.most).collect().await {
        Ok(collected) => collected.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => return Err(BadBody::TooLarge(how.most)),
        Err(error) => match error.downcast_ref::<io::Error>() {
            Some(error) if error.kind() == io::ErrorKind::TimedOut => return Err(BadBody::TooSlow),
            _ => return Err(BadBody::BrokenOff),
        },
    };
    if how.raw {
        return Ok(Body { value: bytes.into(), files: None });
    }
    let has_body = headers.contains_key(CONTENT_LENGTH) || headers.contains_key(TRANSFER_ENCODING);
    let kind = headers.get(CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let media = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let value = match media.as_str() {
        "application/json" if has_body => json(&inflate(headers, bytes, how.most)?)?,
        "application/x-www-form-urlencoded" if has_body => {
            query::parse(&inflate(headers, bytes, how.most)?).into()
        }
        "multipart/form-data" if how.uploads => return form(kind, bytes).await,
        media => plain(media, bytes),
    };
    Ok(Body { value, files: None })
}

/// Parsed like `body-parser`: an object or an array; an empty body is an empty object.
fn json(bytes: &Bytes) -> Result<Value, BadBody> {
    let malformed = |reason: String| BadBody::Malformed("JSON", reason);
    let text = bytes.trim_ascii();
    match text.first() {
        None => Ok(Map::new().into()),
        Some(b'{' | b'[') => Value::from_json(text).map_err(|error| malformed(error.to_string())),
        Some(_) => Err(malformed("expected an object or an array".to_owned())),
    }
}

/// Decompresses the body. The decompressed size has the same limit.
fn inflate(headers: &HeaderMap, bytes: Bytes, most: usize) -> Result<Bytes, BadBody> {
    let encoding = headers.get(CONTENT_ENCODING).map(|it| it.as_bytes().to_ascii_lowercase());
    let reader: Box<dyn Read> = match encoding.as_deref() {
        None | Some(b"identity") => return Ok(bytes),
        Some(b"gzip") => Box::new(flate2::read::MultiGzDecoder::new(bytes.as_ref())),
        Some(b"deflate") => Box::new(flate2::read::ZlibDecoder::new(bytes.as_ref())),
        Some(other) => return Err(BadBody::Encoding(String::from_utf8_lossy(other).into_owned())),
    };
    let mut plain = Vec::new();
    let bound = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    reader
        .take(bound)
        .read_to_end(&mut plain)
        .map_err(|error| BadBody::Malformed("compressed text", error.to_string()))?;
    if plain.len() > most { Err(BadBody::TooLarge(most)) } else { Ok(plain.into()) }
}

/// Text becomes a string, anything else a buffer.
fn plain(media: &str, bytes: Bytes) -> Value {
    let (family, subtype) = media.split_once('/').unwrap_or((media, ""));
    let is_xml = subtype == "xml" || subtype.ends_with("+xml");
    let binary = ["octet-stream", "cbor", "x-protobuf"].contains(&subtype);
    match family {
        "text" => String::from_utf8_lossy(&bytes).into_owned().into(),
        _ if is_xml => String::from_utf8_lossy(&bytes).into_owned().into(),
        // Node-RED converts these to strings even if they are not text, which corrupts them.
        "" | "application" if !binary => match Text::from_utf8(bytes.clone()) {
            Ok(text) => text.into(),
            Err(_) => bytes.into(),
        },
        _ => bytes.into(),
    }
}

/// A multipart form: fields go into the body, files are separate.
async fn form(kind: &str, bytes: Bytes) -> Result<Body, BadBody> {
    let malformed = |error: multer::Error| BadBody::Malformed("form", error.to_string());
    let boundary = multer::parse_boundary(kind).map_err(malformed)?;
    let whole = futures_util::stream::once(std::future::ready(Ok::<_, Infallible>(bytes)));
    let mut form = multer::Multipart::new(whole, boundary);
    let (mut fields, mut files) = (Map::new(), Vec::new());
    while let Some(field) = form.next_field().await.map_err(malformed)? {
        let name = field.name().unwrap_or_default().to_owned();
        let Some(file_name) = field.file_name().map(str::to_owned) else {
            let text = field.text().await.map_err(malformed)?;
            query::add(&mut fields, &name, text.into());
            continue;
        };
        let media = field.content_type().map_or("application/octet-stream", |it| it.as_ref());
        let media = media.to_owned();
        let encoding = field.headers().get("content-transfer-encoding");
        let encoding = encoding.and_then(|it| it.to_str().ok()).unwrap_or("7bit").to_owned();
        let content = field.bytes().await.map_err(malformed)?;
        let file: Map = [
            ("fieldname", Value::from(name)),
            ("originalname", file_name.into()),
            ("encoding", encoding.into()),
            ("mimetype", media.into()),
            ("size", content.len().into()),
            ("buffer", content.into()),
        ]
        .into_iter()
        .collect();
        files.push(file.into());
    }
    Ok(Body { value: fields.into(), files: Some(files) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_says_whether_it_is_text() {
        let text = |media| plain(media, Bytes::from_static(b"abc"));
        for media in ["text/plain", "", "application/xml", "application/foo", "image/svg+xml"] {
            assert_eq!(text(media), "abc".into(), "{media}");
        }
        for media in ["image/png", "application/octet-stream", "application/cbor", "audio/x"] {
            assert_eq!(text(media), Bytes::from_static(b"abc").into(), "{media}");
        }
        let binary = Bytes::from_static(b"\xff\x00");
        assert_eq!(plain("application/zip", binary.clone()), binary.into());
    }

    #[test]
    fn compressed_text_may_not_grow_without_end() {
        let mut encoder = flate2::read::GzEncoder::new(&[b'x'; 5000][..], Default::default());
        let mut packed = Vec::new();
        encoder.read_to_end(&mut packed).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_ENCODING, "gzip".parse().unwrap());
        let inflated = |most| inflate(&headers, packed.clone().into(), most);
        assert_eq!(inflated(5000).unwrap().len(), 5000);
        assert!(matches!(inflated(4999), Err(BadBody::TooLarge(4999))));
    }
}
