//! Who may log in, how often, and under which names the runtime answers.

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Runtime, settings};

/// The status of a login through a proxy that names `client`.
async fn log_in(runtime: &Runtime, client: &str, name: &str, password: &str) -> u16 {
    let headers =
        [("Content-Type", "application/x-www-form-urlencoded"), ("X-Forwarded-For", client)];
    let body = format!(
        "client_id=node-red-editor&grant_type=password&scope=&username={name}&password={password}"
    );
    runtime.ask("POST", "/auth/token", &headers, body.as_bytes()).await.status
}

#[tokio::test]
async fn behind_a_trusted_proxy_nobody_is_locked_out_by_others() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path());
    let arguments = ["--settings", settings.to_str().unwrap(), "--trusted-proxies", "127.0.0.0/8"];
    let runtime = Runtime::start(folder.path(), &arguments).await;
    for _ in 0..5 {
        assert_eq!(log_in(&runtime, "192.0.2.1", "admin", "wrong").await, 403);
    }
    assert_eq!(log_in(&runtime, "192.0.2.1", "admin", "secret").await, 429);
    assert_eq!(log_in(&runtime, "127.0.0.1, 192.0.2.1", "admin", "secret").await, 429, "spoofed");
    assert_eq!(log_in(&runtime, "192.0.2.2", "admin", "secret").await, 200);
    runtime.kill().await;

    // Without the setting, the header is that of anybody.
    let runtime = Runtime::start(folder.path(), &arguments[..2]).await;
    for client in 0..5 {
        let client = format!("192.0.2.{client}");
        assert_eq!(log_in(&runtime, &client, "admin", "wrong").await, 403);
    }
    assert_eq!(log_in(&runtime, "192.0.2.9", "admin", "secret").await, 429);
}

#[tokio::test]
async fn passwords_of_flows_cannot_be_guessed_without_end() {
    let folder = tempfile::tempdir().unwrap();
    let flows = json!([
        {"id": "t1", "type": "tab"},
        {"id": "in", "type": "http in", "z": "t1", "url": "/page", "method": "get", "wires": [["out"]]},
        {"id": "out", "type": "http response", "z": "t1", "wires": []},
    ]);
    std::fs::write(folder.path().join("flows.json"), flows.to_string()).unwrap();
    let settings = settings(folder.path());
    let arguments = ["--settings", settings.to_str().unwrap(), "--trusted-proxies", "127.0.0.1"];
    let runtime = Runtime::start(folder.path(), &arguments).await;
    let get = async |client: &str, credentials: &str| {
        let basic = format!("Basic {credentials}");
        let headers = [("Authorization", basic.as_str()), ("X-Forwarded-For", client)];
        runtime.ask("GET", "/page", &headers, b"").await.status
    };
    let (wrong, right) = ("bWU6d3Jvbmc=", "bWU6c2VjcmV0");
    for _ in 0..5 {
        assert_eq!(get("192.0.2.1", wrong).await, 401);
    }
    assert_eq!(get("192.0.2.1", right).await, 429);
    assert_eq!(get("192.0.2.2", right).await, 200);
    assert_eq!(get("192.0.2.1", right).await, 200, "the password is known to be right by now");
}

/// A page at `/page` and a listener at `/ws`.
fn served() -> String {
    json!([
        {"id": "t1", "type": "tab"},
        {"id": "in", "type": "http in", "z": "t1", "url": "/page", "method": "get", "wires": [["out"]]},
        {"id": "out", "type": "http response", "z": "t1", "wires": []},
        {"id": "l1", "type": "websocket-listener", "path": "/ws", "wholemsg": "false"},
        {"id": "w1", "type": "websocket in", "z": "t1", "server": "l1", "wires": [[]]},
    ])
    .to_string()
}

/// The status of a handshake with these further header lines.
async fn handshake(runtime: &Runtime, path: &str, lines: &str) -> u16 {
    let mut stream = TcpStream::connect(&runtime.address).await.unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n{lines}\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut start = [0; 12];
    stream.read_exact(&mut start).await.unwrap();
    str::from_utf8(&start[9..]).unwrap().parse().unwrap()
}

#[tokio::test]
async fn only_flows_answer_under_foreign_names() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("flows.json"), served()).unwrap();
    let mut runtime = Runtime::start(folder.path(), &[]).await;
    let foreign = [("Host", "evil.example:1880")];
    for path in [
        "/",
        "/?x=1",
        "/flows",
        "/settings",
        "/auth/login",
        "/ferrowire",
        "/ferrowire/test",
        "/ferrowire/metrics",
        "/ferrowire/listeners",
        "/ferrowire/events",
    ] {
        let answer = runtime.ask("GET", path, &foreign, b"").await;
        assert_eq!(answer.status, 403, "{path}");
        assert!(answer.text().contains("`editor-hosts`"), "{path}: {}", answer.text());
    }
    runtime.log_line("unknown host name `evil.example:1880`").await;
    assert_eq!(handshake(&runtime, "/comms", "Host: evil.example\r\n").await, 403);
    assert_eq!(runtime.ask("GET", "/page", &foreign, b"").await.status, 200);
    assert_eq!(runtime.ask("GET", "/nothing", &foreign, b"").await.status, 404);
    assert_eq!(handshake(&runtime, "/ws", "Host: evil.example\r\n").await, 101);
    let foreign_page = "Host: evil.example\r\nOrigin: https://other.example\r\n";
    assert_eq!(handshake(&runtime, "/ws", foreign_page).await, 101);
    runtime.kill().await;

    let elsewhere = ["--http-admin-root", "/admin", "--editor-hosts", "mine.example"];
    let runtime = Runtime::start(folder.path(), &elsewhere).await;
    for path in ["/", "/admin", "/admin/", "/ferrowire/test"] {
        assert_eq!(runtime.ask("GET", path, &foreign, b"").await.status, 403, "{path}");
        let named = runtime.ask("GET", path, &[("Host", "mine.example")], b"").await;
        assert!(named.status < 400, "{path}");
    }
}

#[tokio::test]
async fn a_foreign_origin_is_refused_with_advice_and_logged() {
    let folder = tempfile::tempdir().unwrap();
    let mut runtime = Runtime::start(folder.path(), &[]).await;
    let headers = [("Origin", "https://flows.example.org"), ("Content-Type", "application/json")];
    let refused = runtime.ask("POST", "/flows", &headers, b"[]").await;
    assert_eq!(refused.status, 403);
    for part in ["`https://flows.example.org`", "`editor-hosts`"] {
        assert!(refused.text().contains(part), "{}", refused.text());
    }
    let line = runtime.log_line("https://flows.example.org").await;
    assert!(line.contains("editor-hosts"), "{line}");
    let own = format!("Host: {0}\r\nOrigin: http://{0}\r\n", runtime.address);
    assert_eq!(handshake(&runtime, "/comms", &own).await, 101);
    let two = format!("{own}Origin: https://evil.example\r\n");
    assert_eq!(handshake(&runtime, "/comms", &two).await, 403);
}

#[tokio::test]
async fn headers_that_a_handshake_may_have_once_are_refused_when_repeated() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("flows.json"), served()).unwrap();
    let runtime = Runtime::start(folder.path(), &[]).await;
    for (lines, status) in [
        ("Host: a\r\n", 101),
        ("Host: a\r\nSec-WebSocket-Protocol: a\r\nSec-WebSocket-Protocol: b\r\n", 101),
        ("", 400),
        ("Host: a\r\nHost: a\r\n", 400),
        ("Host: a\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n", 400),
        ("Host: a\r\nSec-WebSocket-Version: 13\r\n", 400),
        ("Host: a\r\nSec-WebSocket-Version: 8\r\n", 400),
        ("Host: a\r\nOrigin: http://a\r\nOrigin: http://b\r\n", 400),
        ("Host: a\nX: b\r\n", 400),
        ("Host: a\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n", 400),
    ] {
        assert_eq!(handshake(&runtime, "/ws", lines).await, status, "{lines:?}");
    }
    let plain = runtime.get("/ws").await;
    assert_eq!((plain.status, plain.header("upgrade")), (426, Some("websocket")));
}
