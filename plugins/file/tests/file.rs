//! Files that are written, appended to, deleted and read.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::Path;

use ferrowire::{Message, Value};
use ferrowire_plugin_file::{FOLDERS, MAX_READ, WORKING_DIRECTORY};
use ferrowire_testkit::{Harness, assert_compliant, json, linked, message};
use serde_json::Value as Json;
use tempfile::TempDir;

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn path(folder: &TempDir, name: &str) -> String {
    folder.path().join(name).to_str().unwrap().to_owned()
}

/// The configuration of the editor, with other values for some properties.
fn with(defaults: Json, changes: Json) -> Json {
    let mut config = defaults;
    config.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    config
}

async fn writer(config: Json) -> Harness {
    let defaults = json!({"filenameType": "str", "appendNewline": true, "createDir": false,
        "overwriteFile": "false", "encoding": "none"});
    Harness::of("file").config(with(defaults, config)).watched().start().await
}

async fn reader(config: Json) -> Harness {
    let defaults = json!({"filenameType": "str", "format": "utf8", "chunk": false,
        "sendError": false, "encoding": "none", "allProps": false});
    Harness::of("file in").config(with(defaults, config)).watched().start().await
}

/// Sends a payload; returns when it was written.
async fn write(node: &mut Harness, payload: Json) -> Message {
    node.send(message(json!({"payload": payload}))).await;
    node.next_output(0).await
}

async fn outputs(node: &mut Harness, msg: Json) -> Vec<Json> {
    node.send(message(msg)).await;
    node.next_completed().await;
    let json = |msg: Message| serde_json::from_str(&msg.to_json()).unwrap();
    node.outputs(0).into_iter().map(json).collect()
}

#[tokio::test]
async fn they_keep_to_the_contract() {
    let folder = folder();
    let file = path(&folder, "a.txt");
    assert_compliant(linked("file"), json!({"filename": file, "overwriteFile": "false"})).await;
    assert_compliant(linked("file in"), json!({"filename": file, "format": "lines"})).await;
}

#[tokio::test]
async fn payloads_are_appended_as_text_with_line_breaks() {
    let folder = folder();
    let file = path(&folder, "a.txt");
    let mut node = writer(json!({"filename": file})).await;
    for payload in [json!("one"), json!(2), json!(true), json!({"a": [null]}), json!(null)] {
        let written = write(&mut node, payload).await;
        assert_eq!(written.get("filename").and_then(Value::as_str), Some(file.as_str()));
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "one\n2\ntrue\n{\"a\":[null]}\nnull\n");
    node.stop().await;
}

#[tokio::test]
async fn a_message_without_payload_is_complete_and_writes_nothing() {
    let folder = folder();
    let file = path(&folder, "a.txt");
    let mut node = writer(json!({"filename": file})).await;
    node.send(message(json!({"topic": "t"}))).await;
    node.next_completed().await;
    assert!(node.outputs(0).is_empty() && !Path::new(&file).exists());
    node.stop().await;
}

#[tokio::test]
async fn a_file_is_overwritten_and_its_folders_are_created() {
    let folder = folder();
    let file = path(&folder, "new/deep/a.txt");
    let config = json!({"filename": file, "overwriteFile": "true", "createDir": true,
        "appendNewline": false});
    let mut node = writer(config).await;
    write(&mut node, json!("a longer text")).await;
    write(&mut node, json!("short")).await;
    assert_eq!(fs::read_to_string(&file).unwrap(), "short");
    node.stop().await;
}

#[tokio::test]
async fn a_file_that_was_deleted_or_replaced_is_opened_again() {
    let folder = folder();
    let file = path(&folder, "a.log");
    let mut node = writer(json!({"filename": file})).await;
    write(&mut node, json!("one")).await;
    fs::rename(&file, path(&folder, "a.log.1")).unwrap();
    write(&mut node, json!("two")).await;
    fs::remove_file(&file).unwrap();
    fs::write(&file, "new\n").unwrap();
    write(&mut node, json!("three")).await;
    assert_eq!(fs::read_to_string(path(&folder, "a.log.1")).unwrap(), "one\n");
    assert_eq!(fs::read_to_string(&file).unwrap(), "new\nthree\n");
    node.stop().await;
}

#[tokio::test]
async fn each_message_may_name_its_file_and_encoding() {
    let folder = folder();
    let mut node =
        writer(json!({"filename": "file", "filenameType": "msg", "encoding": "setbymsg"})).await;
    for (name, encoding) in [("a", "utf-16be"), ("b", "cp1252")] {
        let msg = json!({"file": path(&folder, name), "encoding": encoding, "payload": "ß"});
        node.send(message(msg)).await;
        node.next_output(0).await;
    }
    assert_eq!(fs::read(folder.path().join("a")).unwrap(), b"\0\xdf\0\n");
    assert_eq!(fs::read(folder.path().join("b")).unwrap(), b"\xdf\n");
    let msg = json!({"file": path(&folder, "c"), "encoding": "klingon", "payload": "x"});
    node.send(message(msg)).await;
    assert!(node.next_error().await.contains("the encoding `klingon` is not supported"));
    node.stop().await;
}

#[tokio::test]
async fn the_last_part_of_a_split_text_gets_no_line_break() {
    let folder = folder();
    let file = path(&folder, "a.txt");
    let mut node = writer(json!({"filename": file})).await;
    for index in 0..2 {
        let parts = json!({"type": "string", "count": 2, "index": index});
        node.send(message(json!({"payload": index.to_string(), "parts": parts}))).await;
        node.next_output(0).await;
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "0\n1");
    node.stop().await;
}

#[tokio::test]
async fn a_file_is_deleted_and_a_missing_one_is_an_error_with_node_js_code() {
    let folder = folder();
    let file = path(&folder, "a.txt");
    fs::write(&file, "x").unwrap();
    let mut node = writer(json!({"filename": file, "overwriteFile": "delete"})).await;
    write(&mut node, json!("")).await;
    assert!(!Path::new(&file).exists());
    node.send(message(json!({"payload": ""}))).await;
    let expected =
        format!("failed to delete file: Error: ENOENT: no such file or directory, unlink '{file}'");
    assert_eq!(node.next_error().await, expected);
    let caught = node.next_caught().await;
    let code = caught.get("error").and_then(|error| error.get("code")).and_then(Value::as_str);
    assert_eq!(code, Some("ENOENT"));
    node.stop().await;
}

#[tokio::test]
async fn without_a_name_there_is_a_warning() {
    for (node_type, warned) in
        [("file", "No filename specified"), ("file in", "No filename specified")]
    {
        let config = json!({"filename": "", "filenameType": "str", "overwriteFile": "false"});
        let mut node = Harness::of(node_type).config(config).watched().start().await;
        node.send(message(json!({"payload": "x"}))).await;
        node.next_completed().await;
        assert!(node.logs().iter().any(|(_, text)| text == warned), "{node_type}");
        node.stop().await;
    }
}

#[tokio::test]
async fn a_pipe_without_a_reader_is_an_error_and_not_a_wait() {
    let folder = folder();
    let file = path(&folder, "pipe");
    let made = std::process::Command::new("mkfifo").arg(&file).status().unwrap();
    assert!(made.success());
    let mut node = writer(json!({"filename": file})).await;
    node.send(message(json!({"payload": "x"}))).await;
    assert!(node.next_error().await.contains("ENXIO"));
    node.stop().await;
    let mut node = reader(json!({"filename": file})).await;
    assert_eq!(outputs(&mut node, json!({})).await[0]["payload"], "");
    node.stop().await;
}

#[tokio::test]
async fn a_file_is_read_as_text_or_buffer() {
    let folder = folder();
    let file = path(&folder, "a.txt");
    fs::write(&file, b"\xe4\n").unwrap();
    let mut node = reader(json!({"filename": file, "encoding": "cp1252"})).await;
    let read = outputs(&mut node, json!({"topic": "t"})).await;
    assert_eq!((&read[0]["payload"], &read[0]["topic"]), (&json!("ä\n"), &json!("t")));
    node.stop().await;
    let mut node = reader(json!({"filename": file, "format": ""})).await;
    let read = outputs(&mut node, json!({})).await;
    assert_eq!(read[0]["payload"]["data"], json!([0xe4, 10]));
    node.stop().await;
}

#[tokio::test]
async fn lines_have_parts_and_the_last_one_their_number() {
    let folder = folder();
    let file = path(&folder, "a.txt");
    fs::write(&file, "one\ntwo\n").unwrap();
    let mut node = reader(json!({"filename": file, "format": "lines"})).await;
    let lines = outputs(&mut node, json!({"_msgid": "m", "topic": "t", "other": 1})).await;
    let payloads: Vec<_> = lines.iter().map(|line| line["payload"].as_str().unwrap()).collect();
    assert_eq!(payloads, ["one", "two", ""]);
    assert_eq!(lines[0]["parts"], json!({"index": 0, "ch": "\n", "type": "string", "id": "m"}));
    assert_eq!(lines[2]["parts"]["count"], 3);
    assert_eq!((&lines[1]["topic"], &lines[1]["other"]), (&json!("t"), &Json::Null));
    node.stop().await;
    let mut node = reader(json!({"filename": file, "format": "lines", "allProps": true})).await;
    assert_eq!(outputs(&mut node, json!({"other": 1})).await[1]["other"], 1);
    node.stop().await;
}

#[tokio::test]
async fn a_character_on_the_border_of_two_chunks_is_whole() {
    let folder = folder();
    let file = path(&folder, "a.txt");
    let text = "x".repeat(64 * 1024 - 1) + "ä\nend";
    fs::write(&file, &text).unwrap();
    let mut node = reader(json!({"filename": file, "format": "lines"})).await;
    let lines = outputs(&mut node, json!({})).await;
    assert_eq!(lines[0]["payload"].as_str().unwrap().len(), 64 * 1024 + 1);
    assert_eq!(lines[1]["payload"], "end");
    node.stop().await;
}

#[tokio::test]
async fn chunks_have_64_kib_and_the_last_one_their_number() {
    let folder = folder();
    let file = path(&folder, "a.bin");
    for (size, chunks) in [(0, 0), (10, 1), (64 * 1024, 2), (64 * 1024 + 1, 2)] {
        fs::write(&file, vec![7; size]).unwrap();
        let mut node = reader(json!({"filename": file, "format": "stream"})).await;
        let read = outputs(&mut node, json!({})).await;
        assert_eq!(read.len(), chunks, "{size}");
        if let Some(last) = read.last() {
            let count = size.div_ceil(64 * 1024);
            assert_eq!(last["parts"]["count"], count, "{size}");
        }
        node.stop().await;
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_an_error_and_if_wanted_a_message() {
    let folder = folder();
    let file = path(&folder, "missing");
    for (sends, messages) in [(false, 0), (true, 1)] {
        let mut node = reader(json!({"filename": file, "sendError": sends})).await;
        node.send(message(json!({"payload": "x"}))).await;
        let text = format!("Error: ENOENT: no such file or directory, open '{file}'");
        assert_eq!(node.next_error().await, text);
        node.next_completed().await;
        let sent = node.outputs(0);
        assert_eq!(sent.len(), messages);
        for msg in sent {
            assert!(msg.payload().is_none());
            assert_eq!(
                msg.get("error").unwrap().get("code").and_then(Value::as_str),
                Some("ENOENT")
            );
        }
        node.stop().await;
    }
}

#[tokio::test]
async fn a_larger_file_than_allowed_is_an_error() {
    let mut node = Harness::of("file in")
        .config(json!({"filename": "/dev/zero", "filenameType": "str", "format": "utf8"}))
        .setting(&MAX_READ, "1 MiB")
        .start()
        .await;
    node.send(message(json!({}))).await;
    assert!(node.next_error().await.contains("larger than `file-max-read` (1048576 bytes)"));
    node.stop().await;
}

#[tokio::test]
async fn flows_use_files_below_the_folders_of_the_setting_only() {
    let (inside, outside) = (folder(), folder());
    fs::write(outside.path().join("secret"), "secret").unwrap();
    std::os::unix::fs::symlink(outside.path(), inside.path().join("link")).unwrap();
    let allowed = inside.path().to_str().unwrap().to_owned();
    for name in ["link/secret", "../secret", "link/new"] {
        for node_type in ["file", "file in"] {
            let config = json!({"filename": format!("{allowed}/{name}"), "filenameType": "str",
                "overwriteFile": "true", "createDir": true});
            let settings = Harness::of(node_type).config(config);
            let mut node = settings.setting(&FOLDERS, &allowed).start().await;
            node.send(message(json!({"payload": "x"}))).await;
            node.next_error().await;
            node.stop().await;
        }
    }
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
    assert_eq!(fs::read_to_string(outside.path().join("secret")).unwrap(), "secret");
    let config = json!({"filename": format!("{allowed}/a/b"), "filenameType": "str",
        "overwriteFile": "true", "createDir": true});
    let settings = Harness::of("file").config(config).setting(&FOLDERS, &allowed);
    let mut node = settings.start().await;
    write(&mut node, json!("x")).await;
    node.stop().await;
    assert_eq!(fs::read_to_string(inside.path().join("a/b")).unwrap(), "x");
}

#[tokio::test]
async fn relative_names_refer_to_the_working_directory() {
    let folder = folder();
    let mut node = Harness::of("file")
        .config(json!({"filename": "a.txt", "filenameType": "str", "overwriteFile": "true"}))
        .setting(&WORKING_DIRECTORY, folder.path().to_str().unwrap())
        .start()
        .await;
    write(&mut node, json!("x")).await;
    assert_eq!(fs::read_to_string(folder.path().join("a.txt")).unwrap(), "x");
    node.stop().await;
}

#[test]
fn an_encoding_that_is_not_supported_is_a_problem_of_the_node() {
    let config = json!({"filename": "a", "filenameType": "str", "encoding": "klingon"});
    let problems = Harness::of("file in").config(config).problems();
    let texts: Vec<_> = problems.into_iter().map(|problem| problem.text).collect();
    assert!(texts.iter().any(|text| text.contains("`klingon` is not supported")), "{texts:?}");
}

#[tokio::test]
async fn many_messages_at_once_are_written_and_sent_in_their_order() {
    const COUNT: usize = 1_000;
    let folder = folder();
    let file = path(&folder, "many.txt");
    let mut node = writer(json!({"filename": file})).await;
    for number in 0..COUNT {
        node.send(message(json!({"payload": number}))).await;
    }
    for number in 0..COUNT {
        let msg = node.next_output(0).await;
        assert_eq!(msg.payload().and_then(Value::as_f64), Some(number as f64));
    }
    let expected: String = (0..COUNT).map(|number| format!("{number}\n")).collect();
    assert_eq!(fs::read_to_string(&file).unwrap(), expected);
    node.stop().await;
}

#[tokio::test]
async fn what_waits_is_written_before_the_node_stops() {
    const COUNT: usize = 200;
    let folder = folder();
    let file = path(&folder, "last.txt");
    let mut node = writer(json!({"filename": file})).await;
    for number in 0..COUNT {
        node.send(message(json!({"payload": number}))).await;
    }
    node.stop().await;
    assert_eq!(fs::read_to_string(&file).unwrap().lines().count(), COUNT);
}

#[tokio::test]
async fn a_failure_among_others_concerns_its_own_message() {
    let folder = folder();
    let name = |name: &str| path(&folder, name);
    let mut node = writer(json!({"filename": "name", "filenameType": "msg"})).await;
    let names = [name("a.txt"), name("no/such/folder.txt"), name("b.txt"), name("a.txt")];
    for (number, name) in names.iter().enumerate() {
        node.send(message(json!({"payload": number, "name": name}))).await;
    }
    for expected in [0.0, 2.0, 3.0] {
        let msg = node.next_output(0).await;
        assert_eq!(msg.payload().and_then(Value::as_f64), Some(expected));
    }
    assert!(node.next_error().await.contains("ENOENT"));
    assert_eq!(fs::read_to_string(name("a.txt")).unwrap(), "0\n3\n");
    assert_eq!(fs::read_to_string(name("b.txt")).unwrap(), "2\n");
    node.stop().await;
}
