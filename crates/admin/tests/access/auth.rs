//! Access control over HTTP: logins, permissions, throttling, foreign pages.

use crate::support::Runtime;
use ferrowire_admin::{AuthConfig, Permissions, UserConfig};
use serde_json::{Value as Json, json};

/// A user with the password `password`, hashed at bcrypt's lowest cost.
fn user(name: &str, permissions: &str) -> UserConfig {
    UserConfig {
        username: name.to_owned(),
        password: bcrypt::hash("password", 4).unwrap(),
        permissions: Permissions::One(permissions.to_owned()),
    }
}

async fn start() -> Runtime {
    let users = vec![user("adam", "*"), user("rita", "read")];
    Runtime::start(Some(AuthConfig { users, ..AuthConfig::default() })).await
}

async fn token(runtime: &Runtime, name: &str) -> String {
    let (status, body) = runtime.log_in(&[("username", name), ("password", "password")]).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!((&body["token_type"], &body["expires_in"]), (&json!("Bearer"), &json!(604_800)));
    body["access_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_user_may_do_what_the_permissions_say() {
    let runtime = start().await;
    assert_eq!(runtime.get("/flows", None).await.0, 401);
    assert_eq!(runtime.get("/flows", Some("wrong")).await.0, 401);
    let (adam, rita) = (token(&runtime, "adam").await, token(&runtime, "rita").await);
    assert_eq!(runtime.get("/flows", Some(&rita)).await.0, 200);
    assert_eq!(runtime.post("/flows", Some(&rita), "[]").await.0, 401);
    assert_eq!(runtime.post("/flows", Some(&adam), "[]").await.0, 204);
    let (_, settings) = runtime.get("/settings", Some(&rita)).await;
    assert_eq!(settings["user"], json!({"username": "rita", "permissions": "read"}));
    let path = format!("/flows?access_token={}", rita.replace('+', "%2B"));
    assert_eq!(runtime.get(&path, None).await.0, 200);
    runtime.stop().await;
}

#[tokio::test]
async fn the_editor_is_told_what_to_ask_for() {
    let runtime = start().await;
    let (_, body) = runtime.get("/auth/login", None).await;
    let ids: Vec<&Json> = body["prompts"].as_array().unwrap().iter().map(|p| &p["id"]).collect();
    assert_eq!(ids, ["username", "password"]);
    runtime.stop().await;

    let runtime = Runtime::start(None).await;
    assert_eq!(runtime.get("/auth/login", None).await, (200, json!({})));
    assert_eq!(runtime.log_in(&[("username", "a"), ("password", "b")]).await.0, 404);
    runtime.stop().await;

    let access_token = Some("0123456789abcdef".to_owned());
    let runtime = Runtime::start(Some(AuthConfig { access_token, ..AuthConfig::default() })).await;
    let (_, body) = runtime.get("/auth/login", None).await;
    assert_eq!(body["prompts"].as_array().unwrap().len(), 1);
    assert_eq!(runtime.get("/flows", Some("0123456789abcdef")).await.0, 200);
    assert_eq!(runtime.get("/flows", Some("0123456789abcdeX")).await.0, 401);
    assert_eq!(runtime.log_in(&[("password", "wrong")]).await.0, 403);
    runtime.stop().await;
}

#[tokio::test]
async fn wrong_logins_are_refused_as_in_node_red() {
    let runtime = start().await;
    for name in ["adam", "nobody"] {
        let (status, body) = runtime.log_in(&[("username", name), ("password", "wrong")]).await;
        assert_eq!((status, &body["error"]), (403, &json!("invalid_grant")));
    }
    let more = [("username", "rita"), ("password", "password"), ("scope", "*")];
    assert_eq!(runtime.log_in(&more).await.0, 403);
    let other_client = [("username", "adam"), ("password", "password"), ("client_id", "x")];
    assert_eq!(runtime.log_in(&other_client).await.0, 401);
    let (status, body) = runtime.log_in(&[("grant_type", "code")]).await;
    assert_eq!((status, &body["error"]), (501, &json!("unsupported_grant_type")));
    assert_eq!(runtime.log_in(&[("username", "adam")]).await.0, 400);
    runtime.stop().await;
}

#[tokio::test]
async fn the_sixth_login_in_a_row_has_to_wait() {
    let runtime = start().await;
    for _ in 0..5 {
        let wrong = [("username", "adam"), ("password", "wrong")];
        assert_eq!(runtime.log_in(&wrong).await.0, 403);
    }
    let right = [("username", "adam"), ("password", "password")];
    assert_eq!(runtime.log_in(&right).await.0, 429);
    assert_eq!(runtime.log_in(&[("username", "rita"), ("password", "password")]).await.0, 200);
    runtime.stop().await;
}

#[tokio::test]
async fn wrong_logins_from_one_address_lock_nobody_out_of_another_and_are_not_forgotten() {
    let mut runtime = start().await;
    let wrong = |name| [("username", name), ("password", "wrong")];
    let right = [("username", "adam"), ("password", "password")];
    for _ in 0..5 {
        assert_eq!(runtime.log_in(&wrong("adam")).await.0, 403);
    }
    let junk: Vec<String> = (0..300).map(|number| number.to_string()).collect();
    let mut allowed = 0;
    for name in &junk {
        allowed += usize::from(runtime.log_in(&wrong(name)).await.0 == 403);
    }
    assert_eq!(allowed, 15, "an address has twenty attempts");
    assert_eq!(runtime.log_in(&right).await.0, 429);
    runtime.client = [127, 0, 0, 2].into();
    assert_eq!(runtime.log_in(&right).await.0, 200);
    runtime.stop().await;
}

#[tokio::test]
async fn foreign_pages_change_nothing_even_where_nobody_logs_in() {
    let runtime = Runtime::start(None).await;
    let own = format!("http://{}", runtime.address);
    for (origin, expected) in [("https://evil.example", 403), ("null", 403), (own.as_str(), 204)] {
        let headers = [("origin", origin), ("content-type", "application/json")];
        let (status, _) = runtime.request("POST", "/flows", &headers, "[]").await;
        assert_eq!(status, expected, "{origin}");
    }
    let rebound = [("host", "evil.example:1880")];
    assert_eq!(runtime.request("GET", "/flows", &rebound, "").await.0, 403);
    assert_eq!(runtime.request("GET", "/flows", &[], "").await.0, 200);
    runtime.stop().await;
}
