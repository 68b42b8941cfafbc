//! A room and its users, with the test kit.

use ferrowire::port::ByteStream;
use ferrowire::port::http::{Request, StatusCode};
use ferrowire::{NodeInfo, User, Value};
use ferrowire_testkit::{Harness, TestPort, assert_compliant, json, linked, message};
use room::MEMBERS;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream};

async fn hall(port: &TestPort) -> Harness {
    let config = json!({"id": "hall", "path": "/hall"});
    Harness::of("room").config(config).port(port.clone()).start().await
}

/// Connects and reads the response.
async fn connect(port: &TestPort) -> BufReader<DuplexStream> {
    let request = Request::get("/hall").header("Upgrade", "lines").body(()).unwrap();
    let take_over = port.upgrade(request).await.unwrap().unwrap_or_else(|_| panic!("refused"));
    let (client, server) = tokio::io::duplex(1024);
    take_over(ByteStream::new(server), Default::default());
    let mut client = BufReader::new(client);
    while !line(&mut client).await.is_empty() {}
    client
}

async fn line(client: &mut BufReader<DuplexStream>) -> String {
    let mut line = String::new();
    client.read_line(&mut line).await.unwrap();
    line.trim_end().to_owned()
}

#[tokio::test]
async fn lines_reach_every_client_and_their_number_can_be_asked_for() {
    let port = TestPort::new();
    let mut node = hall(&port).await;
    let (mut one, mut two) = (connect(&port).await, connect(&port).await);
    node.send(message(json!({"payload": "hello"}))).await;
    assert_eq!((line(&mut one).await, line(&mut two).await), ("hello".into(), "hello".into()));
    assert_eq!(node.ask("out", "count").await.unwrap(), Value::from(2));
    let page = port.request(Request::get("/hall/members").body("").unwrap()).await;
    assert_eq!(page.body(), "[1,2]");
    one.get_mut().write_all(b"ignored: no user wants it\n").await.unwrap();
    node.stop().await;
}

#[tokio::test]
async fn the_setting_limits_the_members_and_the_status_shows_them() {
    let port = TestPort::new();
    let mut node = Harness::of("room")
        .config(json!({"id": "hall", "path": "/hall"}))
        .port(port.clone())
        .setting(&MEMBERS, "1")
        .start()
        .await;
    let user = NodeInfo { id: "in".into(), node_type: "room in".into(), ..NodeInfo::default() };
    node.set_users(vec![User::named(user)]);
    let _client = connect(&port).await;
    assert_eq!(node.next_status().await.text.as_str(), "1 connected");
    let request = Request::get("/hall").header("Upgrade", "lines").body(()).unwrap();
    let refused = port.upgrade(request).await.unwrap().err().unwrap();
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_users_keep_to_the_contract() {
    for node_type in ["room in", "room out"] {
        assert_compliant(linked(node_type), json!({"room": "hall"})).await;
    }
}
