//! The properties of an `http request`, read once.

use ferrowire::expression::mustache::Template;
use ferrowire::{NodeConfig, PropertyPath, Value};
use ferrowire_net::TlsOptions;

use crate::proxy::Choice;

/// The default of the property `maxResponse`.
const LARGEST: usize = 100 << 20;

/// The options of an `http request`.
#[derive(Debug)]
pub(crate) struct Options {
    /// `None` for `msg.method`.
    pub(crate) method: Option<String>,
    pub(crate) url: UrlSource,
    pub(crate) result: ResultType,
    pub(crate) payload: PayloadOf,
    pub(crate) headers: Vec<(Part, Part)>,
    pub(crate) auth: Option<AuthType>,
    pub(crate) user: String,
    pub(crate) password: String,
    /// Whether failures go only to catch nodes.
    pub(crate) errors_only: bool,
    pub(crate) keep_alive: bool,
    /// Whether invalid headers in responses are ignored.
    pub(crate) lenient: bool,
    pub(crate) has_tls: bool,
    pub(crate) tls: TlsOptions,
    pub(crate) proxy: Choice,
    pub(crate) largest: usize,
}

/// The source of the URL.
#[derive(Debug)]
pub(crate) enum UrlSource {
    Message,
    Fixed(String),
    Template(String, Template),
}

/// How a response's body is converted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum ResultType {
    Text,
    Buffer,
    Json,
}

/// How the payload is used in a GET request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum PayloadOf {
    Nothing,
    Query,
    Body,
}

/// The authentication method.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum AuthType {
    Basic,
    Digest,
    Bearer,
}

/// The name or the value of a header.
#[derive(Debug)]
pub(crate) enum Part {
    Text(String),
    Property(PropertyPath),
}

impl Options {
    pub(crate) fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let method = config.text_or("method", "GET");
        let tls = config.referenced("tls");
        let has_tls = tls.is_some();
        let tls = tls.map(|properties| {
            TlsOptions::from_properties(&properties, |property, text| {
                config.problem("tls", format!("`{property}` of the `tls-config`: {text}"));
            })
        });
        let proxy = config.referenced("proxy").map(|properties| {
            Choice::from_properties(&properties, |text| config.problem("proxy", text))
        });
        let credential = |config: &NodeConfig<'_>, name: &str| {
            let text = config.raw("credentials").and_then(|all| all.get(name)?.as_str());
            text.unwrap_or_default().to_owned()
        };
        Options {
            method: (method != "use").then(|| method.to_ascii_uppercase()),
            url: url(config),
            result: result(config),
            payload: payload(config),
            headers: headers(config),
            auth: auth(config),
            user: credential(config, "user"),
            password: credential(config, "password"),
            errors_only: config.boolean("senderr", false),
            keep_alive: config.boolean("persist", false),
            lenient: config.boolean("insecureHTTPParser", false),
            has_tls,
            tls: tls.unwrap_or_default(),
            proxy: proxy.unwrap_or(Choice::Environment),
            largest: config
                .number_in("maxResponse", 1.0..=f64::from(u32::MAX))
                .map_or(LARGEST, |bytes| bytes as usize),
        }
    }
}

fn url(config: &mut NodeConfig<'_>) -> UrlSource {
    let url = config.text("url").trim().to_owned();
    if url.is_empty() {
        return UrlSource::Message;
    }
    if !url.contains("{{") {
        return UrlSource::Fixed(url);
    }
    match Template::parse(&url) {
        Ok(template) => UrlSource::Template(url, template),
        Err(error) => {
            config.problem("url", error.to_string());
            UrlSource::Fixed(url)
        }
    }
}

fn result(config: &mut NodeConfig<'_>) -> ResultType {
    match config.text_or("ret", "txt").as_str() {
        "txt" => ResultType::Text,
        "bin" => ResultType::Buffer,
        "obj" => ResultType::Json,
        other => {
            config.problem("ret", format!("expected `txt`, `bin` or `obj`, found `{other}`"));
            ResultType::Text
        }
    }
}

/// `true` is the editor's old form of `query`.
fn payload(config: &mut NodeConfig<'_>) -> PayloadOf {
    match config.text("paytoqs").as_str() {
        "" | "false" | "ignore" => PayloadOf::Nothing,
        "true" | "query" => PayloadOf::Query,
        "body" => PayloadOf::Body,
        other => {
            let text = format!("expected `ignore`, `query` or `body`, found `{other}`");
            config.problem("paytoqs", text);
            PayloadOf::Nothing
        }
    }
}

fn auth(config: &mut NodeConfig<'_>) -> Option<AuthType> {
    match config.text("authType").as_str() {
        // Without a choice, credentials in the URL are used for basic authentication.
        "" | "basic" => Some(AuthType::Basic),
        "digest" => Some(AuthType::Digest),
        "bearer" => Some(AuthType::Bearer),
        other => {
            let text = format!("expected `basic`, `digest` or `bearer`, found `{other}`");
            config.problem("authType", text);
            None
        }
    }
}

/// The list of `{keyType, keyValue, valueType, valueValue}`.
fn headers(config: &mut NodeConfig<'_>) -> Vec<(Part, Part)> {
    let list = match config.raw("headers") {
        Some(Value::Array(list)) => list.to_vec(),
        // Old versions of the editor saved an object instead of a list.
        None | Some(Value::Object(_)) => Vec::new(),
        Some(_) => {
            config.problem("headers", "expected a list of headers");
            Vec::new()
        }
    };
    let mut headers = Vec::new();
    for entry in &list {
        let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default();
        let name = part(text("keyType"), text("keyValue"));
        let value = part(text("valueType"), text("valueValue"));
        match (name, value) {
            (Ok(name), Ok(value)) => headers.push((name, value)),
            (Err(text), _) | (_, Err(text)) => config.problem("headers", text),
        }
    }
    headers
}

fn part(kind: &str, value: &str) -> Result<Part, String> {
    match kind {
        "other" => Ok(Part::Text(value.to_owned())),
        "msg" => PropertyPath::parse(value).map(Part::Property).map_err(|error| error.to_string()),
        fixed => Ok(Part::Text(fixed.to_owned())),
    }
}
