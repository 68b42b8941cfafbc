//! Invalid requests do not affect the running flows.

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Runtime, example};

#[tokio::test]
async fn bad_deploys_are_refused_and_leave_the_flows_alone() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = Runtime::start(folder.path(), &["--api-max-length", "100000"]).await;
    assert_eq!(runtime.deploy(&json!({"flows": example()})).await.status, 200);
    let before = runtime.flows().await;
    let file = std::fs::read(folder.path().join("flows.json")).unwrap();
    let deep = format!("{{\"flows\":{}{}}}", "[".repeat(5000), "]".repeat(5000));
    let large = format!("{{\"flows\":[],\"x\":\"{}\"}}", "x".repeat(100_000));
    let table: &[(&[u8], u16)] = &[
        (b"{bad", 400),
        (b"\"text\"", 400),
        (b"null", 400),
        (b"\xff\xfe\x00", 400),
        (b"{\"flows\":null}", 400),
        (b"{\"flows\":{}}", 400),
        (b"{\"flows\":[1]}", 400),
        (b"{\"flows\":[{}]}", 400),
        (b"{\"flows\":[{\"id\":\"a\"}]}", 400),
        (b"{\"flows\":[{\"id\":1,\"type\":\"tab\"}]}", 400),
        (b"{\"flows\":[],\"rev\":\"other\"}", 409),
        (b"{\"flows\":[],\"rev\":7}", 409),
        (b"{\"flows\":[],\"credentials\":\"x\"}", 400),
        (b"{\"flows\":[],\"credentials\":{\"$\":\"nonsense\"}}", 400),
        (deep.as_bytes(), 400),
        (large.as_bytes(), 413),
    ];
    for (body, status) in table {
        for deployment in ["full", "nodes", "flows"] {
            let headers = [
                ("Content-Type", "application/json"),
                ("Node-RED-API-Version", "v2"),
                ("Node-RED-Deployment-Type", deployment),
            ];
            let answer = runtime.ask("POST", "/flows", &headers, body).await;
            let shown = String::from_utf8_lossy(&body[..body.len().min(60)]);
            assert_eq!(answer.status, *status, "{shown}: {}", answer.text());
        }
    }
    assert_eq!(runtime.flows().await, before);
    assert_eq!(std::fs::read(folder.path().join("flows.json")).unwrap(), file);
    assert_eq!(runtime.ask("POST", "/inject/i1", &[], b"").await.status, 200);
}

#[tokio::test]
async fn paths_out_of_the_served_folders_lead_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("lib")).unwrap();
    std::fs::write(folder.path().join("secret.json"), "[\"secret\"]").unwrap();
    let runtime = Runtime::start(folder.path(), &[]).await;
    for path in [
        "/../Cargo.toml",
        "/red/../../package.json",
        "/%2e%2e/package.json",
        "/red/%2e%2e%2f%2e%2e/package.json",
        "/library/local/flows/../../secret.json",
        "/library/local/flows/%2e%2e/%2e%2e/secret.json",
        "/library/local/flows/..%2f..%2fsecret.json",
        "/library/local/../secret.json",
        "/library/local/%2e%2e/secret.json",
        "/library/local/..%2f/secret.json",
        "/library/local/flows//../../secret.json",
        "/icons/..%2f..%2f/package.json",
        "/icons/node-red/..%2f..%2fpackage.json",
        "/debug/view/..%2f..%2fpackage.json",
        "/theme/css/..%2f..%2fferrowire.svg",
        "/locales/..%2f..%2fpackage",
        "/%zz",
        "/flow/%ff",
    ] {
        let answer = runtime.get(path).await;
        assert!(!answer.body.windows(6).any(|bytes| bytes == b"secret"), "{path}");
        let nothing = answer.status >= 400 || answer.body == b"{}" || answer.body == b"[]";
        assert!(nothing, "{path}: {} {}", answer.status, answer.text());
    }
    let json = [("Content-Type", "application/json")];
    let path = "/library/local/flows/..%2f..%2fsecret";
    assert_eq!(runtime.ask("POST", path, &json, b"[]").await.status, 403);
    assert_eq!(std::fs::read_to_string(folder.path().join("secret.json")).unwrap(), "[\"secret\"]");
}

#[tokio::test]
async fn flows_from_several_files_run_and_cannot_be_deployed() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (folder.path().join("one.json"), folder.path().join("two.json"));
    std::fs::write(&one, example().to_string()).unwrap();
    std::fs::write(&two, r#"[{"id":"t2","type":"tab"}]"#).unwrap();
    let paths = [one.to_str().unwrap(), two.to_str().unwrap()];
    let runtime = Runtime::start(folder.path(), &paths).await;
    assert_eq!(runtime.flows().await["flows"].as_array().unwrap().len(), 5);
    let answer = runtime.deploy(&json!({"flows": []})).await;
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("start with one flow file"), "{}", answer.text());
    assert_eq!(runtime.flows().await["flows"].as_array().unwrap().len(), 5);
}

#[tokio::test]
async fn a_login_is_short() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = Runtime::start(folder.path(), &[]).await;
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let long = format!("password={}", "x".repeat(16 * 1024));
    assert_eq!(runtime.ask("POST", "/auth/token", &form, long.as_bytes()).await.status, 413);
}

#[tokio::test]
async fn a_body_for_the_api_is_finished_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = Runtime::start(folder.path(), &["--transfer-timeout", "0.2"]).await;
    for path in ["/auth/token", "/flows"] {
        let head = format!("POST {path} HTTP/1.1\r\nHost: {}\r\n", runtime.address);
        let mut client = TcpStream::connect(&runtime.address).await.unwrap();
        let request = format!("{head}Content-Length: 1000\r\n\r\npassword=");
        client.write_all(request.as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        client.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 408", "{path}");
    }
}
