//! `Jar`: the cookies of a request and its redirects.

use cookie_store::CookieStore;
use ferrowire::expression::javascript;
use ferrowire::expression::javascript::{decode_uri_component, encode_uri_component};
use ferrowire::{Map, Value};
use ferrowire_net::parse_cookies;
use url::Url;

/// Cookies with the hosts and paths they apply to.
#[derive(Debug)]
pub(crate) struct Jar(CookieStore);

impl Jar {
    pub(crate) fn new() -> Self {
        Jar(CookieStore::new())
    }

    /// Adds an encoded cookie for the host of `url`.
    fn add(&mut self, name: &str, value: &str, url: &Url) {
        // An invalid cookie is ignored, as in Node-RED.
        let _kept = self.0.parse(&format!("{name}={value}"), url);
    }

    /// Adds the cookies of a `Cookie` header.
    pub(crate) fn add_header(&mut self, header: &str, url: &Url) {
        for (name, value) in parse_cookies(header) {
            self.add(name, value, url);
        }
    }

    /// Adds the cookies of `msg.cookies`: strings, or objects with `value` and optionally `encode:
    /// false`.
    pub(crate) fn add_message(&mut self, cookies: &Map, url: &Url) {
        for (name, cookie) in cookies.iter() {
            let value = match cookie {
                Value::Object(options) => options.get("value"),
                Value::Null | Value::Undefined => None,
                value => Some(value),
            };
            let Some(value) = value.filter(|value| !matches!(value, Value::Null)) else { continue };
            let text = javascript::text(Some(value));
            match cookie.get("encode") == Some(&Value::Bool(false)) {
                true => self.add(name, &text, url),
                false => self.add(name, &encode_uri_component(&text), url),
            }
        }
    }

    /// Stores the cookies that a response to `url` sets.
    pub(crate) fn keep(&mut self, lines: &[String], url: &Url) {
        for line in lines {
            let _kept = self.0.parse(line, url);
        }
    }

    /// The `Cookie` header for a request.
    pub(crate) fn header(&self, url: &Url) -> Option<String> {
        let all = self.0.get_request_values(url);
        let all: Vec<String> = all.map(|(name, value)| format!("{name}={value}")).collect();
        (!all.is_empty()).then(|| all.join("; "))
    }
}

/// The cookies of `Set-Cookie` headers by name, each with its value and attributes.
pub(crate) fn described(lines: &[String]) -> Map {
    let mut cookies = Map::new();
    for line in lines {
        let Some((name, _)) = line.split_once('=') else { continue };
        let name = name.trim();
        let mut cookie = Map::new();
        let mut own = None;
        for (key, value) in parse_cookies(line) {
            let value = decode_uri_component(value).map_or_else(|| value.to_owned(), Into::into);
            if key == name {
                own = Some(value);
            } else {
                cookie.insert(key, value);
            }
        }
        if let Some(value) = own.filter(|_| !name.is_empty()) {
            cookie.insert("value", value);
            cookies.insert(name, cookie);
        }
    }
    cookies
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_described_with_their_attributes() {
        let lines = ["data=a%20b; Path=/; HttpOnly".to_owned(), "=x".to_owned(), "n".to_owned()];
        let json = Value::from(described(&lines)).to_json();
        assert_eq!(json, r#"{"data":{"Path":"/","value":"a b"}}"#);
    }

    #[test]
    fn cookies_go_to_their_own_host_only() {
        let url = |text: &str| Url::parse(text).unwrap();
        let mut jar = Jar::new();
        jar.add_header("a=1; b=x%20y", &url("http://one.test/dir/page"));
        jar.keep(&["c=3; Path=/".to_owned()], &url("http://one.test/dir/page"));
        let mut parts: Vec<String> = jar
            .header(&url("http://one.test/dir/other"))
            .map(|header| header.split("; ").map(str::to_owned).collect())
            .unwrap_or_default();
        parts.sort();
        assert_eq!(parts, ["a=1", "b=x%20y", "c=3"]);
        assert_eq!(jar.header(&url("http://one.test/")).as_deref(), Some("c=3"));
        assert_eq!(jar.header(&url("http://two.test/dir/page")), None);
    }
}
