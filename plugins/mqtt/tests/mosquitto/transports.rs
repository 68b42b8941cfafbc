//! TLS and WebSockets.

use ferrowire_testkit::json;
use rcgen::{CertificateParams, KeyPair};

use crate::server::{Mosquitto, free_port};
use crate::support::{broker, connected, input, next, output, publish};

/// A folder with a certificate for `localhost`, and the certificate.
fn folder() -> (tempfile::TempDir, String) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap().pem();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("cert.pem"), &certificate).unwrap();
    std::fs::write(folder.path().join("key.pem"), key.serialize_pem()).unwrap();
    (folder, certificate)
}

#[tokio::test]
async fn messages_pass_tls() {
    let (folder, certificate) = folder();
    let lines = "certfile FOLDER/cert.pem\nkeyfile FOLDER/key.pem";
    let server = Mosquitto::in_folder(folder, lines).await;
    let tls = json!({"id": "tls", "type": "tls-config", "verifyservercert": true,
        "credentials": {"cadata": certificate}});
    let node = broker(server.port, json!({"broker": "localhost", "usetls": true, "tls": "tls"}));
    let flow = connected(vec![tls, node, input(json!({"topic": "t"})), output(json!({}))]).await;
    publish(&flow, json!({"topic": "t", "payload": "x".repeat(300_000), "qos": 2})).await;
    assert_eq!(next(&flow, "got").await["payload"].as_str().unwrap().len(), 300_000);
    flow.stop().await;
}

#[tokio::test]
async fn messages_pass_a_websocket() {
    for version in ["3", "4", "5"] {
        let port = free_port();
        let lines = format!("listener {port} 127.0.0.1\nprotocol websockets");
        let server = Mosquitto::with(&lines).await;
        let url = format!("ws://127.0.0.1:{port}/mqtt");
        let node = broker(server.port, json!({"broker": url, "protocolVersion": version}));
        let flow = connected(vec![node, input(json!({"topic": "t"})), output(json!({}))]).await;
        // Mosquitto sends 4 KiB in 100 ms over a WebSocket.
        for size in [1, 10_000] {
            publish(&flow, json!({"topic": "t", "payload": "x".repeat(size), "qos": 1})).await;
            assert_eq!(next(&flow, "got").await["payload"].as_str().unwrap().len(), size);
        }
        flow.stop().await;
    }
}
