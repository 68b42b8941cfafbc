//! Libraries of other versions of the ABI, for panics that abort, and of another compiler.

#![expect(clippy::unwrap_used, reason = "a failed expectation fails the test")]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use ferrowire_core::{Level, Message, Registry, SettingKind, SettingRegistry};
use ferrowire_loader::{find, inspect};
use ferrowire_testkit::{Harness, json, message};

/// Messages of every kind cross to the library and back, and its timers run.
async fn works(types: &Registry) {
    let node = |name| Harness::with(*types.get(name).unwrap());
    let payload = vec![5u8; 5000];
    let mut msg = message(json!({"a": [1, {"b": null}], "text": "x".repeat(3000)}));
    msg.set("payload", payload);
    let mut inspect = node("fixture-inspect").start().await;
    inspect.send(msg.clone()).await;
    let out = inspect.next_output(0).await;
    assert_eq!(out.get("json").unwrap().as_str(), Some(msg.to_json().as_str()));
    assert_eq!(out.payload(), msg.payload());
    assert_eq!(out.get("made"), Some(&vec![7; 4096].into()));
    inspect.stop().await;

    let mut waits = node("fixture-waits").start().await;
    waits.send(msg).await;
    waits.send(Message::new()).await;
    assert_eq!(waits.outputs(0).len(), 1);
    assert_eq!(waits.next_error().await, "there is no payload: the sender forgot it");
    waits.stop().await;

    let mut panics = node("fixture-panics-in-message").start().await;
    panics.send(Message::new()).await;
    assert!(panics.next_error().await.ends_with("panicked: on purpose, in on_message"));
    panics.stop().await;
}

/// Builds the library that has a copy of the shapes of version 2.0, without a dependency.
fn frozen(folder: &Path, major: u8) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/frozen/lib.rs");
    let text = std::fs::read_to_string(source).unwrap();
    // Only what it declares.
    let text = text.replace("&[&[2, 0, 0, 0], ", &format!("&[&[{major}, 0, 0, 0], "));
    let (source, library) = (folder.join("lib.rs"), folder.join("frozen.so"));
    std::fs::write(&source, text).unwrap();
    let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc.args(["--edition=2024", "-o"]).args([&library, &source]);
    assert!(rustc.status().unwrap().success());
    library
}

#[tokio::test]
async fn a_library_with_a_frozen_copy_of_version_2_works_in_this_host() {
    let folder = tempfile::tempdir().unwrap();
    let types = support::types_of(&frozen(folder.path(), 2));
    let mut node = Harness::with(*types.get("frozen").unwrap()).start().await;
    let msg = message(json!({"payload": [1, "x"]}));
    node.send(msg.clone()).await;
    assert_eq!(node.next_output(0).await.payload(), msg.payload());
    assert_eq!(node.ask("user", "hello").await.unwrap(), "hello".into());
    // Its table ends before that function.
    node.drain(Duration::from_secs(1)).await;
    assert_eq!(node.stop().await.logs, [(Level::Info, "started".to_owned())]);
}

#[test]
fn the_setting_of_such_a_library_is_read_and_refused_if_its_name_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let library = frozen(folder.path(), 2);
    let mut found = find(&[support::file(&library)]);
    let mut settings = SettingRegistry::new();
    found.add_settings(&mut settings);
    let setting = settings.get("frozen-pace").unwrap();
    assert_eq!((setting.kind, setting.default), (SettingKind::Choice, Some("slow")));
    assert_eq!((setting.choices, setting.group), (&["slow", "fast"][..], "Frozen"));
    assert_eq!((setting.plugin, setting.has_flag()), ("frozen", true));
    for mut settings in [settings, SettingRegistry::reserving(&["frozen-pace"])] {
        let mut found = find(&[support::file(&library)]);
        found.add_settings(&mut settings);
        let refused: Vec<String> = found.refused().map(|it| it.reason.to_string()).collect();
        assert!(refused.concat().starts_with("the setting `frozen-pace` "), "{refused:?}");
    }
    assert!(!support::is_mapped(&library));
}

#[test]
fn a_library_of_version_1_is_refused_for_its_version_before_any_of_its_code_runs() {
    let folder = tempfile::tempdir().unwrap();
    let library = frozen(folder.path(), 1);
    assert_eq!(
        refusal(&library),
        "it was built for version 1 of the plugin ABI, this runtime has 2; build it with the \
         `ferrowire` of this runtime"
    );
    assert!(!support::is_mapped(&library));
}

/// What loading says that must fail.
fn refusal(library: &Path) -> String {
    let report =
        find(&[support::file(library)]).load(&mut Registry::new(), Duration::from_secs(60));
    assert!(report.loaded.is_empty());
    report.refused[0].reason.to_string()
}

#[test]
fn a_library_whose_panics_would_end_the_process_is_refused_before_any_of_its_code_runs() {
    let library = support::variant("panic-abort", "-C panic=abort");
    let inspection = inspect(&library).unwrap();
    assert!(inspection.declaration.panics_abort);
    let expected = "it was built with `panic = \"abort\"`, so that a panic in it would end the \
                    runtime; build it with `panic = \"unwind\"`";
    assert_eq!(inspection.accept().unwrap_err().to_string(), expected);
    assert_eq!(refusal(&library), expected);
    assert!(!support::is_mapped(&library));

    // A host that knows nothing of that asks the library, and it says so itself.
    let mut content = std::fs::read(&library).unwrap();
    support::declare(&mut content, b"abort", b"other");
    let silent = library.with_file_name("silent.so");
    std::fs::write(&silent, content).unwrap();
    inspect(&silent).unwrap().accept().unwrap();
    assert_eq!(refusal(&silent), format!("it cannot be used: {expected}"));
}

#[tokio::test]
async fn a_library_of_another_compiler_works_in_this_host() {
    let toolchain = "nightly";
    let version = Command::new("rustup").args(["run", toolchain, "rustc", "--version"]).output();
    let version = match version {
        Ok(output) if output.status.success() => String::from_utf8(output.stdout).unwrap(),
        _ => panic!("this test needs a second compiler: `rustup toolchain install {toolchain}`"),
    };
    let library = support::of_toolchain(toolchain);
    let declaration = inspect(&library).unwrap().declaration;
    assert_eq!(declaration.rustc, version.trim());
    let ours = inspect(Path::new(support::fixture())).unwrap().declaration;
    assert_ne!(declaration.rustc, ours.rustc);
    works(&support::types_of(&library)).await;
}
