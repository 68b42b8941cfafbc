//! What is in the user directory after the process was killed.

use std::fs;
use std::path::Path;
use std::time::Instant;

use serde_json::{Value, json};

use crate::support::Runtime;

const ROUNDS: u32 = 40;

/// A deploy whose flows and credentials have the same mark.
fn marked(mark: u64) -> Value {
    json!({"flows": [
        {"id": "t1", "type": "tab", "label": mark.to_string(), "info": "x".repeat(50_000)},
        {"id": "c1", "type": "tls-config", "name": "x",
         "credentials": {"certdata": mark.to_string(), "keydata": "k".repeat(50_000)}},
    ]})
}

fn temporary(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let names = names.map(|name| name.into_string().unwrap());
    names.filter(|name| name.ends_with(".new") || name.ends_with(".pending")).collect()
}

#[tokio::test]
async fn a_kill_amid_deploys_leaves_flows_and_credentials_of_one_deploy() {
    let folder = tempfile::tempdir().unwrap();
    let mut mark = 0_u64;
    for round in 0..ROUNDS {
        let runtime = Runtime::start(folder.path(), &[]).await;
        assert_eq!(temporary(folder.path()), [""; 0], "in round {round}");
        let flows = runtime.flows().await;
        let shown = runtime.get("/credentials/tls-config/c1").await.json();
        match mark {
            0 => assert_eq!(flows["flows"], json!([])),
            _ => assert_eq!(flows["flows"][0]["label"], shown["certdata"], "in round {round}"),
        }
        mark += 1;
        let begun = Instant::now();
        assert_eq!(runtime.deploy(&marked(mark)).await.status, 200);
        let duration = begun.elapsed();
        mark += 1;
        // The moments of the kills are spread over the duration of a deploy.
        let moment = duration * (2 * round + 1) / (2 * ROUNDS);
        let next = marked(mark);
        let _unfinished = tokio::time::timeout(moment, runtime.deploy(&next)).await;
        runtime.kill().await;
    }
}

#[tokio::test]
async fn a_save_that_was_interrupted_is_completed_and_logged() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let runtime = Runtime::start(folder.path(), &[]).await;
    runtime.deploy(&marked(1)).await;
    let (flows, credentials) = (at("flows.json"), at("flows_cred.json"));
    let old = fs::read(&flows).unwrap();
    runtime.deploy(&marked(2)).await;
    runtime.kill().await;
    // As if it had been killed after the first rename.
    fs::rename(&flows, at(".ferrowire-abc123.new")).unwrap();
    fs::write(&flows, old).unwrap();
    let journal = b".ferrowire-000000.new\0flows_cred.json\0.ferrowire-abc123.new\0flows.json\0";
    fs::write(at(".flows.json.pending"), journal).unwrap();
    fs::create_dir_all(at("lib/functions")).unwrap();
    fs::write(at("lib/functions/.ferrowire-abc123.new"), "x").unwrap();
    let runtime = Runtime::start(folder.path(), &[]).await;
    assert!(runtime.passed().contains("completed the save"), "{}", runtime.passed());
    assert_eq!(runtime.flows().await["flows"][0]["label"], "2");
    assert!(credentials.exists());
    assert_eq!(temporary(folder.path()), [""; 0]);
    assert_eq!(temporary(&at("lib/functions")), [""; 0]);
}

#[tokio::test]
async fn a_reload_of_files_that_are_gone_leaves_the_flows_and_their_credentials_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut runtime = Runtime::start(folder.path(), &[]).await;
    let reload = [("Node-RED-Deployment-Type", "reload"), ("Node-RED-API-Version", "v2")];
    let nothing_yet = runtime.ask("POST", "/flows", &reload, b"").await;
    assert_eq!(nothing_yet.status, 200, "{}", nothing_yet.text());
    runtime.deploy(&marked(1)).await;
    let deployed = runtime.flows().await;
    for name in ["flows.json", "flows_cred.json"] {
        let (path, aside) = (folder.path().join(name), folder.path().join("aside"));
        fs::rename(&path, &aside).unwrap();
        runtime.signal("-HUP");
        let line = runtime.log_line("the running flows were not changed").await;
        assert!(line.contains(name), "{line}");
        assert_eq!(runtime.ask("POST", "/flows", &reload, b"").await.status, 400);
        assert_eq!(runtime.flows().await, deployed);
        let shown = runtime.get("/credentials/tls-config/c1").await.json();
        assert_eq!(shown["certdata"], "1");
        fs::rename(&aside, &path).unwrap();
    }
    runtime.signal("-HUP");
    runtime.log_line("deployed the flow files again").await;
}
