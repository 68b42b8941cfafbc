//! `assert_compliant`: the rules that every node must follow.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use ferrowire_core::{EXCLUSIVE_QUEUE, NodeType};
use futures_util::FutureExt;
use futures_util::future::join_all;
use serde_json::Value as Json;

use crate::{Harness, HarnessBuilder, Stopped, json, message};

/// The time limit of each step.
const PATIENCE: Duration = Duration::from_secs(60);

/// Enough messages to fill the queue of an exclusive node.
const BURST: usize = EXCLUSIVE_QUEUE + 100;

/// Checks that a node follows the contract:
/// - Building it does not use the runtime and never panics, neither with an empty configuration nor
///   with invalid values at any place of `config`.
/// - With `config`, which must be valid, it starts and stops in time, and starts again after a
///   stop.
/// - It accepts a message in time and fails it at most once, without a panic.
/// - It accepts more concurrent messages than its queue holds, in time.
/// - A cancelled delivery does not block it.
/// - After the stop none of its tasks is left, and further messages have no effect.
///
/// A node that refers to further nodes, or that needs a port, a setting or a variable, is checked with
/// [`HarnessBuilder::assert_compliant`].
///
/// Requires `#[tokio::test(start_paused = true)]` and must not share the runtime with other tests,
/// because it counts the runtime's tasks.
///
/// # Panics
/// With the rule that was broken.
pub async fn assert_compliant(node_type: NodeType, config: Json) {
    check(&Harness::with(node_type).config(config)).await;
}

/// See [`assert_compliant`].
pub(crate) async fn check(node: &HarnessBuilder) {
    assert_builds(node);
    assert_restarts(node).await;
    for msg in [json!({}), json!({"payload": "text", "topic": "t"}), json!({"payload": [1, null]})]
    {
        assert_runs(node, msg).await;
    }
    assert_takes_bursts(node).await;
    assert_survives_given_up_deliveries(node).await;
}

fn assert_builds(node: &HarnessBuilder) {
    let tasks = alive_tasks();
    build(node, &json!({}));
    let config = json!(node.properties);
    for nonsense in nonsense() {
        for place in 0..places(&config) {
            let mut broken = config.clone();
            replace(&mut broken, &mut place.clone(), &nonsense);
            build(node, &broken);
        }
    }
    let found = alive_tasks();
    assert_eq!(
        found,
        tasks,
        "expected no new task after building the node, found {}; spawn it in `start`",
        found.saturating_sub(tasks)
    );
}

fn build(node: &HarnessBuilder, config: &Json) {
    if !config.is_object() {
        return;
    }
    let node = node.clone().config(config.clone());
    if catch_unwind(AssertUnwindSafe(|| node.problems())).is_err() {
        panic!("expected a problem of the configuration, found a panic, with {config}");
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

/// The number of values in `json`, including itself.
fn places(json: &Json) -> usize {
    1 + match json {
        Json::Array(items) => items.iter().map(places).sum(),
        Json::Object(map) => map.values().map(places).sum(),
        _ => 0,
    }
}

/// Replaces value number `place`, counted like [`places`], by `new`.
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

async fn start(builder: &HarnessBuilder) -> Harness {
    let mut node = builder.clone().start().await;
    // Errors of the start are not errors of the messages.
    let errors = node.errors();
    assert_no_panic(&errors);
    node
}

fn assert_no_panic(errors: &[String]) {
    let panic = errors.iter().find(|error| error.contains("panicked"));
    assert!(panic.is_none(), "expected no panic, found {panic:?}");
}

/// Stops the node and checks that only the `tasks` from before are left.
async fn stop(node: Harness, tasks: usize) -> Stopped {
    let stopped = node.stop().await;
    assert_no_panic(&stopped.errors);
    // Cancelled tasks are dropped when the scheduler runs next.
    for _ in 0..100 {
        if alive_tasks() == tasks {
            break;
        }
        tokio::task::yield_now().await;
    }
    let found = alive_tasks();
    assert_eq!(
        found,
        tasks,
        "expected no task of the node after its stop, found {}; a task outlived it, use \
         `NodeContext::spawn`",
        found.saturating_sub(tasks)
    );
    stopped
}

async fn assert_runs(builder: &HarnessBuilder, msg: Json) {
    let tasks = alive_tasks();
    let mut node = start(builder).await;
    node.send(message(msg.clone())).await;
    node.wait(Duration::from_millis(1)).await;
    let errors = node.errors();
    assert!(
        errors.len() <= 1,
        "expected at most one error of the message {msg}, found {}: {errors:?}",
        errors.len()
    );
    assert_no_panic(&errors);
    let stopped = stop(node, tasks).await;
    tokio::time::timeout(PATIENCE, stopped.node.deliver(message(msg))).await.unwrap_or_else(|_| {
        panic!("expected a message to the stopped node to be dropped within {PATIENCE:?}")
    });
}

/// A stop must release the node's resources, or the next deploy fails.
async fn assert_restarts(builder: &HarnessBuilder) {
    let mut outcomes = Vec::new();
    for _ in 0..2 {
        let tasks = alive_tasks();
        let mut node = builder.clone().start().await;
        outcomes.push(node.errors());
        stop(node, tasks).await;
    }
    let again = outcomes.pop().unwrap_or_default();
    let first = outcomes.pop().unwrap_or_default();
    assert!(
        !first.is_empty() || again.is_empty(),
        "expected a second start after the stop, found the errors {again:?}"
    );
}

async fn assert_takes_bursts(builder: &HarnessBuilder) {
    let tasks = alive_tasks();
    let mut node = start(builder).await;
    let deliver = |number: usize| node.node.deliver(message(json!({"payload": number})));
    let all = join_all((0..BURST).map(deliver).collect::<Vec<_>>());
    let accepted = tokio::time::timeout(PATIENCE, all).await;
    assert!(
        accepted.is_ok(),
        "expected {BURST} messages at once to be accepted within {PATIENCE:?}"
    );
    let mut errors = node.errors();
    errors.extend(stop(node, tasks).await.errors);
    assert!(
        errors.len() <= BURST,
        "expected at most one error of each of {BURST} messages, found {}",
        errors.len()
    );
    assert_no_panic(&errors);
}

/// A delivery may be dropped at any `await`, for example when a connection ends.
async fn assert_survives_given_up_deliveries(builder: &HarnessBuilder) {
    let tasks = alive_tasks();
    let mut node = start(builder).await;
    for _ in 0..2 {
        let given_up = node.node.deliver(message(json!({"payload": "given up"})));
        let _dropped = given_up.now_or_never();
    }
    node.send(message(json!({"payload": "text"}))).await;
    let errors = node.errors();
    assert!(
        errors.len() <= 3,
        "expected at most one error of each of 3 messages, found {}: {errors:?}",
        errors.len()
    );
    assert_no_panic(&errors);
    stop(node, tasks).await;
}

fn alive_tasks() -> usize {
    tokio::runtime::Handle::current().metrics().num_alive_tasks()
}
