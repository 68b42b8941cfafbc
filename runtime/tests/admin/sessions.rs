//! The sessions and rooms of listeners over the admin API.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Runtime, settings};

fn flows() -> String {
    json!([
        {"id": "t1", "type": "tab"},
        {"id": "l1", "type": "websocket-listener", "path": "/ws", "wholemsg": "false", "details": "true"},
        {"id": "l2", "type": "websocket-listener", "path": "/other", "wholemsg": "false"},
        {"id": "w1", "type": "websocket in", "z": "t1", "server": "l1", "wires": [[]]},
        {"id": "w2", "type": "websocket in", "z": "t1", "server": "l2", "wires": [[]]},
    ])
    .to_string()
}

/// A client whose handshake is done.
async fn connect(runtime: &Runtime, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(&runtime.address).await.unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\
         Sec-WebSocket-Version: 13\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0);
    }
    stream
}

async fn get(runtime: &Runtime, path: &str) -> Value {
    let answer = runtime.get(path).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    serde_json::from_str(answer.text()).unwrap()
}

#[tokio::test]
async fn the_sessions_of_a_listener_are_listed_in_pages_without_secrets() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("flows.json"), flows()).unwrap();
    let runtime = Runtime::start(folder.path(), &[]).await;
    let path = "/ferrowire/websocket/l1/sessions";
    assert_eq!(get(&runtime, path).await, json!({"total": 0, "sessions": []}));
    let mut clients = Vec::new();
    for _ in 0..3 {
        clients.push(connect(&runtime, "/ws?token=s3cret").await);
    }
    let _elsewhere = connect(&runtime, "/other").await;
    let found = get(&runtime, path).await;
    assert_eq!(found["total"], 3);
    let list = found["sessions"].as_array().unwrap();
    assert_eq!(list.len(), 3);
    for (session, client) in list.iter().zip(&clients) {
        assert_eq!(session["id"].as_str().unwrap().len(), 16);
        assert_eq!(session["address"], client.local_addr().unwrap().to_string());
        assert_eq!((&session["path"], &session["protocol"]), (&json!("/ws"), &json!("chat")));
        assert_eq!((&session["rooms"], session["seconds"].is_number()), (&json!([]), true));
    }
    assert!(!found.to_string().contains("s3cret"), "{found}");
    let page = get(&runtime, &format!("{path}?offset=2&limit=5")).await;
    assert_eq!((&page["total"], &page["sessions"]), (&json!(3), &json!([list[2]])));
    let none = get(&runtime, &format!("{path}?offset=x&limit=0")).await;
    assert_eq!(none, json!({"total": 3, "sessions": []}));
    let rooms = get(&runtime, "/ferrowire/websocket/l1/rooms").await;
    assert_eq!(rooms, json!({"total": 0, "rooms": []}));
    let other = get(&runtime, "/ferrowire/websocket/l2/sessions").await;
    assert_eq!(other["total"], 1);
    assert_eq!(runtime.get("/ferrowire/websocket/nobody/sessions").await.status, 404);
    assert_eq!(runtime.get("/ferrowire/websocket/l1/").await.status, 404);
}

#[tokio::test]
async fn a_session_is_asked_for_a_pong_and_the_time_is_told() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("flows.json"), flows()).unwrap();
    let runtime = Runtime::start(folder.path(), &[]).await;
    let mut client = connect(&runtime, "/ws").await;
    let list = get(&runtime, "/ferrowire/websocket/l1/sessions").await;
    let id = list["sessions"][0]["id"].as_str().unwrap();
    let path = format!("/ferrowire/websocket/l1/ping?session={id}");
    let (answer, ()) = tokio::join!(runtime.ask("POST", &path, &[], b""), async {
        let mut ping = [0; 2];
        client.read_exact(&mut ping).await.unwrap();
        assert_eq!(ping, [0x89, 0]);
        // A masked pong.
        client.write_all(&[0x8a, 0x80, 0, 0, 0, 0]).await.unwrap();
    });
    assert_eq!(answer.status, 200, "{}", answer.text());
    let answer: Value = serde_json::from_str(answer.text()).unwrap();
    assert!(answer["milliseconds"].as_f64().unwrap() > 0.0, "{answer}");
    let (answer, ()) = tokio::join!(runtime.ask("POST", &path, &[], b""), async {
        client.read_exact(&mut [0; 2]).await.unwrap();
        drop(client);
    });
    assert_eq!((answer.status, answer.text()), (404, "there is no such session\n"));
    let gone = runtime.ask("POST", &path, &[], b"").await;
    assert_eq!((gone.status, gone.text()), (404, "there is no such session\n"));
    assert_eq!(runtime.get("/ferrowire/websocket/l1/ping").await.status, 404);
}

#[tokio::test]
async fn the_sessions_need_the_permission_to_read() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("flows.json"), flows()).unwrap();
    let settings = settings(folder.path());
    let runtime = Runtime::start(folder.path(), &["--settings", settings.to_str().unwrap()]).await;
    for name in ["sessions", "rooms"] {
        let path = format!("/ferrowire/websocket/l1/{name}");
        assert_eq!(runtime.get(&path).await.status, 401, "{path}");
        let foreign = [("Host", "evil.example:1880")];
        assert_ne!(runtime.ask("GET", &path, &foreign, b"").await.status, 200, "{path}");
    }
}
