//! `assert_compliant`: what every node has to keep to, whatever it does.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use ferrowire_core::NodeType;
use serde_json::Value as Json;

use crate::{Harness, HarnessBuilder, json, message};

/// Checks that a node keeps to the contract:
/// - building it touches no runtime and never panics: not with an empty configuration, and not
///   with nonsense in any place of `config`;
/// - with `config`, which must be right, it starts and stops in time;
/// - it handles a message once: it accepts it in time and fails at most once, without a panic;
/// - when it has stopped, no task of it is left, and a message that comes late does nothing.
///
/// Call it in a function marked `#[tokio::test(start_paused = true)]`, alone: it counts the
/// tasks of the runtime.
///
/// # Panics
/// With what was broken.
pub async fn assert_compliant(node_type: NodeType, config: Json) {
    assert_builds(node_type, &config);
    for msg in [json!({}), json!({"payload": "text", "topic": "t"}), json!({"payload": [1, null]})]
    {
        assert_runs(node_type, &config, msg).await;
    }
}

fn assert_builds(node_type: NodeType, config: &Json) {
    let tasks = alive_tasks();
    build(node_type, &json!({}));
    for nonsense in nonsense() {
        for place in 0..places(config) {
            let mut broken = config.clone();
            replace(&mut broken, &mut place.clone(), &nonsense);
            build(node_type, &broken);
        }
    }
    assert_eq!(alive_tasks(), tasks, "building the node spawned a task; that belongs into `start`");
}

fn build(node_type: NodeType, config: &Json) {
    if !config.is_object() {
        return;
    }
    let builder = HarnessBuilder::new(node_type).config(config.clone());
    if catch_unwind(AssertUnwindSafe(|| builder.problems())).is_err() {
        panic!("building the node panicked with the configuration {config}");
    }
}

fn nonsense() -> Vec<Json> {
    vec![
        Json::Null,
        json!(true),
        json!(-1),
        json!(1e300),
        json!(""),
        json!("\u{0}${[(\\ \u{1d11e}\""),
        json!("[[[[".repeat(1000)),
        json!([]),
        json!([null, 1, "x", {}, [[]]]),
        json!({}),
        json!({"t": "set", "p": 1, "v": {"type": []}}),
    ]
}

/// The number of values in `json`, itself included.
fn places(json: &Json) -> usize {
    1 + match json {
        Json::Array(items) => items.iter().map(places).sum(),
        Json::Object(map) => map.values().map(places).sum(),
        _ => 0,
    }
}

/// Puts `new` in the place of value number `place`, counted as [`places`] does.
fn replace(json: &mut Json, place: &mut usize, new: &Json) -> bool {
    if *place == 0 {
        *json = new.clone();
        return true;
    }
    *place -= 1;
    match json {
        Json::Array(items) => items.iter_mut().any(|item| replace(item, place, new)),
        Json::Object(map) => map.values_mut().any(|item| replace(item, place, new)),
        _ => false,
    }
}

async fn assert_runs(node_type: NodeType, config: &Json, msg: Json) {
    let tasks = alive_tasks();
    let mut node = Harness::with(node_type).config(config.clone()).start().await;
    let errors = node.errors();
    assert!(!errors.iter().any(|error| error.contains("panicked")), "{errors:?}");
    node.send(message(msg.clone())).await;
    node.wait(Duration::from_millis(1)).await;
    let errors = node.errors();
    assert!(errors.len() <= 1, "the message {msg} failed more than once: {errors:?}");
    assert!(!errors.iter().any(|error| error.contains("panicked")), "{msg}: {errors:?}");
    let stopped = node.stop().await;
    // What was cancelled is dropped at the next turn of the scheduler.
    for _ in 0..100 {
        if alive_tasks() == tasks {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(alive_tasks(), tasks, "a task outlived the node; use `NodeContext::spawn`");
    tokio::time::timeout(Duration::from_secs(60), stopped.node.deliver(message(msg)))
        .await
        .unwrap_or_else(|_| panic!("a message to the stopped node is waited for"));
}

fn alive_tasks() -> usize {
    tokio::runtime::Handle::current().metrics().num_alive_tasks()
}
