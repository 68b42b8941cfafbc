//! `Set-Cookie` headers from `msg.cookies`, with Express's options.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ferrowire::expression::javascript;
use ferrowire::expression::javascript::encode_uri_component;
use ferrowire::{NodeError, Value};

/// The header value for a cookie: a plain value, or an object with `value` and options. `null`
/// deletes the cookie.
///
/// # Errors
/// If the name or an option is invalid.
pub(crate) fn line(name: &str, cookie: &Value) -> Result<String, NodeError> {
    let is_token = |b: u8| b.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?={}".contains(&b);
    if name.is_empty() || !name.bytes().all(is_token) {
        return Err(format!("invalid cookie name `{name}`").into());
    }
    let option = |key: &str| cookie.get(key).filter(|value| !matches!(value, Value::Null));
    let value = match cookie {
        Value::Object(_) => option("value"),
        Value::Null => None,
        value => Some(value),
    };
    let deleted = matches!(cookie, Value::Null) || cookie.get("value") == Some(&Value::Null);
    let encoded = match value {
        _ if deleted => String::new(),
        Some(value @ (Value::Object(_) | Value::Array(_) | Value::Date(_))) => {
            let json = value.stringify()?.unwrap_or_default();
            encode_uri_component(&format!("j:{json}"))
        }
        value => encode_uri_component(&javascript::text(value)),
    };
    let mut line = format!("{name}={encoded}");
    let mut put = |text: &str| {
        line.push_str("; ");
        line.push_str(text);
    };
    if let Some(age) = option("maxAge").map(|age| javascript::number(Some(age)))
        && !deleted
        && age.is_finite()
    {
        put(&format!("Max-Age={}", (age / 1000.0).floor()));
        put(&format!("Expires={}", date(now_in(age))));
    }
    if let Some(domain) = option("domain") {
        put(&format!("Domain={}", attribute(name, "domain", domain)?));
    }
    let path = option("path").map(|path| attribute(name, "path", path)).transpose()?;
    put(&format!("Path={}", path.as_deref().unwrap_or("/")));
    match option("expires") {
        _ if deleted => put("Expires=Thu, 01 Jan 1970 00:00:00 GMT"),
        Some(_) if option("maxAge").is_some() => {}
        Some(expires) => put(&format!("Expires={}", date(moment(name, expires)?))),
        None => {}
    }
    for (key, text) in
        [("httpOnly", "HttpOnly"), ("secure", "Secure"), ("partitioned", "Partitioned")]
    {
        if option(key).is_some_and(Value::is_truthy) {
            put(text);
        }
    }
    if let Some(priority) = option("priority") {
        put(&format!("Priority={}", choice(name, priority, &["Low", "Medium", "High"])?));
    }
    if let Some(same_site) = option("sameSite").filter(|value| value.is_truthy()) {
        let same_site = if *same_site == Value::Bool(true) { &"strict".into() } else { same_site };
        put(&format!("SameSite={}", choice(name, same_site, &["Strict", "Lax", "None"])?));
    }
    Ok(line)
}

fn attribute(name: &str, key: &str, value: &Value) -> Result<String, NodeError> {
    let text = javascript::text(Some(value));
    let is_plain = text.bytes().all(|b| (b' '..0x7f).contains(&b) && b != b';');
    if is_plain { Ok(text) } else { Err(format!("invalid `{key}` of the cookie `{name}`").into()) }
}

fn choice(name: &str, value: &Value, known: &[&'static str]) -> Result<&'static str, NodeError> {
    let text = javascript::text(Some(value));
    let found = known.iter().find(|known| known.eq_ignore_ascii_case(&text));
    found.copied().ok_or_else(|| {
        format!(
            "invalid option `{text}` of the cookie `{name}`, expected one of {}",
            known.join(", ")
        )
        .into()
    })
}

fn now_in(milliseconds: f64) -> SystemTime {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since_epoch(now.as_secs_f64() * 1000.0 + milliseconds)
}

/// A time within the range that HTTP can represent.
fn since_epoch(milliseconds: f64) -> SystemTime {
    const YEAR_9999: f64 = 253_402_300_799.0;
    let seconds = (milliseconds / 1000.0).clamp(0.0, YEAR_9999);
    UNIX_EPOCH + Duration::from_secs(seconds as u64)
}

fn date(moment: SystemTime) -> String {
    httpdate::fmt_http_date(moment)
}

/// A date: a JavaScript date, milliseconds, ISO 8601, or an HTTP date.
fn moment(name: &str, value: &Value) -> Result<SystemTime, NodeError> {
    let parsed = match value {
        Value::Number(milliseconds) => Some(since_epoch(*milliseconds)),
        Value::Date(date) => Some(date.millis()).filter(|it| !it.is_nan()).map(since_epoch),
        Value::String(text) => {
            let iso = text.parse::<jiff::Timestamp>();
            iso.map(|it| since_epoch(it.as_millisecond() as f64))
                .ok()
                .or_else(|| httpdate::parse_http_date(text).ok())
        }
        _ => None,
    };
    parsed.ok_or_else(|| format!("invalid `expires` of the cookie `{name}`").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cookie(json: &str) -> String {
        line("c", &Value::from_json_text(json).unwrap()).unwrap_or_else(|error| error.to_string())
    }

    #[test]
    fn options_are_those_of_express() {
        for (json, expected) in [
            (r#""a b""#, "c=a%20b; Path=/"),
            ("null", "c=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT"),
            (r#"{"value":null,"path":"/x"}"#, "c=; Path=/x; Expires=Thu, 01 Jan 1970 00:00:00 GMT"),
            (
                r#"{"value":"v","domain":"example.org","httpOnly":true,"secure":true,"sameSite":true}"#,
                "c=v; Domain=example.org; Path=/; HttpOnly; Secure; SameSite=Strict",
            ),
            (
                r#"{"value":{"a":1},"sameSite":"lax","priority":"high"}"#,
                "c=j%3A%7B%22a%22%3A1%7D; Path=/; Priority=High; SameSite=Lax",
            ),
            (
                r#"{"value":1,"expires":"2026-11-23T13:34:25.000Z"}"#,
                "c=1; Path=/; Expires=Mon, 23 Nov 2026 13:34:25 GMT",
            ),
            (
                r#"{"value":1,"sameSite":"often"}"#,
                "invalid option `often` of the cookie `c`, expected one of Strict, Lax, None",
            ),
            (r#"{"value":1,"path":"/;x"}"#, "invalid `path` of the cookie `c`"),
            (r#"{"value":1,"expires":"soon"}"#, "invalid `expires` of the cookie `c`"),
        ] {
            assert_eq!(cookie(json), expected, "{json}");
        }
        let with_age = cookie(r#"{"value":"v","maxAge":1500}"#);
        assert!(with_age.starts_with("c=v; Max-Age=1; Expires="), "{with_age}");
    }

    #[test]
    fn names_that_would_break_the_line_are_refused() {
        assert!(line("a b", &Value::Null).is_err());
        assert!(line("a;b", &Value::Null).is_err());
    }
}
