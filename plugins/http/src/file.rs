//! `msg.res.sendFile` in a function: a file as the response to a request.

use std::path::PathBuf;

use ferrowire::expression::javascript;
use ferrowire::port::{Response, text};
use ferrowire::{Message, NodeContext, NodeError, Value};
use ferrowire_http::file_response;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, LAST_MODIFIED};

use crate::open;
use crate::reply::Head;

/// The longest time that a cache may be told, a year, as in Express.
const LONGEST: f64 = 31_536_000.0;

/// Responds with the file that the message names in `file`.
///
/// # Errors
/// If the file cannot be read, or the request is no longer waiting.
pub(crate) async fn send(msg: &Message, name: &str, cx: &NodeContext) -> Result<(), NodeError> {
    let head = Head::of_res(msg).inspect_err(|_| open::fail(name))?;
    let path = PathBuf::from(javascript::text(msg.get("file")));
    let asked = open::take(name).map_err(|error| NodeError::new(error.to_string()))?;
    let (response, error) = match file_response(path.clone(), &asked.asked.head).await {
        Ok(Some(response)) => (with(response, head, msg.get("options")), None),
        Ok(None) => {
            let why = format!("there is no file `{}` to respond with", path.display());
            (text(StatusCode::NOT_FOUND, "there is no such file"), Some(NodeError::new(why)))
        }
        Err(error) => {
            let why = format!("cannot respond with the file `{}`", path.display());
            let response = text(StatusCode::INTERNAL_SERVER_ERROR, "the file cannot be read");
            (response, Some(NodeError::caused_by(why, error)))
        }
    };
    if let Err(left) = asked.answer(response) {
        cx.debug(left);
    }
    error.map_or(Ok(()), Err)
}

/// Adds what the function has set, which takes precedence.
fn with(mut response: Response, head: Head, options: Option<&Value>) -> Response {
    let headers = response.headers_mut();
    let option = |name: &str| options.and_then(|options| options.get(name));
    let is_off = |name: &str| option(name) == Some(&Value::Bool(false));
    if is_off("lastModified") {
        headers.remove(LAST_MODIFIED);
    }
    if is_off("cacheControl") {
        headers.remove(CACHE_CONTROL);
    } else if headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, cache_control(option("maxAge"), option("immutable")));
    }
    if !headers.contains_key(CONTENT_TYPE) {
        // A 304 or 416, whose type says nothing.
        let mut set = head.headers;
        set.remove(CONTENT_TYPE);
        headers.extend(set);
        return response;
    }
    for name in head.headers.keys() {
        headers.remove(name);
    }
    headers.extend(head.headers);
    if response.status() == StatusCode::OK {
        *response.status_mut() = head.status;
    }
    response
}

/// `age` is in milliseconds.
fn cache_control(age: Option<&Value>, immutable: Option<&Value>) -> HeaderValue {
    let age = age.map_or(0.0, |age| javascript::number(Some(age)) / 1000.0);
    let seconds = if age.is_nan() { 0.0 } else { age.floor().clamp(0.0, LONGEST) };
    let immutable = if immutable.is_some_and(Value::is_truthy) { ", immutable" } else { "" };
    HeaderValue::try_from(format!("public, max-age={seconds}{immutable}"))
        .unwrap_or(HeaderValue::from_static("no-cache"))
}
