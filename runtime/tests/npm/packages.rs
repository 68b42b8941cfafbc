//! Packages that people install, and what the program says of packages.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::installed::{UserDir, between, function, script};
use crate::support::{Runtime, node, with};

#[tokio::test]
async fn the_random_node_runs() {
    let random = json!({"low": "3", "high": "3", "inte": "true", "property": "payload"});
    let folder = UserDir::with(&["node-red-node-random"]);
    let runtime =
        folder.run(between(&["random"], [node("random", "random", random, &["all"])])).await;
    let mut client = runtime.connect("/ws").await;
    client.send("go").await;
    assert_eq!(client.text().await, "3");
}

#[tokio::test]
async fn the_cron_plus_node_is_told_a_schedule_and_fires() {
    let cron = json!({
        "outputField": "payload", "timeZone": "", "commandResponseMsgOutput": "output1", "outputs": 1,
        "storeName": "", "persistDynamic": false, "options": [],
    });
    let add = "return {payload: {command: 'add', name: 'often', expression: '* * * * * *',
        expressionType: 'cron', payload: 'fired', payloadType: 'str', type: 'str', limit: 1}}";
    let pick = "return msg.payload === 'fired' ? msg : null";
    let folder = UserDir::with(&["node-red-contrib-cron-plus"]);
    let nodes = [
        function("add", add, &["cron"]),
        node("cron", "cronplus", cron, &["pick"]),
        function("pick", pick, &["all"]),
    ];
    let runtime = folder.run(between(&["add"], nodes)).await;
    let mut client = runtime.connect("/ws").await;
    client.send("go").await;
    assert_eq!(client.text().await, "fired");
}

pub(crate) async fn get(runtime: &Runtime, path: &str) -> String {
    runtime
        .raw(&format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            runtime.address
        ))
        .await
}

/// Waits until the child runs `flows`, by a message through the hosted node `ready`.
async fn run_dashboard(package: &str, nodes: Value) -> (UserDir, Runtime) {
    let folder = UserDir::with(&["script", package]);
    let nodes = nodes.as_array().unwrap().clone();
    let flows =
        between(&["ready"], nodes.into_iter().chain([script("ready", "send(msg)", &["all"])]));
    let runtime = folder.run(flows).await;
    runtime.connect("/ws").await.echo("ready").await;
    (folder, runtime)
}

/// The page is served, and socket.io answers below `path` to a poll and to a WebSocket.
async fn assert_serves(runtime: &Runtime, page: &str, socket: &str) {
    let html = get(runtime, page).await;
    assert!(html.starts_with("HTTP/1.1 200") && html.contains("<html"), "{html}");
    let poll = get(runtime, &format!("{socket}?EIO=4&transport=polling")).await;
    assert!(poll.contains("\"sid\""), "{poll}");
    let mut client = runtime.connect(&format!("{socket}?EIO=4&transport=websocket")).await;
    assert!(client.text().await.contains("\"sid\""));
}

#[tokio::test]
async fn the_flowfuse_dashboard_is_served() {
    let nodes = json!([
        {"id": "group", "type": "ui-group", "name": "g", "page": "page", "width": "6", "height": "1", "order": 1,
            "visible": "true", "disabled": "false", "groupType": "default"},
        {"id": "page", "type": "ui-page", "name": "p", "ui": "base", "path": "/page1", "layout": "grid",
            "theme": "theme", "order": 1, "visible": "true", "disabled": "false"},
        {"id": "base", "type": "ui-base", "name": "My Dashboard", "path": "/dashboard", "includeClientData": true,
            "acceptsClientConfig": [], "navigationStyle": "default", "titleBarStyle": "default"},
        {"id": "theme", "type": "ui-theme", "name": "Default", "colors": {}, "sizes": {}},
        {"id": "text", "type": "ui-text", "z": "tab", "x": 1, "y": 1, "group": "group", "order": 1, "width": 0, "height": 0,
            "format": "{{msg.payload}}", "layout": "row-spread", "wires": []},
    ]);
    let (_folder, runtime) = run_dashboard("@flowfuse/node-red-dashboard", nodes).await;
    assert_serves(&runtime, "/dashboard/", "/dashboard/socket.io/").await;
}

#[tokio::test]
async fn the_first_dashboard_is_served() {
    let nodes = json!([
        {"id": "ui tab", "type": "ui_tab", "name": "Home", "icon": "dashboard", "order": 1},
        {"id": "ui group", "type": "ui_group", "name": "Default", "tab": "ui tab", "order": 1, "disp": true, "width": "6"},
        {"id": "text", "type": "ui_text", "z": "tab", "x": 1, "y": 1, "group": "ui group", "order": 1, "width": 0, "height": 0,
            "name": "", "label": "text", "format": "{{msg.payload}}", "layout": "row-spread", "wires": []},
    ]);
    let (_folder, runtime) = run_dashboard("node-red-dashboard", nodes).await;
    assert_serves(&runtime, "/ui/", "/ui/socket.io/").await;
}

#[tokio::test]
async fn a_user_directory_needs_no_package_json() {
    let folder = UserDir::with(&["script"]);
    std::fs::remove_file(folder.path().join("package.json")).unwrap();
    let runtime = folder.run(between(&["script"], [script("script", "send(msg)", &["all"])])).await;
    runtime.connect("/ws").await.echo("whole").await;
}

/// A package with one type, of its own name.
fn add_package(folder: &UserDir, name: &str) -> PathBuf {
    let package = folder.add(name);
    let write = |file: &str, text: String| std::fs::write(package.join(file), text).unwrap();
    let manifest = json!({"name": name, "version": "1.2.3", "node-red": {"nodes": {"n": "n.js"}}});
    write("package.json", manifest.to_string());
    write("n.html", format!(r#"<script type="text/html" data-template-name="{name}"></script>"#));
    write(
        "n.js",
        format!(
            "module.exports = (RED) => RED.nodes.registerType('{name}', function (config) {{
                RED.nodes.createNode(this, config); this.on('input', (msg, send) => send(msg)); }})"
        ),
    );
    package
}

#[tokio::test]
async fn two_hundred_packages_are_found_and_run() {
    let folder = UserDir::with(&[]);
    for n in 0..200 {
        add_package(&folder, &format!("package-{n}"));
    }
    let nodes = [
        node("first", "package-0", json!({}), &["last"]),
        node("last", "package-199", json!({}), &["all"]),
    ];
    let runtime = folder.run(between(&["first"], nodes)).await;
    runtime.connect("/ws").await.echo("whole").await;
}

/// The output of a command on the flow file and the user directory.
fn output_of(command: &str, folder: &Path, args: &[&str]) -> String {
    let mut program = crate::program(command);
    // No global packages.
    program.env("FERROWIRE_USER_DIR", folder).env("FERROWIRE_NODE_JS", "/nowhere/node").args(args);
    let output = program.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

/// In place of npm: version 2.0.0 of the package is installed by writing that into its files.
const INSTALL: &str = "const fs = require('fs');
    RED.hooks.add('preInstall.here', (_event) => {
        for (const file of ['package.json', 'n.js'].map((name) => 'node_modules/package-x/' + name))
            fs.writeFileSync(file, fs.readFileSync(file, 'utf8').replace('1.2.3', '2.0.0'));
        return false;
    })";

#[tokio::test]
async fn an_updated_package_runs_at_once_and_reports_say_its_version() {
    let folder = UserDir::with(&["script"]);
    let package = add_package(&folder, "package-x");
    folder.list(&["script", "package-x"]);
    let code = std::fs::read_to_string(package.join("n.js")).unwrap();
    let tell = code.replace("send(msg)", "send({payload: '1.2.3'})");
    std::fs::write(package.join("n.js"), tell).unwrap();
    let x = node("x", "package-x", json!({}), &["all"]);
    let installer = with(script("installer", "", &[]), json!({"setup": INSTALL}));
    let runtime = folder.run(between(&["x"], [x, installer])).await;
    let mut client = runtime.connect("/ws").await;
    client.send("go").await;
    assert_eq!(client.text().await, "1.2.3");

    let update = json!({"module": "package-x", "version": "2.0.0"}).to_string();
    let response = runtime.post_json("/nodes", &update).await;
    assert!(response.starts_with("HTTP/1.1 200"), "{response}");
    assert!(response.contains(r#""version":"2.0.0""#), "{response}");
    assert!(!response.contains("pending_version"), "{response}");
    client.send("go").await;
    assert_eq!(client.text().await, "2.0.0");

    let report = get(&runtime, "/diagnostics").await;
    let (_, json) = report.split_once("\r\n\r\n").unwrap();
    let report: Value = serde_json::from_str(json).unwrap();
    let npm = &report["runtime"]["npm"];
    assert_eq!(npm["packages"]["package-x"], "2.0.0");
    assert_eq!((&npm["isRunning"], &npm["starts"]), (&json!(true), &json!(2)));
}

/// What `ferrowire check` prints about the flows.
pub(crate) fn check(folder: &UserDir, flows: &Value) -> String {
    let file = folder.path().join("flows.json");
    std::fs::write(&file, flows.to_string()).unwrap();
    output_of("check", folder.path(), &[file.to_str().unwrap()])
}

#[test]
fn commands_name_the_package_and_version_of_a_type() {
    let folder = UserDir::with(&[]);
    add_package(&folder, "package-x");
    let check = check(&folder, &between(&["x"], [node("x", "package-x", json!({}), &[])]));
    assert!(check.contains("package-x") && check.contains("1.2.3"), "{check}");
    let nodes = output_of("nodes", folder.path(), &[]);
    let line = nodes.lines().find(|line| line.contains("package-x")).unwrap_or_default();
    assert!(line.contains("hosted"), "{nodes}");
}

#[test]
fn a_check_without_node_reds_runtime_names_the_command_that_installs_it() {
    let folder = UserDir::with(&[]);
    add_package(&folder, "package-x");
    std::fs::remove_file(folder.path().join("node_modules/@node-red")).unwrap();
    let check = check(&folder, &between(&["x"], [node("x", "package-x", json!({}), &[])]));
    assert!(check.contains("npm install --prefix"), "{check}");
}

#[tokio::test]
async fn packages_are_installed_only_where_the_setting_allows_it() {
    let folder = UserDir::with(&["script"]);
    let runtime = folder.run_with(between(&[], []), &["--palette-install", "false"]).await;
    let response = runtime.post_json("/nodes", r#"{"module": "node-red-node-random"}"#).await;
    assert!(response.starts_with("HTTP/1.1 403"), "{response}");
    assert!(response.contains("palette-install"), "{response}");
}

/// The response to a change of the package `script` in the editor.
async fn set_enabled(runtime: &Runtime, enabled: bool) -> String {
    let body = json!({"enabled": enabled}).to_string();
    runtime
        .raw(&format!(
            "PUT /nodes/script HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            runtime.address,
            body.len()
        ))
        .await
}

#[tokio::test]
async fn flows_wait_for_a_package_that_is_disabled_and_its_credentials_are_known_after_it() {
    let folder = UserDir::with(&["script"]);
    let runtime = folder.run(between(&["all"], [])).await;
    let disabled = set_enabled(&runtime, false).await;
    assert!(disabled.starts_with("HTTP/1.1 200"), "{disabled}");

    let credentials = json!({"credentials": {"secret": "s", "other": "o"}});
    let node = with(script("script", "send(msg)", &["all"]), credentials);
    let flows = between(&["script"], [node]).to_string();
    let deployed = runtime.post_json("/flows", &flows).await;
    assert!(deployed.starts_with("HTTP/1.1 204"), "{deployed}");
    assert!(get(&runtime, "/ws").await.starts_with("HTTP/1.1 404"), "the type is missing");

    let enabled = set_enabled(&runtime, true).await;
    assert!(enabled.starts_with("HTTP/1.1 200"), "{enabled}");
    runtime.connect("/ws").await.echo("after").await;
    let in_use = set_enabled(&runtime, false).await;
    assert!(in_use.starts_with("HTTP/1.1 400") && in_use.contains("in use"), "{in_use}");
    let known = get(&runtime, "/credentials/script/script").await;
    assert!(known.ends_with(r#"{"has_secret":true}"#), "{known}");
}
