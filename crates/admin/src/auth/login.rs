//! `/auth/login`, `/auth/token` and `/auth/revoke`: logging in and out.

use std::net::IpAddr;

use ferrowire_core::Value;
use futures_util::future::BoxFuture;
use hyper::StatusCode;
use serde_json::json;
use tracing::{info, warn};

use crate::audit::TARGET;
use crate::auth::{same, token_of, unauthorized};
use crate::call::Call;
use crate::editor::page::LOGIN_IMAGE;
use crate::{Auth, AuthConfig, Permissions, Reply};

/// The user name of logins with the access token.
pub(crate) const TOKEN_USER: &str = "token";

/// The largest length of a name or a password in bytes. (bcrypt uses 72 bytes of a password.)
const LONGEST: usize = 1024;

/// The clients that may log users in, as in Node-RED.
const CLIENTS: [&str; 2] = ["node-red-editor", "node-red-admin"];

/// The fields of the login dialog.
pub(crate) fn prompts(call: &Call) -> Reply {
    let password = |label: &str| json!({"id": "password", "type": "password", "label": label});
    reply(match &call.admin.auth().config {
        None => json!({}),
        Some(config) => {
            let prompts = match asks_for_token(config) {
                true => json!([password("Access token")]),
                false => json!([
                    {"id": "username", "type": "text", "label": "user.username"},
                    password("user.password"),
                ]),
            };
            json!({"type": "credentials", "prompts": prompts, "image": LOGIN_IMAGE})
        }
    })
}

/// Exchanges a name and a password for a token.
pub(crate) fn log_in(call: Call) -> BoxFuture<'static, Reply> {
    Box::pin(async move { try_log_in(&call).await.unwrap_or_else(|refusal| refusal) })
}

async fn try_log_in(call: &Call) -> Result<Reply, Reply> {
    let auth = call.admin.auth();
    let Some(config) = &auth.config else { return Err(nothing(call)) };
    let body = call.json();
    let field = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    let secret = body.get("client_secret").and_then(Value::as_str).unwrap_or("not_available");
    if !CLIENTS.contains(&field("client_id")) || secret != "not_available" {
        return Err(unauthorized(false));
    }
    if field("grant_type") != "password" {
        let text = format!("Unsupported grant type: {}", field("grant_type"));
        return Err(failed(StatusCode::NOT_IMPLEMENTED, "unsupported_grant_type", &text));
    }
    let name = if asks_for_token(config) { TOKEN_USER } else { field("username") };
    for (field, value) in [("username", name), ("password", field("password"))] {
        if value.is_empty() || value.len() > LONGEST {
            let text = format!("Missing required parameter: {field}");
            return Err(failed(StatusCode::BAD_REQUEST, "invalid_request", &text));
        }
    }
    let attempt =
        Attempt { client: call.client, name, password: field("password"), scope: field("scope") };
    let scope = auth.scope(config, attempt).await?;
    info!(target: TARGET, event = "auth.login", user = name, client = %call.client, "logged in");
    let token = auth.sessions.begin(name, field("client_id"), scope).await;
    let seconds = auth.sessions.lifetime().as_secs();
    Ok(reply(json!({"access_token": token, "expires_in": seconds, "token_type": "Bearer"})))
}

/// Ends a login. This needs a login, but no permission.
pub(crate) fn log_out(call: Call) -> BoxFuture<'static, Reply> {
    Box::pin(async move { try_log_out(&call).await.unwrap_or_else(|refusal| refusal) })
}

async fn try_log_out(call: &Call) -> Result<Reply, Reply> {
    let auth = call.admin.auth();
    if !auth.is_on() {
        return Err(nothing(call));
    }
    let own = token_of(&call.parts);
    let Some(identity) = own.as_deref().and_then(|token| auth.identity(token)) else {
        return Err(unauthorized(own.is_some()));
    };
    if let Some(token) = call.json().get("token").and_then(Value::as_str) {
        auth.sessions.end(token).await;
        let (event, user) = ("auth.login.revoke", identity.user.key());
        info!(target: TARGET, event, user, client = %call.client, "logged out");
    }
    Ok(Reply::new(StatusCode::OK, "text/plain; charset=utf-8", ""))
}

/// An attempt to log in.
struct Attempt<'a> {
    client: IpAddr,
    name: &'a str,
    password: &'a str,
    /// The permissions that are asked for, which may be fewer than the user has; all if empty.
    scope: &'a str,
}

impl Auth {
    /// The permissions of a login.
    async fn scope(&self, config: &AuthConfig, attempt: Attempt<'_>) -> Result<Permissions, Reply> {
        let Attempt { client, name, password, scope } = attempt;
        if !self.throttle.try_for(client, name) {
            warn!(target: TARGET, event = "auth.login.fail", user = name, %client, "too many attempts to log in");
            let text = "Too many login attempts. Wait 10 minutes and try again";
            return Err(failed(StatusCode::TOO_MANY_REQUESTS, "server_error", text));
        }
        let Some(permissions) = self.permissions_of(config, name, password).await else {
            info!(target: TARGET, event = "auth.login.fail", user = name, %client, "a login failed");
            return Err(denied());
        };
        let scope = match scope {
            "" => permissions.clone(),
            scope => Permissions::One(scope.to_owned()),
        };
        if !permissions.allow_all_of(&scope) {
            info!(
                target: TARGET,
                event = "auth.login.fail",
                user = name,
                %client,
                "a login asked for more than the permissions of the user"
            );
            return Err(denied());
        }
        self.throttle.succeeded(client, name);
        Ok(scope)
    }

    /// The permissions of the user; `None` if the name or the password is wrong.
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
            // An unknown name takes as long as a known one, so that the time does not tell them apart.
            None => unmatchable(&config.users.first()?.password),
        };
        let _turn = self.hashing.acquire().await.ok()?;
        let password = password.to_owned();
        let verified = tokio::task::spawn_blocking(move || bcrypt::verify(password, &hash)).await;
        user.filter(|_| matches!(verified, Ok(Ok(true)))).map(|user| user.permissions.clone())
    }
}

/// Whether the access token is the only way to log in.
fn asks_for_token(config: &AuthConfig) -> bool {
    config.users.is_empty() && config.access_token.is_some()
}

/// A hash with the cost of `hash` that no password matches.
fn unmatchable(hash: &str) -> String {
    let cost = hash.split('$').nth(2).unwrap_or("10");
    format!("$2b${cost}${}", ".".repeat(53))
}

fn denied() -> Reply {
    failed(StatusCode::FORBIDDEN, "invalid_grant", "Invalid resource owner credentials")
}

fn failed(status: StatusCode, error: &str, description: &str) -> Reply {
    let mut reply = reply(json!({"error": error, "error_description": description}));
    reply.status = status;
    reply
}

fn reply(json: serde_json::Value) -> Reply {
    Reply::json(Value::from(json))
}

/// Without `adminAuth`, these paths do not exist.
fn nothing(call: &Call) -> Reply {
    Reply::nothing_here(&call.parts.method, call.parts.uri.path())
}
