//! The HTTP routes of flows: the settings `http-node-auth` and `http-node-cors`, and password
//! authentication.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use ferrowire_core::MutexExt as _;

use data_encoding::BASE64;
use ferrowire_admin::{Throttle, is_password_hash};
use ferrowire_http::{Cors, FlowRoutes, Gate, Origins, Response, text};
use hyper::StatusCode;
use hyper::header::{AUTHORIZATION, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use serde::Deserialize;
use subtle::ConstantTimeEq;
use tokio::sync::Semaphore;
use tracing::warn;

use crate::settings::Settings;

/// The number of passwords compared concurrently, each on a blocking thread for about a quarter of
/// a second. Further requests wait.
const COMPARING: usize = 2;

/// The table `http-node-auth`: Node-RED's `httpNodeAuth`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct User {
    user: String,
    /// A bcrypt hash.
    pass: String,
}

/// The table `http-node-cors`: Node-RED's `httpNodeCors`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct CorsTable {
    origin: Option<Texts>,
    methods: Option<Texts>,
    allowed_headers: Option<Texts>,
    exposed_headers: Option<Texts>,
    credentials: Option<bool>,
    max_age: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected a string or a list of strings")]
enum Texts {
    One(String),
    Several(Vec<String>),
}

impl Texts {
    fn joined(self) -> Result<HeaderValue, String> {
        let text = match self {
            Texts::One(text) => text,
            Texts::Several(all) => all.join(","),
        };
        text.parse().map_err(|_| format!("invalid header value `{text}`"))
    }
}

/// Reads the table `http-node-auth`.
///
/// # Errors
/// The first error in it; messages call it `origin`.
pub(crate) fn user(table: &toml::Value, origin: &str) -> Result<User, String> {
    let user: User = table
        .clone()
        .try_into()
        .map_err(|error: toml::de::Error| format!("{origin}: {}", error.message()))?;
    match is_password_hash(&user.pass) {
        true => Ok(user),
        false => Err(format!(
            "{origin}: invalid `pass`: expected a bcrypt hash, the output of `ferrowire hash-password`"
        )),
    }
}

/// Reads the table `http-node-cors`.
///
/// # Errors
/// The first error in it; messages call it `origin`.
pub(crate) fn cors(table: &toml::Value, origin: &str) -> Result<Cors, String> {
    let wrong = |reason: &str| format!("{origin}: {reason}");
    let table: CorsTable =
        table.clone().try_into().map_err(|error: toml::de::Error| wrong(error.message()))?;
    let list = |texts: Option<Texts>| texts.map(Texts::joined).transpose();
    let origins = match table.origin {
        None => Origins::Any,
        Some(Texts::One(any)) if any == "*" => Origins::Any,
        Some(Texts::One(one)) => Origins::These(vec![one]),
        Some(Texts::Several(all)) => Origins::These(all),
    };
    let credentials = table.credentials.unwrap_or(false);
    if credentials && origins == Origins::Any {
        return Err(wrong("browsers refuse `credentials` with `origin = \"*\"`; list the origins"));
    }
    let cors = Cors { origins, credentials, max_age: table.max_age, ..Cors::default() };
    Ok(Cors {
        methods: list(table.methods).map_err(|e| wrong(&e))?.unwrap_or(cors.methods.clone()),
        allowed_headers: list(table.allowed_headers).map_err(|e| wrong(&e))?,
        exposed_headers: list(table.exposed_headers).map_err(|e| wrong(&e))?,
        ..cors
    })
}

/// The root, CORS and authentication of flows' routes.
pub(crate) fn routes(settings: &Settings) -> FlowRoutes {
    FlowRoutes {
        root: settings.http_node_root.clone(),
        cors: settings.http_node_cors.clone(),
        gate: settings.http_node_auth.clone().map(gate),
    }
}

/// Accepts requests with the user's name and password.
fn gate(user: User) -> Gate {
    let door = Arc::new(Door {
        user,
        known: Mutex::default(),
        comparing: Semaphore::const_new(COMPARING),
        throttle: Throttle::default(),
    });
    Arc::new(move |head, client| {
        let door = Arc::clone(&door);
        Box::pin(async move { door.check(&head.headers, client.ip()).await })
    })
}

struct Door {
    user: User,
    /// The last valid header, so that the slow comparison runs once.
    known: Mutex<Option<HeaderValue>>,
    comparing: Semaphore,
    throttle: Throttle,
}

impl Door {
    async fn check(&self, headers: &HeaderMap, client: IpAddr) -> Result<(), Response> {
        let Some(given) = headers.get(AUTHORIZATION) else { return Err(refusal()) };
        if self.knows(given) {
            return Ok(());
        }
        let Some(password) = self.password(given) else { return Err(refusal()) };
        let Ok(_permit) = self.comparing.acquire().await else { return Err(refusal()) };
        // Of the first requests of a page, which come together, only some are compared.
        if self.knows(given) {
            return Ok(());
        }
        if !self.throttle.try_for(client, &self.user.user) {
            warn!(%client, "too many wrong passwords for `http-node-auth`");
            let reason = "too many wrong passwords; wait 10 minutes and try again";
            return Err(text(StatusCode::TOO_MANY_REQUESTS, reason));
        }
        let hash = self.user.pass.clone();
        let compared = tokio::task::spawn_blocking(move || bcrypt::verify(password, &hash)).await;
        if !matches!(compared, Ok(Ok(true))) {
            return Err(refusal());
        }
        self.throttle.succeeded(client, &self.user.user);
        *self.known.locked() = Some(given.clone());
        Ok(())
    }

    fn knows(&self, given: &HeaderValue) -> bool {
        let known = self.known.locked();
        known.as_ref().is_some_and(|known| known.as_bytes().ct_eq(given.as_bytes()).into())
    }

    /// The password, if the user name in the header is right.
    fn password(&self, given: &HeaderValue) -> Option<Vec<u8>> {
        let (scheme, encoded) = given.to_str().ok()?.split_once(' ')?;
        let plain = BASE64.decode(encoded.trim().as_bytes()).ok()?;
        let at = plain.iter().position(|byte| *byte == b':')?;
        let (name, password) = plain.split_at_checked(at)?;
        let is_user = scheme.eq_ignore_ascii_case("basic") && name == self.user.user.as_bytes();
        is_user.then(|| password.get(1..).unwrap_or_default().to_vec())
    }
}

fn refusal() -> Response {
    let mut response = text(StatusCode::UNAUTHORIZED, "a user name and a password are required");
    let scheme = HeaderValue::from_static("Basic realm=\"Authorization Required\"");
    response.headers_mut().insert(WWW_AUTHENTICATE, scheme);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> toml::Value {
        toml::Value::Table(text.parse().unwrap())
    }

    #[test]
    fn a_plain_password_is_refused() {
        let mistake = user(&table("user = 'a'\npass = 'secret'"), "`t`").unwrap_err();
        assert_eq!(
            mistake,
            "`t`: invalid `pass`: expected a bcrypt hash, the output of `ferrowire hash-password`"
        );
    }

    #[test]
    fn origins_and_headers_are_names_or_lists() {
        let read = |text| cors(&table(text), "`t`");
        assert_eq!(read("origin = '*'").unwrap(), Cors::default());
        let several =
            read("origin = ['https://a', 'https://b']\nmethods = ['GET', 'PUT']").unwrap();
        assert_eq!(several.origins, Origins::These(vec!["https://a".into(), "https://b".into()]));
        assert_eq!(several.methods, "GET,PUT");
        for wrong in ["origin = 1", "colour = 'red'", "credentials = true", "methods = \"a\\nb\""] {
            assert!(read(wrong).unwrap_err().starts_with("`t`: "), "{wrong}");
        }
    }
}
