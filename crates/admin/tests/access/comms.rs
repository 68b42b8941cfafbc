//! `/comms` over a real socket: messages to editors, and access to them.

use std::time::Duration;

use crate::support::Runtime;
use ferrowire_admin::{AuthConfig, Permissions, StaticToken};
use ferrowire_core::{Map, Value};
use serde_json::json;

const TOKEN: &str = "0123456789abcdef";

fn with_token(scope: &str) -> AuthConfig {
    AuthConfig {
        tokens: vec![StaticToken {
            token: TOKEN.to_owned(),
            user: "reader".to_owned(),
            scope: Permissions::One(scope.to_owned()),
        }],
        ..AuthConfig::default()
    }
}

#[tokio::test]
async fn retained_messages_are_replayed_and_others_need_no_subscription() {
    let runtime = Runtime::start(None).await;
    runtime
        .deploy(json!([{"id": "t", "type": "tab"}, {"id": "p", "type": "probe", "z": "t"}]))
        .await;
    let mut editor = runtime.editor().await;
    editor.send(json!({"subscribe": "notification/#"})).await;
    let state = json!({"topic": "notification/runtime-state", "data": {"state": "start"}});
    assert_eq!(editor.next_item().await, state);
    let rev = &*runtime.engine.rev();
    let deployed = json!({"topic": "notification/runtime-deploy", "data": {"revision": rev}});
    assert_eq!(editor.next_item().await, deployed);

    runtime.to_probe(json!({"status": "here"})).await;
    let status = json!({"text": "here", "fill": "green", "shape": "dot"});
    assert_eq!(editor.next_item().await, json!({"topic": "status/p", "data": status}));
    let mut later = runtime.editor().await;
    later.send(json!({"subscribe": "status/#"})).await;
    assert_eq!(later.next_item().await, json!({"topic": "status/p", "data": status}));
    runtime.to_probe(json!({"status": ""})).await;
    assert_eq!(editor.next_item().await, json!({"topic": "status/p", "data": {}}));
    runtime.stop().await;
}

#[tokio::test]
async fn a_deploy_is_told_with_its_revision() {
    let runtime = Runtime::start(None).await;
    runtime.deploy(json!([{"id": "t", "type": "tab"}])).await;
    let mut editor = runtime.editor().await;
    editor.send(json!({"subscribe": "notification/#"})).await;
    editor.next_item().await;
    editor.next_item().await;
    runtime.deploy(json!([{"id": "t", "type": "tab", "label": "new"}])).await;
    let state = |state: &str| json!({"topic": "notification/runtime-state", "data": {"state": state, "deploy": true}});
    assert_eq!(editor.next_item().await, state("stop"));
    assert_eq!(editor.next_item().await, state("start"));
    assert_eq!(editor.next_item().await["data"]["revision"], *runtime.engine.rev());
    let logged = editor.next_item().await;
    let line = format!("the flows of revision {} run\n", runtime.engine.rev());
    assert_eq!(
        (&logged["topic"], &logged["data"]["data"]),
        (&json!("event-log/runtime"), &line.into())
    );

    runtime
        .deploy(json!([{"id": "t", "type": "tab"}, {"id": "x", "type": "unheard", "z": "t"}]))
        .await;
    assert_eq!(editor.next_item().await, state("stop"));
    let data = &editor.next_item().await["data"];
    assert_eq!((&data["error"], &data["types"]), (&json!("missing-types"), &json!(["unheard"])));
    runtime.stop().await;
}

#[tokio::test]
async fn debug_messages_are_encoded_for_the_sidebar() {
    let runtime = Runtime::start(None).await;
    runtime.deploy(json!([{"id": "t", "type": "tab"}, {"id": "p", "type": "probe", "z": "t", "name": "n"}])).await;
    let mut editor = runtime.editor().await;
    editor.send(json!({"subscribe": "notification/runtime-deploy"})).await;
    editor.next_item().await;
    let mut entry = Map::new();
    for (key, value) in [("id", "p"), ("z", "t"), ("path", "t"), ("_msgid", "1")] {
        entry.insert(key, value);
    }
    entry.insert("msg", vec![Value::from(f64::NAN)]);
    runtime.to_probe_value("debug", entry).await;
    let expected = json!({"id": "p", "z": "t", "path": "t", "format": "array[1]",
        "msg": r#"[{"__enc__":true,"type":"number","data":"NaN"}]"#});
    assert_eq!(editor.next_item().await, json!({"topic": "debug", "data": expected}));

    runtime.to_probe(json!({"fail": "it broke"})).await;
    let mut shown = editor.next_item().await;
    assert!(shown["data"]["timestamp"].take().is_number());
    let expected = json!({"level": 20, "id": "p", "type": "probe", "msg": "it broke", "z": "t",
        "name": "n", "path": "t", "timestamp": null, "format": "string[8]"});
    assert_eq!(shown, json!({"topic": "debug", "data": expected}));
    runtime.to_probe(json!({"warn": "watch out"})).await;
    assert_eq!(editor.next_item().await["data"]["level"], 30);
    for (how, level) in [("warn", 30), ("fail", 20)] {
        runtime.to_probe(json!({(how): {"a": [1]}})).await;
        let shown = &editor.next_item().await["data"];
        assert_eq!((&shown["level"], &shown["format"]), (&json!(level), &json!("Object")));
        assert_eq!(shown["msg"], json!(r#"{"a":[1]}"#));
    }
    runtime.stop().await;
}

#[tokio::test]
async fn frames_that_mean_nothing_are_ignored() {
    let runtime = Runtime::start(None).await;
    runtime.deploy(json!([{"id": "t", "type": "tab"}])).await;
    let mut editor = runtime.editor().await;
    editor.send_text("{ broken").await;
    editor.send(json!([1, 2])).await;
    editor.send(json!({"subscribe": 7})).await;
    editor.send(json!({"topic": "multiplayer/connect", "data": {}})).await;
    // Node-RED crashes when an editor logs in and no login is needed; here it gets `ok`.
    editor.send(json!({"auth": "old token"})).await;
    assert_eq!(editor.next().await, Some(json!({"auth": "ok"})));
    editor.send(json!({"subscribe": "notification/runtime-state"})).await;
    assert_eq!(editor.next_item().await["data"]["state"], "start");
    runtime.stop().await;
}

#[tokio::test]
async fn messages_need_a_permission() {
    let runtime = Runtime::start(Some(with_token("read"))).await;
    runtime.deploy(json!([{"id": "t", "type": "tab"}])).await;
    let mut stranger = runtime.editor().await;
    stranger.send(json!({"subscribe": "notification/#"})).await;
    assert_eq!(stranger.next().await, Some(json!({"auth": "fail"})));
    assert_eq!(stranger.next().await, None);
    let mut liar = runtime.editor().await;
    liar.send(json!({"auth": "wrong"})).await;
    assert_eq!(liar.next().await, Some(json!({"auth": "fail"})));
    assert_eq!(liar.next().await, None);
    let mut reader = runtime.editor().await;
    reader.send(json!({"auth": TOKEN})).await;
    assert_eq!(reader.next().await, Some(json!({"auth": "ok"})));
    reader.send(json!({"subscribe": "notification/runtime-state"})).await;
    assert_eq!(reader.next_item().await["data"]["state"], "start");
    runtime.stop().await;
    assert_eq!(reader.next().await, None);

    let runtime = Runtime::start(Some(with_token("flows.write"))).await;
    let mut writer = runtime.editor().await;
    writer.send(json!({"auth": TOKEN})).await;
    assert_eq!(writer.next().await, Some(json!({"auth": "fail"})));
    runtime.stop().await;
}

#[tokio::test]
async fn an_editor_without_a_login_has_the_default_permissions() {
    let default = Some(Permissions::One("read".to_owned()));
    let runtime = Runtime::start(Some(AuthConfig { default, ..with_token("*") })).await;
    runtime.deploy(json!([{"id": "t", "type": "tab"}])).await;
    let mut editor = runtime.editor().await;
    editor.send(json!({"subscribe": "notification/runtime-state"})).await;
    assert_eq!(editor.next_item().await["data"]["state"], "start");
    editor.send(json!({"auth": TOKEN})).await;
    assert_eq!(editor.next().await, Some(json!({"auth": "ok"})));
    runtime.stop().await;
}

#[tokio::test]
async fn the_end_of_a_login_ends_the_connection() {
    let access_token = Some(TOKEN.to_owned());
    let session_lifetime = Duration::from_secs(3600);
    let config = AuthConfig { access_token, session_lifetime, ..AuthConfig::default() };
    let runtime = Runtime::start(Some(config)).await;
    let (status, body) = runtime.log_in(&[("password", TOKEN)]).await;
    assert_eq!(status, 200);
    let token = body["access_token"].as_str().unwrap().to_owned();
    let mut editor = runtime.editor().await;
    editor.send(json!({"auth": token})).await;
    assert_eq!(editor.next().await, Some(json!({"auth": "ok"})));
    assert_eq!(runtime.log_out(&token).await, 200);
    assert_eq!(editor.next().await, Some(json!({"auth": "fail"})));
    assert_eq!(editor.next().await, None);
    assert_eq!(runtime.get("/flows", Some(&token)).await.0, 401);
    runtime.stop().await;
}

#[tokio::test]
async fn a_login_that_runs_out_ends_the_connection() {
    let access_token = Some(TOKEN.to_owned());
    let session_lifetime = Duration::from_millis(300);
    let config = AuthConfig { access_token, session_lifetime, ..AuthConfig::default() };
    let runtime = Runtime::start(Some(config)).await;
    let (_, body) = runtime.log_in(&[("password", TOKEN)]).await;
    let mut editor = runtime.editor().await;
    editor.send(json!({"auth": body["access_token"]})).await;
    assert_eq!(editor.next().await, Some(json!({"auth": "ok"})));
    assert_eq!(editor.next().await, Some(json!({"auth": "fail"})));
    assert_eq!(editor.next().await, None);
    runtime.stop().await;
}

#[tokio::test]
async fn pages_of_other_sites_are_refused() {
    let runtime = Runtime::start(None).await;
    assert_eq!(runtime.upgrade_from(Some("https://evil.example"), None).await, 403);
    assert_eq!(runtime.upgrade_from(None, Some("evil.example")).await, 403);
    let own = format!("http://{}", runtime.address);
    assert_eq!(runtime.upgrade_from(Some(&own), None).await, 101);
    runtime.stop().await;
}

#[tokio::test]
async fn a_node_that_was_left_out_is_shown_as_an_error() {
    let runtime = Runtime::start(None).await;
    runtime.deploy(json!([{"id": "t", "type": "tab"}])).await;
    let mut editor = runtime.editor().await;
    editor.send(json!({"subscribe": "notification/runtime-deploy"})).await;
    editor.next_item().await;
    let picky = json!({"id": "k", "type": "picky", "z": "t", "name": "n", "size": "huge"});
    runtime.deploy(json!([{"id": "t", "type": "tab"}, picky])).await;
    let mut shown = editor.next_item().await;
    while shown["topic"] != "debug" {
        shown = editor.next_item().await;
    }
    let data = &shown["data"];
    assert_eq!((&data["id"], &data["level"]), (&json!("k"), &json!(20)));
    assert!(data["msg"].as_str().unwrap().contains("`size`"), "{data}");
    runtime.stop().await;
}
