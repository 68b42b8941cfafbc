//! What a function sends, sets and shows is bounded by its memory: objects that JavaScript shares
//! are separate ones outside of it.

use ferrowire::{Level, Message, Value};
use ferrowire_plugin_function::MEMORY;
use ferrowire_testkit::{Harness, json};

const EXPECTED: &str = "must not take more than 8 MiB (`function-memory`)";

/// A structure with 2^30 paths.
const SHARED: &str =
    "let shared = {}; for (let n = 0; n < 30; n++) shared = {a: shared, b: shared};";

async fn function(code: &str) -> Harness {
    let config = json!({"func": code, "timeout": 60});
    Harness::of("function").config(config).setting(&MEMORY, "8").start().await
}

async fn assert_refused(code: &str) {
    let mut node = function(code).await;
    node.send(Message::new()).await;
    let error = node.next_error().await;
    assert!(error.contains(EXPECTED), "{code}: {error}");
    // The function goes on.
    node.send(Message::new()).await;
    let error = node.next_error().await;
    assert!(error.contains(EXPECTED), "{code}: {error}");
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_structure_with_many_paths_does_not_leave_the_function() {
    for way in [
        "msg.payload = shared; return msg;",
        "return {payload: shared};",
        "return [[{payload: 1}, {payload: shared}]];",
        "node.send({payload: shared});",
        "node.send({payload: shared}, false);",
        "node.send([null, {payload: shared}]);",
        "flow.set('x', shared);",
        "context.set('x', shared);",
        "node.status({text: shared});",
        "node.error('x', {payload: shared});",
        "await Promise.resolve(); return {payload: shared};",
        "return {payload: RED.util.evaluateJSONataExpression(RED.util.prepareJSONataExpression('1', node), shared)};",
    ] {
        assert_refused(&format!("{SHARED} {way}")).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_large_only_outside_of_the_function_is_refused() {
    for code in [
        // One text, in thousands of places.
        "const text = 'x'.repeat(1e6); return {payload: Array.from({length: 1000}, () => text)};",
        "const text = 'x'.repeat(1e6); for (let n = 0; n < 1000; n++) node.send({payload: text});",
        "const bytes = Buffer.alloc(1e6); return {payload: Array(1000).fill(bytes)};",
        // More numbers than fit as values.
        "return {payload: Array(300000).fill(1)};",
        "return {payload: new Array(2 ** 32 - 1)};",
        "return {payload: new Array(2 ** 31)};",
        "return new Array(2 ** 32 - 1);",
        "return [new Array(2 ** 32 - 1)];",
        "node.send(new Array(2 ** 31));",
        "flow.set('x', new Array(2 ** 32 - 1));",
    ] {
        assert_refused(code).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_set_again_and_again_counts_once() {
    let code = "const text = 'x'.repeat(1e6);
        for (let n = 0; n < 100; n++) { flow.set('x', text); Buffer.from(text); node.status({text}); }
        return {payload: flow.get('x').length};";
    let mut node = function(code).await;
    node.send(Message::new()).await;
    assert_eq!(node.next_output(0).await.get("payload"), Some(&Value::Number(1e6)));
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_run_that_sent_too_much_does_not_count_for_the_next_one() {
    let code = "const text = 'x'.repeat(1e6);
        for (let n = 0; n < msg.payload; n++) node.send({payload: text});";
    let mut node = function(code).await;
    for _ in 0..3 {
        node.send(Message::with_payload(5)).await;
        for _ in 0..5 {
            node.next_output(0).await;
        }
        node.send(Message::with_payload(20)).await;
        for _ in 0..8 {
            node.next_output(0).await;
        }
        let error = node.next_error().await;
        assert!(error.contains(EXPECTED), "{error}");
    }
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn code_can_catch_the_refusal_and_send_less() {
    let code = format!(
        "{SHARED}
        try {{ node.send({{payload: shared}}); }} catch (e) {{ return {{payload: e.name}}; }}"
    );
    let mut node = function(&code).await;
    node.send(Message::new()).await;
    assert_eq!(node.next_output(0).await.get("payload"), Some(&"RangeError".into()));
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_added_to_a_value_of_a_context_is_bounded_as_a_whole() {
    for change in [
        // Each text fits, and all of them do not.
        "const text = 'x'.repeat(1e6); for (let n = 0; n < 20; n++) list.push(text);",
        "list.length = 2 ** 31;",
        "list.length = 2 ** 32 - 1;",
    ] {
        let code = format!("flow.set('list', [1]); const list = flow.get('list'); {change}");
        let mut node = function(&code).await;
        node.send(Message::new()).await;
        let logs = node.logs();
        let is_told = |(level, text): &(Level, String)| {
            *level == Level::Warn
                && text.starts_with("what was changed in `list`")
                && text.contains(EXPECTED)
        };
        assert!(logs.iter().any(is_told), "{change}: {logs:?}");
        node.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_too_large_to_be_shown_is_shown_as_its_text() {
    let mut node = function(&format!("{SHARED} node.warn(shared); return {{payload: 1}};")).await;
    node.send(Message::new()).await;
    assert_eq!(node.next_output(0).await.get("payload"), Some(&Value::Number(1.0)));
    assert_eq!(node.logs(), [(Level::Warn, "[object Object]".to_owned())]);
    node.stop().await;
}
