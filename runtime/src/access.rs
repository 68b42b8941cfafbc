//! Access to the editor: the settings `admin-auth`, `admin-token` and `allow-public-editor`.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::Duration;

use ferrowire_admin::{AuthConfig, Permissions, StaticToken, UserConfig, is_password_hash};
use ferrowire_core::Secret;
use serde::Deserialize;

/// The table `admin-auth` of the settings file: Node-RED's `adminAuth`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Table {
    /// How many seconds a login lasts.
    session_expiry: Option<u64>,
    /// The permissions of users who are not logged in.
    default_permissions: Option<Permissions>,
    #[serde(default)]
    users: Vec<User>,
    #[serde(default)]
    tokens: Vec<Token>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct User {
    username: String,
    password: String,
    permissions: Permissions,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Token {
    token: String,
    #[serde(default = "unnamed")]
    user: String,
    permissions: Permissions,
}

fn unnamed() -> String {
    "token".to_owned()
}

/// The maximum duration of a login, in seconds: a year.
const LONGEST: u64 = 366 * 24 * 60 * 60;

/// Reads users and tokens, from the table and the access token. `None` if neither is given.
///
/// # Errors
/// Every error in the table; messages call it `origin`.
pub(crate) fn read(
    table: Option<&toml::Value>,
    origin: &str,
    access_token: Option<String>,
) -> Result<Option<AuthConfig>, Vec<String>> {
    let Some(table) = table else {
        let with_token = |token| AuthConfig { access_token: Some(token), ..AuthConfig::default() };
        return Ok(access_token.map(with_token));
    };
    let table: Table = table
        .clone()
        .try_into()
        .map_err(|error: toml::de::Error| vec![format!("{origin}: {}", error.message())])?;
    let mistakes = table.mistakes(access_token.is_some());
    if !mistakes.is_empty() {
        return Err(mistakes.into_iter().map(|mistake| format!("{origin}: {mistake}")).collect());
    }
    let mut config = AuthConfig {
        users: table.users.into_iter().map(UserConfig::from).collect(),
        default: table.default_permissions,
        tokens: table.tokens.into_iter().map(StaticToken::from).collect(),
        access_token,
        ..AuthConfig::default()
    };
    if let Some(seconds) = table.session_expiry {
        config.session_lifetime = Duration::from_secs(seconds);
    }
    Ok(Some(config))
}

impl Table {
    fn mistakes(&self, has_access_token: bool) -> Vec<String> {
        let mut mistakes = Vec::new();
        let mut names = HashSet::new();
        for User { username, password, .. } in &self.users {
            if username.is_empty() {
                mistakes.push("a user without `username`".to_owned());
            }
            if !names.insert(username) {
                mistakes.push(format!("the user `{username}` is given twice"));
            }
            if !is_password_hash(password) {
                mistakes.push(format!(
                    "invalid `password` of `{username}`: expected a bcrypt hash, the output of `ferrowire hash-password`"
                ));
            }
        }
        if self.tokens.iter().any(|token| token.token.len() < SHORTEST_TOKEN) {
            mistakes.push(format!("a `token` is shorter than {SHORTEST_TOKEN} characters"));
        }
        let users = self.users.iter().map(|user| &user.permissions);
        let tokens = self.tokens.iter().map(|token| &token.permissions);
        for permissions in users.chain(tokens).chain(&self.default_permissions) {
            if let Some(scope) = permissions.unknown_scope() {
                mistakes.push(format!(
                    "invalid permission `{scope}`: expected `*`, `read`, `write`, or one such as `flows.read`"
                ));
            }
        }
        if self.session_expiry.is_some_and(|seconds| !(1..=LONGEST).contains(&seconds)) {
            mistakes
                .push(format!("invalid `session-expiry`: expected seconds from 1 to {LONGEST}"));
        }
        let is_empty = self.users.is_empty() && self.tokens.is_empty() && !has_access_token;
        if is_empty && self.default_permissions.is_none() {
            mistakes.push(
                "no user or token is given; add `users` or `tokens`, or `default-permissions`"
                    .to_owned(),
            );
        }
        mistakes
    }
}

/// The minimum length of a token, in bytes; shorter ones could be guessed.
const SHORTEST_TOKEN: usize = 16;

impl From<User> for UserConfig {
    fn from(User { username, password, permissions }: User) -> Self {
        UserConfig { username, password, permissions }
    }
}

impl From<Token> for StaticToken {
    fn from(Token { token, user, permissions }: Token) -> Self {
        StaticToken { token, user, scope: permissions }
    }
}

/// The access token, if one is given.
///
/// # Errors
/// If it is too short.
pub(crate) fn token(token: Option<Secret>) -> Result<Option<String>, String> {
    match token.as_ref().map(Secret::expose) {
        Some(token) if token.len() < SHORTEST_TOKEN => {
            Err(format!("expected a token of at least {SHORTEST_TOKEN} characters"))
        }
        token => Ok(token.map(str::to_owned)),
    }
}

/// Why the editor must not be served without authentication at `listen`; `None` if it may.
pub(crate) fn public_editor(
    listen: SocketAddr,
    auth: Option<&AuthConfig>,
    is_allowed: bool,
) -> Option<String> {
    (!listen.ip().is_loopback() && auth.is_none() && !is_allowed).then(|| {
        format!(
            "`listen` is `{listen}`, where other machines could change the flows without a login: set \
             `admin-auth` in the settings file or `FERROWIRE_ADMIN_TOKEN`, turn the editor and its \
             API off with `--http-admin-root off`, or pass `--allow-public-editor`"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "$2b$04$......................DsXWVRyZ8ZnWEHlXyuPDYZmKrIWuD.C";

    fn read_text(text: &str) -> Result<Option<AuthConfig>, Vec<String>> {
        let table: toml::Table = text.parse().unwrap();
        read(table.get("admin-auth"), "`admin-auth`", None)
    }

    #[test]
    fn users_tokens_and_the_default_are_read() {
        let config = read_text(&format!(
            "[admin-auth]\nsession-expiry = 60\ndefault-permissions = 'read'\n\
             [[admin-auth.users]]\nusername = 'a'\npassword = '{HASH}'\npermissions = '*'\n\
             [[admin-auth.tokens]]\ntoken = '0123456789abcdef'\npermissions = ['flows.read']\n"
        ));
        let config = config.unwrap().unwrap();
        assert_eq!(config.session_lifetime, Duration::from_secs(60));
        assert!(config.default.unwrap().allow("flows.read"));
        assert!(config.users[0].permissions.allow("flows.write"));
        assert!(!config.tokens[0].scope.allow("flows.write"));
        assert!(read_text("").unwrap().is_none());
    }

    #[test]
    fn every_mistake_is_reported() {
        let mistakes = read_text(
            "[admin-auth]\nsession-expiry = 0\ndefault-permissions = 'reed'\n\
             [[admin-auth.users]]\nusername = 'a'\npassword = 'plain'\npermissions = '*'\n\
             [[admin-auth.users]]\nusername = 'a'\npassword = 'plain'\npermissions = '*'\n\
             [[admin-auth.tokens]]\ntoken = 'short'\npermissions = '*'\n",
        )
        .unwrap_err();
        let all = mistakes.join("\n");
        for part in
            ["expected a bcrypt hash", "`a` is given twice", "shorter", "`reed`", "session-expiry"]
        {
            assert!(all.contains(part), "{part} is missing in:\n{all}");
        }
        assert!(!all.contains("plain"), "a password is in the message:\n{all}");
        assert!(read_text("[admin-auth]").unwrap_err()[0].contains("no user or token"));
        assert!(read_text("[admin-auth]\nuser = 1").unwrap_err()[0].contains("user"));
    }

    #[test]
    fn an_editor_without_authentication_is_served_on_loopback_only() {
        let local: SocketAddr = "127.0.0.1:1880".parse().unwrap();
        let public: SocketAddr = "0.0.0.0:1880".parse().unwrap();
        assert!(public_editor(local, None, false).is_none());
        assert!(public_editor(public, None, false).unwrap().contains("--allow-public-editor"));
        assert!(public_editor(public, None, true).is_none());
        assert!(public_editor(public, Some(&AuthConfig::default()), false).is_none());
    }
}
