//! `Options`: the settings of traces, checked.

use ferrowire_core::Secret;
use ferrowire_core::trace::Carrier;
use hyper::Uri;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue};
use hyper::http::uri::PathAndQuery;
use percent_encoding::percent_decode_str;

/// The path that OTLP over HTTP has for traces.
const PATH: &str = "/v1/traces";

/// Where traces go, and which.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// The whole URL, with a host.
    pub(super) endpoint: Uri,
    pub(super) headers: HeaderMap,
    /// From 0 to 1.
    pub(super) sample: f64,
    pub(super) carriers: Vec<Carrier>,
    pub(super) service: String,
}

/// The options as their settings have them, each checked by itself.
pub(crate) struct OptionsOf {
    pub(crate) endpoint: Option<Uri>,
    pub(crate) headers: Option<HeaderMap>,
    pub(crate) sample: Option<f64>,
    pub(crate) carriers: Option<Vec<Carrier>>,
    pub(crate) service: String,
}

impl OptionsOf {
    /// `None` without an endpoint, or if one is invalid.
    pub(crate) fn options(self) -> Option<Options> {
        Some(Options {
            endpoint: self.endpoint?,
            headers: self.headers?,
            sample: self.sample?,
            carriers: self.carriers?,
            service: self.service,
        })
    }
}

/// The URL of a collector; the path for traces is added unless it is there.
pub(crate) fn endpoint(text: Option<String>) -> Result<Option<Uri>, String> {
    const EXPECTED: &str = "expected a URL such as `http://localhost:4318`";
    let Some(text) = text else { return Ok(None) };
    let url: Uri = text.parse().map_err(|error| format!("{EXPECTED}: {error}"))?;
    let mut parts = url.into_parts();
    let scheme = parts.scheme.as_ref().map(|scheme| scheme.as_str());
    if !matches!(scheme, Some("http" | "https")) {
        return Err(EXPECTED.to_owned());
    }
    if parts.authority.as_ref().is_none_or(|it| it.host().is_empty() || it.as_str().contains('@')) {
        let advice = "without a user; `otlp-headers` takes an `Authorization`";
        return Err(format!("{EXPECTED}, {advice}"));
    }
    let path = parts.path_and_query.as_ref().map_or("", |path| path.path()).trim_end_matches('/');
    let path = if path.ends_with(PATH) { path.to_owned() } else { format!("{path}{PATH}") };
    let path: PathAndQuery = path.parse().map_err(|error| format!("{EXPECTED}: {error}"))?;
    parts.path_and_query = Some(path);
    Uri::from_parts(parts).map(Some).map_err(|error| format!("{EXPECTED}: {error}"))
}

/// Headers in the form of `OTEL_EXPORTER_OTLP_HEADERS`: `name=value`, separated by commas, values
/// percent-encoded.
pub(crate) fn headers(text: Option<Secret>) -> Result<HeaderMap, String> {
    text.map_or_else(|| Ok(HeaderMap::new()), |text| header_map(text.expose()))
}

fn header_map(text: &str) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
    for (at, item) in items.enumerate() {
        // What is wrong may be a secret.
        let expected =
            || format!("expected `name=value`, separated by commas; entry {} is invalid", at + 1);
        let (name, value) = item.split_once('=').ok_or_else(expected)?;
        let name: HeaderName = name.trim().parse().map_err(|_| expected())?;
        if [HOST, CONTENT_LENGTH, CONTENT_TYPE].contains(&name) {
            return Err(format!("`{name}` cannot be set"));
        }
        let value: Vec<u8> = percent_decode_str(value.trim()).collect();
        let mut value = HeaderValue::from_bytes(&value).map_err(|_| expected())?;
        value.set_sensitive(true);
        headers.append(name, value);
    }
    Ok(headers)
}

/// The share of traces that are recorded.
pub(crate) fn sample(text: String) -> Result<f64, String> {
    let share: Option<f64> = text.parse().ok();
    share.filter(|share| (0.0..=1.0).contains(share)).ok_or_else(|| {
        "expected a number from 0 to 1, such as `0.01` for one trace in a hundred".to_owned()
    })
}

/// What carries traces between systems: HTTP, unless something is named.
pub(crate) fn carriers(names: Vec<String>) -> Result<Vec<Carrier>, String> {
    if names.is_empty() {
        return Ok(vec![Carrier::Http]);
    }
    let carrier = |name: &String| Carrier::ALL.into_iter().find(|it| it.name() == name);
    let carriers: Option<Vec<Carrier>> =
        names.iter().filter(|name| *name != "none").map(carrier).collect();
    carriers.ok_or_else(|| {
        let [all @ .., last] = Carrier::ALL.map(|it| format!("`{}`", it.name()));
        format!("expected `none`, or some of {} and {last}", all.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_for_traces_is_added_to_the_endpoint() {
        let cases = [
            ("http://localhost:4318", "http://localhost:4318/v1/traces"),
            ("https://host/otlp/", "https://host/otlp/v1/traces"),
            ("http://[::1]:4318/v1/traces", "http://[::1]:4318/v1/traces"),
        ];
        for (given, expected) in cases {
            assert_eq!(endpoint(Some(given.to_owned())).unwrap().unwrap(), *expected);
        }
        for invalid in ["localhost:4318", "host", "grpc://host", "http://u:p@host", "http://", ""] {
            let error = endpoint(Some(invalid.to_owned())).unwrap_err();
            assert!(error.starts_with("expected a URL"), "{invalid}: {error}");
        }
    }

    #[test]
    fn headers_are_percent_encoded_and_a_mistake_does_not_show_them() {
        let map = header_map("Authorization=Basic%20abc%3D, x-tenant = a=b,").unwrap();
        assert_eq!(map["authorization"], "Basic abc=");
        assert_eq!(map["x-tenant"], "a=b");
        for invalid in ["key", "a b=c", "a=zz%0A", "x=1,=2", "host=other"] {
            let error = header_map(invalid).unwrap_err();
            assert!(!error.contains("zz"), "{error}");
        }
    }
}
