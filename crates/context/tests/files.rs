//! The contents of the files, and when they are written.

#![expect(clippy::panic, clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use ferrowire_context::FileStore;
use ferrowire_core::{BigInt, ContextStore, Date, Map, PropertyPath, Value};
use tokio_util::sync::CancellationToken;

fn path(key: &str) -> PropertyPath {
    PropertyPath::parse_key(key).unwrap_or_else(|error| panic!("{error}"))
}

fn set(store: &FileStore, place: &str, key: &str, value: serde_json::Value) {
    store.set(place, &path(key), Some(value.into())).unwrap();
}

#[test]
fn what_node_red_stored_is_found_and_written_back_in_its_format() -> std::io::Result<()> {
    let folder = tempfile::tempdir()?;
    for (file, text) in [
        ("global/global.json", r#"{"count": 5}"#),
        ("tab/flow.json", r#"{"list": [1, {"a": "b"}]}"#),
        ("tab/node.json", ""),
    ] {
        let file = folder.path().join(file);
        std::fs::create_dir_all(file.parent().unwrap_or(folder.path()))?;
        std::fs::write(file, text)?;
    }
    let open = || FileStore::open(folder.path(), Duration::ZERO).map_err(std::io::Error::other);
    let store = open()?;
    assert_eq!(store.get("global", &path("count")), Some(5.into()));
    assert_eq!(store.get("tab", &path("list[1].a")), Some("b".into()));
    set(&store, "node:tab", "state.on", true.into());
    set(&store, "tab", "list[0]", "x".into());
    store.flush();
    let text = std::fs::read_to_string(folder.path().join("tab/node.json"))?;
    assert_eq!(text, "{\n    \"state\": {\n        \"on\": true\n    }\n}");
    let again = open()?;
    assert_eq!(again.get("tab", &path("list[0]")), Some("x".into()));
    assert_eq!(again.keys("node:tab"), ["state"]);
    let files = std::fs::read_dir(folder.path().join("tab"))?.count();
    assert_eq!(files, 2, "nothing is left of the files that replaced others");
    Ok(())
}

#[test]
fn what_json_lacks_is_written_as_node_red_writes_it() -> std::io::Result<()> {
    let folder = tempfile::tempdir()?;
    let store = FileStore::open(folder.path(), Duration::ZERO).map_err(std::io::Error::other)?;
    let put = |place: &str, value: Value| {
        store.set(place, &path("kept"), Some(value)).unwrap();
        store.flush();
    };
    let list = vec![Value::Undefined, Date::from_millis(0.0).into(), Date::INVALID.into()];
    let properties = [("u", Value::Undefined), ("list", list.into())];
    put("tab", Map::from_iter(properties).into());
    let file = folder.path().join("tab/flow.json");
    let text = std::fs::read_to_string(&file)?.replace([' ', '\n'], "");
    let expected = r#"{"kept":{"list":[null,"1970-01-01T00:00:00.000Z",null]}}"#;
    assert_eq!(text, expected);
    // A BigInt has no JSON representation: the file is not changed, and the value is kept in
    // memory.
    put("tab", BigInt::from(10).into());
    assert_eq!(std::fs::read_to_string(&file)?.replace([' ', '\n'], ""), expected);
    assert_eq!(store.get("tab", &path("kept")), Some(BigInt::from(10).into()));
    put("tab", 1.into());
    assert_eq!(std::fs::read_to_string(&file)?.replace([' ', '\n'], ""), r#"{"kept":1}"#);
    Ok(())
}

#[test]
fn the_files_of_what_is_gone_are_removed() -> std::io::Result<()> {
    let folder = tempfile::tempdir()?;
    let store = FileStore::open(folder.path(), Duration::ZERO).map_err(std::io::Error::other)?;
    for place in ["global", "tab", "node:tab", "gone", "old:gone", "old:tab"] {
        set(&store, place, "a", 1.into());
    }
    store.flush();
    assert!(folder.path().join("gone/old.json").exists());
    store.retain(&|place| matches!(place, "global" | "tab" | "node:tab"));
    store.flush();
    assert!(!folder.path().join("gone").exists());
    assert!(!folder.path().join("tab/old.json").exists());
    let again = FileStore::open(folder.path(), Duration::ZERO).map_err(std::io::Error::other)?;
    assert_eq!(again.keys("node:tab"), ["a"]);
    assert_eq!(again.keys("old:tab"), [""; 0]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn changes_are_written_after_the_interval_and_at_the_stop() -> std::io::Result<()> {
    let folder = tempfile::tempdir()?;
    let store = FileStore::open(folder.path(), Duration::from_secs(30));
    let store = Arc::new(store.map_err(std::io::Error::other)?);
    let stop = CancellationToken::new();
    let mut writing = tokio::task::JoinSet::new();
    writing.spawn(Arc::clone(&store).write_behind(stop.clone()));
    set(&store, "global", "a", 1.into());
    let file = folder.path().join("global/global.json");
    tokio::time::sleep(Duration::from_secs(29)).await;
    assert!(!file.exists());
    tokio::time::sleep(Duration::from_secs(2)).await;
    // The clock is paused while a file is written.
    while !file.exists() {
        tokio::task::yield_now().await;
    }
    set(&store, "global", "a", 2.into());
    stop.cancel();
    writing.join_all().await;
    let text = std::fs::read(&file)?;
    let expected: Value = serde_json::json!({"a": 2}).into();
    assert_eq!(Value::from_json(&text).ok(), Some(expected));
    Ok(())
}

#[test]
fn a_damaged_file_is_set_aside_and_the_others_are_read() -> std::io::Result<()> {
    let folder = tempfile::tempdir()?;
    let tab = folder.path().join("tab");
    std::fs::create_dir_all(&tab)?;
    std::fs::write(tab.join("node.json"), r#"{"kept": 1}"#)?;
    let open = || FileStore::open(folder.path(), Duration::ZERO).map_err(std::io::Error::other);
    for (text, aside) in [(r#"{"a": 1"#, "flow.json.damaged"), ("[]", "flow.json.damaged-2")] {
        std::fs::write(tab.join("flow.json"), text)?;
        let store = open()?;
        assert_eq!(store.get("node:tab", &path("kept")), Some(1.into()));
        assert!(store.keys("tab").is_empty());
        assert_eq!(std::fs::read_to_string(tab.join(aside))?, text);
        assert!(!tab.join("flow.json").exists());
        set(&store, "tab", "b", 2.into());
        store.flush();
        assert_eq!(open()?.get("tab", &path("b")), Some(2.into()));
    }
    Ok(())
}

#[test]
fn an_id_that_would_leave_the_folder_is_kept_in_memory_only() -> std::io::Result<()> {
    let folder = tempfile::tempdir()?;
    let inner = folder.path().join("context");
    let store = FileStore::open(&inner, Duration::ZERO).map_err(std::io::Error::other)?;
    set(&store, "../outside", "a", 1.into());
    store.flush();
    assert_eq!(store.get("../outside", &path("a")), Some(1.into()));
    assert_eq!(std::fs::read_dir(folder.path())?.count(), 1);
    assert_eq!(std::fs::read_dir(&inner)?.count(), 0);
    Ok(())
}
