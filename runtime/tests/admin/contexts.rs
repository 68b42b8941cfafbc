//! Context values, as requested by the context sidebar.

use serde_json::{Value, json};

use crate::support::Runtime;

fn function(id: &str, code: &str, to: &str) -> Value {
    json!({"id": id, "type": "function", "z": "t1", "func": code, "outputs": 1, "x": 1, "y": 1,
        "wires": [[to]]})
}

#[tokio::test]
async fn what_a_function_keeps_is_shown_and_gone_when_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("settings.toml");
    std::fs::write(
        &settings,
        "[context-storage]\ndefault = 'memory'\nmemory = { module = 'memory' }\n\
         disk = { module = 'localfilesystem' }\n",
    )
    .unwrap();
    let flows = json!([
        {"id": "t1", "type": "tab"},
        {"id": "i1", "type": "inject", "z": "t1", "props": [], "x": 1, "y": 1, "wires": [["f1"]]},
        function(
            "f1",
            "flow.set('f', {a: [1, 2]}); global.set('g', 'all'); context.set('own', 3);
             global.set('kept', true, 'disk'); return msg;",
            "f2",
        ),
        // Another node reads what the first one wrote.
        function("f2", "global.set('seen', [flow.get('f.a[1]'), global.get('g'), context.keys().length]);", ""),
    ]);
    std::fs::write(folder.path().join("flows.json"), flows.to_string()).unwrap();
    let args = ["--settings", settings.to_str().unwrap()];
    let runtime = Runtime::start(folder.path(), &args).await;
    // The response is sent once the flow has accepted the message.
    assert_eq!(runtime.ask("POST", "/inject/i1", &[], b"").await.status, 200);
    let shown = async |path: &str| runtime.get(path).await.json();
    let seen = async || shown("/context/global/seen?store=memory").await;
    while seen().await["format"] == "undefined" {
        tokio::task::yield_now().await;
    }
    let seen = seen().await;
    assert_eq!(seen["format"], "array[3]");
    let values: Value = serde_json::from_str(seen["msg"].as_str().unwrap()).unwrap();
    assert_eq!(values, json!([2, "all", 0]));
    let flow = shown("/context/flow/t1").await;
    assert_eq!(flow["memory"]["f"], json!({"msg": "{\"a\":[1,2]}", "format": "Object"}));
    let node = shown("/context/node/f1").await;
    assert_eq!(node["memory"]["own"], json!({"msg": "3", "format": "number"}));
    let global = shown("/context/global").await;
    assert_eq!(global["memory"]["g"], json!({"msg": "all", "format": "string[3]"}));
    assert_eq!(global["disk"]["kept"], json!({"msg": "true", "format": "boolean"}));

    let path = "/context/global/g?store=memory";
    assert_eq!(runtime.ask("DELETE", path, &[], b"").await.status, 204);
    assert_eq!(shown(path).await["format"], "undefined");
}

#[tokio::test]
async fn an_instance_of_a_subflow_shows_what_is_kept_inside_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let flows = json!([
        {"id": "t1", "type": "tab"},
        {"id": "S", "type": "subflow", "name": "s", "in": [{"x": 1, "y": 1, "wires": [{"id": "f"}]}],
            "out": [{"x": 1, "y": 1, "wires": [{"id": "f", "port": 0}]}]},
        {"id": "f", "type": "function", "z": "S", "func": "flow.set('fl', {a: 1}); return msg", "outputs": 1,
            "x": 1, "y": 1, "wires": [[]]},
        {"id": "i1", "type": "inject", "z": "t1", "props": [], "x": 1, "y": 1, "wires": [["s"]]},
        {"id": "s", "type": "subflow:S", "z": "t1", "x": 1, "y": 1, "wires": [["seen"]]},
        function("seen", "global.set('seen', true)", ""),
    ]);
    std::fs::write(folder.path().join("flows.json"), flows.to_string()).unwrap();
    let runtime = Runtime::start(folder.path(), &[]).await;
    assert_eq!(runtime.ask("POST", "/inject/i1", &[], b"").await.status, 200);
    let shown = async |path: &str| runtime.get(path).await.json();
    while shown("/context/global/seen").await["format"] == "undefined" {
        tokio::task::yield_now().await;
    }
    let kept = json!({"msg": "{\"a\":1}", "format": "Object"});
    assert_eq!(shown("/context/node/s").await["memory"]["fl"], kept);
    assert_eq!(shown("/context/node/s/fl").await, kept);
    assert_eq!(runtime.ask("DELETE", "/context/node/s/fl", &[], b"").await.status, 204);
    assert_eq!(shown("/context/flow/s/fl").await["format"], "undefined");
    assert_eq!(shown("/context/node/none").await, json!({}));
}

#[tokio::test]
async fn the_global_context_begins_with_values_of_the_settings_but_keeps_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("settings.toml");
    let begin = |limit: u32| {
        let text = format!(
            "context-storage = {{ default = {{ module = 'localfilesystem' }} }}\n\
             [function-global-context]\nlimit = {limit}\nplant = {{ name = 'west', lines = [1, 2] }}\n"
        );
        std::fs::write(&settings, text).unwrap();
    };
    begin(5);
    let flows = json!([
        {"id": "t1", "type": "tab"},
        {"id": "i1", "type": "inject", "z": "t1", "props": [], "x": 1, "y": 1, "wires": [["f1"]]},
        function("f1", "global.set('limit', global.get('limit') + global.get('plant').lines[1])", ""),
    ]);
    std::fs::write(folder.path().join("flows.json"), flows.to_string()).unwrap();
    let args = ["--settings", settings.to_str().unwrap()];
    let mut runtime = Runtime::start(folder.path(), &args).await;
    let limit =
        async |runtime: &Runtime| runtime.get("/context/global/limit").await.json()["msg"].clone();
    assert_eq!(limit(&runtime).await, "5");
    assert_eq!(runtime.ask("POST", "/inject/i1", &[], b"").await.status, 200);
    while limit(&runtime).await != "7" {
        tokio::task::yield_now().await;
    }
    runtime.stop().await;
    begin(100);
    let runtime = Runtime::start(folder.path(), &args).await;
    assert_eq!(limit(&runtime).await, "7");
}
