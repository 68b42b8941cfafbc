//! The payload of a received message, in the form that a node asks for.

use bytes::Bytes;
use data_encoding::BASE64;
use ferrowire::{Text, Value};

/// The property `datatype` of `mqtt in`, or of a dynamic subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Buffer,
    Base64,
    Utf8,
    Json,
    /// A text or a buffer.
    Auto,
    /// A parsed value, a text or a buffer.
    AutoDetect,
}

/// Why there is no payload.
pub(crate) type NoPayload = &'static str;

const NO_TEXT: NoPayload = "Invalid JSON string";
const NO_JSON: NoPayload = "Failed to parse JSON string";

/// How a media type is received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    Text,
    Buffer,
    Json,
}

/// The media types that Node-RED knows.
fn known(media_type: &str) -> Option<Known> {
    Some(match media_type.to_ascii_lowercase().as_str() {
        "text/css" | "text/html" | "text/plain" | "application/xml" => Known::Text,
        "application/json" => Known::Json,
        "application/octet-stream"
        | "application/pdf"
        | "application/x-gtar"
        | "application/x-gzip"
        | "application/x-tar"
        | "application/zip"
        | "audio/aac"
        | "audio/ac3"
        | "audio/basic"
        | "audio/mp4"
        | "audio/ogg"
        | "image/bmp"
        | "image/gif"
        | "image/jpeg"
        | "image/tiff"
        | "image/png" => Known::Buffer,
        _ => return None,
    })
}

/// What MQTT 5 says about a payload.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct About<'a> {
    /// The broker's client has declared it to be UTF-8.
    pub(crate) is_text: bool,
    pub(crate) media_type: Option<&'a str>,
}

impl Form {
    /// The form of that name; `None` for another one.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "buffer" => Form::Buffer,
            "base64" => Form::Base64,
            "utf8" => Form::Utf8,
            "json" => Form::Json,
            "auto" => Form::Auto,
            "auto-detect" => Form::AutoDetect,
            _ => return None,
        })
    }

    /// The payload of these bytes.
    ///
    /// # Errors
    /// If it is to be JSON and is not.
    pub(crate) fn of(self, bytes: Bytes, about: About<'_>) -> Result<Value, NoPayload> {
        Ok(match self {
            Form::Buffer => bytes.into(),
            Form::Base64 => BASE64.encode(&bytes).into(),
            Form::Utf8 => text(bytes).into(),
            Form::Json if about.is_text || std::str::from_utf8(&bytes).is_ok() => json(bytes)?,
            Form::Json => return Err(NO_TEXT),
            Form::Auto | Form::AutoDetect => self.guess(bytes, about)?,
        })
    }

    fn guess(self, bytes: Bytes, about: About<'_>) -> Result<Value, NoPayload> {
        match about.media_type.and_then(known) {
            Some(Known::Text) => Ok(text(bytes).into()),
            Some(Known::Buffer) => Ok(bytes.into()),
            Some(Known::Json) => {
                let parsed = json(bytes.clone())?;
                Ok(if self == Form::AutoDetect { parsed } else { text(bytes).into() })
            }
            None if !about.is_text && std::str::from_utf8(&bytes).is_err() => Ok(bytes.into()),
            None if self == Form::AutoDetect => {
                Ok(json(bytes.clone()).unwrap_or_else(|_| text(bytes).into()))
            }
            None => Ok(text(bytes).into()),
        }
    }
}

/// The bytes as text; what is not UTF-8 is replaced.
fn text(bytes: Bytes) -> Text {
    Text::from_utf8(bytes.clone())
        .unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into_owned().into())
}

fn json(bytes: Bytes) -> Result<Value, NoPayload> {
    Value::from_json_text(&text(bytes)).map_err(|_| NO_JSON)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(form: Form, bytes: &'static [u8], media_type: Option<&str>) -> Result<String, NoPayload> {
        let about = About { is_text: false, media_type };
        form.of(Bytes::from_static(bytes), about).map(|value| match &value {
            Value::Buffer(bytes) => format!("buffer of {}", bytes.len()),
            value => value.to_json(),
        })
    }

    #[test]
    fn each_form_shows_texts_json_and_bytes_in_its_way() {
        let (json, text, bytes) = (&br#"{"a":1}"#[..], &b"a b"[..], &[0xffu8, 0xfe][..]);
        for (form, expected) in [
            (Form::Buffer, ["buffer of 7", "buffer of 3", "buffer of 2"]),
            (Form::Base64, ["\"eyJhIjoxfQ==\"", "\"YSBi\"", "\"//4=\""]),
            (Form::Utf8, [r#""{\"a\":1}""#, "\"a b\"", "\"\u{fffd}\u{fffd}\""]),
            (Form::Json, [r#"{"a":1}"#, NO_JSON, NO_TEXT]),
            (Form::Auto, [r#""{\"a\":1}""#, "\"a b\"", "buffer of 2"]),
            (Form::AutoDetect, [r#"{"a":1}"#, "\"a b\"", "buffer of 2"]),
        ] {
            for (given, expected) in [json, text, bytes].into_iter().zip(expected) {
                let found = of(form, given, None).unwrap_or_else(str::to_owned);
                assert_eq!(found, expected, "{form:?} of {given:?}");
            }
        }
    }

    #[test]
    fn a_media_type_decides_for_forms_that_guess() {
        let json = br#"{"a":1}"#;
        for (form, media_type, expected) in [
            (Form::Auto, "text/plain", r#""{\"a\":1}""#),
            (Form::AutoDetect, "text/plain", r#""{\"a\":1}""#),
            (Form::Auto, "Application/JSON", r#""{\"a\":1}""#),
            (Form::AutoDetect, "application/json", r#"{"a":1}"#),
            (Form::AutoDetect, "application/zip", "buffer of 7"),
            (Form::AutoDetect, "application/other", r#"{"a":1}"#),
            (Form::Utf8, "application/zip", r#""{\"a\":1}""#),
        ] {
            assert_eq!(of(form, json, Some(media_type)).unwrap(), expected, "{media_type}");
        }
        assert_eq!(of(Form::Auto, b"{", Some("application/json")), Err(NO_JSON));
    }
}
