//! The properties of a listener that say who may connect.

use std::str::FromStr;
use std::time::Duration;

use ferrowire_core::{NodeConfig, NodeContext, Setting, Value};
use jsonwebtoken::{Algorithm, AlgorithmFamily};

use crate::client::url::Url;
use crate::listener::access::jwt::Rules;
use crate::listener::access::keys::KeySet;
use crate::listener::access::places::Places;
use crate::listener::access::secrets::Secrets;
use crate::listener::split_list;

const HANDSHAKE_TIMEOUT: Setting<Duration> = Setting::seconds("handshake-timeout").default("10");

/// The shortest secret that is no easier to guess than a signature of HS256 (RFC 7518 §3.2).
const SHORTEST_SECRET: usize = 32;

/// `auth` and what belongs to it.
#[derive(Clone, Debug)]
pub(crate) struct AccessOptions {
    pub(crate) method: Method,
    pub(crate) places: Places,
    /// `authTimeout`: how long a first message or the flow may take.
    pub(crate) time: Duration,
    /// The secret of an HMAC is short.
    has_short_secret: bool,
}

/// `auth`.
#[derive(Clone, Debug)]
pub(crate) enum Method {
    Open,
    Token(Secrets),
    Basic(Secrets),
    Jwt(Box<Rules>, KeySource),
    Flow,
}

/// Where the keys of tokens are.
#[derive(Clone, Debug)]
pub(crate) enum KeySource {
    Fixed(KeySet),
    At(Url),
}

impl AccessOptions {
    /// Reads the properties. A missing secret is no problem of the flow file, which does not contain
    /// secrets: see [`warn`](Self::warn).
    pub(crate) fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let key = credential(config, "jwtKey");
        let method = match config.text("auth").as_str() {
            "" => Method::Open,
            "token" => Method::Token(Secrets::tokens(&credential(config, "authTokens"))),
            "basic" => Method::Basic(users(config)),
            "jwt" => Method::Jwt(Box::new(rules(config)), key_source(config, &key)),
            "flow" => Method::Flow,
            other => {
                let text = format!("expected `token`, `basic`, `jwt` or `flow`, found `{other}`");
                config.problem("auth", text);
                Method::Open
            }
        };
        let time = config.number_in("authTimeout", 0.1..=3600.0).unwrap_or(5.0);
        AccessOptions {
            method,
            places: Places::from_config(config),
            time: Duration::from_secs_f64(time),
            has_short_secret: !key.contains("-----BEGIN") && key.len() < SHORTEST_SECRET,
        }
    }

    /// Logs what makes the listener refuse everybody, or easy to enter.
    pub(crate) fn warn(&self, cx: &NodeContext) {
        let nobody = |what: &str| {
            cx.error(format_args!("{what}, so every handshake is refused; set them in the dialog"));
        };
        match &self.method {
            Method::Token(secrets) if secrets.is_empty() => nobody("`auth` has no tokens"),
            Method::Basic(secrets) if secrets.is_empty() => nobody("`auth` has no users"),
            Method::Jwt(_, KeySource::Fixed(keys)) => match keys.families().next() {
                None => nobody("`auth` has no key and no address of keys"),
                Some(AlgorithmFamily::Hmac) if self.has_short_secret => cx.warn(format_args!(
                    "the secret in `jwtKey` is shorter than {SHORTEST_SECRET} bytes and may be \
                     guessed from a token"
                )),
                Some(_) => {}
            },
            Method::Flow if self.time > cx.setting(&HANDSHAKE_TIMEOUT) => cx.warn(
                "`authTimeout` is longer than the setting `handshake-timeout`, which applies",
            ),
            _ => {}
        }
    }
}

/// A credential, or a property of that name with a variable of the environment. A variable that is
/// not set is no secret.
fn credential(config: &mut NodeConfig<'_>, name: &str) -> String {
    let among = config.raw("credentials").and_then(|all| all.get(name)).and_then(Value::as_str);
    let text = match among.filter(|text| !text.is_empty()) {
        Some(text) => text.to_owned(),
        None => config.text(name),
    };
    let is_unset = text.starts_with("${") && text.ends_with('}');
    if is_unset { String::new() } else { text.trim().to_owned() }
}

fn users(config: &mut NodeConfig<'_>) -> Secrets {
    let list = credential(config, "authUsers");
    Secrets::users(&list).unwrap_or_else(|error| {
        config.problem("authUsers", error);
        Secrets::default()
    })
}

fn rules(config: &mut NodeConfig<'_>) -> Rules {
    let mut algorithms = Vec::new();
    for name in split_list(&config.text("jwtAlgorithms")) {
        match Algorithm::from_str(&name) {
            Ok(algorithm) => algorithms.push(algorithm),
            Err(_) => config.problem(
                "jwtAlgorithms",
                format!(
                    "expected names such as `RS256`, `ES256`, `EdDSA` or `HS256`, found `{name}`"
                ),
            ),
        }
    }
    Rules {
        algorithms,
        audience: split_list(&config.text("jwtAudience")),
        issuer: split_list(&config.text("jwtIssuer")),
        leeway: config.number_in("jwtLeeway", 0.0..=3600.0).unwrap_or(30.0) as u64,
        user: config.text_or("jwtUserClaim", "sub"),
        rooms: config.text("jwtRoomsClaim"),
    }
}

fn key_source(config: &mut NodeConfig<'_>, key: &str) -> KeySource {
    let address = config.text("jwksUrl");
    if !address.is_empty() {
        return match Url::parse_as(&address, ["http", "https"]) {
            Ok(url) => KeySource::At(url),
            Err(text) => {
                config.problem("jwksUrl", text);
                KeySource::Fixed(KeySet::default())
            }
        };
    }
    if key.is_empty() {
        return KeySource::Fixed(KeySet::default());
    }
    KeySource::Fixed(KeySet::single(key).unwrap_or_else(|text| {
        config.problem("jwtKey", text);
        KeySet::default()
    }))
}
