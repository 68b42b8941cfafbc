//! Bodies from objects: `multipart/form-data` (RFC 7578) and query strings.

use bytes::Bytes;
use ferrowire::expression::javascript;
use ferrowire::expression::javascript::encode_uri_component;
use ferrowire::{Map, Unprintable, Value};

/// The fields as a `multipart/form-data` body with this boundary. A field with a property `value`
/// may have `options` with `filename` and `contentType`.
///
/// # Errors
/// If a field sent as JSON contains a `BigInt`.
pub(crate) fn multipart(fields: &Map, boundary: &str) -> Result<Bytes, Unprintable> {
    let mut body = Vec::new();
    for (name, field) in fields.iter() {
        let inner = field.get("value").filter(|_| field.as_object().is_some());
        let options = field.get("options").filter(|_| inner.is_some());
        let option = |key: &str| options.and_then(|all| all.get(key)?.as_str());
        let content = match inner.unwrap_or(field) {
            Value::Null | Value::Undefined => continue,
            Value::String(text) => text.to_bytes(),
            Value::Buffer(bytes) => bytes.clone(),
            value if inner.is_some() => javascript::text(Some(value)).into(),
            value => value.stringify()?.unwrap_or_default().into(),
        };
        let mut head =
            format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"", quoted(name));
        let file = option("filename");
        if let Some(file) = file {
            head.push_str(&format!("; filename=\"{}\"", quoted(file)));
        }
        let media = option("contentType").map(|it| it.replace(['\r', '\n'], "")).or_else(|| {
            Some(mime_guess::from_path(file?).first_or_octet_stream().essence_str().to_owned())
        });
        if let Some(media) = media {
            head.push_str(&format!("\r\nContent-Type: {media}"));
        }
        head.push_str("\r\n\r\n");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(&content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    Ok(body.into())
}

/// A quoted name, escaped as in browsers.
fn quoted(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

/// An object as a query string, like Node.js's `querystring.stringify`.
pub(crate) fn query(value: &Value) -> String {
    let pairs: Vec<(String, &Value)> = match value {
        Value::Object(map) => map.iter().map(|(key, value)| (key.to_string(), value)).collect(),
        Value::Array(items) => {
            items.iter().enumerate().map(|(at, value)| (at.to_string(), value)).collect()
        }
        _ => Vec::new(),
    };
    let mut parts = Vec::new();
    for (key, value) in &pairs {
        let values = value.as_array().unwrap_or(std::slice::from_ref(*value));
        let encoded = |value| {
            format!("{}={}", encode_uri_component(key), encode_uri_component(&plain(value)))
        };
        parts.extend(values.iter().map(encoded));
    }
    parts.join("&")
}

/// Values other than text, numbers and booleans are empty in a query.
fn plain(value: &Value) -> String {
    match value {
        Value::String(_) | Value::Bool(_) => javascript::text(Some(value)),
        Value::Number(number) if number.is_finite() => javascript::text(Some(value)),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(json: &str) -> Value {
        Value::from_json_text(json).unwrap()
    }

    #[test]
    fn queries_are_made_as_node_makes_them() {
        let all = value(r#"{"a":"x y&","b":[1,"2"],"c":true,"d":{"e":1},"f":null,"g":[]}"#);
        assert_eq!(query(&all), "a=x%20y%26&b=1&b=2&c=true&d=&f=");
        assert_eq!(query(&Value::Null), "");
    }

    #[test]
    fn files_have_names_and_types() {
        let fields = value(
            r#"{"f":{"value":"hi","options":{"filename":"a\".txt"}},"n":123,"x":null,
                "t":{"value":"<b>","options":{"contentType":"text/html"}}}"#,
        );
        let body = multipart(fields.as_object().unwrap(), "B").unwrap();
        assert_eq!(
            std::str::from_utf8(&body).unwrap(),
            "--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a%22.txt\"\r\n\
             Content-Type: text/plain\r\n\r\nhi\r\n\
             --B\r\nContent-Disposition: form-data; name=\"n\"\r\n\r\n123\r\n\
             --B\r\nContent-Disposition: form-data; name=\"t\"\r\n\
             Content-Type: text/html\r\n\r\n<b>\r\n--B--\r\n"
        );
    }
}
