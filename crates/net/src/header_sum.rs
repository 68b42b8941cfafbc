//! A checksum that tells whether the headers of a response were changed.
//!
//! `http request` puts the headers of the response into `msg.headers`, from which `http response`
//! and another `http request` take the headers to send. As in Node-RED, a checksum marks them as
//! unchanged, so that they are not sent.

use ferrowire_core::{Map, Message, Value, number_to_string};

/// The property of `msg.headers` with the checksum.
pub const MARK: &str = "x-node-red-request-node";

/// Removes the checksum from `msg.headers`, or all of `msg.headers` if unchanged.
pub fn take_mark(msg: &mut Message) {
    let Some(headers) = msg.get("headers").and_then(Value::as_object) else { return };
    if !headers.contains_key(MARK) {
        return;
    }
    let mut headers = headers.clone();
    let mark = headers.remove(MARK);
    if mark.as_ref().and_then(Value::as_str) == Some(&header_sum(&headers)) {
        msg.remove("headers");
    } else {
        msg.set("headers", headers);
    }
}

/// The checksum of an object as the npm package `hash-sum` calculates it.
pub fn header_sum(headers: &Map) -> String {
    let sum = fold_object(0.0, headers, "");
    format!("{:08x}", sum as u64)
}

/// JavaScript's numbers are doubles, of which shifts use the low 32 bits.
fn fold(sum: f64, text: &str) -> f64 {
    if text.is_empty() {
        return sum;
    }
    let folded = text.encode_utf16().fold(sum as i64, |sum, unit| {
        let shifted = i64::from((sum as i32).wrapping_shl(5));
        i64::from((shifted - sum + i64::from(unit)) as i32)
    });
    (if folded < 0 { folded * -2 } else { folded }) as f64
}

fn fold_value(sum: f64, value: &Value, key: &str) -> f64 {
    let (class, kind) = match value {
        Value::Null => ("[object Null]", "object"),
        Value::Undefined => ("[object Undefined]", "undefined"),
        Value::Bool(_) => ("[object Boolean]", "boolean"),
        Value::Number(_) => ("[object Number]", "number"),
        Value::BigInt(_) => ("[object BigInt]", "bigint"),
        Value::Date(_) => ("[object Date]", "object"),
        Value::String(_) => ("[object String]", "string"),
        Value::Buffer(_) => ("[object Uint8Array]", "object"),
        Value::Array(_) => ("[object Array]", "object"),
        Value::Object(map) => return fold_object(sum, map, key),
    };
    let sum = fold(fold(fold(sum, key), class), kind);
    match value {
        Value::Null => fold(sum, "null"),
        Value::Undefined => fold(sum, "undefined"),
        Value::Bool(value) => fold(sum, if *value { "true" } else { "false" }),
        Value::Number(number) => fold(sum, &number_to_string(*number)),
        Value::BigInt(number) => fold(sum, number.as_str()),
        Value::Date(date) => fold(sum, &number_to_string(date.millis())),
        Value::String(text) => fold(sum, text),
        Value::Array(items) => {
            // The indices of an array are sorted as strings.
            let mut keyed: Vec<_> =
                items.iter().enumerate().map(|(at, it)| (at.to_string(), it)).collect();
            keyed.sort_by(|a, b| a.0.cmp(&b.0));
            let sum = keyed.iter().fold(sum, |sum, (key, item)| fold_value(sum, item, key));
            // Header values are strings.
            let texts: Vec<_> = items.iter().filter_map(Value::as_str).collect();
            fold(sum, &texts.join(","))
        }
        Value::Buffer(_) | Value::Object(_) => sum,
    }
}

fn fold_object(sum: f64, map: &Map, key: &str) -> f64 {
    let sum = fold(fold(fold(sum, key), "[object Object]"), "object");
    let mut entries: Vec<_> = map.iter().collect();
    entries.sort_by(|a, b| a.0.encode_utf16().cmp(b.0.encode_utf16()));
    let sum = entries.iter().fold(sum, |sum, (key, value)| fold_value(sum, value, key));
    fold(sum, "[object Object]")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The output of `hash-sum` 2.0.0.
    const SUMS: &[(&str, &str)] = &[
        (r#"{}"#, "59322f29"),
        (r#"{"content-type":"text/plain"}"#, "44c4f7bf"),
        (
            r#"{"set-cookie":["a=1; Path=/","b=2"],"x":"é","z":"","date":"Mon, 23 Nov 2026 13:34:25 GMT","content-length":"12"}"#,
            "35160c12",
        ),
        (
            r#"{"a":1,"b":true,"c":null,"d":{"e":"f"},"g":["k","l","m","n","o","p","q","r","s","t","u"]}"#,
            "609eb434",
        ),
    ];

    fn map(json: &str) -> Map {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn sums_are_those_of_the_npm_package() {
        for (json, sum) in SUMS {
            assert_eq!(header_sum(&map(json)), *sum, "{json}");
        }
    }

    #[test]
    fn unchanged_headers_are_taken_away_and_changed_ones_stay() {
        let headers = map(r#"{"content-type":"text/plain"}"#);
        let mut marked = headers.clone();
        marked.insert(MARK, header_sum(&headers));
        let mut msg = Message::new();
        msg.set("headers", marked.clone());
        take_mark(&mut msg);
        assert_eq!(msg.get("headers"), None);
        marked.insert("x", "y");
        msg.set("headers", marked);
        take_mark(&mut msg);
        let kept = msg.get("headers").map(Value::to_json);
        assert_eq!(kept.as_deref(), Some(r#"{"content-type":"text/plain","x":"y"}"#));
    }
}
