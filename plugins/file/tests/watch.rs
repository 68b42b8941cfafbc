//! Files and folders that are watched.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use ferrowire_plugin_file::{FOLDERS, WORKING_DIRECTORY};
use ferrowire_testkit::{Harness, assert_compliant, json, linked};
use serde_json::Value as Json;
use tempfile::TempDir;

/// A folder whose path has no links.
fn folder() -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().canonicalize().unwrap().to_str().unwrap().to_owned();
    (folder, path)
}

async fn watching(files: &str, recursive: bool) -> Harness {
    Harness::of("watch")
        .config(json!({"files": files, "recursive": recursive}))
        .watched()
        .start()
        .await
}

async fn next(node: &mut Harness) -> Json {
    serde_json::from_str(&node.next_output(0).await.to_json()).unwrap()
}

/// Some properties of the next message.
async fn next_of(node: &mut Harness, names: &[&str]) -> Vec<Json> {
    let msg = next(node).await;
    names.iter().map(|name| msg[name].clone()).collect()
}

/// Event and file of the next message.
async fn event(node: &mut Harness) -> (String, String) {
    let msg = next(node).await;
    let text = |name: &str| msg[name].as_str().unwrap().to_owned();
    (text("event"), text("payload"))
}

/// Waits until a change of `path` is reported.
async fn wait_for(node: &mut Harness, path: &str) {
    while event(node).await.1 != path {}
}

#[tokio::test(start_paused = true)]
async fn it_keeps_to_the_contract() {
    let (_folder, path) = folder();
    assert_compliant(linked("watch"), json!({"files": path, "recursive": true})).await;
    assert_compliant(linked("watch"), json!({"files": "/no/such/file"})).await;
}

#[tokio::test]
async fn a_message_says_what_has_changed_in_a_folder() {
    let (_folder, path) = folder();
    let mut node = watching(&path, false).await;
    let file = format!("{path}/a.txt");
    fs::write(&file, "four").unwrap();
    let mut msg = next(&mut node).await;
    msg.as_object_mut().unwrap().remove("_msgid");
    let expected = json!({"payload": file, "topic": path, "file": "a.txt", "filename": file,
        "event": "update", "size": 4, "type": "file"});
    assert_eq!(msg, expected);
    fs::remove_file(&file).unwrap();
    let removed = next(&mut node).await;
    assert_eq!((&removed["event"], &removed["type"]), (&json!("remove"), &json!("none")));
    assert!(removed.get("size").is_none());
    node.stop().await;
}

#[tokio::test]
async fn several_changes_of_a_file_are_one_message() {
    let (_folder, path) = folder();
    let mut node = watching(&path, false).await;
    for number in 0..50 {
        fs::write(format!("{path}/a"), vec![0; number]).unwrap();
    }
    fs::write(format!("{path}/b"), "").unwrap();
    let names = ["file", "size"];
    assert_eq!(next_of(&mut node, &names).await, [json!("a"), json!(49)]);
    assert_eq!(next_of(&mut node, &names).await, [json!("b"), json!(0)]);
    node.stop().await;
}

#[tokio::test]
async fn only_the_named_files_are_watched_also_when_they_are_replaced() {
    let (_folder, path) = folder();
    let [a, b] = ["a", "b"].map(|name| format!("{path}/{name}"));
    fs::write(&a, "").unwrap();
    fs::write(&b, "").unwrap();
    let mut node = watching(&format!("{a} , {b},{a}"), false).await;
    fs::write(format!("{path}/c"), "").unwrap();
    fs::rename(format!("{path}/c"), &a).unwrap();
    let topic = json!(json!([a, b, a]).to_string());
    assert_eq!(next_of(&mut node, &["payload", "topic"]).await, [json!(a), topic]);
    fs::remove_file(&b).unwrap();
    assert_eq!(event(&mut node).await, ("remove".to_owned(), b.clone()));
    fs::write(&b, "again").unwrap();
    assert_eq!(event(&mut node).await, ("update".to_owned(), b));
    node.stop().await;
}

#[tokio::test]
async fn a_changed_mode_is_a_change() {
    let (_folder, path) = folder();
    let file = format!("{path}/a");
    fs::write(&file, "").unwrap();
    let mut node = watching(&file, false).await;
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(event(&mut node).await, ("update".to_owned(), file));
    node.stop().await;
}

#[tokio::test]
async fn the_type_says_what_a_name_stands_for() {
    let (_folder, path) = folder();
    let mut node = watching(&path, false).await;
    fs::create_dir(format!("{path}/folder")).unwrap();
    assert_eq!(next_of(&mut node, &["file", "type"]).await, [json!("folder"), json!("directory")]);
    let _socket = UnixListener::bind(format!("{path}/socket")).unwrap();
    assert_eq!(next_of(&mut node, &["file", "type"]).await, [json!("socket"), json!("socket")]);
    symlink("/dev/null", format!("{path}/null")).unwrap();
    assert_eq!(
        next_of(&mut node, &["file", "type"]).await,
        [json!("null"), json!("characterdevice")]
    );
    symlink("nowhere", format!("{path}/broken")).unwrap();
    assert_eq!(next_of(&mut node, &["event", "type"]).await, [json!("remove"), json!("none")]);
    node.stop().await;
}

#[tokio::test]
async fn folders_below_are_watched_if_wanted_also_new_and_moved_ones() {
    let (_folder, path) = folder();
    fs::create_dir_all(format!("{path}/old/deep")).unwrap();
    let mut flat = watching(&path, false).await;
    let mut node = watching(&path, true).await;
    fs::write(format!("{path}/old/deep/a"), "").unwrap();
    wait_for(&mut node, &format!("{path}/old/deep/a")).await;
    // What is created at once with its folders is reported, too.
    fs::create_dir_all(format!("{path}/new/deep")).unwrap();
    fs::write(format!("{path}/new/deep/b"), "").unwrap();
    wait_for(&mut node, &format!("{path}/new/deep/b")).await;
    fs::rename(format!("{path}/new"), format!("{path}/moved")).unwrap();
    wait_for(&mut node, &format!("{path}/moved/deep/b")).await;
    fs::write(format!("{path}/moved/deep/c"), "").unwrap();
    wait_for(&mut node, &format!("{path}/moved/deep/c")).await;
    // A folder in the place of another one is watched.
    fs::remove_dir_all(format!("{path}/moved")).unwrap();
    fs::create_dir_all(format!("{path}/moved/deep")).unwrap();
    wait_for(&mut node, &format!("{path}/moved/deep")).await;
    fs::write(format!("{path}/moved/deep/d"), "").unwrap();
    wait_for(&mut node, &format!("{path}/moved/deep/d")).await;
    node.stop().await;
    fs::write(format!("{path}/last"), "").unwrap();
    loop {
        let (_, changed) = event(&mut flat).await;
        assert_eq!(Path::new(&changed).parent().unwrap().to_str().unwrap(), path);
        if changed.ends_with("/last") {
            break;
        }
    }
    flat.stop().await;
}

#[tokio::test]
async fn links_to_folders_are_not_followed_so_a_loop_is_no_loop() {
    let (_folder, path) = folder();
    fs::create_dir(format!("{path}/a")).unwrap();
    symlink("..", format!("{path}/a/loop")).unwrap();
    let mut node = watching(&path, true).await;
    fs::write(format!("{path}/a/loop/b"), "").unwrap();
    assert_eq!(event(&mut node).await, ("update".to_owned(), format!("{path}/b")));
    fs::write(format!("{path}/c"), "").unwrap();
    assert_eq!(event(&mut node).await, ("update".to_owned(), format!("{path}/c")));
    node.stop().await;
}

#[tokio::test]
async fn a_named_link_to_a_folder_is_followed() {
    let (_folder, path) = folder();
    fs::create_dir(format!("{path}/a")).unwrap();
    symlink("a", format!("{path}/link")).unwrap();
    let mut node = watching(&format!("{path}/link"), false).await;
    fs::write(format!("{path}/a/b"), "").unwrap();
    assert_eq!(event(&mut node).await, ("update".to_owned(), format!("{path}/link/b")));
    node.stop().await;
}

#[tokio::test]
async fn what_does_not_exist_is_an_error_and_the_rest_is_watched() {
    let (_folder, path) = folder();
    let mut node = watching(&format!("{path}/a,{path}"), false).await;
    let caught = node.next_caught().await;
    let caught: Json = serde_json::from_str(&caught.to_json()).unwrap();
    assert_eq!(caught["payload"], "");
    assert_eq!(caught["error"]["message"], format!("Error: {path}/a does not exist."));
    fs::write(format!("{path}/a"), "").unwrap();
    assert_eq!(event(&mut node).await, ("update".to_owned(), format!("{path}/a")));
    node.stop().await;
}

#[tokio::test]
async fn a_folder_that_vanishes_is_reported_and_an_error() {
    for is_moved in [false, true] {
        let (_folder, path) = folder();
        let watched = format!("{path}/a");
        fs::create_dir_all(format!("{watched}/b")).unwrap();
        let mut node = watching(&watched, true).await;
        if is_moved {
            fs::rename(&watched, format!("{path}/moved")).unwrap();
        } else {
            fs::remove_dir_all(&watched).unwrap();
        }
        assert_eq!(
            node.next_error().await,
            format!("`{watched}` is not watched any longer: its folder is gone")
        );
        let events: Vec<_> = node.outputs(0).iter().map(|msg| msg.to_json()).collect();
        let is_reported = |it: &String| it.contains(&format!(r#""payload":"{watched}""#));
        assert!(events.iter().any(is_reported), "{events:?}");
        assert!(events.iter().all(|it| it.contains(r#""event":"remove""#)), "{events:?}");
        node.stop().await;
    }
}

#[tokio::test]
async fn a_folder_that_is_replaced_at_once_stays_watched() {
    let (_folder, path) = folder();
    let watched = format!("{path}/a");
    fs::create_dir_all(format!("{path}/next")).unwrap();
    fs::create_dir(&watched).unwrap();
    let mut node = watching(&watched, false).await;
    fs::rename(&watched, format!("{path}/old")).unwrap();
    fs::rename(format!("{path}/next"), &watched).unwrap();
    wait_for(&mut node, &watched).await;
    fs::write(format!("{watched}/b"), "").unwrap();
    wait_for(&mut node, &format!("{watched}/b")).await;
    assert!(node.errors().is_empty());
    node.stop().await;
}

#[tokio::test]
async fn a_folder_that_may_not_be_read_is_an_error() {
    let (_folder, path) = folder();
    fs::create_dir(format!("{path}/a")).unwrap();
    fs::set_permissions(format!("{path}/a"), fs::Permissions::from_mode(0o0)).unwrap();
    if fs::read_dir(format!("{path}/a")).is_ok() {
        // This user may read everything.
        return;
    }
    let mut node = watching(&format!("{path}/a"), false).await;
    let expected = format!("Error: EACCES: permission denied, watch '{path}/a'");
    assert_eq!(node.next_error().await, expected);
    node.stop().await;
    let mut node = watching(&path, true).await;
    assert!(
        node.next_error().await.contains(&format!("folder that cannot be watched: `{path}/a`"))
    );
    node.stop().await;
}

#[tokio::test]
async fn a_name_that_is_not_unicode_is_watched() {
    let (_folder, path) = folder();
    let mut node = watching(&path, true).await;
    fs::create_dir(Path::new(&path).join(OsStr::from_bytes(b"\xff"))).unwrap();
    wait_for(&mut node, &format!("{path}/\u{fffd}")).await;
    fs::write(Path::new(&path).join(OsStr::from_bytes(b"\xff/\xfe")), "x").unwrap();
    let names = ["event", "payload", "size"];
    let expected = [json!("update"), json!(format!("{path}/\u{fffd}/\u{fffd}")), json!(1)];
    assert_eq!(next_of(&mut node, &names).await, expected);
    node.stop().await;
}

#[tokio::test]
async fn relative_names_refer_to_the_working_directory_and_stay_relative() {
    let (_folder, path) = folder();
    fs::create_dir(format!("{path}/a")).unwrap();
    for (files, expected) in [("./a/", "a/b"), (".", "b")] {
        let builder = Harness::of("watch").config(json!({"files": files}));
        let mut node = builder.setting(&WORKING_DIRECTORY, &path).start().await;
        fs::write(format!("{path}/{expected}"), "").unwrap();
        let names = ["payload", "event", "topic"];
        let found = next_of(&mut node, &names).await;
        assert_eq!(found, [json!(expected), json!("update"), json!(files)]);
        node.stop().await;
    }
}

#[tokio::test]
async fn flows_watch_what_is_below_the_folders_of_the_setting_only() {
    let (_outside, outside) = folder();
    let (_inside, inside) = folder();
    fs::write(format!("{outside}/secret"), "secret").unwrap();
    symlink(&outside, format!("{inside}/link")).unwrap();
    let restricted = |files: String| {
        let config = Harness::of("watch").config(json!({"files": files, "recursive": true}));
        config.setting(&FOLDERS, &inside).start()
    };
    let names = [&outside, &format!("{inside}/link"), &format!("{inside}/link/secret")];
    for name in names {
        let mut node = restricted(name.clone()).await;
        assert!(node.next_error().await.starts_with("Error: "), "{name}");
        node.stop().await;
    }
    let mut node = restricted(inside.clone()).await;
    symlink(format!("{outside}/secret"), format!("{inside}/a")).unwrap();
    let names = ["file", "type", "size"];
    assert_eq!(next_of(&mut node, &names).await, [json!("a"), json!("none"), Json::Null]);
    fs::write(format!("{inside}/b"), "x").unwrap();
    assert_eq!(next_of(&mut node, &names).await, [json!("b"), json!("file"), json!(1)]);
    node.stop().await;
}

#[tokio::test]
async fn the_temporary_files_of_an_editor_are_not_reported() {
    let (_folder, path) = folder();
    fs::write(format!("{path}/a"), "old").unwrap();
    let mut node = watching(&path, false).await;
    fs::write(format!("{path}/4913"), "").unwrap();
    fs::remove_file(format!("{path}/4913")).unwrap();
    fs::rename(format!("{path}/a"), format!("{path}/a~")).unwrap();
    fs::write(format!("{path}/a"), "new").unwrap();
    fs::remove_file(format!("{path}/a~")).unwrap();
    assert_eq!(event(&mut node).await, ("update".to_owned(), format!("{path}/a")));
    fs::remove_file(format!("{path}/a")).unwrap();
    assert_eq!(event(&mut node).await, ("remove".to_owned(), format!("{path}/a")));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_files_is_reported_completely_or_with_what_was_lost() {
    let (_folder, path) = folder();
    let mut node = watching(&path, true).await;
    let files = 30_000;
    let created = path.clone();
    let creating = tokio::task::spawn_blocking(move || {
        for number in 0..files {
            fs::File::create(format!("{created}/{number}")).unwrap();
        }
        fs::create_dir(format!("{created}/last")).unwrap();
    });
    let mut seen = HashSet::new();
    while seen.len() < files && !creating.is_finished() {
        seen.insert(event(&mut node).await.1);
    }
    creating.await.unwrap();
    // The last change may be lost as well, so it is made until it is seen.
    while !seen.contains(&format!("{path}/last")) {
        fs::set_permissions(format!("{path}/last"), fs::Permissions::from_mode(0o700)).unwrap();
        seen.insert(event(&mut node).await.1);
    }
    let is_told = node.logs().iter().any(|(_, text)| text.contains("changes"));
    assert!(seen.len() > files || is_told, "{} without a warning", seen.len());
    node.stop().await;
}
