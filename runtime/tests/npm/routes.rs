//! Routes and WebSockets of packages, on the port of the program.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::installed::{UserDir, between, script};
use crate::support::{Runtime, soon, with};

/// The routes of the package: `Connection: raw` upgrades to an echo.
const SETUP: &str = "
    RED.httpAdmin.get('/script/admin', RED.auth.needsPermission('script.read'), (req, res) => res.send('admin data'));
    RED.httpAdmin.post('/script/admin', RED.auth.needsPermission('script.write'), (req, res) => res.send('changed'));
    RED.httpAdmin.get('/script/write', RED.auth.needsPermission('script.write'), (req, res) => res.send('written'));
    RED.httpNode.get('/script/node', (req, res) => res.send('node data'));
    RED.server.on('upgrade', (req, socket) => {
        if (req.url === '/script/refused') {
            socket.write('HTTP/1.1 403 Forbidden\\r\\nContent-Length: 7\\r\\n\\r\\nrefused');
        }
        if (req.url !== '/script/socket') return;
        socket.write('HTTP/1.1 101 Switching Protocols\\r\\nConnection: Upgrade\\r\\nUpgrade: raw\\r\\n\\r\\n');
        socket.pipe(socket);
    });";

/// Runs a package that has routes, and waits until it has.
async fn run_with(args: &[&str]) -> (UserDir, Runtime) {
    let folder = UserDir::with(&["script"]);
    let node = with(script("routes", "send(msg)", &["all"]), json!({"setup": SETUP}));
    let runtime = folder.run_with(between(&["routes"], [node]), args).await;
    runtime.connect("/ws").await.echo("ready").await;
    (folder, runtime)
}

/// Like [`run_with`], with users of the editor (`admin`, who may do all, and `reader`) and of the
/// flows (`me`). All passwords are `secret`.
async fn run_with_users() -> (UserDir, Runtime) {
    let hash = bcrypt::hash("secret", 4).unwrap();
    let user = |name: &str, permissions: &str| {
        format!(
            "[[admin-auth.users]]\nusername = '{name}'\npassword = '{hash}'\npermissions = '{permissions}'\n"
        )
    };
    let file = tempfile::NamedTempFile::new().unwrap();
    let flows = format!("[http-node-auth]\nuser = 'me'\npass = '{hash}'\n");
    std::fs::write(file.path(), user("admin", "*") + &user("reader", "read") + &flows).unwrap();
    run_with(&["--settings", file.path().to_str().unwrap()]).await
}

/// The response to `GET path` with these further header lines.
async fn get(runtime: &Runtime, path: &str, headers: &str) -> String {
    let host = if headers.contains("Host:") {
        String::new()
    } else {
        format!("Host: {}\r\n", runtime.address)
    };
    runtime.raw(&format!("GET {path} HTTP/1.1\r\n{host}{headers}Connection: close\r\n\r\n")).await
}

async fn token(runtime: &Runtime, name: &str) -> String {
    let body = format!(
        "client_id=node-red-editor&grant_type=password&scope=&username={name}&password=secret"
    );
    let answer = runtime
        .raw(&format!(
            "POST /auth/token HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            runtime.address,
            body.len()
        ))
        .await;
    let json = answer.split_once("\r\n\r\n").unwrap().1;
    let json: Value = serde_json::from_str(json).unwrap();
    format!("Authorization: Bearer {}\r\n", json["access_token"].as_str().unwrap())
}

fn status(response: &str) -> &str {
    response.split(' ').nth(1).unwrap_or(response)
}

#[tokio::test]
async fn routes_of_packages_are_served_behind_those_of_the_program() {
    let (_folder, runtime) = run_with(&[]).await;
    assert!(get(&runtime, "/script/admin", "").await.ends_with("admin data"));
    assert!(get(&runtime, "/script/node", "").await.ends_with("node data"));
    assert_eq!(status(&get(&runtime, "/script/nothing", "").await), "404");
    assert!(get(&runtime, "/flows", "").await.contains("\"script\""));
}

#[tokio::test]
async fn routes_of_flows_need_the_user_of_flows_and_others_their_permission() {
    let (_folder, runtime) = run_with_users().await;
    assert_eq!(status(&get(&runtime, "/script/node", "").await), "401");
    // `me:secret` and `me:wrong`.
    let (me, wrong) =
        ("Authorization: Basic bWU6c2VjcmV0\r\n", "Authorization: Basic bWU6d3Jvbmc=\r\n");
    assert!(get(&runtime, "/script/node", me).await.ends_with("node data"));
    assert_eq!(status(&get(&runtime, "/script/node", wrong).await), "401");
    assert_eq!(status(&get(&runtime, "/script/admin", "").await), "401");
    assert_eq!(status(&get(&runtime, "/script/admin", me).await), "401");
    let (admin, reader) = (token(&runtime, "admin").await, token(&runtime, "reader").await);
    assert!(get(&runtime, "/script/admin", &admin).await.ends_with("admin data"));
    assert!(get(&runtime, "/script/write", &admin).await.ends_with("written"));
    assert!(get(&runtime, "/script/admin", &reader).await.ends_with("admin data"));
    assert_eq!(status(&get(&runtime, "/script/write", &reader).await), "401");
}

#[tokio::test]
async fn forged_headers_give_no_permission() {
    let (_folder, runtime) = run_with_users().await;
    for name in ["x-ferrowire-scopes", "X-Ferrowire-Scopes", "x-FERROWIRE-scopes"] {
        let forged = format!("{name}: *\r\n{name}: *\r\nx-ferrowire-flows: 1\r\n");
        assert_eq!(status(&get(&runtime, "/script/admin", &forged).await), "401");
        assert_eq!(status(&get(&runtime, "/script/node", &forged).await), "401");
    }
}

#[tokio::test]
async fn pages_of_other_sites_reach_no_route_that_needs_a_permission() {
    let (_folder, runtime) = run_with(&[]).await;
    let foreign_host = get(&runtime, "/script/admin", "Host: evil.example\r\n").await;
    assert_eq!(status(&foreign_host), "401");
    // A browser lets another site send a request, and hides the response.
    let post = format!(
        "POST /script/admin HTTP/1.1\r\nHost: {}\r\nOrigin: http://evil.example\r\nConnection: close\r\n\
         Content-Length: 0\r\n\r\n",
        runtime.address
    );
    assert_eq!(status(&runtime.raw(&post).await), "401");
}

/// Sends an upgrade and `more` at once.
async fn upgrade(runtime: &Runtime, path: &str, more: &str) -> TcpStream {
    let mut stream = TcpStream::connect(&runtime.address).await.unwrap();
    let head = format!(
        "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n{more}",
        runtime.address
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut all = String::new();
    let read = async {
        while !all.ends_with(end) {
            let mut bytes = [0; 1024];
            let count = stream.read(&mut bytes).await.unwrap();
            assert_ne!(count, 0, "the connection ended: {all}");
            all.push_str(&String::from_utf8_lossy(&bytes[..count]));
        }
    };
    soon(end, read).await;
    all
}

#[tokio::test]
async fn an_upgraded_connection_is_passed_on_with_what_came_early() {
    let (_folder, runtime) = run_with(&[]).await;
    let mut stream = upgrade(&runtime, "/script/socket", "early").await;
    let answer = read_until(&mut stream, "early").await;
    assert!(answer.starts_with("HTTP/1.1 101"), "{answer}");
    for n in 0..20 {
        let text = format!("{n} {}.", "x".repeat(10_000));
        stream.write_all(text.as_bytes()).await.unwrap();
        assert_eq!(read_until(&mut stream, ".").await, text);
    }
}

#[tokio::test]
async fn what_follows_a_refused_upgrade_is_checked_as_any_request() {
    let (_folder, runtime) = run_with_users().await;
    let smuggled = format!(
        "GET /script/admin HTTP/1.1\r\nHost: {}\r\nx-ferrowire-scopes: *\r\nConnection: close\r\n\r\n",
        runtime.address
    );
    let mut stream = upgrade(&runtime, "/script/refused", &smuggled).await;
    let mut answers = String::new();
    let _reset = soon("the end", stream.read_to_string(&mut answers)).await;
    assert!(answers.starts_with("HTTP/1.1 403"), "{answers}");
    assert!(!answers.contains("admin data"), "{answers}");
}
