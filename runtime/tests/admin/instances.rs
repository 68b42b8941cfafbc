//! Several instances on one user directory.

use std::fs;

use serde_json::json;

use crate::support::{Runtime, refused};

#[tokio::test]
async fn the_second_instance_on_a_user_directory_says_so_and_stops() {
    let folder = tempfile::tempdir().unwrap();
    let first = Runtime::start(folder.path(), &[]).await;
    let process = format!("in use by process {}", first.process());
    let (code, log) = refused(&["--user-dir", folder.path().to_str().unwrap()]).await;
    assert_eq!(code, Some(2));
    for part in ["the user directory", process.as_str(), "--allow-shared-user-dir"] {
        assert!(log.contains(part), "`{part}` is missing in: {log}");
    }
    let mut shared = Runtime::start(folder.path(), &["--allow-shared-user-dir"]).await;
    assert!(shared.passed().contains(&process), "{}", shared.passed());
    shared.stop().await;
    assert_eq!(first.deploy(&json!({"flows": []})).await.status, 200);

    first.kill().await;
    let mut after_a_kill = Runtime::start(folder.path(), &[]).await;
    after_a_kill.stop().await;
    let left = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = left.filter(|name| name.to_string_lossy().ends_with("lock")).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn a_flow_file_has_one_instance_and_its_directory_may_have_several() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (folder.path().join("one.json"), folder.path().join("two.json"));
    fs::write(&one, "[]").unwrap();
    fs::write(&two, "[]").unwrap();
    let (one, two) = (one.to_str().unwrap(), two.to_str().unwrap());
    let elsewhere = tempfile::tempdir().unwrap();
    let _first = Runtime::start(elsewhere.path(), &[one]).await;
    let (code, log) = refused(&[one]).await;
    assert!(code == Some(2) && log.contains("the flow file"), "{log}");
    let other = tempfile::tempdir().unwrap();
    Runtime::start(other.path(), &[two]).await.stop().await;
    // Without the API, an instance writes neither.
    Runtime::start(elsewhere.path(), &[one, "--http-admin-root", "off"]).await.stop().await;
}

#[tokio::test]
async fn a_context_directory_has_one_instance() {
    let (folder, one, two) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let settings = folder.path().join("settings.toml");
    let contexts = folder.path().join("contexts");
    let store = format!(
        "[context-storage.disk]\nmodule = 'localfilesystem'\nconfig = {{dir = '{}'}}",
        contexts.display()
    );
    fs::write(&settings, store).unwrap();
    let settings = settings.to_str().unwrap();
    let _first = Runtime::start(one.path(), &["--settings", settings]).await;
    let (code, log) =
        refused(&["--settings", settings, "--user-dir", two.path().to_str().unwrap()]).await;
    assert!(code == Some(2) && log.contains("the context directory"), "{log}");
}
