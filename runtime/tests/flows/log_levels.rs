//! The filter of the log while the runtime runs, and what the audit log says.

use std::path::Path;

use serde_json::{Value, json};

use crate::operation::echo;
use crate::support::Runtime;

/// Users and tokens, in a settings file with further `lines`.
fn settings(path: &Path, lines: &str) {
    let tokens = [("the-token-of-anna", "anna", "*"), ("the-token-of-reader", "reader", "read")];
    let tokens = tokens.map(|(token, user, permissions)| {
        format!("[[admin-auth.tokens]]\ntoken = '{token}'\nuser = '{user}'\npermissions = '{permissions}'\n")
    });
    std::fs::write(path, format!("{lines}\n{}", tokens.concat())).unwrap();
}

/// An echo with these settings, without a flag for the filter of the log.
async fn start(settings: &Path, format: &str) -> Runtime {
    let args = ["--settings", settings.to_str().unwrap(), "--log-format", format];
    Runtime::start_with(echo(), &args, &[]).await
}

/// A request with a JSON body; the status and the body of the response.
async fn ask(runtime: &Runtime, request: &str, token: &str, body: &Value) -> (String, String) {
    let body = body.to_string();
    let response = runtime
        .raw(&format!(
            "{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ))
        .await;
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().to_owned(), body.to_owned())
}

#[tokio::test]
async fn the_filter_of_the_log_is_changed_by_those_who_may() {
    let file = tempfile::NamedTempFile::new().unwrap();
    settings(file.path(), "log = 'info'");
    let mut runtime = start(file.path(), "human").await;
    let anna = "the-token-of-anna";
    runtime.connect("/ws").await.echo("not logged").await;
    let shown = |log: &str| ("200".to_owned(), json!({"log": log}).to_string());
    assert_eq!(ask(&runtime, "GET /log", "the-token-of-reader", &Value::Null).await, shown("info"));
    let wanted = json!({"log": "info,ferrowire::node=debug"});
    let (status, _) = ask(&runtime, "PUT /log", "the-token-of-reader", &wanted).await;
    assert_eq!(status, "401");
    for wrong in [json!({"log": "=="}), json!({"level": "debug"}), json!("debug")] {
        let (status, why) = ask(&runtime, "PUT /log", anna, &wrong).await;
        assert_eq!((status.as_str(), why.starts_with("expected ")), ("400", true), "{why}");
    }
    assert_eq!(ask(&runtime, "GET /log", anna, &Value::Null).await, shown("info"));
    let changed = ask(&runtime, "PUT /log", anna, &wanted).await;
    assert_eq!(changed, shown("info,ferrowire::node=debug"));
    let line = runtime.log_line("log.set").await;
    assert!(line.contains("anna"), "{line}");
    runtime.connect("/ws").await.echo("logged").await;
    runtime.log_line("connected as session").await;
    assert!(!runtime.passed().iter().any(|line| line.contains("connected as session")));
    ask(&runtime, "PUT /log", anna, &json!({"log": "info"})).await;
    runtime.terminate().await;
}

#[tokio::test]
async fn the_filter_of_the_settings_file_is_read_again_with_the_flows() {
    let file = tempfile::NamedTempFile::new().unwrap();
    settings(file.path(), "log = 'info'");
    let mut runtime = start(file.path(), "human").await;
    settings(file.path(), "log = 'debug'");
    runtime.redeploy(echo()).await;
    runtime.log_line("the log is filtered by `debug`").await;
    runtime.connect("/ws").await.echo("logged").await;
    runtime.log_line("connected as session").await;
    settings(file.path(), "log = 'debug'\ncolour = 1");
    runtime.redeploy(echo()).await;
    let line = runtime.log_line("the filter of the log stays what it is").await;
    assert!(line.contains("`colour`"), "{line}");
    runtime.terminate().await;
}

#[tokio::test]
async fn the_log_says_who_changed_what() {
    let file = tempfile::NamedTempFile::new().unwrap();
    settings(file.path(), "log = 'info'");
    let mut runtime = start(file.path(), "json").await;
    let (status, _) = ask(&runtime, "POST /flows", "the-token-of-anna", &echo()).await;
    assert_eq!(status, "204");
    let line: Value = serde_json::from_str(&runtime.log_line("flows.set").await).unwrap();
    assert_eq!((&line["target"], &line["user"]), (&json!("ferrowire::audit"), &json!("anna")));
    assert_eq!((&line["client"], &line["status"]), (&json!("127.0.0.1"), &json!(204)));
    assert_eq!(line["rev"].as_str().map(str::len), Some(64), "{line}");
    ask(&runtime, "DELETE /flow/none", "the-token-of-anna", &json!({})).await;
    let line: Value = serde_json::from_str(&runtime.log_line("flow.remove").await).unwrap();
    assert_eq!((&line["path"], &line["status"]), (&json!("/flow/none"), &json!(404)));
    let (status, _) = ask(&runtime, "POST /flows", "the-token-of-reader", &echo()).await;
    assert_eq!(status, "401");
    let line: Value = serde_json::from_str(&runtime.log_line("lacks a permission").await).unwrap();
    assert_eq!(line["user"], "reader");
    runtime.terminate().await;
}
