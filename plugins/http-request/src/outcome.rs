//! Puts the outcome of a request into its message.

use ferrowire::{Key, Map, Message, NodeContext, Value};
use ferrowire_net::{MARK, header_sum};
use hyper::header::{HeaderMap, SET_COOKIE};

use crate::call::{Got, latin1, set_cookies};
use crate::failure::Failure;
use crate::jar;
use crate::options::ResultType;

/// Puts a response into the message.
pub(crate) fn succeeded(msg: &mut Message, got: Got, result: ResultType, cx: &NodeContext) {
    let mut headers = described(&got.headers);
    let cookies = set_cookies(&got.headers);
    if !cookies.is_empty() {
        msg.set("responseCookies", jar::described(&cookies));
    }
    let sum = header_sum(&headers);
    headers.insert(MARK, sum);
    msg.set("statusCode", u32::from(got.status.as_u16()));
    msg.set("headers", headers);
    msg.set("responseUrl", got.url.as_str());
    msg.set("redirectList", got.redirects);
    msg.set("retry", 0.0);
    let text = || String::from_utf8_lossy(&got.body).into_owned();
    let payload = match result {
        ResultType::Buffer => got.body.clone().into(),
        ResultType::Text => text().into(),
        ResultType::Json if got.status.as_u16() == 204 => Map::new().into(),
        ResultType::Json => Value::from_json(&got.body).unwrap_or_else(|_| {
            cx.warn("JSON parse error");
            text().into()
        }),
    };
    msg.set("payload", payload);
}

/// Puts a failure into the message, for flows that handle it there.
pub(crate) fn failed(msg: &mut Message, failure: &Failure, url: &str) {
    let kind = if failure.code == "ETIMEDOUT" { "TimeoutError" } else { "RequestError" };
    msg.set("payload", format!("{kind}: {failure} : {url}"));
    msg.set("statusCode", failure.code);
}

/// Headers by name: duplicates joined, cookies as a list.
fn described(headers: &HeaderMap) -> Map {
    let mut all = Map::new();
    for name in headers.keys() {
        let values: Vec<_> = headers.get_all(name).iter().map(|it| latin1(it.as_bytes())).collect();
        let value = match *name == SET_COOKIE {
            true => Value::from(values.into_iter().map(Value::from).collect::<Vec<_>>()),
            false => values.join(", ").into(),
        };
        all.insert(Key::from(name.as_str()), value);
    }
    all
}
