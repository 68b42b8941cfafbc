//! Node-RED's command line and environment, through the real binary.
#![expect(clippy::unwrap_used, clippy::panic, reason = "the harness of a test fails it so")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{Message, client};

/// Longer than any step of these tests.
const PATIENCE: Duration = Duration::from_secs(20);

/// A folder with a flow file in which `http in` answers at the path of each tab's label.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    folder
}

/// Flows that answer a request to `/name` with `name`.
fn flows(name: &str) -> String {
    json!([
        {"id": "t", "type": "tab", "label": name},
        {"id": "i", "type": "http in", "z": "t", "url": format!("/{name}"), "method": "get",
         "wires": [["c"]]},
        {"id": "c", "type": "change", "z": "t", "wires": [["r"]],
         "rules": [{"t": "set", "p": "payload", "pt": "msg", "to": name, "tot": "str"}]},
        {"id": "r", "type": "http response", "z": "t", "wires": []},
    ])
    .to_string()
}

fn ferrowire(folder: &Path, arguments: &[&str], env: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ferrowire"));
    for variable in ["PORT", "FLOWS", "NODE_RED_ENABLE_SAFE_MODE", "NODE_RED_ENABLE_PROJECTS"] {
        command.env_remove(variable);
    }
    command.current_dir(folder).args(arguments).envs(env.iter().copied());
    command
}

/// The output of a command that ends by itself.
fn output(folder: &Path, arguments: &[&str], env: &[(&str, &str)]) -> Output {
    ferrowire(folder, arguments, env).output().unwrap()
}

/// Standard output of a successful command.
fn printed(folder: &Path, arguments: &[&str], env: &[(&str, &str)]) -> String {
    let output = output(folder, arguments, env);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{arguments:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// The error of a start that is refused.
fn refused(folder: &Path, arguments: &[&str], env: &[(&str, &str)]) -> String {
    let output = output(folder, arguments, env);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
    text
}

/// A runtime that listens.
struct Runtime {
    child: Child,
    log: Receiver<String>,
    address: String,
    /// The log lines of the start.
    began: Vec<String>,
}

impl Runtime {
    fn start(folder: &Path, arguments: &[&str], env: &[(&str, &str)]) -> Self {
        let mut command = ferrowire(folder, arguments, env);
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let log = lines(child.stderr.take().unwrap());
        let mut runtime = Runtime { child, log, address: String::new(), began: Vec::new() };
        runtime.began = runtime.lines_until("listening on");
        let line = runtime.began.last().unwrap();
        runtime.address = line.split_once("://").unwrap().1.split(',').next().unwrap().to_owned();
        runtime
    }

    /// The next log line that contains `part`.
    fn log_line(&self, part: &str) -> String {
        self.lines_until(part).pop().unwrap()
    }

    /// The log lines up to the next one that contains `part`.
    fn lines_until(&self, part: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            match self.log.recv_timeout(PATIENCE) {
                Ok(line) => lines.push(line),
                Err(error) => panic!("{error}: no `{part}` in:\n{}", lines.join("\n")),
            }
            if lines.last().unwrap().contains(part) {
                return lines;
            }
        }
    }

    /// Status and body of a response.
    fn ask(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let (address, length) = (&self.address, body.len());
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    fn get(&self, path: &str) -> (u16, String) {
        self.ask("GET", path, "")
    }

    fn state(&self) -> Value {
        serde_json::from_str::<Value>(&self.get("/flows/state").1).unwrap()["state"].clone()
    }

    /// What the editor is told of the state of the flows when it connects.
    fn shown_state(&self) -> Value {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let (mut socket, _) = client(format!("ws://{}/comms", self.address), stream).unwrap();
        let subscription = json!({"subscribe": "notification/#"}).to_string();
        socket.send(Message::text(subscription)).unwrap();
        loop {
            let text = socket.read().unwrap().into_text().unwrap();
            let messages: Value = serde_json::from_str(&text).unwrap();
            let mut messages = messages.as_array().into_iter().flatten();
            if let Some(state) = messages.find(|it| it["topic"] == "notification/runtime-state") {
                return state["data"].clone();
            }
        }
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        // It may have ended.
        let _ended = self.child.kill();
        let _code = self.child.wait();
    }
}

/// The lines of standard error, read in a thread so that the runtime never waits for the test.
fn lines(stderr: ChildStderr) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let lines = BufReader::new(stderr).lines();
        lines.map_while(Result::ok).try_for_each(|line| sender.send(line))
    });
    receiver
}

/// The source and value of a setting.
fn setting(folder: &Path, name: &str, arguments: &[&str], env: &[(&str, &str)]) -> (Value, Value) {
    let text = printed(folder, &[&["settings", "--json"], arguments].concat(), env);
    let all: Vec<Value> = serde_json::from_str(&text).unwrap();
    let found = all.iter().find(|setting| setting["name"] == name).unwrap();
    (found["from"].clone(), found["value"].clone())
}

const HERE: &[&str] = &["-p", "0"];

#[test]
fn the_port_is_that_of_the_first_source() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let folder = folder(&[
        ("flows.json", "[]"),
        ("defines.json", &format!(r#"{{"uiPort": {port}, "uiHost": "127.0.0.1"}}"#)),
        ("ferrowire.toml", &format!("port = {port}\n")),
        ("other.toml", "listen = '127.0.0.1:1'\nport = 2\n"),
    ]);
    let flag = format!("--port={port}");
    let (short, define) = (format!("-p{port}"), format!("-DuiPort={port}"));
    let listen = format!("127.0.0.1:{port}");
    for (arguments, env) in [
        (vec!["run", "flows.json", "-p", &port], vec![]),
        (vec!["flows.json", &flag], vec![]),
        (vec![&*short, "flows.json", "-s", "other.toml"], vec![("PORT", "1")]),
        (vec!["-p", &port, "-D", "uiPort=1", "flows.json"], vec![("FERROWIRE_PORT", "1")]),
        (vec![&*define, "flows.json"], vec![("PORT", "1")]),
        (vec!["-D", "@defines.json", "flows.json"], vec![("FERROWIRE_LISTEN", "127.0.0.1:1")]),
        (vec!["flows.json"], vec![("PORT", &*port)]),
        (vec!["flows.json"], vec![("FERROWIRE_PORT", &*port), ("PORT", "1")]),
        (vec!["flows.json", "--listen", "127.0.0.1"], vec![("PORT", &*port)]),
        (vec!["flows.json", "--listen", &listen], vec![("PORT", "1")]),
        (vec!["flows.json", "--listen", "127.0.0.1:1", "-p", &port], vec![]),
        (vec!["flows.json", "-s", "ferrowire.toml"], vec![("PORT", "")]),
    ] {
        let text = refused(folder.path(), &arguments, &env);
        let expected = format!("cannot listen on `127.0.0.1:{port}`");
        assert!(text.contains(&expected), "{arguments:?} {env:?}: {text}");
    }
    for (value, expected) in [("65536", "from 0 to 65535"), ("http", "expected a whole number")] {
        let text = refused(folder.path(), &["flows.json", "-p", value], &[]);
        assert!(text.contains(&format!("`--port` is `{value}`")) && text.contains(expected));
    }
}

#[test]
fn the_flow_file_is_in_the_current_folder_or_else_in_the_user_directory() {
    let files = ["here.json", "user/here.json", "user/flows.json", "user/mine.json"];
    let names = ["here", "user-here", "user-flows", "user-mine"];
    let texts = names.map(flows);
    let all: Vec<(&str, &str)> = files.into_iter().zip(texts.iter().map(String::as_str)).collect();
    let folder = folder(&all);
    for (arguments, env, name) in [
        (vec!["-u", "user"], vec![], "user-flows"),
        (vec!["--userDir", "user", "mine.json"], vec![], "user-mine"),
        (vec!["--user-dir=user", "here.json"], vec![], "here"),
        (vec!["-uuser"], vec![("FLOWS", "mine.json")], "user-mine"),
        (vec!["-u", "user"], vec![("FLOWS", "here.json")], "here"),
        (vec!["-u", "user", "-D", "flowFile=mine.json"], vec![("FLOWS", "here.json")], "user-mine"),
        (vec!["-u", "user", "mine.json"], vec![("FLOWS", "here.json")], "user-mine"),
        (vec!["-D", "userDir=user"], vec![("FLOWS", "")], "user-flows"),
    ] {
        let runtime = Runtime::start(folder.path(), &[HERE, &arguments].concat(), &env);
        let answer = runtime.get(&format!("/{name}"));
        assert_eq!(answer, (200, name.to_owned()), "{arguments:?} {env:?}");
    }
    // As in Node-RED's container, the default of `FLOWS` may not exist yet.
    let runtime =
        Runtime::start(folder.path(), &[HERE, &["-u", "user"]].concat(), &[("FLOWS", "new.json")]);
    assert_eq!(runtime.ask("POST", "/flows", &flows("new")).0, 204);
    assert_eq!(runtime.get("/new"), (200, "new".to_owned()));
    assert!(folder.path().join("user/new.json").exists());
    for named in ["mine.json", "./mine.json"] {
        let user = if named.starts_with('.') { &["-u", "user"][..] } else { &[] };
        let text = refused(folder.path(), &[user, &[named]].concat(), &[]);
        assert!(text.contains(&format!("cannot read the flow file `{named}`")), "{text}");
    }
}

#[test]
fn in_safe_mode_the_flows_are_loaded_and_a_deploy_starts_them() {
    let folder = folder(&[("flows.json", &flows("one"))]);
    let safe = |arguments: &[&str], env: &[(&str, &str)]| {
        let runtime = Runtime::start(folder.path(), &[HERE, arguments].concat(), env);
        assert_eq!(runtime.state(), "safe", "{arguments:?} {env:?}");
        assert_eq!(runtime.get("/one").0, 404);
        runtime
    };
    let variable = "NODE_RED_ENABLE_SAFE_MODE";
    let runtime = safe(&["--safe", "flows.json"], &[]);
    let deployed: Value = serde_json::from_str(&runtime.get("/flows").1).unwrap();
    assert_eq!(deployed.as_array().unwrap().len(), 4, "the editor shows the flows");
    let shown = runtime.shown_state();
    assert_eq!((&shown["state"], &shown["error"]), (&json!("safe"), &json!("safe-mode")));
    // The flows need no change.
    assert_eq!(runtime.ask("POST", "/flows", &flows("one")).0, 204);
    assert_eq!(runtime.state(), "start");
    assert_eq!(runtime.shown_state()["state"], "start");
    assert_eq!(runtime.get("/one"), (200, "one".to_owned()));
    drop(runtime);

    let runtime = safe(&["flows.json"], &[(variable, "1")]);
    runtime.signal("-HUP");
    runtime.log_line("deployed the flow files again");
    assert_eq!(runtime.get("/one"), (200, "one".to_owned()));
    drop(runtime);

    let runtime = safe(&["-D", "safeMode=true", "-D", "runtimeState.enabled=true"], &[]);
    assert_eq!(runtime.ask("POST", "/flows/state", r#"{"state":"start"}"#).0, 200);
    assert_eq!(runtime.get("/one"), (200, "one".to_owned()));
    // Flows that were stopped through the API stay so.
    assert_eq!(runtime.ask("POST", "/flows/state", r#"{"state":"stop"}"#).0, 200);
    drop(runtime);
    let runtime = safe(&["--safe", "--runtime-state", "true", "-v"], &[]);
    assert_eq!(runtime.ask("POST", "/flows", &flows("one")).0, 204);
    assert_eq!((runtime.state(), runtime.get("/one").0), ("stop".into(), 404));
    drop(runtime);

    for value in ["false", "False", ""] {
        let runtime = Runtime::start(folder.path(), HERE, &[(variable, value)]);
        assert_eq!(runtime.state(), "start", "{value}");
    }
}

#[test]
fn verbose_shows_debug_lines_unless_the_log_is_filtered() {
    let folder = folder(&[("ferrowire.toml", "log = 'warn'\n")]);
    let file = folder.path().join("flows.json");
    // A node that a deploy restarts is a line of the level debug.
    let seen = |arguments: &[&str]| {
        std::fs::write(&file, flows("one")).unwrap();
        let runtime = Runtime::start(folder.path(), &[HERE, arguments].concat(), &[]);
        std::fs::write(&file, flows("two")).unwrap();
        runtime.signal("-HUP");
        runtime.lines_until("deployed the flow files again")
    };
    let has_debug = |lines: &[String]| lines.iter().any(|line| line.contains("DEBUG"));
    assert!(has_debug(&seen(&["-v"])));
    assert!(has_debug(&seen(&["--verbose", "-s", "ferrowire.toml"])));
    assert!(!has_debug(&seen(&[])));
    assert!(!has_debug(&seen(&["-v", "--log", "info"])));
}

#[test]
fn definitions_set_what_has_a_name_here_or_in_node_red() {
    let folder = folder(&[
        ("flows.json", "[]"),
        (
            "ferrowire.toml",
            "[context-storage]\ndefault = 'memory'\nmemory = { module = 'memory' }\n",
        ),
        ("more.json", r#"{"logging": {"console": {"level": "warn"}}, "max-queue": "2 MiB"}"#),
    ]);
    let found = |name: &str, arguments: &[&str]| setting(folder.path(), name, arguments, &[]);
    for (name, arguments, value) in [
        ("http-node-root", &["-D", "httpNodeRoot=/api"][..], "/api"),
        ("http-node-root", &["-D", "http-node-root=/a", "-D", "http-node-root=/b"], "/b"),
        ("http-admin-root", &["-D", "httpAdminRoot=false"], "false"),
        ("runtime-state", &["-D", r#"runtimeState={"enabled":true}"#], "true"),
        ("log", &["-D", "@more.json"], "warn"),
        ("max-queue", &["-D", "@more.json"], "2 MiB"),
        ("function-timeout", &["-D", "function-timeout=5"], "5"),
        ("http-request-timeout", &["-D", "httpRequestTimeout=1500"], "1.5"),
        ("mqtt-reconnect-time", &["-D", "mqttReconnectTime=2500"], "2.5"),
        ("tcp-idle-timeout", &["-D", "socketTimeout=3500"], "3.5"),
    ] {
        assert_eq!(found(name, arguments), ("define".into(), value.into()), "{arguments:?}");
    }
    // A value in a table adds to that of the file.
    let arguments = ["-s", "ferrowire.toml", "-D", "contextStorage.disk.module=memory"];
    let (from, value) = found("context-storage", &arguments);
    assert_eq!(from, "define");
    let value = value.as_str().unwrap();
    assert!(value.contains("memory = {") && value.contains("disk = {"), "{value}");

    let arguments = [
        "flows.json",
        "-DeditorTheme.page.title=x",
        "-D",
        "httpRequestTimeouts=120000",
        "-D",
        "credentialSecret=seen",
        "-D",
        "port=null",
        "-D",
        "nonsense",
        "-D",
        "a[=1",
        "-D",
        "@nowhere.json",
    ];
    let text = refused(folder.path(), &arguments, &[]);
    for part in [
        "`-D editorTheme.page.title` is not a setting; `ferrowire settings` lists all",
        "`-D httpRequestTimeouts` is not a setting; did you mean `http-request-timeout`?",
        "`-D credentialSecret`: other users can see the arguments of a process; set \
         `FERROWIRE_CREDENTIAL_SECRET`",
        "`-D port`: expected a value other than `null`",
        "`-D nonsense`: expected `NAME=VALUE`, or `@FILE` with a JSON object",
        "`-D a[=1`: invalid property expression `a[`",
        "`-D @nowhere.json`: cannot read it",
    ] {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }
    let secret = folder.path().join("secret.json");
    std::fs::write(&secret, r#"{"credentialSecret": "s3cret"}"#).unwrap();
    assert_eq!(found("credential-secret", &["-D", "@secret.json"]), ("define".into(), Value::Null));
}

#[test]
fn settings_js_is_refused_with_the_names_that_its_keys_have_here() {
    let program = "// adminAuth: {}\nmodule.exports = {\n  uiPort: process.env.PORT || 1880,\n  \
                   https: { key: '' },\n  runtimeState: { enabled: true },\n  editorTheme: {}\n}\n";
    let folder = folder(&[("user/settings.js", program), ("user/flows.json", "[]")]);
    let text = refused(folder.path(), &["run", "-s", "user/settings.js"], &[]);
    for part in [
        "`user/settings.js` is JavaScript, which is not run; write the settings into a TOML file",
        "`ferrowire migrate DIRECTORY` writes it",
        "\n  `uiPort`: `port`\n",
        "\n  `https`: `tls-cert`, `tls-key`\n",
        "\n  `runtimeState`: `runtime-state`\n",
        "\n  `editorTheme`: no setting",
    ] {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }
    assert!(!text.contains("adminAuth"), "{text}");
    // Node-RED would read it.
    let runtime = Runtime::start(folder.path(), &[HERE, &["-u", "user"]].concat(), &[]);
    let line = runtime.began.iter().find(|line| line.contains("`user/settings.js` is not read"));
    let advice = "ferrowire settings --settings user/settings.js";
    assert!(line.is_some_and(|line| line.contains(advice)), "{:?}", runtime.began);
}

#[test]
fn a_key_of_node_red_in_the_settings_file_is_answered_with_its_name_here() {
    let folder =
        folder(&[("flows.json", "[]"), ("ferrowire.toml", "uiPort = 1\nflowFile = 'x'\n")]);
    let text = refused(folder.path(), &["flows.json", "-s", "ferrowire.toml"], &[]);
    assert!(text.contains("`uiPort` in `ferrowire.toml` is not a setting; did you mean `port`?"));
    assert!(text.contains("did you mean `flow-file`?"), "{text}");
}

#[test]
fn projects_are_refused_unless_they_are_off() {
    let folder = folder(&[("flows.json", "[]")]);
    let variable = "NODE_RED_ENABLE_PROJECTS";
    let text = refused(folder.path(), &["flows.json"], &[(variable, "true")]);
    assert!(text.contains("`NODE_RED_ENABLE_PROJECTS`: projects are not supported"), "{text}");
    let env = [(variable, "false")];
    let runtime = Runtime::start(folder.path(), &[HERE, &["flows.json"]].concat(), &env);
    assert_eq!(runtime.state(), "start");
}

#[cfg(target_os = "linux")]
#[test]
fn the_title_names_the_process() {
    let folder = folder(&[("flows.json", "[]")]);
    for flag in ["--title", "-t"] {
        let runtime = Runtime::start(folder.path(), &[HERE, &[flag, "my flows"]].concat(), &[]);
        let name = std::fs::read_to_string(format!("/proc/{}/comm", runtime.child.id())).unwrap();
        assert_eq!(name, "my flows\n");
    }
}

#[test]
fn help_and_version_have_node_reds_flags() {
    let folder = folder(&[]);
    let print = |arguments: &[&str]| printed(folder.path(), arguments, &[]);
    assert_eq!(print(&["-?"]), print(&["-h"]));
    assert_eq!(print(&["run", "-?"]), print(&["run", "--help"]));
    assert_eq!(print(&["plugin", "list", "-?"]), print(&["plugin", "list", "--help"]));
    let version = print(&["--version"]);
    assert!(version.starts_with("ferrowire 0."), "{version}");
    let named = ["\ncommit: ", "\nfeatures: cluster, ", "npm-nodes\n", "\nplugin ABI: 2."];
    assert!(named.iter().all(|part| version.contains(part)), "{version}");
    assert_eq!(print(&["-V"]).lines().count(), 1);
    for part in ["-p, --port <NUMBER>", "alias: --userDir", "-s, --settings <FILE>", "-D, --define"]
    {
        assert!(print(&["run", "-?"]).contains(part), "{part}");
    }
}
