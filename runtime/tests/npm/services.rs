//! Packages that talk to a service, each with a small server in its place.

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;

use crate::installed::{UserDir, between, function};
use crate::support::{Events, Runtime, node, soon};

/// An HTTP server that responds to each request by its path, and tells of it.
struct Server {
    port: u16,
    requests: mpsc::Receiver<(String, String)>,
    _serving: JoinSet<()>,
}

impl Server {
    async fn start(answer: fn(&str) -> String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (tell, requests) = mpsc::channel(100);
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, answer, tell.clone()));
            }
        });
        Server { port, requests, _serving: serving }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The next request whose line contains `part`: its body.
    async fn body_of(&mut self, part: &str) -> String {
        let found = async {
            loop {
                let (line, body) = self.requests.recv().await.unwrap();
                if line.contains(part) {
                    return body;
                }
            }
        };
        soon(part, found).await
    }
}

async fn serve(
    stream: TcpStream,
    answer: fn(&str) -> String,
    tell: mpsc::Sender<(String, String)>,
) {
    let mut stream = BufReader::new(stream);
    while let Some((line, body)) = request(&mut stream).await {
        let json = answer(&line);
        let length = json.len();
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
        );
        if stream.write_all((head + &json).as_bytes()).await.is_err() {
            return;
        }
        // The test may have ended.
        let _ended = tell.send((line, body)).await;
    }
}

/// The request line and the body.
async fn request(stream: &mut BufReader<TcpStream>) -> Option<(String, String)> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let length = lines.iter().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("content-length").then(|| value.parse().unwrap())
    });
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).await.ok()?;
    Some((lines.first()?.clone(), String::from_utf8(body).unwrap()))
}

/// Runs a program with `package`, and deploys `flows` by the admin API, which takes credentials.
async fn deploy(package: &str, flows: &Value) -> (UserDir, Runtime, Events) {
    let folder = UserDir::with(&[package]);
    let runtime = folder.run(between(&[], [])).await;
    let events = runtime.events().await;
    let response = runtime.post_json("/flows", &flows.to_string()).await;
    assert!(response.starts_with("HTTP/1.1 204"), "{response}");
    (folder, runtime, events)
}

#[tokio::test]
async fn the_influxdb_nodes_write_a_point_and_read_it() {
    let mut server = Server::start(|line| match line.contains("/query") {
        true => {
            let series =
                json!({"name": "m", "columns": ["time", "temp"], "values": [[1000, 21.5]]});
            json!({"results": [{"series": [series]}]}).to_string()
        }
        false => String::new(),
    })
    .await;
    let config = json!({
        "id": "db", "type": "influxdb", "hostname": "127.0.0.1", "port": server.port,
        "protocol": "http", "database": "home", "usetls": false, "influxdbVersion": "1.x",
        "credentials": {"username": "me", "password": "secret"},
    });
    let out = json!({"influxdb": "db", "measurement": "m", "precision": "", "retentionPolicy": ""});
    let read = json!({"influxdb": "db", "query": "select * from m", "rawOutput": false, "precision": "",
        "retentionPolicy": ""});
    let flows = between(
        &["point", "read"],
        [
            config,
            function("point", "return {payload: {temp: 21.5}}", &["write"]),
            node("write", "influxdb out", out, &[]),
            node("read", "influxdb in", read, &["all"]),
        ],
    );
    let (_folder, runtime, _events) = deploy("node-red-contrib-influxdb", &flows).await;
    let mut client = runtime.connect("/ws").await;
    client.send("go").await;
    assert_eq!(client.json().await[0]["temp"], json!(21.5));
    assert_eq!(server.body_of("/write?").await, "m temp=21.5");
}

/// One message to the bot, then none.
fn telegram(line: &str) -> String {
    let text = json!({
        "update_id": 5,
        "message": {
            "message_id": 1, "date": 0, "chat": {"id": 7, "type": "private"}, "text": "hello",
            "from": {"id": 7, "is_bot": false, "first_name": "A", "username": "a"},
        },
    });
    let is_first = line.contains("getUpdates") && !line.contains("offset=6");
    let result = if is_first { json!([text]) } else { json!([]) };
    json!({"ok": true, "result": if line.contains("sendMessage") { json!({"message_id": 2}) } else { result }})
        .to_string()
}

#[tokio::test]
async fn the_telegram_bot_answers_a_message_by_a_native_function() {
    let mut server = Server::start(telegram).await;
    let bot = json!({
        "id": "bot", "type": "telegram bot", "botname": "b", "usernames": "", "chatids": "",
        "baseapiurl": server.url(), "testenvironment": false, "updatemode": "polling",
        "pollinterval": 100, "usesocks": false, "credentials": {"token": "1:secret"},
    });
    let answer = "return {payload: {chatId: msg.payload.chatId, type: 'message', content: msg.payload.content.toUpperCase()}}";
    let receiver = json!({"bot": "bot", "saveDataDir": "", "filterCommands": false, "inputs": 0});
    let mut receiver = node("receive", "telegram receiver", receiver, &[]);
    receiver["wires"] = json!([["answer"], []]);
    let sender = json!({"bot": "bot", "haserroroutput": false, "outputs": 1});
    let flows = between(
        &[],
        [
            bot,
            receiver,
            function("answer", answer, &["send"]),
            node("send", "telegram sender", sender, &[]),
        ],
    );
    let (_folder, _runtime, _events) = deploy("node-red-contrib-telegrambot", &flows).await;
    let sent = server.body_of("/bot1:secret/sendMessage").await;
    assert!(sent.contains("chat_id=7") && sent.contains("text=HELLO"), "{sent}");
}

#[tokio::test]
async fn a_modbus_client_writes_a_register_of_a_server_and_reads_it() {
    let port = ferrowire_testkit::free_port();
    let server = json!({"logEnabled": false, "hostname": "127.0.0.1", "serverPort": port, "responseDelay": 1,
        "delayUnit": "ms", "coilsBufferSize": 100, "holdingBufferSize": 100, "inputBufferSize": 100,
        "discreteBufferSize": 100, "showErrors": false});
    let client = json!({
        "id": "client", "type": "modbus-client", "clienttype": "tcp", "bufferCommands": true,
        "failureLogEnabled": true, "tcpHost": "127.0.0.1", "tcpPort": port, "tcpType": "DEFAULT",
        "unit_id": 1, "commandDelay": 1, "clientTimeout": 1000, "reconnectOnTimeout": true,
        "reconnectTimeout": 200, "parallelUnitIdsAllowed": true,
    });
    let uses =
        json!({"server": "client", "showErrors": true, "showStatusActivities": true, "outputs": 2});
    let write = "return {payload: {value: 4711, fc: 6, unitid: 1, address: 3, quantity: 1}}";
    let read = "return {payload: {fc: 3, unitid: 1, address: 3, quantity: 1}}";
    let flows = between(
        &["write"],
        [
            client,
            node("server", "modbus-server", server, &[]),
            function("write", write, &["writer"]),
            node("writer", "modbus-flex-write", uses.clone(), &["read"]),
            function("read", read, &["reader"]),
            node("reader", "modbus-flex-getter", uses, &["all"]),
        ],
    );
    let (_folder, runtime, mut events) = deploy("node-red-contrib-modbus", &flows).await;
    // Before, the package drops messages.
    events.status("writer", "connected").await;
    let mut browser = runtime.connect("/ws").await;
    browser.send("go").await;
    assert_eq!(browser.json().await, json!([4711]));
}

/// Accepts the token and every command; tells of calls of services.
async fn home(listener: TcpListener, tell: mpsc::Sender<Value>) {
    while let Ok((stream, _)) = listener.accept().await {
        // Other requests than the one for a WebSocket are closed.
        let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { continue };
        let auth =
            |kind: &str| Message::text(json!({"type": kind, "ha_version": "2025.1.0"}).to_string());
        socket.send(auth("auth_required")).await.unwrap();
        while let Some(Ok(Message::Text(text))) = socket.next().await {
            let commands: Value = serde_json::from_str(&text).unwrap();
            let commands = commands.as_array().cloned().unwrap_or_else(|| vec![commands.clone()]);
            for command in commands {
                let response = match command["type"].as_str().unwrap() {
                    "auth" => auth("auth_ok"),
                    kind => Message::text(
                        json!({"id": command["id"], "type": "result", "success": true, "result": result(kind)})
                            .to_string(),
                    ),
                };
                socket.send(response).await.unwrap();
                if command["type"] == "call_service" {
                    tell.send(command).await.unwrap();
                }
            }
        }
    }
}

fn result(command: &str) -> Value {
    match command {
        "get_config" => json!({"state": "RUNNING", "components": [], "version": "2025.1.0"}),
        "get_states" => json!([{"entity_id": "light.kitchen", "state": "off", "attributes": {}}]),
        "get_services" => json!({"light": {"turn_on": {"fields": {}}}}),
        "auth/current_user" => json!({"id": "me", "name": "me"}),
        "call_service" => json!({"context": {"id": "1"}, "response": null}),
        _ => json!([]),
    }
}

#[tokio::test]
async fn home_assistant_is_asked_to_turn_a_light_on() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, mut calls) = mpsc::channel(100);
    let mut serving = JoinSet::new();
    serving.spawn(home(listener, tell));
    let server = json!({
        "id": "home", "type": "server", "name": "Home", "version": 5, "addon": false, "rejectUnauthorizedCerts": true,
        "ha_boolean": "y|yes|true|on|home|open", "connectionDelay": false, "cacheJson": false, "heartbeat": false,
        "heartbeatInterval": "30", "areaSelector": "friendlyName", "deviceSelector": "friendlyName",
        "entitySelector": "friendlyName", "statusSeparator": ": ", "enableGlobalContextStore": false,
        "credentials": {"host": format!("http://{address}"), "access_token": "secret"},
    });
    let action = json!({
        "server": "home", "version": 7, "debugenabled": false, "action": "light.turn_on", "floorId": [], "areaId": [],
        "deviceId": [], "entityId": ["light.kitchen"], "labelId": [], "data": "", "dataType": "jsonata",
        "mergeContext": "", "mustacheAltTags": false, "outputProperties": [], "queue": "all",
        "blockInputOverrides": false, "domain": "light", "service": "turn_on",
    });
    let flows = between(&["on"], [server, node("on", "api-call-service", action, &["all"])]);
    let (_folder, runtime, _events) =
        deploy("node-red-contrib-home-assistant-websocket", &flows).await;
    let mut client = runtime.connect("/ws").await;
    client.send("go").await;
    assert_eq!(client.text().await, "go");
    let call = soon("a call", calls.recv()).await.unwrap();
    assert_eq!((&call["domain"], &call["service"]), (&json!("light"), &json!("turn_on")), "{call}");
    assert_eq!(call["target"]["entity_id"], json!("light.kitchen"), "{call}");
}
