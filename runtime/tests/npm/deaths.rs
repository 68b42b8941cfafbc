//! The end of the child, for each of its reasons.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use ferrowire_core::Message;
use ferrowire_hosted::Pace;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::in_process::Flows;
use crate::installed::{UserDir, between, function, script};
use crate::support::{Runtime, tab, with};

/// A pace at which no child is given up.
const TIRELESS: Pace =
    Pace { ping: Duration::from_secs(5), pause: Duration::from_millis(1), early: Duration::ZERO };

/// Shows the process in which it runs, and sends all messages on.
fn worker(wires: &[&str]) -> Value {
    let setup = "node.status({text: 'pid ' + process.pid})";
    with(script("work", "send(msg)", wires), json!({"setup": setup}))
}

fn kill(pid: &str) {
    assert!(std::process::Command::new("kill").args(["-9", pid]).status().unwrap().success());
}

#[tokio::test]
async fn a_killed_child_is_replaced_under_load_and_native_nodes_go_on() {
    let check = "if (msg.payload.startsWith('probe')) node.status({text: msg.payload + ' wrong ' + (flow.get('wrong') ?? 0)});
        else {
            const n = Number(msg.payload);
            if (n <= (flow.get('last') ?? -1)) flow.set('wrong', (flow.get('wrong') ?? 0) + 1);
            flow.set('last', n);
        }";
    let echo = function("echo", "node.status({text: msg.payload})", &[]);
    let nodes = json!([tab("tab"), worker(&["check"]), function("check", check, &[]), echo]);
    let mut flows = Flows::start(TIRELESS, &nodes).await;
    let engine = flows.engine.clone();
    let mut load = JoinSet::new();
    load.spawn(async move {
        for n in 0_u64.. {
            engine.deliver("work", Message::with_payload(n.to_string())).unwrap().await;
        }
    });
    for round in 0..15 {
        let pid = flows.status("work", "pid ").await;
        let probe = format!("probe {round}");
        flows.send("work", &probe).await;
        assert_eq!(flows.status("check", &probe).await, " wrong 0");
        kill(&pid);
        flows.send("echo", &probe).await;
        assert_eq!(flows.status("echo", &probe).await, "");
    }
    flows.status("work", "pid ").await;
    load.shutdown().await;
    flows.send("work", "probe last").await;
    assert_eq!(flows.status("check", "probe last").await, " wrong 0");
    flows.stop().await;
}

#[tokio::test]
async fn a_child_that_ends_early_again_and_again_is_given_up_until_the_next_deploy() {
    let pace = Pace { early: Duration::from_secs(600), ..TIRELESS };
    let folder = UserDir::with(&["script"]);
    let ends = "socket.on('close', () => process.exit(3)); hello({protocol: 1, node: 'v18.0.0'}); socket.end()";
    let node_js = fake(&folder, ends);
    let mut flows =
        Flows::start_in(folder, &node_js, pace, &json!([tab("tab"), worker(&[])])).await;
    flows.status("work", "Node.js ended 5 times soon after its start").await;
    flows.send("work", "refused").await;
    flows.failure("work", "Node.js ended 5 times").await;
    // As if Node.js was mended.
    std::fs::write(&node_js, "#!/bin/sh\nexec node \"$@\"\n").unwrap();
    let check = function("check", "node.status({text: msg.payload})", &[]);
    flows.deploy(&json!([tab("tab"), worker(&["check"]), check])).await;
    flows.status("work", "pid ").await;
    flows.send("work", "whole").await;
    flows.status("check", "whole").await;
    flows.stop().await;
}

#[tokio::test]
async fn a_child_that_is_blocked_is_killed_and_native_nodes_go_on() {
    let pace = Pace { ping: Duration::from_secs(1), ..TIRELESS };
    let block = "node.status({text: 'blocks'}); setImmediate(() => { for (;;); })";
    let echo = function("echo", "node.status({text: msg.payload})", &[]);
    let nodes = json!([tab("tab"), worker(&["echo"]), script("block", block, &[]), echo]);
    let mut flows = Flows::start(pace, &nodes).await;
    let first = flows.status("work", "pid ").await;
    flows.send("block", "").await;
    flows.status("block", "blocks").await;
    flows.send("echo", "goes on").await;
    flows.status("echo", "goes on").await;
    flows.status("block", "Node.js ended").await;
    assert_ne!(flows.status("work", "pid ").await, first);
    flows.send("work", "whole").await;
    flows.status("echo", "whole").await;
    flows.stop().await;
}

/// Runs a flow whose node ends the child when a client says so; returns the log line of the end.
async fn ended_by(code: &str) -> String {
    let code = format!("if (msg.payload === 'end') {{ {code} }} else send(msg)");
    let folder = UserDir::with(&["script"]);
    let flows = between(&["work"], [script("work", &code, &["all"])]);
    let mut runtime = folder.run_with(flows, &["--node-js-memory", "100"]).await;
    let mut client = runtime.connect("/ws").await;
    client.echo("before").await;
    client.send("end").await;
    let line = runtime.log_line("Node.js ended (").await;
    client.echo("after").await;
    line
}

#[tokio::test]
async fn a_node_that_ends_the_process_ends_only_the_child() {
    let line = ended_by("process.exit(7)").await;
    assert!(line.contains("exit status: 7"), "{line}");
}

#[tokio::test]
async fn an_error_in_a_timer_of_a_package_ends_only_the_child() {
    let line = ended_by("setTimeout(() => { throw new Error('in a timer') })").await;
    assert!(line.contains("exit status: 1"), "{line}");
}

#[tokio::test]
async fn a_package_that_takes_more_memory_than_it_may_ends_only_the_child() {
    let line =
        ended_by("const all = []; for (;;) all.push(Array.from({length: 1e4}, () => ({})))").await;
    assert!(line.contains("signal: 6"), "{line}");
}

/// A program that is named as Node.js. `socket` is what it connects to.
fn fake(folder: &UserDir, code: &str) -> PathBuf {
    let path = folder.path().join("node");
    let connect = "const socket = require('net').connect(process.argv[1]); socket.resume();
        const hello = (it) => {
            const json = Buffer.from(JSON.stringify({t: 'hello', ...it})); const head = Buffer.alloc(8);
            head.writeUInt32LE(json.length + 4); head.writeUInt32LE(json.length, 4);
            socket.write(Buffer.concat([head, json]));
        };";
    let program = format!("#!/bin/sh\nexec node -e \"{connect} {code}\" \"$2\"\n");
    std::fs::write(&path, program).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    path
}

/// Runs a native echo and a hosted node with this program as Node.js.
async fn run_with_node(folder: &UserDir, node: &str) -> Runtime {
    let flows = between(&["all", "work"], [script("work", "send(msg)", &["all"])]);
    folder.run_with(flows, &["--node-js", node]).await
}

async fn assert_unusable(code: &str, why: &str) {
    let folder = UserDir::with(&["script"]);
    let node = fake(&folder, code);
    let mut runtime = run_with_node(&folder, node.to_str().unwrap()).await;
    runtime.log_line(why).await;
    runtime.connect("/ws").await.echo("native nodes go on").await;
}

#[tokio::test]
async fn a_program_that_is_not_node_js_is_named_in_the_log() {
    assert_unusable("hello({protocol: 99, node: process.version})", "another program answers")
        .await;
}

#[tokio::test]
async fn a_program_that_sends_garbage_is_ended() {
    assert_unusable("socket.write('x'.repeat(1000))", "invalid data").await;
}

#[tokio::test]
async fn an_old_node_js_is_named_in_the_log() {
    assert_unusable("hello({protocol: 1, node: 'v16.20.2'})", "v16.20.2 is too old").await;
}

#[tokio::test]
async fn a_program_that_ends_at_once_is_named_in_the_log() {
    assert_unusable("process.exit(3)", "do not run").await;
}

#[tokio::test]
async fn a_missing_node_js_is_named_in_the_log_with_the_setting() {
    let folder = UserDir::with(&["script"]);
    let mut runtime = run_with_node(&folder, "/nowhere/node").await;
    let line = runtime.log_line("cannot run `/nowhere/node`").await;
    assert!(line.contains("--node-js"), "{line}");
    runtime.connect("/ws").await.echo("native nodes go on").await;
}

#[tokio::test]
async fn sigterm_ends_the_program_in_time_while_the_child_hangs() {
    let folder = UserDir::with(&["script"]);
    let hang = "node.status({text: 'hangs'}); setImmediate(() => { for (;;); })";
    let flows = between(&["hang"], [script("hang", hang, &["all"])]);
    let runtime = folder.run_with(flows, &["--shutdown-timeout", "2"]).await;
    let mut events = runtime.events().await;
    runtime.connect("/ws").await.send("go").await;
    events.status("hang", "hangs").await;
    let asked = Instant::now();
    let (log, code) = runtime.terminate().await;
    assert_eq!(code, Some(0), "{log}");
    assert!(asked.elapsed() < Duration::from_secs(4), "{:?}", asked.elapsed());
}
