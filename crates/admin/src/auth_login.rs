//! Logging in and out: `/auth/login`, `/auth/token` and `/auth/revoke`.

use std::collections::HashMap;

use ferrowire_http::{Response, empty, full, text};
use hyper::StatusCode;
use hyper::header::CONTENT_TYPE;
use hyper::http::request::Parts;
use serde_json::json;
use tracing::{info, warn};

use crate::auth::{same, token_of, unauthorized};
use crate::{Auth, AuthConfig, Permissions};

/// Longer names and passwords are nobody's. (bcrypt looks at 72 bytes of a password.)
const LONGEST: usize = 1024;

/// The clients that may log users in, as in Node-RED.
const CLIENTS: [&str; 2] = ["node-red-editor", "node-red-admin"];

impl Auth {
    /// `GET /auth/login`: what the editor is to ask for.
    pub fn login(&self) -> Response {
        let password = |label: &str| json!({"id": "password", "type": "password", "label": label});
        reply(match &self.config {
            None => json!({}),
            Some(config) if asks_for_token(config) => {
                json!({"type": "credentials", "prompts": [password("Access token")]})
            }
            Some(_) => json!({"type": "credentials", "prompts": [
                {"id": "username", "type": "text", "label": "user.username"},
                password("user.password"),
            ]}),
        })
    }

    /// `POST /auth/token`: name and password for a token.
    pub async fn token(&self, request: &Parts, body: &[u8]) -> Response {
        let Some(config) = &self.config else { return not_found() };
        if let Err(refused) = self.guard(request) {
            return *refused;
        }
        let fields = fields(request, body);
        let field = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
        let secret = fields.get("client_secret").map_or("not_available", String::as_str);
        if !CLIENTS.contains(&field("client_id")) || secret != "not_available" {
            return unauthorized(false);
        }
        if field("grant_type") != "password" {
            let grant = field("grant_type");
            let text = format!("Unsupported grant type: {grant}");
            return failed(StatusCode::NOT_IMPLEMENTED, "unsupported_grant_type", &text);
        }
        let name = if asks_for_token(config) { "token" } else { field("username") };
        for (field, value) in [("username", name), ("password", field("password"))] {
            if value.is_empty() || value.len() > LONGEST {
                let text = format!("Missing required parameter: {field}");
                return failed(StatusCode::BAD_REQUEST, "invalid_request", &text);
            }
        }
        self.log_in(config, name, field("password"), field("scope"), field("client_id")).await
    }

    async fn log_in(
        &self,
        config: &AuthConfig,
        name: &str,
        password: &str,
        scope: &str,
        client: &str,
    ) -> Response {
        if !self.throttle.try_for(name) {
            warn!(user = name, "too many attempts to log in");
            let text = "Too many login attempts. Wait 10 minutes and try again";
            return failed(StatusCode::TOO_MANY_REQUESTS, "server_error", text);
        }
        let Some(permissions) = self.permissions_of(config, name, password).await else {
            info!(user = name, "a login failed");
            return denied();
        };
        let scope = match scope {
            "" => permissions.clone(),
            scope => Permissions::One(scope.to_owned()),
        };
        if !permissions.allow_all_of(&scope) {
            info!(user = name, "a login asked for more than the user may do");
            return denied();
        }
        self.throttle.forget(name);
        info!(user = name, "logged in");
        let token = self.sessions.begin(name, client, scope).await;
        let seconds = self.sessions.lifetime().as_secs();
        reply(json!({"access_token": token, "expires_in": seconds, "token_type": "Bearer"}))
    }

    /// What the user of that name may do, if the password is right.
    async fn permissions_of(
        &self,
        config: &AuthConfig,
        name: &str,
        password: &str,
    ) -> Option<Permissions> {
        if asks_for_token(config) {
            let expected = config.access_token.as_deref()?;
            return same(expected, password).then(Permissions::all);
        }
        let user = config.users.iter().find(|user| user.username == name);
        let hash = match user {
            Some(user) => user.password.clone(),
            // Unknown names take as long as known ones, so that they cannot be told apart.
            None => unmatchable(&config.users.first()?.password),
        };
        let _turn = self.hashing.acquire().await.ok()?;
        let password = password.to_owned();
        let verified = tokio::task::spawn_blocking(move || bcrypt::verify(password, &hash)).await;
        user.filter(|_| matches!(verified, Ok(Ok(true)))).map(|user| user.permissions.clone())
    }

    /// `POST /auth/revoke`: ends a login.
    pub async fn revoke(&self, request: &Parts, body: &[u8]) -> Response {
        if !self.is_on() {
            return not_found();
        }
        // As for everything else, one has to be logged in; no permission is needed.
        if let Err(refused) = self.guard(request) {
            return *refused;
        }
        let own = token_of(request);
        if own.as_deref().and_then(|token| self.identity(token)).is_none() {
            return unauthorized(own.is_some());
        }
        let fields = fields(request, body);
        if let Some(token) = fields.get("token") {
            self.sessions.end(token).await;
        }
        empty(StatusCode::OK)
    }
}

/// Without users there is nothing but the access token to log in with.
fn asks_for_token(config: &AuthConfig) -> bool {
    config.users.is_empty() && config.access_token.is_some()
}

/// A hash as slow as `hash` that no password has.
fn unmatchable(hash: &str) -> String {
    let cost = hash.split('$').nth(2).unwrap_or("10");
    format!("$2b${cost}${}", ".".repeat(53))
}

/// The fields of a form or of a JSON object.
fn fields(request: &Parts, body: &[u8]) -> HashMap<String, String> {
    let kind = request.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if kind.is_some_and(|kind| kind.starts_with("application/json")) {
        let object: HashMap<String, serde_json::Value> =
            serde_json::from_slice(body).unwrap_or_default();
        let texts = object.into_iter();
        return texts.filter_map(|(key, value)| Some((key, value.as_str()?.to_owned()))).collect();
    }
    form_urlencoded::parse(body).into_owned().collect()
}

fn denied() -> Response {
    failed(StatusCode::FORBIDDEN, "invalid_grant", "Invalid resource owner credentials")
}

fn failed(status: StatusCode, error: &str, description: &str) -> Response {
    let mut response = reply(json!({"error": error, "error_description": description}));
    *response.status_mut() = status;
    response
}

fn reply(json: serde_json::Value) -> Response {
    full("application/json; charset=utf-8", json.to_string())
}

fn not_found() -> Response {
    text(StatusCode::NOT_FOUND, "nobody has to log in here")
}
