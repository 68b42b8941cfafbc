//! `Access`: who may connect to a listener, and who it is.

mod crypto;
mod fetch;
pub(crate) mod first_message;
pub(crate) mod flow;
mod jwks;
mod jwt;
mod keys;
mod options;
mod places;
mod secrets;
#[cfg(test)]
#[path = "../../tests/tokens/mod.rs"]
mod tokens;

use std::net::IpAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use ferrowire_core::NodeContext;
use ferrowire_net::Throttle;
use hyper::header::AUTHORIZATION;
use hyper::http::request::Parts;

use crate::listener::access::flow::Waiting;
use crate::listener::access::jwks::Jwks;
use crate::listener::access::jwt::Rules;
use crate::listener::access::keys::KeySet;
use crate::listener::access::options::{KeySource, Method};
use crate::listener::access::places::Places;
use crate::listener::access::secrets::Secrets;
use crate::listener::identity::Identity;
use crate::listener::refusal::{Kind, Refusal};

pub(crate) use crate::listener::access::options::AccessOptions;

/// How often an address may fail, at all listeners of the process. The table has a fixed size.
static THROTTLE: LazyLock<Throttle> = LazyLock::new(Throttle::default);

const BEARER: &str = "Bearer";
const BASIC: &str = "Basic realm=\"WebSocket\", charset=\"UTF-8\"";

/// Decides about the handshakes of a listener.
pub(crate) enum Access {
    /// Everybody may connect.
    Open,
    /// Who has a token.
    Token(Bearer),
    /// Users with a password.
    Basic(Secrets),
    /// The flow decides.
    Flow(Arc<Waiting>),
}

/// What the head of a handshake decides.
#[derive(Debug)]
pub(crate) enum Decision {
    /// The client may connect.
    Admitted(Identity),
    /// Its first message decides.
    AwaitsMessage,
    /// The flow is asked.
    AsksFlow(Arc<Waiting>),
}

/// Tokens, and where handshakes have them.
#[derive(Clone)]
pub(crate) struct Bearer {
    places: Places,
    accepted: Arc<Accepted>,
    /// How long the first message may take.
    pub(crate) time: Duration,
}

/// Which tokens are accepted.
enum Accepted {
    Listed(Secrets),
    Signed { rules: Rules, keys: Keys },
}

enum Keys {
    Fixed(Arc<KeySet>),
    At(Arc<Jwks>),
}

impl Access {
    /// The access of a listener that starts. What makes it refuse everybody is logged.
    pub(crate) fn new(options: &AccessOptions, cx: &NodeContext) -> Self {
        options.warn(cx);
        let bearer = |accepted| {
            Access::Token(Bearer {
                places: options.places.clone(),
                accepted: Arc::new(accepted),
                time: options.time,
            })
        };
        match &options.method {
            Method::Open => Access::Open,
            Method::Token(secrets) => bearer(Accepted::Listed(secrets.clone())),
            Method::Basic(secrets) => Access::Basic(secrets.clone()),
            Method::Jwt(rules, source) => {
                crypto::install();
                let keys = match source {
                    KeySource::Fixed(keys) => Keys::Fixed(Arc::new(keys.clone())),
                    KeySource::At(url) => Keys::At(Jwks::new(url.clone(), cx.clone())),
                };
                bearer(Accepted::Signed { rules: Rules::clone(rules), keys })
            }
            Method::Flow => Access::Flow(Waiting::new(cx.clone(), options.time)),
        }
    }

    /// Decides about a handshake. Tokens are taken out of its head.
    ///
    /// # Errors
    /// Why it is refused.
    pub(crate) async fn decide(
        &self,
        head: &mut Parts,
        client: IpAddr,
    ) -> Result<Decision, Refusal> {
        match self {
            Access::Open => Ok(Decision::Admitted(Identity::default())),
            Access::Token(bearer) => match bearer.places.take(head) {
                Some(token) => bearer.check(&token, client).await.map(Decision::Admitted),
                None if bearer.places.include_message() => Ok(Decision::AwaitsMessage),
                None => Err(unauthorized("a token is missing").challenging(BEARER)),
            },
            Access::Basic(users) => login(users, head, client).map(Decision::Admitted),
            Access::Flow(waiting) => Ok(Decision::AsksFlow(Arc::clone(waiting))),
        }
    }

    /// The handshakes that wait for the flow.
    pub(crate) fn waiting(&self) -> Option<&Arc<Waiting>> {
        match self {
            Access::Flow(waiting) => Some(waiting),
            _ => None,
        }
    }

    /// What first messages are checked with.
    pub(crate) fn bearer(&self) -> Option<&Bearer> {
        match self {
            Access::Token(bearer) => Some(bearer),
            _ => None,
        }
    }
}

impl Bearer {
    /// Who the token of `client` belongs to.
    ///
    /// # Errors
    /// Why it is not accepted; without any part of the token.
    pub(crate) async fn check(&self, token: &str, client: IpAddr) -> Result<Identity, Refusal> {
        if !THROTTLE.may_try_token(client) {
            return Err(throttled());
        }
        let checked = match &*self.accepted {
            Accepted::Listed(secrets) => match secrets.user_of(token) {
                Some(user) => Ok(Identity { user, ..Identity::default() }),
                None => Err(unauthorized("the token is unknown")),
            },
            Accepted::Signed { rules, keys } => signed(rules, keys, token).await,
        };
        checked.map_err(|refusal| {
            if refusal.kind == Kind::Unauthorized {
                THROTTLE.token_failed(client);
            }
            refusal.challenging("Bearer error=\"invalid_token\"")
        })
    }
}

async fn signed(rules: &Rules, keys: &Keys, token: &str) -> Result<Identity, Refusal> {
    let header = rules.header(token).map_err(unauthorized)?;
    let keys = match keys {
        Keys::Fixed(keys) => Arc::clone(keys),
        Keys::At(jwks) => {
            let keys = jwks.keys(|keys| keys.matching(&header).next().is_some()).await;
            let missing = "the keys of tokens cannot be read";
            keys.ok_or_else(|| Refusal::new(Kind::Unavailable, missing))?
        }
    };
    rules.check(token, &header, &keys).map_err(unauthorized)
}

/// Checks `Authorization: Basic` (RFC 7617), and removes it.
fn login(users: &Secrets, head: &mut Parts, client: IpAddr) -> Result<Identity, Refusal> {
    let refused = |reason| unauthorized(reason).challenging(BASIC);
    let header = head.headers.remove(AUTHORIZATION);
    let given = header.as_ref().and_then(|value| value.to_str().ok()?.split_once(' '));
    let (scheme, encoded) = given.ok_or_else(|| refused("a login is missing"))?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(refused("a login with user and password is missing"));
    }
    let decoded = data_encoding::BASE64.decode(encoded.trim().as_bytes()).ok();
    let login = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
    let login = login.ok_or_else(|| refused("the login is malformed"))?;
    let name = login.split(':').next().unwrap_or_default();
    if !THROTTLE.try_for(client, name) {
        return Err(throttled());
    }
    let user = users.user_of(&login).ok_or_else(|| refused("the user or password is wrong"))?;
    THROTTLE.succeeded(client, name);
    Ok(Identity { user, ..Identity::default() })
}

fn unauthorized(reason: &'static str) -> Refusal {
    Refusal::new(Kind::Unauthorized, reason)
}

fn throttled() -> Refusal {
    Refusal::new(Kind::Throttled, "too many failed attempts from this address")
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Access::Open => "Open",
            Access::Token(_) => "Token",
            Access::Basic(_) => "Basic",
            Access::Flow(_) => "Flow",
        })
    }
}
