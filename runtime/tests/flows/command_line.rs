//! The commands, and their handling of invalid input.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::{Runtime, debug, echo, listener, node, tab, ws_in, ws_out};

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Folder(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }
}

fn ferrowire(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ferrowire")).args(args).output().unwrap()
}

fn check(flows: &str) -> (i32, String) {
    let folder = Folder::new();
    let file = folder.file("flows.json", flows);
    let output = ferrowire(&["check", file.to_str().unwrap()]);
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(text).unwrap())
}

/// The error of `run` before it exits.
fn refused(flows: &Path, args: &[&str]) -> String {
    let output = ferrowire(&[&["run", flows.to_str().unwrap()], args].concat());
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{text}");
    text
}

#[test]
fn check_has_nothing_to_say_about_a_good_file() {
    assert_eq!(check(&echo().to_string()), (0, "no problems\n".to_owned()));
}

#[test]
fn invalid_json_is_shown_with_line_column_and_what_was_expected() {
    let (code, text) = check("[\n  {\"id\": \"a\", \"type\": \"tab\",}\n]");
    assert_eq!(code, 2);
    assert!(text.contains("line 2, column 29"), "{text}");
    assert!(text.contains("flows.json"), "{text}");
}

#[test]
fn check_lists_every_problem_with_its_node() {
    let nodes = json!([
        tab("tab"),
        listener("first", "/ws"),
        listener("second", "ws"),
        ws_in("twice", "first", &["nowhere"]),
        ws_in("twice", "first", &[]),
        ws_in("gone", "missing", &[]),
        ws_out("wrong", "twice"),
        ws_in("empty", "", &[]),
        listener("pathless", ""),
        node("strange", "no such node", json!({}), &[]),
        node("inject", "inject", json!({"repeat": "often", "props": [{"p": "payload"}]}), &[]),
    ]);
    let (code, text) = check(&nodes.to_string());
    assert_eq!(code, 2);
    for part in [
        "`second`",
        "`nowhere`",
        "`twice`",
        "`missing`",
        "`wrong`",
        "`pathless`",
        "`no such node`",
        "`repeat`",
    ] {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }
    assert!(text.lines().count() >= 8, "{text}");
}

#[test]
fn check_touches_nothing() {
    let taken = std::net::TcpListener::bind("127.0.0.1:1880");
    let (code, _) = check(&echo().to_string());
    assert_eq!(code, 0);
    drop(taken);
}

#[test]
fn nodes_lists_types_plugins_and_versions() {
    let output = ferrowire(&["nodes"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text.lines().find(|line| line.starts_with("websocket in ")).unwrap();
    assert!(line.contains("ferrowire-plugin-websocket-in 0."), "{line}");
    let json: Value = serde_json::from_slice(&ferrowire(&["nodes", "--json"]).stdout).unwrap();
    let types: Vec<_> = json.as_array().unwrap().iter().map(|t| t["type"].clone()).collect();
    for name in [
        "websocket in",
        "websocket out",
        "websocket-listener",
        "websocket-client",
        "inject",
        "debug",
        "change",
        "comment",
        "junction",
    ] {
        assert!(types.contains(&json!(name)), "{name}");
    }
}

#[test]
fn an_unreadable_flow_file_ends_the_start() {
    let text = refused(Path::new("/nowhere/flows.json"), &[]);
    assert!(text.contains("cannot read the flow file `/nowhere/flows.json`"), "{text}");
}

#[tokio::test]
async fn a_port_in_use_ends_the_start() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = Folder::new();
    let file = folder.file("flows.json", "[]");
    let text = refused(&file, &["--listen", &address]);
    assert!(text.contains(&format!("cannot listen on `{address}`; choose another")), "{text}");
}

#[test]
fn a_start_that_fails_ends_although_nobody_reads_why() {
    let (unread, mut full) = std::io::pipe().unwrap();
    let (stderr, folder) = (full.try_clone().unwrap(), Folder::new());
    // It ends when the other side of the pipe is closed.
    let filling = std::thread::spawn(move || while full.write_all(&[b'x'; 4_096]).is_ok() {});
    let file = folder.file("flows.json", "[{");
    let mut command = Command::new(env!("CARGO_BIN_EXE_ferrowire"));
    command.arg("run").arg(&file).args(["--listen", "127.0.0.1:0"]).stderr(stderr);
    assert_eq!(command.status().unwrap().code(), Some(2));
    drop(command);
    drop(unread);
    filling.join().unwrap();
}

#[test]
fn a_bad_certificate_ends_the_start() {
    let folder = Folder::new();
    let file = folder.file("flows.json", "[]");
    let junk = folder.file("junk.pem", "no certificate");
    let junk = junk.to_str().unwrap();
    let args = ["--listen", "127.0.0.1:0", "--tls-key", junk, "--tls-cert"];
    let text = refused(&file, &[&args[..], &[junk]].concat());
    assert!(text.contains("junk.pem"), "{text}");
    let text = refused(&file, &[&args[..], &["/nowhere.pem"]].concat());
    assert!(text.contains("cannot read certificate `/nowhere.pem`"), "{text}");
}

#[test]
fn all_mistakes_in_the_settings_are_reported_at_once() {
    let folder = Folder::new();
    let file = folder.file("flows.json", "[]");
    let settings = folder.file("ferrowire.toml", "colour = 'red'\nworkers = 'many'\n");
    let text = refused(&file, &["--listen", "x", "--settings", settings.to_str().unwrap()]);
    for part in ["`--listen` is `x`", "`colour`", "`workers`"] {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }
}

#[tokio::test]
async fn settings_come_from_a_file_and_the_environment() {
    let folder = Folder::new();
    let settings = folder.file("ferrowire.toml", "http-node-root = '/api'\nlog-format = 'json'\n");
    let env = [("FERROWIRE_SETTINGS", settings.to_str().unwrap()), ("FERROWIRE_MAX_MESSAGE", "10")];
    let mut runtime = Runtime::start_with(echo(), &[], &env).await;
    let mut client = runtime.connect("/api/ws").await;
    client.echo("0123456789").await;
    client.send("0123456789+").await;
    assert_eq!(u16::from(client.closed().await.unwrap().code), 1009);
    let line = runtime.log_line("protocol violation").await;
    let entry: Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&entry["level"], &entry["id"]), (&json!("DEBUG"), &json!("l")));
}

#[tokio::test]
async fn a_missing_type_keeps_the_flows_from_starting_and_is_listed_with_its_places() {
    let mut nodes = echo();
    nodes.as_array_mut().unwrap().push(node("strange", "no such node", json!({}), &[]));
    let mut runtime = Runtime::start_with(nodes.clone(), &[], &[]).await;
    let response = runtime.raw(
        "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
    assert!(response.await.starts_with("HTTP/1.1 404 "));
    // The flows start once no node type is missing.
    runtime.redeploy(echo()).await;
    runtime.connect("/ws").await.echo("hello").await;
    let (code, text) = check(&nodes.to_string());
    assert_eq!(code, 2);
    assert!(text.contains("`no such node`") && text.contains("`strange`"), "{text}");
}

#[tokio::test]
async fn a_reload_of_a_broken_file_changes_nothing() {
    let mut runtime = Runtime::start(echo()).await;
    let mut client = runtime.connect("/ws").await;
    std::fs::write(&runtime.flows, "[{").unwrap();
    runtime.signal("-HUP");
    runtime.log_line("the running flows were not changed").await;
    client.echo("still here").await;
}

#[tokio::test]
async fn sigint_ends_the_runtime_like_sigterm() {
    let mut runtime = Runtime::start(echo()).await;
    let mut client = runtime.connect("/ws").await;
    client.echo("hello").await;
    runtime.signal("-INT");
    assert_eq!(u16::from(client.closed().await.unwrap().code), 1001);
    assert_eq!(runtime.rest_of_log().await.1, Some(0));
}

#[tokio::test]
async fn the_test_page_and_the_list_of_listeners_are_served() {
    let mut nodes = echo();
    nodes.as_array_mut().unwrap().extend([listener("second", "/ws"), debug("debug")]);
    let runtime = Runtime::start_with(nodes, &["--http-node-root", "/api"], &[]).await;
    let get =
        |path: &str| format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let page = runtime.raw(&get("/ferrowire/test")).await;
    assert!(page.starts_with("HTTP/1.1 200 ") && page.contains("content-security-policy:"));
    let list = runtime.raw(&get("/ferrowire/listeners")).await;
    let (_, body) = list.split_once("\r\n\r\n").unwrap();
    let expected = json!([
        {"id": "l", "path": "/api/ws", "name": "", "wholemsg": false, "subprotocol": ""}
    ]);
    assert_eq!(serde_json::from_str::<Value>(body).unwrap(), expected);
    let post = "POST /ferrowire/test HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
                Content-Length: 0\r\n\r\n";
    assert!(runtime.raw(post).await.starts_with("HTTP/1.1 405 "));
}
