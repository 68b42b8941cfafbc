//! The examples whose data comes from files, uploads and TCP.

use std::fs;
use std::io::Write as _;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;

use crate::examples::{page, start_with};
use crate::support::{Client, Runtime, soon};

/// The answer to an uploaded file: status and JSON.
async fn upload(runtime: &Runtime, body: &str) -> (String, Value) {
    let request = format!(
        "POST /charts/csv?name=a.csv HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Type: text/csv\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let response = runtime.raw(&request).await;
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap();
    (status.to_owned(), serde_json::from_str(body).unwrap())
}

#[tokio::test]
async fn an_uploaded_file_becomes_charts_on_all_pages() {
    let runtime = start_with("csv-charts", &[]).await;
    assert!(page(&runtime, "/charts").await.contains("new URL(\"ws/charts\", location.href)"));
    let mut client = runtime.connect("/ws/charts").await;
    let file = "day,\"degrees, C\",note,rain\nMon,1.5,x,\nTue,-2,\"a \"\"b\"\"\",7\n";
    let expected = json!({"name": "a.csv", "rows": 2, "labels": ["Mon", "Tue"], "series": [
        {"name": "degrees, C", "values": [1.5, -2]}, {"name": "rain", "values": [null, 7]},
    ]});
    assert_eq!(upload(&runtime, file).await, ("200".to_owned(), expected.clone()));
    assert_eq!(client.json().await, expected);
    let last: Value = serde_json::from_str(&page(&runtime, "/charts/last").await).unwrap();
    assert_eq!(last, expected);
    for (file, error) in [("a,b\n", "no rows below"), ("a,b\nx,y\n", "no column has numbers only")]
    {
        let (status, answer) = upload(&runtime, file).await;
        assert_eq!(status, "400", "{file}");
        assert!(answer["error"].as_str().unwrap().contains(error), "{answer}");
    }
    let many: String = (0..10_000).map(|number| format!("{number}\n")).collect();
    let (_, chart) = upload(&runtime, &format!("n\n{many}")).await;
    assert_eq!((&chart["rows"], &chart["labels"][999]), (&json!(10_000), &json!("9991")));
}

/// Waits until the page is told whether the device is connected.
async fn told(client: &mut Client, is_connected: bool) {
    while client.json().await["connected"] != is_connected {}
}

/// What a page that is opened shows at first.
async fn recent(runtime: &Runtime) -> Value {
    serde_json::from_str(&page(runtime, "/bridge/recent").await).unwrap()
}

/// The next line or error at the page, without number and time.
async fn said(client: &mut Client) -> Value {
    let mut message = client.json().await;
    // A page that connects early is told so.
    while message["connected"].is_boolean() {
        message = client.json().await;
    }
    for name in ["number", "at"] {
        message.as_object_mut().unwrap().remove(name);
    }
    message
}

#[tokio::test]
async fn a_device_talks_to_all_pages_and_each_page_to_the_device() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let env = [("DEVICE_HOST", "127.0.0.1"), ("DEVICE_PORT", port.as_str())];
    let runtime = start_with("tcp-bridge", &env).await;
    assert!(page(&runtime, "/bridge").await.contains("<title>TCP device</title>"));
    let (device, _) = soon("the flow", listener.accept()).await.unwrap();
    let mut device = BufReader::new(device);
    let (mut a, mut b) = (runtime.connect("/ws/bridge").await, runtime.connect("/ws/bridge").await);
    if recent(&runtime).await["connected"] == false {
        told(&mut a, true).await;
    }
    device.write_all(b"temp=2").await.unwrap();
    device.write_all(b"1.5\r\nready\n").await.unwrap();
    for client in [&mut a, &mut b] {
        assert_eq!(said(client).await, json!({"line": "temp=21.5"}));
        assert_eq!(said(client).await, json!({"line": "ready"}));
    }

    a.send("led on").await;
    let mut line = String::new();
    soon("a line", device.read_line(&mut line)).await.unwrap();
    assert_eq!(line, "led on\n");
    assert_eq!(said(&mut a).await, json!({"sent": "led on"}));
    assert_eq!(said(&mut b).await, json!({"sent": "led on"}));
    b.send("two\nlines").await;
    assert!(said(&mut b).await["error"].as_str().unwrap().contains("one line"));
    assert_eq!(recent(&runtime).await["lines"].as_array().unwrap().len(), 3);

    drop(device);
    told(&mut a, false).await;
    a.send("anybody?").await;
    assert_eq!(said(&mut a).await, json!({"error": "the device is not connected"}));
}

/// Reads messages until one has a line with this text.
async fn wait_for_line(client: &mut Client, text: &str) {
    loop {
        let message = client.json().await;
        let lines = message["lines"].as_array().cloned().unwrap_or_default();
        if lines.iter().any(|line| line["text"] == text) {
            return;
        }
    }
}

#[tokio::test]
async fn a_growing_file_is_followed_also_when_it_is_rotated() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.log");
    fs::write(&path, "first\n").unwrap();
    let env = [("LOG_FILE", path.to_str().unwrap())];
    let runtime = start_with("log-tail", &env).await;
    assert!(page(&runtime, "/tail").await.contains("<title>Log file</title>"));
    let mut client = runtime.connect("/ws/tail").await;
    let append = |text: &[u8]| {
        let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(text).unwrap();
    };
    append("gr\u{fc}n \x1b[1mbold\x1b[0m ".as_bytes());
    append(b"and \xff more\n");
    wait_for_line(&mut client, "gr\u{fc}n \x1b[1mbold\x1b[0m and \u{fffd} more").await;
    let recent: Value = serde_json::from_str(&page(&runtime, "/tail/recent").await).unwrap();
    assert_eq!(recent["lines"][0]["text"], "first");

    fs::rename(&path, folder.path().join("app.log.1")).unwrap();
    loop {
        let message = client.json().await;
        if message["file"]["event"] == "remove" {
            assert_eq!(message["file"]["name"], "app.log");
            break;
        }
    }
    fs::write(&path, "in the new file\n").unwrap();
    wait_for_line(&mut client, "in the new file").await;
}
