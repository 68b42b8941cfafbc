//! `Auth`: users, tokens and their permissions: Node-RED's `adminAuth`.

mod guard;
mod hash;
pub(crate) mod login;
mod permissions;
mod sessions;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ferrowire_core::Value;
use hyper::StatusCode;
use hyper::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use hyper::http::request::Parts;
use serde_json::json;
use subtle::ConstantTimeEq as _;
use tokio::sync::{Semaphore, watch};

use self::login::TOKEN_USER;
use self::sessions::Sessions;
use crate::{Admin, Reply};

pub use ferrowire_http::Throttle;
pub use guard::Guard;
pub use hash::{NoHash, hash_password, is_password_hash};
pub use permissions::Permissions;

/// The users and tokens: Node-RED's `adminAuth`.
#[derive(Clone, Debug)]
pub struct AuthConfig {
    /// The users that log in with a name and a password.
    pub users: Vec<UserConfig>,
    /// The permissions without a login; `None` stands for no permissions.
    pub default: Option<Permissions>,
    /// How long a login lasts.
    pub session_lifetime: Duration,
    /// Tokens that need no login.
    pub tokens: Vec<StaticToken>,
    /// A token with all permissions. If there are no users, the login dialog asks for it.
    pub access_token: Option<String>,
}

impl Default for AuthConfig {
    /// No users and no tokens; logins last for a week, as in Node-RED.
    fn default() -> Self {
        AuthConfig {
            users: Vec::new(),
            default: None,
            session_lifetime: Duration::from_secs(7 * 24 * 60 * 60),
            tokens: Vec::new(),
            access_token: None,
        }
    }
}

/// A user that logs in with a name and a password.
#[derive(Clone)]
pub struct UserConfig {
    /// The name.
    pub username: String,
    /// The bcrypt hash of the password.
    pub password: String,
    /// The user's permissions.
    pub permissions: Permissions,
}

/// A token that needs no login, for programs.
#[derive(Clone)]
pub struct StaticToken {
    /// The token.
    pub token: String,
    /// The user name, for the log.
    pub user: String,
    /// Its permissions.
    pub scope: Permissions,
}

impl fmt::Debug for UserConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserConfig").field("username", &self.username).finish_non_exhaustive()
    }
}

impl fmt::Debug for StaticToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StaticToken").field("user", &self.user).finish_non_exhaustive()
    }
}

/// The user that makes a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The name; `None` without a login.
    pub name: Option<String>,
    /// The user's permissions.
    pub permissions: Permissions,
}

impl User {
    /// The key of the user's settings, as in Node-RED.
    pub(crate) fn key(&self) -> &str {
        self.name.as_deref().unwrap_or("_")
    }

    /// The user in the response to `GET /settings`.
    pub(crate) fn for_editor(&self) -> Value {
        Value::from(match &self.name {
            Some(name) => json!({"username": name, "permissions": self.permissions}),
            None => json!({"anonymous": true, "permissions": self.permissions}),
        })
    }
}

/// The owner of a token.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) user: User,
    /// The time until the token expires; `None` if it does not.
    pub(crate) remaining: Option<Duration>,
}

/// Checks tokens and permissions.
#[derive(Debug)]
pub struct Auth {
    pub(crate) config: Option<AuthConfig>,
    pub(crate) sessions: Sessions,
    pub(crate) throttle: Throttle,
    /// Bounds how many passwords are hashed at a time: hashing is slow on purpose.
    pub(crate) hashing: Semaphore,
    guard: Guard,
}

const TEXT: &str = "text/plain; charset=utf-8";

/// How many passwords are hashed at a time.
const HASHING: usize = 2;

impl Auth {
    /// Without a `config`, every request that `guard` accepts is authorized. Logins are kept in
    /// `sessions_file`, Node-RED's `.sessions.json`.
    pub fn new(config: Option<AuthConfig>, guard: Guard, sessions_file: Option<PathBuf>) -> Self {
        let lifetime = config.as_ref().map(|config| config.session_lifetime).unwrap_or_default();
        let sessions_file = sessions_file.filter(|_| config.is_some());
        Auth {
            config,
            sessions: Sessions::open(sessions_file, lifetime),
            throttle: Throttle::default(),
            hashing: Semaphore::new(HASHING),
            guard,
        }
    }

    /// Whether requests need a token.
    pub fn is_on(&self) -> bool {
        self.config.is_some()
    }

    /// Authorizes a request that needs `permission`, such as `flows.write`, and returns its user;
    /// `None` if requests need no token.
    ///
    /// # Errors
    /// The reply that refuses it: 403 if a page from another site may have caused the request, 401
    /// if the login or the permission is missing, as in Node-RED.
    pub fn authorize(&self, request: &Parts, permission: &str) -> Result<Option<User>, Reply> {
        self.guard.check(request)?;
        if !self.is_on() {
            return Ok(None);
        }
        let token = token_of(request);
        let Some(user) = self.user_of(token.as_deref()) else {
            return Err(unauthorized(token.is_some()));
        };
        if user.permissions.allow(permission) {
            return Ok(Some(user));
        }
        tracing::info!(user = user.key(), permission, "the user lacks a permission");
        Err(Reply::new(StatusCode::UNAUTHORIZED, TEXT, Bytes::new()))
    }

    /// The scopes of the user of a request; none if the request is refused.
    pub fn scopes(&self, request: &Parts) -> Vec<String> {
        if self.guard.check(request).is_err() {
            return Vec::new();
        }
        if !self.is_on() {
            return Permissions::all().scopes().to_vec();
        }
        let user = self.user_of(token_of(request).as_deref());
        user.map_or_else(Vec::new, |user| user.permissions.scopes().to_vec())
    }

    /// The owner of the token, or the user of requests without a login.
    fn user_of(&self, token: Option<&str>) -> Option<User> {
        let identity = token.and_then(|token| self.identity(token));
        identity.map(|identity| identity.user).or_else(|| self.anonymous())
    }

    /// Refuses a request that a page from another site may have caused.
    ///
    /// # Errors
    /// A reply with status 403 and the reason.
    pub fn guard(&self, request: &Parts) -> Result<(), Reply> {
        self.guard.check(request)
    }

    /// The owner of `token`; `None` if it is unknown or has expired.
    pub(crate) fn identity(&self, token: &str) -> Option<Identity> {
        let config = self.config.as_ref()?;
        let named = |username: &str, permissions: &Permissions| User {
            name: Some(username.to_owned()),
            permissions: permissions.clone(),
        };
        if config.access_token.as_deref().is_some_and(|expected| same(expected, token)) {
            return Some(Identity {
                user: named(TOKEN_USER, &Permissions::all()),
                remaining: None,
            });
        }
        if let Some(found) = config.tokens.iter().find(|known| same(&known.token, token)) {
            return Some(Identity { user: named(&found.user, &found.scope), remaining: None });
        }
        let session = self.sessions.get(token)?;
        let is_known = config.users.iter().any(|user| user.username == session.user)
            || (session.user == TOKEN_USER && config.access_token.is_some());
        // The session of a user that is no longer in the settings is invalid.
        is_known.then(|| Identity {
            user: named(&session.user, &session.scope),
            remaining: session.remaining(),
        })
    }

    /// The user of requests without a login, if there is one.
    pub(crate) fn anonymous(&self) -> Option<User> {
        let permissions = self.config.as_ref()?.default.clone()?;
        Some(User { name: None, permissions })
    }

    /// Notifies of each logout.
    pub(crate) fn logouts(&self) -> watch::Receiver<()> {
        self.sessions.ended()
    }
}

/// Compares two secrets in constant time.
pub(crate) fn same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

/// The token of `Authorization: Bearer …` or `?access_token=…`.
pub(crate) fn token_of(request: &Parts) -> Option<String> {
    let header = request.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let bearer = header.and_then(|value| value.split_once(' '));
    if let Some((_, token)) = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")) {
        return Some(token.trim().to_owned());
    }
    let query = request.uri.query()?;
    form_urlencoded::parse(query.as_bytes())
        .find(|(name, _)| name == "access_token")
        .map(|(_, token)| token.into_owned())
}

pub(crate) fn unauthorized(is_invalid: bool) -> Reply {
    let challenge = match is_invalid {
        true => r#"Bearer realm="Users", error="invalid_token""#,
        false => r#"Bearer realm="Users""#,
    };
    Reply::status(StatusCode::UNAUTHORIZED).with(WWW_AUTHENTICATE, challenge)
}

/// Authorizes a request that needs `permission`; see [`Auth::authorize`].
///
/// # Errors
/// As [`Auth::authorize`].
pub fn authorize(
    admin: &Arc<Admin>,
    request: &Parts,
    permission: &str,
) -> Result<Option<User>, Reply> {
    admin.auth().authorize(request, permission)
}
