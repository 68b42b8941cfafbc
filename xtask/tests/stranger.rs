//! The path of a third-party author, from an empty folder: create a node crate, test it, assemble a
//! runtime with it, connect a WebSocket client.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use support::{fail, root, succeed, write_crate, xtask};
use tungstenite::Message;

/// Ends the program with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// The workspace's target folder.
fn target() -> PathBuf {
    // The program is in `target/debug`.
    Path::new(env!("CARGO_BIN_EXE_xtask")).ancestors().nth(2).unwrap().to_owned()
}

/// The target folder for third-party crates, so that dependencies are built once.
fn strangers() -> PathBuf {
    target().join("strangers")
}

/// `cargo test` as a third party runs it, with the workspace's profile, which builds faster.
fn cargo_test(folder: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap());
    command.args(["test", "--offline"]).current_dir(folder).env("CARGO_TARGET_DIR", strangers());
    command.args(["--config", "profile.dev.debug='line-tables-only'"]);
    command.args(["--config", "profile.dev.package.'*'.debug=false"]);
    command
}

/// Starts a runtime and returns its address. Then closes its standard error, which must not end it.
fn run(program: &Path, flows: &Path) -> (Running, String) {
    run_with(program, flows, &[])
}

fn run_with(program: &Path, flows: &Path, arguments: &[&str]) -> (Running, String) {
    let mut child = Command::new(program)
        .arg("run")
        .arg(flows)
        .args(["--listen", "127.0.0.1:0"])
        .args(arguments)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let log = BufReader::new(child.stderr.take().unwrap());
    let running = Running(child);
    let mut before = String::new();
    for line in log.lines() {
        let line = line.unwrap();
        if let Some((_, address)) = line.split_once("listening on http://") {
            let address = address.split(',').next().unwrap_or_default().to_owned();
            return (running, address);
        }
        before.push_str(&line);
        before.push('\n');
    }
    panic!("the runtime ended without listening:\n{before}");
}

fn connect(address: &str, path: &str) -> tungstenite::WebSocket<TcpStream> {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    tungstenite::client(format!("ws://{address}{path}"), stream).unwrap().0
}

#[test]
fn a_new_node_crate_is_tested_assembled_and_answers_a_websocket_client() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    succeed(&mut xtask(here, &["new", "my-node"]));
    let node = here.join("my-node");
    let tested = succeed(&mut cargo_test(&node));
    assert!(tested.contains("4 passed"), "{tested}");
    check_that_it_can_be_shared(&node);

    let assemble = ["assemble", "--with", "./my-node", "--from-flows", "my-node/flows.json"];
    let mut assemble = xtask(here, &assemble);
    let printed =
        succeed(assemble.args(["--name", "strangers", "--profile", "dev", "--output", "bin/it"]));
    assert!(printed.contains("node types: my-node, tls-config, websocket in"), "{printed}");
    assert!(!printed.contains("inject"), "{printed}");

    let (_running, address) = run(&here.join("bin/it"), &node.join("flows.json"));
    let mut client = connect(&address, "/my-node");
    client.send(Message::text("world")).unwrap();
    assert_eq!(client.read().unwrap(), Message::text("hello world"));
}

/// What is committed names no folder of this machine.
fn check_that_it_can_be_shared(node: &Path) {
    let here = root().to_str().unwrap();
    let ignored = std::fs::read_to_string(node.join(".gitignore")).unwrap();
    let ignored: Vec<_> =
        ignored.lines().map(|line| node.join(line.trim_start_matches('/'))).collect();
    let mut folders = vec![node.to_owned()];
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match (ignored.contains(&path), path.is_dir()) {
                (true, _) => {}
                (false, true) => folders.push(path),
                (false, false) => {
                    let text = std::fs::read_to_string(&path).unwrap();
                    assert!(!text.contains(here), "{}: {text}", path.display());
                    seen += 1;
                }
            }
        }
    }
    assert_eq!(seen, 8, "manifest, lock file, README, flow, library, dialog, test, .gitignore");
    let manifest = std::fs::read_to_string(node.join("Cargo.toml")).unwrap();
    assert!(manifest.contains("ferrowire = { git = \"https://"), "{manifest}");
}

/// The runtime without plugins.
fn bare() -> PathBuf {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap());
    command.args(["build", "--package", "ferrowire-runtime", "--example", "bare"]);
    succeed(command.current_dir(root()).env("CARGO_TARGET_DIR", target()));
    target().join("debug/examples/bare")
}

/// Builds crates as libraries into a folder, in the folder `here`.
fn libraries(here: &Path, to: &str, plugins: &[&str]) {
    for plugin in plugins {
        let mut command = xtask(here, &["plugin", plugin, "--to", to, "--profile", "dev"]);
        if plugin.contains('/') {
            command.arg("--target-dir").arg(strangers());
        }
        let printed = succeed(&mut command);
        assert!(printed.contains("loaded it; node types:"), "{printed}");
    }
}

#[test]
fn a_new_node_crate_is_loaded_at_start_up_and_answers_a_websocket_client() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    succeed(&mut xtask(here, &["new", "my-loaded-node"]));
    // A runtime without any plugin: the WebSocket nodes are loaded as well.
    libraries(
        here,
        "libraries",
        &["./my-loaded-node", "websocket-endpoints", "websocket-in", "websocket-out"],
    );
    let bare = bare();
    let flows = here.join("my-loaded-node/flows.json");
    let libraries = here.join("libraries");
    let (_running, address) = run_with(&bare, &flows, &["--plugins", libraries.to_str().unwrap()]);
    let mut client = connect(&address, "/my-loaded-node");
    client.send(Message::text("world")).unwrap();
    assert_eq!(client.read().unwrap(), Message::text("hello world"));
}

#[test]
fn a_source_that_was_loaded_receives_datagrams() {
    let folder = tempfile::tempdir().unwrap();
    let port = datagram_flow(folder.path());
    let source = root().join("examples/third-party-source");
    libraries(
        folder.path(),
        "libraries",
        &[source.to_str().unwrap(), "websocket-endpoints", "websocket-out"],
    );
    let bare = bare();
    let libraries = folder.path().join("libraries");
    let flows = folder.path().join("flows.json");
    let (_running, address) = run_with(&bare, &flows, &["--plugins", libraries.to_str().unwrap()]);
    let mut client = connect(&address, "/ws/datagrams");
    assert_eq!(datagram(&mut client, port), "hello");
}

/// The client's message for a datagram. A message about silence may come first.
fn datagram(client: &mut tungstenite::WebSocket<TcpStream>, port: u16) -> String {
    let peer = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    peer.send_to(b"hello", ("127.0.0.1", port)).unwrap();
    let mut received = std::iter::repeat_with(|| client.read().unwrap().into_text().unwrap());
    received.find(|text| text.as_str() != "silent").unwrap().to_string()
}

/// Writes the source's example flow with a free port, since its own may be in use.
fn datagram_flow(folder: &Path) -> u16 {
    let flows = root().join("examples/third-party-source/flows.json");
    let port = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let text = std::fs::read_to_string(&flows).unwrap().replace("18125", &port.to_string());
    std::fs::write(folder.join("flows.json"), text).unwrap();
    port
}

#[test]
fn the_example_of_a_node_limits_each_session_and_tells_it() {
    let folder = tempfile::tempdir().unwrap();
    let example = root().join("examples/third-party-node");
    let program = folder.path().join("limited");
    let mut assemble = xtask(&example, &["assemble", "assembly.toml", "--profile", "dev"]);
    succeed(assemble.arg("--output").arg(&program));
    let (_running, address) = run(&program, &example.join("flows.json"));
    let mut client = connect(&address, "/ws/limited");
    for text in ["1", "2", "3", "4"] {
        client.send(Message::text(text)).unwrap();
    }
    for text in ["1", "2", "3", "too many messages"] {
        assert_eq!(client.read().unwrap(), Message::text(text));
    }
    let mut other = connect(&address, "/ws/limited");
    other.send(Message::text("1")).unwrap();
    assert_eq!(other.read().unwrap(), Message::text("1"));
}

#[test]
fn the_example_of_a_source_passes_datagrams_to_websocket_clients() {
    let folder = tempfile::tempdir().unwrap();
    let port = datagram_flow(folder.path());

    let source = root().join("examples/third-party-source");
    let mut assemble = xtask(folder.path(), &["assemble", "--from-flows", "flows.json"]);
    assemble.args(["--name", "datagrams", "--profile", "dev", "--output", "it"]);
    succeed(assemble.arg("--with").arg(source));
    let (_running, address) = run(&folder.path().join("it"), &folder.path().join("flows.json"));
    let mut client = connect(&address, "/ws/datagrams");
    assert_eq!(datagram(&mut client, port), "hello");
}

/// Connects a client to the room of the example; what it is answered first.
fn enter_the_lobby(address: &str) -> (BufReader<TcpStream>, String) {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let request = "GET /lobby HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: lines\r\n\r\n";
    (&stream).write_all(request.as_bytes()).unwrap();
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    (reader, line)
}

/// The body of the answer to a GET request.
fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

/// What the example of rooms promises, of a runtime that lets one client into a room.
fn check_the_lobby(address: &str) {
    let (mut client, answer) = enter_the_lobby(address);
    assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
    client.get_mut().write_all(b"hello\n").unwrap();
    let mut lines = client.lines().map(Result::unwrap);
    lines.find(|line| line == "HELLO").unwrap();
    assert_eq!(get(address, "/lobby/members"), "[1]");
    assert_eq!(get(address, "/room/lobby/members"), "[1]");
    let (_client, answer) = enter_the_lobby(address);
    assert!(answer.starts_with("HTTP/1.1 503 "), "the setting bounds the room: {answer}");
    let report: serde_json::Value = serde_json::from_str(&get(address, "/diagnostics")).unwrap();
    let metrics = report["runtime"]["metrics"].as_array().unwrap();
    let counter = metrics.iter().find(|metric| metric["name"] == "room_lines_received").unwrap();
    assert_eq!((&counter["count"], &counter["plugin"]), (&1.into(), &"room".into()));
}

#[test]
fn the_example_of_rooms_uses_every_part_of_the_contract_assembled() {
    let folder = tempfile::tempdir().unwrap();
    let example = root().join("examples/third-party-room");
    let program = folder.path().join("rooms");
    let mut assemble = xtask(folder.path(), &["assemble", "--profile", "dev", "--from-flows"]);
    assemble.arg(example.join("flows.json")).arg("--with").arg(&example);
    succeed(assemble.args(["--name", "rooms", "--output"]).arg(&program));
    let flows = example.join("flows.json");
    let (_running, address) = run_with(&program, &flows, &["--room-members", "1"]);
    check_the_lobby(&address);
}

#[test]
fn the_example_of_rooms_uses_every_part_of_the_contract_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let example = root().join("examples/third-party-room");
    libraries(folder.path(), "libraries", &[example.to_str().unwrap(), "change"]);
    let bare = bare();
    let libraries = folder.path().join("libraries");
    let arguments = ["--plugins", libraries.to_str().unwrap(), "--room-members", "1"];
    let (_running, address) = run_with(&bare, &example.join("flows.json"), &arguments);
    check_the_lobby(&address);
}

#[test]
fn a_folder_that_is_there_is_not_written_into() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("my-node")).unwrap();
    let problem = fail(&mut xtask(folder.path(), &["new", "my-node"]));
    assert!(problem.contains("already exists"), "{problem}");
}

/// A crate that depends on the contract and registers nothing.
fn write_silent_crate(folder: &Path) {
    let core = root().join("crates/ferrowire");
    let manifest = format!(
        "[package]\nname = 'silent-node'\nversion = '1.0.0'\nedition = '2024'\n\
         [dependencies]\nferrowire = {{ path = '{}' }}",
        core.display()
    );
    write_crate(folder, &manifest);
}

#[test]
fn a_plugin_that_was_assembled_and_did_not_register_fails_the_start_with_its_name() {
    let folder = tempfile::tempdir().unwrap();
    write_silent_crate(&folder.path().join("silent-node"));
    let arguments = ["assemble", "--name", "silent", "--with", "./silent-node", "--bare"];
    let mut assemble = xtask(folder.path(), &arguments);
    let problem = fail(assemble.args(["--profile", "dev", "--output", "it"]));
    let expected = "`silent-node` was assembled and registered no node type";
    assert!(problem.contains(expected), "{problem}");
    let mut start = Command::new(folder.path().join("it"));
    let problem = fail(start.args(["run", "flows.json", "--listen", "127.0.0.1:0"]));
    let line = format!("ferrowire: {expected}; assemble the runtime again\n");
    assert_eq!(problem, line);
}

#[test]
fn a_library_that_registers_nothing_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    write_silent_crate(&folder.path().join("silent-node"));
    let mut plugin = xtask(folder.path(), &["plugin", "./silent-node", "--profile", "dev"]);
    let output = plugin.arg("--target-dir").arg(strangers()).output().unwrap();
    assert!(!output.status.success());
    let problem = String::from_utf8_lossy(&output.stderr);
    let expected = "it is a library and no Ferrowire plugin: the function `ferrowire_plugin` is \
                    missing; its crate must depend on `ferrowire` and register a node type";
    assert!(problem.contains(expected), "{problem}");
}

#[test]
fn what_is_asked_for_twice_or_is_no_plugin_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let node = "[package]\nname = 'ferrowire-plugin-debug'\nversion = '1.0.0'\n\
                [dependencies]\nferrowire = '0.1'";
    write_crate(&folder.path().join("debug"), node);
    write_crate(&folder.path().join("plain"), "[package]\nname = 'plain'\nversion = '1.0.0'");
    let problem =
        |arguments: &[&str]| fail(xtask(folder.path(), &["assemble", "--dry-run"]).args(arguments));
    let twice = problem(&["--with", "debug", "--with", "./debug"]);
    assert!(twice.contains("selected twice, from this repository and from `"), "{twice}");
    let plain = problem(&["--with", "./plain"]);
    assert!(plain.contains("does not depend on `ferrowire`"), "{plain}");
    let nowhere = problem(&["--with", "./nowhere"]);
    assert!(nowhere.contains("is not a crate: no Cargo.toml found"), "{nowhere}");
    let workspace = problem(&["--with", root().to_str().unwrap()]);
    assert!(workspace.contains("is a workspace"), "{workspace}");
}
