//! Functions on both sides.

use serde_json::{Value, json};

use crate::installed::{UserDir, between, function};
use crate::support::with;

/// Adds to the payload where the code runs: only Node.js has a pool of buffers.
const WHERE: &str = "msg.payload += Buffer.poolSize ? ' nodejs' : ' native'; return msg";

fn with_modules(id: &str, code: &str, wires: &[&str]) -> Value {
    let libs = json!([{"var": "ms", "module": "ms"}, {"var": "path", "module": "path"}]);
    with(function(id, code, wires), json!({"libs": libs}))
}

#[tokio::test]
async fn functions_with_modules_run_in_node_js_and_others_natively() {
    let modules = "msg.payload += ` ${ms('2 days')} ${path.basename('/a/b')}`; ".to_owned() + WHERE;
    let flows = between(
        &["first"],
        [
            function("first", WHERE, &["second"]),
            with_modules("second", &modules, &["third"]),
            function("third", WHERE, &["all"]),
        ],
    );
    let folder = UserDir::with(&["ms"]);
    let runtime = folder.run(flows).await;
    let mut client = runtime.connect("/ws").await;
    client.send("go").await;
    assert_eq!(client.text().await, "go native 172800000 b nodejs native");
}

#[tokio::test]
async fn a_function_runs_where_it_says() {
    let pinned = |side: &str| json!({"runsIn": side});
    let flows = between(
        &["first"],
        [
            with(function("first", WHERE, &["second"]), pinned("nodejs")),
            with(function("second", WHERE, &["all"]), pinned("native")),
        ],
    );
    let folder = UserDir::with(&[]);
    let runtime = folder.run(flows).await;
    let mut client = runtime.connect("/ws").await;
    client.send("go").await;
    assert_eq!(client.text().await, "go nodejs native");
}

#[tokio::test]
async fn functions_with_modules_of_node_js_that_are_native_run_natively() {
    let libs =
        json!([{"var": "path", "module": "node:path"}, {"var": "crypto", "module": "crypto"}]);
    let code = "msg.payload = path.basename(crypto.createHash('md5').update('a').digest('hex'));";
    let own = with(function("own", &format!("{code} {WHERE}"), &["all"]), json!({"libs": libs}));
    let folder = UserDir::with(&[]);
    let runtime = folder.run(between(&["own"], [own])).await;
    let mut client = runtime.connect("/ws").await;
    client.send("go").await;
    assert_eq!(client.text().await, "0cc175b9c0f1b6a831c399e269772661 native");
}

#[test]
fn check_says_which_functions_node_js_runs_and_what_is_missing() {
    let folder = UserDir::with(&[]);
    let flows = between(&["one"], [with_modules("one", "return msg", &["all"])]);
    let check = crate::packages::check(&folder, &flows);
    assert!(check.contains("Node.js runs the nodes of `node-red`: 1 `function`"), "{check}");
    std::fs::remove_file(folder.path().join("node_modules/@node-red")).unwrap();
    let check = crate::packages::check(&folder, &flows);
    assert!(check.contains("expected Node.js for the module `ms`; install"), "{check}");
}
