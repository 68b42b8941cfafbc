//! Libraries that cannot be loaded: one clear line, and a failed start if the library is required.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Runtime, echo, node, tab};
use crate::{bare, built, forge};

/// Runs a command to its end.
fn outcome(command: &mut Command) -> (String, String, Option<i32>) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(stdout), text(stderr), status.code())
}

/// The last line of a runtime that requires `file`.
fn refusal(file: &Path, env: &[(&str, &str)]) -> String {
    let mut command = bare();
    command.arg("nodes").arg("--plugin").arg(file).args(["--plugins-timeout", "2"]);
    let (stdout, stderr, code) = outcome(command.envs(env.iter().copied()));
    assert_eq!((stdout.as_str(), code), ("", Some(2)), "{stderr}");
    let mut lines = stderr.lines().filter(|line| line.starts_with("ferrowire: "));
    let line = lines.next().unwrap_or_else(|| panic!("no line in:\n{stderr}")).to_owned();
    assert_eq!(lines.next(), None, "{stderr}");
    let file = file.display();
    let start = format!("ferrowire: plugin `{file}`: ");
    line.strip_prefix(&start).unwrap_or_else(|| panic!("no file in `{line}`")).to_owned()
}

struct Scratch(tempfile::TempDir);

impl Scratch {
    fn new() -> Self {
        Scratch(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// The fixture with a modification.
    fn changed(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) -> PathBuf {
        let mut content = fs::read(built::fixture()).unwrap();
        change(&mut content);
        self.file(name, &content)
    }
}

/// Makes a library declare another ABI.
fn declare(library: &mut [u8], abi: [u8; 4]) {
    let at = forge::library_record(library);
    library[at + 12..at + 16].copy_from_slice(&abi);
    forge::sign(library, at);
}

#[test]
fn what_is_not_a_library_is_refused() {
    let scratch = Scratch::new();
    let refused = refusal(&scratch.file("a.so", b"#!/bin/sh\n"), &[]);
    assert!(refused.starts_with("it is not a shared library (its first bytes"), "{refused}");
    assert!(refused.contains("give the file that `cargo build` made"), "{refused}");
    let refused = refusal(&scratch.file("b.so", b""), &[]);
    assert!(refused.starts_with("it is not a shared library (it is empty)"), "{refused}");
    let refused = refusal(&scratch.0.path().join("missing.so"), &[]);
    assert!(refused.starts_with("it cannot be read (No such file"), "{refused}");
    let refused = refusal(scratch.0.path(), &[]);
    assert!(refused.starts_with("it is a directory"), "{refused}");
}

#[test]
fn a_library_that_is_no_plugin_is_refused() {
    let libc = ["/lib/x86_64-linux-gnu/libc.so.6", "/lib64/libc.so.6", "/usr/lib/libc.so.6"];
    let found = libc.iter().map(Path::new).find(|path| path.exists()).expect("a C library");
    let refused = refusal(found, &[]);
    assert!(refused.contains("the function `ferrowire_plugin` is missing"), "{refused}");
}

#[test]
fn a_library_for_another_machine_is_refused() {
    let scratch = Scratch::new();
    // The field `e_machine` of an ELF file; 183 is AArch64, 62 x86-64.
    let other = scratch
        .changed("arm.so", |content| content[18] = if content[18] == 183 { 62 } else { 183 });
    let refused = refusal(&other, &[]);
    assert!(refused.starts_with("it was built for "), "{refused}");
    assert!(refused.contains(std::env::consts::ARCH), "{refused}");
}

#[test]
fn a_truncated_library_is_refused_at_every_length() {
    let scratch = Scratch::new();
    let len = fs::metadata(built::fixture()).unwrap().len() as usize;
    for keep in [1, 4, 63, 64, 200, 4096, len / 4, len / 2, len - 1] {
        let cut = scratch.changed("cut.so", |content| content.truncate(keep));
        let refused = refusal(&cut, &[]);
        let expected = ["it is damaged or not complete", "it is not a shared library"];
        assert!(expected.iter().any(|start| refused.starts_with(start)), "{keep}: {refused}");
    }
}

#[test]
fn a_library_of_another_abi_is_refused_with_both_versions() {
    let scratch = Scratch::new();
    let major = scratch.changed("major.so", |content| declare(content, [9, 0, 0, 0]));
    let refused = refusal(&major, &[]);
    assert!(
        refused.starts_with("it was built for version 9 of the plugin ABI, this runtime has 2;"),
        "{refused}"
    );
    let minor = scratch.changed("minor.so", |content| declare(content, [2, 0, 200, 0]));
    let refused = refusal(&minor, &[]);
    assert!(refused.starts_with("it was built for version 2.200 of the plugin ABI"), "{refused}");
    assert!(refused.contains("update the runtime"), "{refused}");
    let mut check = bare();
    let (out, _, code) = outcome(check.args(["plugin", "check"]).arg(&minor));
    assert_eq!(code, Some(2));
    for line in ["ABI           2.200", "node          fixture-pass: ", "this runtime refuses `"] {
        assert!(out.contains(line), "`{line}` is missing in\n{out}");
    }
}

#[test]
fn a_damaged_declaration_is_refused_by_check_and_load_in_one_line() {
    let scratch = Scratch::new();
    for offset in [1, 5, 12, 18, 30] {
        let damaged = scratch.changed("damaged.so", |content| {
            let at = forge::library_record(content) + offset;
            content[at] ^= 0x10;
        });
        let refused = refusal(&damaged, &[]);
        let expected = "it is damaged or not complete (its declaration cannot be read); copy or \
                        build it again";
        assert_eq!(refused, expected, "byte {offset}");
        let mut check = bare();
        let (out, stderr, code) = outcome(check.args(["plugin", "check"]).arg(&damaged));
        let expected = format!("this runtime refuses `{}`: {expected}\n", damaged.display());
        assert_eq!((out, stderr, code), (expected, String::new(), Some(2)), "byte {offset}");
    }
}

#[test]
fn a_declaration_that_lacks_a_node_type_is_refused_by_check_and_load() {
    let scratch = Scratch::new();
    let without = scratch.changed("without.so", |content| {
        let record = forge::node_record(content, "fixture-pass");
        let range = forge::whole(content, record);
        content[range].fill(0);
    });
    let refused = refusal(&without, &[]);
    assert!(refused.starts_with("it is damaged or not complete"), "{refused}");
    let mut check = bare();
    let (out, stderr, code) = outcome(check.args(["plugin", "check"]).arg(&without));
    let expected = format!("this runtime refuses `{}`: {refused}\n", without.display());
    assert_eq!((out, stderr, code), (expected, String::new(), Some(2)));
}

#[test]
fn two_plugins_with_one_type_are_refused_naming_both() {
    let scratch = Scratch::new();
    let first = scratch.changed("one.so", |_| ());
    let second = scratch.changed("two.so", |_| ());
    let mut command = bare();
    command.arg("nodes").arg("--plugin").arg(&first).arg("--plugin").arg(&second);
    let (_, stderr, code) = outcome(&mut command);
    assert_eq!(code, Some(2));
    let (first, second) = (first.display(), second.display());
    let expected = format!(
        "ferrowire: plugin `{second}`: node type `fixture-ask` is provided by both \
         `ferrowire-loader-fixture in {first}` and `ferrowire-loader-fixture`; leave one of them out"
    );
    assert_eq!(stderr.trim(), expected);
}

#[test]
fn a_type_that_is_linked_in_cannot_be_loaded_as_well() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ferrowire"));
    command.arg("nodes").arg("--plugins").arg(built::plugins());
    let (_, stderr, code) = outcome(&mut command);
    assert_eq!(code, Some(2));
    assert_eq!(stderr.lines().count(), built::packages().len(), "one line for each:\n{stderr}");
    assert!(stderr.contains("`websocket in` is provided by both"), "{stderr}");
}

#[test]
fn preparations_that_fail_panic_or_hang_are_reported() {
    let refused = refusal(built::fixture(), &[("FERROWIRE_FIXTURE", "fail")]);
    assert_eq!(refused, "it cannot be used: the device is not there");
    let refused = refusal(built::fixture(), &[("FERROWIRE_FIXTURE", "panic")]);
    assert_eq!(refused, "it panicked while it was loaded: on purpose");
    let refused = refusal(built::fixture(), &[("FERROWIRE_FIXTURE", "hang")]);
    assert!(refused.starts_with("it was not ready after 2s; "), "{refused}");
}

#[test]
fn a_directory_that_is_missing_or_none_is_reported() {
    let scratch = Scratch::new();
    for (path, expected) in [
        (scratch.0.path().join("missing"), "it cannot be read (No such file"),
        (scratch.file("file", b""), "it is no directory"),
    ] {
        let mut command = bare();
        let (_, stderr, code) = outcome(command.arg("nodes").arg("--plugins").arg(&path));
        assert_eq!(code, Some(2));
        let expected = format!("ferrowire: plugin `{}`: {expected}", path.display());
        assert!(stderr.starts_with(&expected), "{stderr}");
    }
}

#[test]
fn a_file_that_everyone_may_write_is_refused_and_so_is_its_folder() {
    let scratch = Scratch::new();
    let file = scratch.changed("open.so", |_| ());
    fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
    let refused = refusal(&file, &[]);
    assert!(refused.starts_with("every user may write to "), "{refused}");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    fs::set_permissions(scratch.0.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let refused = refusal(&file, &[]);
    assert!(refused.contains("`chmod o-w`"), "{refused}");
}

#[tokio::test]
async fn without_required_the_runtime_starts_and_warns() {
    let scratch = Scratch::new();
    let file = scratch.file("bad.so", b"nothing");
    let args = ["--plugin", file.to_str().unwrap(), "--plugins-required", "false"];
    let runtime = Runtime::start_with(echo(), &args, &[]).await;
    runtime.connect("/ws").await.echo("hello").await;
    let (log, code) = runtime.terminate().await;
    assert_eq!(code, Some(0), "{log}");
    let mut command = bare();
    command.arg("nodes").args(args).arg("--plugins").arg(built::plugins());
    let (out, stderr, code) = outcome(&mut command);
    assert_eq!(code, Some(0));
    assert!(out.contains("websocket-listener"), "{out}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.contains("bad.so`: it is not a shared library"), "{stderr}");
}

/// The output for the fixture with a given constructor, and the exit status.
fn constructed(what: &str, required: bool) -> (String, std::process::ExitStatus) {
    let plugin = format!("{}?required={required}", built::fixture().display());
    let mut command = bare();
    command.args(["nodes", "--plugins-timeout", "2", "--plugin"]).arg(plugin);
    command.env("FERROWIRE_FIXTURE_CONSTRUCTOR", what).stdin(Stdio::null());
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let id = child.id().to_string();
    let (done, output) = mpsc::channel();
    std::thread::spawn(move || done.send(child.wait_with_output().unwrap()));
    let output = output.recv_timeout(Duration::from_secs(20)).unwrap_or_else(|_| {
        let _ended = Command::new("kill").args(["-KILL", &id]).status();
        panic!("with a constructor that does `{what}` the process does not end")
    });
    let Output { status, stderr, stdout } = output;
    assert!(stdout.is_empty());
    let stderr = String::from_utf8(stderr).unwrap();
    let mut lines = stderr.lines().filter(|line| line.starts_with("ferrowire: "));
    let line = lines.next().unwrap_or_else(|| panic!("{what}: {stderr}")).to_owned();
    assert_eq!(lines.next(), None, "{stderr}");
    let named = format!("ferrowire: plugin `{}`: ", built::fixture().display());
    (line.strip_prefix(&named).unwrap_or_else(|| panic!("{line}")).to_owned(), status)
}

#[test]
fn a_constructor_that_ends_the_process_is_named_by_the_last_line() {
    for (what, signal) in [("panic", Some(6)), ("fault", Some(11)), ("exit", None)] {
        for required in [true, false] {
            let (line, status) = constructed(what, required);
            assert!(line.starts_with("it ended the process while it was loaded"), "{what}: {line}");
            assert_eq!(status.signal(), signal, "{what}");
            // A regular exit also means that the runtime did not start.
            assert_eq!(status.code(), if signal.is_none() { Some(2) } else { None }, "{what}");
        }
    }
    let (_, stderr, code) = outcome(bare().args(["nodes", "--plugin"]).arg(built::fixture()));
    assert_eq!((stderr.as_str(), code), ("", Some(0)));
}

#[test]
fn a_constructor_that_hangs_ends_the_start_even_of_a_plugin_that_is_not_required() {
    for required in [true, false] {
        let (line, status) = constructed("hang", required);
        assert_eq!(
            line,
            "one of its constructors hangs: it did not open within 2s, and nothing else can be \
             loaded; start without it, and tell its authors"
        );
        assert_eq!(status.code(), Some(2));
    }
}

#[test]
fn checking_runs_no_constructor() {
    for what in ["panic", "fault", "exit", "hang"] {
        let mut check = bare();
        check.args(["plugin", "check"]).arg(built::fixture());
        let (out, _, code) = outcome(check.env("FERROWIRE_FIXTURE_CONSTRUCTOR", what));
        assert!(code == Some(0) && out.contains("loads it"), "{what}: {out}");
    }
}

#[test]
fn each_plugin_may_say_whether_it_is_required() {
    let scratch = Scratch::new();
    let bad = scratch.file("bad.so", b"nothing").display().to_string();
    let good = built::fixture().display().to_string();
    let optional = format!("{bad}?required=false");
    let run = |args: &[&str]| outcome(bare().arg("nodes").args(args));
    let (out, stderr, code) = run(&["--plugin", &optional, "--plugin", &good]);
    assert_eq!((code, stderr.lines().count()), (Some(0), 1), "{stderr}");
    assert!(out.contains("fixture-pass") && stderr.contains("bad.so`: it is not"), "{stderr}");
    let required = format!("{bad}?required=true");
    let (_, stderr, code) = run(&["--plugin", &required, "--plugins-required", "false"]);
    assert_eq!(code, Some(2), "{stderr}");
    for (required, expected) in [("false", Some(0)), ("true", Some(2))] {
        let settings = format!("plugin = ['{good}', {{ path = '{bad}', required = {required} }}]");
        let settings = scratch.file("settings.toml", settings.as_bytes());
        let (_, stderr, code) = run(&["--settings", settings.to_str().unwrap()]);
        assert_eq!(code, expected, "{stderr}");
        assert!(stderr.contains("bad.so`: it is not a shared library"), "{stderr}");
    }
    let missing = scratch.0.path().join("missing").display().to_string();
    let (_, stderr, code) = run(&["--plugins", &format!("{missing}?required=false")]);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stderr.contains("missing`: it cannot be read"), "{stderr}");
}

#[test]
fn settings_and_environment_name_plugins_too() {
    let scratch = Scratch::new();
    let plugins = built::plugins().display();
    let settings = format!("plugins = ['{plugins}']\nplugin = '{}'", built::fixture().display());
    let settings = scratch.file("settings.toml", settings.as_bytes());
    let mut command = bare();
    let (out, stderr, _) = outcome(command.args(["nodes", "--json", "--settings"]).arg(settings));
    let nodes: Vec<Value> = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{stderr}"));
    let find = |name: &str| nodes.iter().find(|node| node["type"] == name).unwrap();
    assert_eq!(find("websocket in")["source"], "loaded");
    assert_eq!(find("fixture-pass")["file"], json!(built::fixture().display().to_string()));
    assert_eq!(find("websocket-listener")["source"], "loaded");
    let mut command = bare();
    command.args(["plugin", "list", "--json"]).env("FERROWIRE_PLUGIN", built::fixture());
    let (out, stderr, _) = outcome(&mut command);
    let plugins: Vec<Value> = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{stderr}"));
    let loaded: Vec<_> = plugins.iter().filter(|plugin| plugin["state"] == "loaded").collect();
    assert_eq!(loaded.len(), 1);
    assert_eq!(loaded[0]["plugin"]["plugin"], "ferrowire-loader-fixture");
}

#[test]
fn several_directories_may_be_named_one_after_the_other() {
    let scratch = Scratch::new();
    scratch.changed("fixture.so", |_| ());
    let mut command = bare();
    command.arg("nodes").arg("--plugins").arg(built::plugins());
    let (out, stderr, code) = outcome(command.arg("--plugins").arg(scratch.0.path()));
    assert_eq!((stderr.as_str(), code), ("", Some(0)));
    assert!(out.contains("fixture-pass") && out.contains("websocket in"), "{out}");
}

#[test]
fn checking_a_library_runs_none_of_its_code() {
    let mut check = bare();
    check.args(["plugin", "check"]).arg(built::fixture()).env("FERROWIRE_FIXTURE", "hang");
    let (out, _, code) = outcome(&mut check);
    assert_eq!(code, Some(0), "{out}");
    for line in
        ["plugin        ferrowire-loader-fixture 0.1.0", "compiler      rustc 1.", "loads it"]
    {
        assert!(out.contains(line), "`{line}` is missing in\n{out}");
    }
}

#[tokio::test]
async fn the_sockets_of_others_notice_nothing_of_a_node_that_panics() {
    let mut nodes = echo();
    let list = nodes.as_array_mut().unwrap();
    list.push(json!({"id": "l2", "type": "websocket-listener", "path": "/panic"}));
    list.push(node("in2", "websocket in", json!({"server": "l2"}), &["bad"]));
    list.push(node("bad", "fixture-panics-in-now", json!({}), &[]));
    list.push(node("bad2", "fixture-panics-in-start", json!({}), &[]));
    list.push(node("bad3", "fixture-panics-in-stop", json!({}), &[]));
    list.push(node("bad4", "fixture-panics-in-drop", json!({}), &[]));
    assert_eq!(list[0], tab("tab"));
    let plugin = built::fixture().to_str().unwrap();
    let mut runtime = Runtime::start_with(nodes, &["--plugin", plugin], &[]).await;
    let mut good = runtime.connect("/ws").await;
    let mut bad = runtime.connect("/panic").await;
    good.echo("before").await;
    for _ in 0..3 {
        bad.send("x").await;
        let line = runtime.log_line("`on_message_now` of the plugin `ferrowire-loader-").await;
        assert!(line.contains("bad"), "{line}");
    }
    good.echo("after").await;
    let (log, code) = runtime.terminate().await;
    assert_eq!(code, Some(0), "{log}");
    for place in ["`stop`", "the destructor"] {
        let text = format!("{place} of the plugin `ferrowire-loader-fixture` panicked: on purpose");
        assert!(log.contains(&text), "`{text}` is missing in\n{log}");
    }
}
