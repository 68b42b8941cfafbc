//! The user directory: Node-RED's files, read and written.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Runtime, example};

/// Written by Node-RED 5.0.7 with the secret `s3cret`.
const FROM_NODE_RED: &str = r#"{
    "$": "350bafa0c2a53dc9d951e2827d7f775b/zW7+DergqZC3JE+APmAB1juZQI69bKGa6luvVbzfLfyTpy9CrcDMaOzGKJBn4c="
}"#;

fn read(folder: &tempfile::TempDir, name: &str) -> String {
    fs::read_to_string(folder.path().join(name)).unwrap()
}

#[tokio::test]
async fn a_flow_survives_deploy_export_and_restart_unchanged() {
    // The order of members and unknown properties must be kept.
    let text = r#"[{"zz":1,"id":"t1","type":"tab","label":"ü \" \\ \u0001","a":{"z":[{}],"b":[]}},{"type":"comment","id":"c","z":"t1","x":10.5,"y":-0.25,"wires":[],"info":"1\n2","l":false,"extra":null},{"id":"u","type":"unknown thing","z":"t1","d":true,"p":1e300,"wires":[["c"],[]]}]"#;
    let folder = tempfile::tempdir().unwrap();
    let runtime = Runtime::start(folder.path(), &["--flow-file-pretty", "false"]).await;
    let headers = [("Content-Type", "application/json"), ("Node-RED-API-Version", "v1")];
    assert_eq!(runtime.ask("POST", "/flows", &headers, text.as_bytes()).await.status, 204);
    let exported = runtime.get("/flows").await;
    let expected = text.replace("1e300", "1e+300");
    assert_eq!(exported.text(), expected);
    assert_eq!(read(&folder, "flows.json"), expected);
    let rev = runtime.flows().await["rev"].clone();
    runtime.kill().await;
    let runtime = Runtime::start(folder.path(), &[]).await;
    assert_eq!(runtime.get("/flows").await.text(), expected);
    assert_eq!(runtime.flows().await["rev"], rev);
}

#[tokio::test]
async fn files_are_written_as_node_red_writes_them_and_the_last_ones_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = Runtime::start(folder.path(), &[]).await;
    runtime.deploy(&json!({"flows": [{"id": "t1", "type": "tab", "label": "one"}]})).await;
    let one = read(&folder, "flows.json");
    assert!(one.starts_with("[\n    {\n        \""), "{one}");
    runtime.deploy(&json!({"flows": [{"id": "t1", "type": "tab", "label": "two"}]})).await;
    assert_eq!(read(&folder, ".flows.json.backup"), one);
    assert!(read(&folder, "flows.json").contains("two"));
    // Without credentials the file is not created.
    assert!(!folder.path().join("flows_cred.json").exists());
}

#[tokio::test]
async fn credentials_that_node_red_wrote_are_read_and_go_back_encrypted() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("flows.json"), example().to_string()).unwrap();
    fs::write(folder.path().join("flows_cred.json"), FROM_NODE_RED).unwrap();
    let runtime = Runtime::start(folder.path(), &[]).await;
    let shown = runtime.get("/credentials/tls-config/c1").await.json();
    assert_eq!(shown["certdata"], "CERT ü");
    assert_eq!(shown["has_passphrase"], true);
    // A deploy without credentials does not change the file.
    runtime.deploy(&json!({"flows": example()})).await;
    assert_eq!(read(&folder, "flows_cred.json"), FROM_NODE_RED);

    let mut flows = example();
    flows[3]["credentials"] = json!({"keydata": "KEY"});
    let before = runtime.flows().await["rev"].clone();
    let answer = runtime.deploy(&json!({"flows": flows})).await;
    assert_eq!(answer.json()["rev"], before);
    let written = read(&folder, "flows_cred.json");
    assert!(written.starts_with("{\n    \"$\": \"") && !written.contains("KEY"), "{written}");
    assert!(!read(&folder, "flows.json").contains("KEY"));
    assert!(!runtime.get("/flows").await.text().contains("KEY"));
    runtime.kill().await;
    let runtime = Runtime::start(folder.path(), &[]).await;
    let shown = runtime.get("/credentials/tls-config/c1").await.json();
    assert_eq!((&shown["keydata"], &shown["certdata"]), (&json!("KEY"), &json!("CERT ü")));
}

#[tokio::test]
async fn credentials_with_another_secret_do_not_keep_the_flows_from_running() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("flows.json"), example().to_string()).unwrap();
    let other = FROM_NODE_RED.replace("350b", "0000");
    fs::write(folder.path().join("flows_cred.json"), &other).unwrap();
    let runtime = Runtime::start(folder.path(), &[]).await;
    assert!(runtime.passed().contains("`credential-secret`"), "{}", runtime.passed());
    assert_eq!(runtime.get("/credentials/tls-config/c1").await.json(), json!({}));
    assert_eq!(runtime.ask("POST", "/inject/i1", &[], b"").await.status, 200);
    // They can be recovered until new ones are set.
    runtime.deploy(&json!({"flows": example()})).await;
    assert_eq!(read(&folder, "flows_cred.json"), other);
}

#[tokio::test]
async fn flows_that_were_stopped_stay_stopped_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("flows.json"), example().to_string()).unwrap();
    let arguments = ["--runtime-state", "true"];
    let runtime = Runtime::start(folder.path(), &arguments).await;
    let json = [("Content-Type", "application/json")];
    runtime.ask("POST", "/flows/state", &json, br#"{"state":"stop"}"#).await;
    runtime.kill().await;
    let runtime = Runtime::start(folder.path(), &arguments).await;
    assert_eq!(runtime.get("/flows/state").await.json(), json!({"state": "stop"}));
    assert_eq!(runtime.ask("POST", "/inject/i1", &[], b"").await.status, 404);
    runtime.ask("POST", "/flows/state", &json, br#"{"state":"start"}"#).await;
    assert_eq!(runtime.ask("POST", "/inject/i1", &[], b"").await.status, 200);
}

#[tokio::test]
async fn a_flow_file_that_is_broken_by_hand_is_not_taken() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("flows.json"), example().to_string()).unwrap();
    let runtime = Runtime::start(folder.path(), &[]).await;
    fs::write(folder.path().join("flows.json"), "[{").unwrap();
    let reload = [("Node-RED-Deployment-Type", "reload"), ("Node-RED-API-Version", "v2")];
    let answer = runtime.ask("POST", "/flows", &reload, b"").await;
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("invalid JSON"), "{}", answer.text());
    let flows: Value = runtime.flows().await["flows"].clone();
    assert_eq!(flows, example());
}

#[tokio::test]
async fn the_library_keeps_values_of_several_lines_and_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = Runtime::start(folder.path(), &[]).await;
    let function = json!({"name": "f", "initialize": "// Code\nlet a = '\\n';\n", "outputs": 2,
        "noerr": true, "text": "// first\nreturn msg;"});
    let path = "/library/local/functions/f.js";
    let headers = [("content-type", "application/json")];
    let answer = runtime.ask("POST", path, &headers, function.to_string().as_bytes()).await;
    assert_eq!(answer.status, 204);
    let file = read(&folder, "lib/functions/f.js");
    assert!(
        file.contains("// initialize: // Code\\nlet a = '\\\\n';\\n\n// outputs: 2\n"),
        "{file}"
    );
    assert_eq!(runtime.get(path).await.text(), "// first\nreturn msg;");
    let list = runtime.get("/library/local/functions/").await.json();
    assert_eq!(list[0]["initialize"], function["initialize"]);
    assert_eq!((&list[0]["outputs"], &list[0]["fn"]), (&json!("2"), &json!("f.js")));
    let wrong = json!({"a b": "x", "text": ""}).to_string();
    assert_eq!(runtime.ask("POST", path, &headers, wrong.as_bytes()).await.status, 400);
}
