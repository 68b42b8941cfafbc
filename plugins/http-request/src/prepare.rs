//! `prepare`: builds a request from a message and the node's properties.

use std::time::Duration;

use bytes::Bytes;
use ferrowire::expression::javascript;
use ferrowire::expression::mustache::Filling;
use ferrowire::{Message, NodeContext, NodeError, Setting, Unprintable, Value};
use ferrowire_net::{basic, take_mark};
use hyper::Method;
use percent_encoding::percent_decode_str;
use url::Url;

use crate::call::Call;
use crate::form;
use crate::headers::Headers;
use crate::jar::Jar;
use crate::options::{AuthType, Options, PayloadOf, UrlSource};

ferrowire::settings! {
    /// The time limit for the response, unless the message sets another one.
    pub TIMEOUT: Duration = Setting::seconds("http-request-timeout")
        .between("0.001", "31536000")
        .default("120")
        .group("HTTP requests")
        .help("Seconds for the response to a request, unless the message has a requestTimeout; \
               Node-RED's httpRequestTimeout");
}

/// The maximum `requestTimeout` of a message, in seconds: a year.
const LONGEST: f64 = 31_536_000.0;

/// Why no request is sent.
#[derive(Debug)]
pub(crate) enum NotSent {
    /// The node fails with the message.
    Failed(NodeError),
    /// The URL has another scheme: the node shows it and continues.
    OtherTransport,
}

impl From<String> for NotSent {
    fn from(text: String) -> Self {
        NotSent::Failed(text.into())
    }
}

impl From<Unprintable> for NotSent {
    fn from(error: Unprintable) -> Self {
        NotSent::Failed(error.into())
    }
}

impl From<&str> for NotSent {
    fn from(text: &str) -> Self {
        NotSent::Failed(text.into())
    }
}

/// The request for a message, and the URL for failures.
///
/// # Errors
/// Why no request can be sent.
pub(crate) fn prepare(
    options: &Options,
    msg: &mut Message,
    cx: &NodeContext,
) -> Result<(Call, String), NotSent> {
    let mut text = url_text(options, msg, cx)?;
    let method = method(options, msg, cx);
    let payload = msg.payload();
    if method == Method::GET && options.payload == PayloadOf::Query && payload.is_some() {
        add_query(&mut text, payload)?;
    }
    let url = Url::parse(&text).map_err(|error| format!("invalid URL `{text}`: {error}"))?;
    if url.host_str().is_none_or(str::is_empty) {
        return Err(format!("invalid URL `{text}`: expected a host").into());
    }
    take_mark(msg);
    let mut headers = Headers::of(msg, &options.headers);
    // The length follows from the body.
    headers.remove("content-length");
    headers.remove("transfer-encoding");
    let mut jar = Jar::new();
    if let Some(header) = headers.remove("cookie") {
        jar.add_header(&header, &url);
    }
    if let Some(cookies) = msg.get("cookies").and_then(Value::as_object) {
        jar.add_message(cookies, &url);
    }
    let digest = authorize(options, &url, &mut headers);
    let body = body(&method, options.payload, msg.payload(), &mut headers)?;
    let follow = msg.get("followRedirects").is_none_or(Value::is_truthy);
    let (timeout, verify) = (timeout(msg, cx), options.has_tls || verify(msg, cx));
    let call = Call { method, url, headers, body, jar, follow, digest, timeout, verify };
    Ok((call, text))
}

fn url_text(options: &Options, msg: &Message, cx: &NodeContext) -> Result<String, NotSent> {
    let of_message = msg.get("url").filter(|url| url.is_truthy());
    let of_message = of_message.map(|url| javascript::text(Some(url)));
    let is_other = |fixed: &str| of_message.as_deref().is_some_and(|url| url != fixed);
    let mut url = match &options.url {
        UrlSource::Message => of_message.unwrap_or_default(),
        UrlSource::Fixed(url) | UrlSource::Template(url, _) if is_other(url) => {
            cx.warn(OVERRIDDEN);
            filled(&options.url, msg)?
        }
        source => filled(source, msg)?,
    };
    if url.is_empty() {
        return Err("No url specified".into());
    }
    if url.contains("://") && !url.starts_with("http") {
        return Err(NotSent::OtherTransport);
    }
    if !url.starts_with("http://") && !url.starts_with("https://") {
        url.insert_str(0, if options.has_tls { "https://" } else { "http://" });
    }
    if let Some((path, query)) = url.split_once('?') {
        url = format!("{path}?{}", encode_percents(query));
    }
    Ok(url)
}

/// The warning for flows that set both.
const OVERRIDDEN: &str = "Warning: msg properties can no longer override set node properties. See \
                          bit.ly/nr-override-msg-props";

fn filled(source: &UrlSource, msg: &Message) -> Result<String, NotSent> {
    match source {
        UrlSource::Message => Ok(String::new()),
        UrlSource::Fixed(url) => Ok(url.clone()),
        UrlSource::Template(_, template) => {
            let filling = Filling { escape_strings: false, missing: &|_| None };
            template.render(msg, &filling).map_err(|error| error.to_string().into())
        }
    }
}

/// A `%` that does not start an encoded byte is escaped.
fn encode_percents(query: &str) -> String {
    let mut parts = query.split('%');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.as_bytes().get(..2);
        let encodes = digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        out.push_str(if encodes { "%" } else { "%25" });
        out.push_str(part);
    }
    out
}

fn method(options: &Options, msg: &Message, cx: &NodeContext) -> Method {
    let of_message = msg.get("method").filter(|method| method.is_truthy());
    let of_message = of_message.map(|method| javascript::text(Some(method)).to_ascii_uppercase());
    let name = match (&options.method, of_message) {
        (Some(fixed), of_message) => {
            if of_message.is_some() {
                cx.warn(OVERRIDDEN);
            }
            fixed.clone()
        }
        (None, Some(name)) => name,
        (None, None) => "GET".to_owned(),
    };
    name.parse().unwrap_or_else(|_| {
        cx.warn(format_args!("invalid HTTP method `{name}`; GET is used"));
        Method::GET
    })
}

fn add_query(url: &mut String, payload: Option<&Value>) -> Result<(), NotSent> {
    let Some(payload @ (Value::Object(_) | Value::Array(_) | Value::Date(_) | Value::Null)) =
        payload
    else {
        return Err("Invalid payload".into());
    };
    if !url.contains('?') {
        url.push('?');
    } else if !url.ends_with('?') {
        url.push('&');
    }
    url.push_str(&form::query(payload));
    Ok(())
}

/// Adds the credentials; returns those for digest authentication.
fn authorize(options: &Options, url: &Url, headers: &mut Headers) -> Option<(String, String)> {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let or =
        |own: &str, of_url: &str| if own.is_empty() { decoded(of_url) } else { own.to_owned() };
    let user = or(&options.user, url.username());
    let password = or(&options.password, url.password().unwrap_or_default());
    if user.is_empty() && password.is_empty() {
        return None;
    }
    match options.auth? {
        AuthType::Basic => {
            headers.set_text("authorization", basic(user.as_bytes(), password.as_bytes()));
            None
        }
        AuthType::Bearer => {
            headers.set_text("authorization", format!("Bearer {password}"));
            None
        }
        AuthType::Digest => Some((user, password)),
    }
}

fn body(
    method: &Method,
    payload_of: PayloadOf,
    payload: Option<&Value>,
    headers: &mut Headers,
) -> Result<Bytes, Unprintable> {
    let Some(payload) = payload else { return Ok(Bytes::new()) };
    if *method == Method::HEAD || (*method == Method::GET && payload_of != PayloadOf::Body) {
        return Ok(Bytes::new());
    }
    let is_get = *method == Method::GET;
    let media = headers.get("content-type").unwrap_or_default();
    Ok(match payload {
        Value::String(text) => text.to_bytes(),
        Value::Buffer(bytes) => bytes.clone(),
        Value::Number(_) => javascript::text(Some(payload)).into(),
        Value::Object(fields) if media == "multipart/form-data" && !is_get => {
            let boundary = format!("--------------------------{:024x}", rand::random::<u64>());
            let body = form::multipart(fields, &boundary)?;
            headers.set_text("content-type", format!("multipart/form-data; boundary={boundary}"));
            body
        }
        _ if media == "application/x-www-form-urlencoded" && !is_get => form::query(payload).into(),
        _ => {
            if media.is_empty() && !is_get {
                headers.set_text("content-type", "application/json");
            }
            payload.stringify()?.unwrap_or_default().into()
        }
    })
}

/// The time limit for the response: from the message, otherwise from the setting.
fn timeout(msg: &Message, cx: &NodeContext) -> Duration {
    let Some(wanted) = msg.get("requestTimeout") else { return cx.setting(&TIMEOUT) };
    let milliseconds = javascript::number(Some(wanted));
    if milliseconds.is_nan() {
        cx.warn("Timeout value is not a valid number, ignoring");
    } else if milliseconds < 1.0 {
        cx.warn("Timeout value is negative, ignoring");
    } else {
        return Duration::from_secs_f64((milliseconds / 1000.0).min(LONGEST));
    }
    cx.setting(&TIMEOUT)
}

fn verify(msg: &Message, cx: &NodeContext) -> bool {
    match msg.get("rejectUnauthorized") {
        None => true,
        Some(Value::Bool(verify)) => *verify,
        Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => true,
        Some(Value::String(text)) if text.eq_ignore_ascii_case("false") => false,
        Some(_) => {
            cx.warn("msg.rejectUnauthorized should be a boolean");
            true
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percents_that_encode_nothing_are_encoded() {
        assert_eq!(encode_percents("a=20%&b=%41%zz%"), "a=20%25&b=%41%25zz%25");
    }
}
