//! Values of contexts that the code changes in place: as in Node-RED, the context has the change.

#[path = "support/pair.rs"]
mod pair;

use std::time::Duration;

use ferrowire::{Level, Message, Value};
use ferrowire_plugin_function as _;
use ferrowire_testkit::{Flow, Harness, json};
use pair::functions;
use serde_json::Value as Json;

/// Sends a message through a function of the flow; what it gives back.
async fn pass(flow: &Flow, id: &str, payload: Json) -> Json {
    flow.send(id, Message::with_payload(payload)).await;
    let payload = flow.next_at(&format!("{id} out")).await.payload().cloned();
    serde_json::from_str(&payload.unwrap_or_default().to_json()).unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn what_is_pushed_to_a_list_of_a_context_is_kept() {
    for context in ["context", "flow", "global"] {
        let code = format!(
            "var list = {context}.get('list');
            if (!list) {{ list = []; {context}.set('list', list); }}
            list.push(msg.payload);
            return {{payload: {context}.get('list')}};"
        );
        let flow =
            functions([&code, &format!("return {{payload: {context}.get('list') || null}};")])
                .await;
        let mut expected = Vec::new();
        for number in 0..4 {
            expected.push(json!(number));
            assert_eq!(pass(&flow, "a", json!(number)).await, json!(expected), "{context}");
            let other = if context == "context" { json!(null) } else { json!(expected) };
            assert_eq!(pass(&flow, "b", json!("")).await, other, "{context}");
        }
        flow.stop().await;
    }
}

/// What another function finds after this change.
async fn after(start: &str, change: &str) -> Json {
    let code =
        format!("if (msg.payload === 'start') {{ {start} }} else {{ {change} }} return msg;");
    let flow = functions([&code, "return {payload: flow.get('v')};"]).await;
    pass(&flow, "a", json!("start")).await;
    pass(&flow, "a", json!("change")).await;
    let found = pass(&flow, "b", json!("")).await;
    flow.stop().await;
    found
}

#[tokio::test(start_paused = true)]
async fn all_ways_to_change_a_value_are_kept() {
    let start = "flow.set('v', {a: 1, list: [3, 1, 2], deep: {x: {y: 'z'}}, b: 2})";
    for (change, expected) in [
        (
            "v.a++; v.c = 'new';",
            json!({"a": 2, "list": [3, 1, 2], "deep": {"x": {"y": "z"}}, "b": 2, "c": "new"}),
        ),
        (
            "delete v.a; v.deep.x.y += '!';",
            json!({"list": [3, 1, 2], "deep": {"x": {"y": "z!"}}, "b": 2}),
        ),
        (
            "v.list.sort(); v.list.length = 2;",
            json!({"a": 1, "list": [1, 2], "deep": {"x": {"y": "z"}}, "b": 2}),
        ),
        (
            "v.list[4] = 5; v.deep = null;",
            json!({"a": 1, "list": [3, 1, 2, null, 5], "deep": null, "b": 2}),
        ),
        (
            "v.list = 'text'; v.a = [];",
            json!({"a": [], "list": "text", "deep": {"x": {"y": "z"}}, "b": 2}),
        ),
        (
            "delete v.a; v.a = 1;",
            json!({"list": [3, 1, 2], "deep": {"x": {"y": "z"}}, "b": 2, "a": 1}),
        ),
        (
            "v.a = () => 1; v.b = new Map();",
            json!({"list": [3, 1, 2], "deep": {"x": {"y": "z"}}, "b": {}}),
        ),
        ("for (const name of Object.keys(v)) delete v[name];", json!({})),
        (
            "v.list.push(v.deep);",
            json!({"a": 1, "list": [3, 1, 2, {"x": {"y": "z"}}], "deep": {"x": {"y": "z"}}, "b": 2}),
        ),
    ] {
        assert_eq!(
            after(start, &format!("const v = flow.get('v'); {change}")).await,
            expected,
            "{change}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn values_that_are_got_or_set_again_are_the_same() {
    let start = "flow.set('v', {list: [1], b: 2})";
    for (change, expected) in [
        (
            "flow.get('v').a = 5; flow.get('v').b = flow.get('v').a + 1; flow.get('v.list').push(2);",
            json!({"list": [1, 2], "b": 6, "a": 5}),
        ),
        (
            "const v = flow.get('v'); v.a = 5; flow.set('v.b', 6); v.list.push(flow.get('v').b);",
            json!({"list": [1, 6], "b": 6, "a": 5}),
        ),
        (
            "const v = flow.get('v'); flow.set('v', {n: 1}); v.a = 5; flow.get('v').n++;",
            json!({"n": 2}),
        ),
        (
            "const v = flow.get('v'); flow.set('v', v); v.list.push(4); v.list.push(5);",
            json!({"list": [1, 4, 5], "b": 2}),
        ),
        (
            "const [v] = flow.get(['v']); v.list.push(4); flow.set('v', undefined); v.list.push(5);",
            json!(null),
        ),
    ] {
        assert_eq!(after(start, change).await, expected, "{change}");
    }
}

#[tokio::test(start_paused = true)]
async fn dates_and_buffers_are_changed_too() {
    let flow = functions([
        "if (msg.payload === 'start') flow.set('v', {date: new Date(0), bytes: Buffer.from('abc')});
        else { const v = flow.get('v'); v.date.setTime(1000); v.bytes[0] = 120; }
        return msg;",
        "const v = flow.get('v'); return {payload: [v.date.getTime(), v.bytes.toString()]};",
    ])
    .await;
    pass(&flow, "a", json!("start")).await;
    pass(&flow, "a", json!("change")).await;
    assert_eq!(pass(&flow, "b", json!("")).await, json!([1000, "xbc"]));
    flow.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_changed_after_waiting_is_kept() {
    let flow = functions([
        "flow.set('list', []);
        const list = flow.get('list');
        setTimeout(() => list.push('timer'), 10);
        await new Promise((done) => setTimeout(done, 20));
        list.push('waited');
        return msg;",
        "return {payload: flow.get('list')};",
    ])
    .await;
    flow.send("a", Message::new()).await;
    assert_eq!(pass(&flow, "b", json!("")).await, json!([]));
    flow.wait(Duration::from_millis(15)).await;
    assert_eq!(pass(&flow, "b", json!("")).await, json!(["timer"]));
    flow.next_at("a out").await;
    assert_eq!(pass(&flow, "b", json!("")).await, json!(["timer", "waited"]));
    flow.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_object_that_the_code_holds_on_to_stays_a_part_of_the_context() {
    let flow = functions([
        "if (!globalThis.mine) { flow.set('list', [0]); mine = flow.get('list'); }
        mine.push(msg.payload); return {payload: mine};",
        "flow.get('list').push(msg.payload); return {payload: flow.get('list')};",
    ])
    .await;
    assert_eq!(pass(&flow, "a", json!(1)).await, json!([0, 1]));
    assert_eq!(pass(&flow, "a", json!(2)).await, json!([0, 1, 2]));
    assert_eq!(pass(&flow, "b", json!(3)).await, json!([0, 1, 2, 3]));
    // What it holds does not see the other one's change, but does not undo it either.
    assert_eq!(pass(&flow, "a", json!(4)).await, json!([0, 1, 2, 4]));
    assert_eq!(pass(&flow, "b", json!(5)).await, json!([0, 1, 2, 3, 4, 5]));
    flow.stop().await;
}

#[tokio::test(start_paused = true)]
async fn changes_of_two_functions_at_the_same_time_are_both_kept() {
    let waits = "const v = flow.get('v') || {};
        if (msg.payload === 'start') { flow.set('v', {list: []}); return msg; }
        await new Promise((done) => setTimeout(done, 10));
        v.list.push('a'); v.a = true; return msg;";
    let flow = functions([
        waits,
        "const v = flow.get('v'); v.list.push('b'); v.b = true; return {payload: v};",
    ])
    .await;
    pass(&flow, "a", json!("start")).await;
    flow.send("a", Message::with_payload("wait")).await;
    pass(&flow, "b", json!("")).await;
    flow.next_at("a out").await;
    let expected = json!({"list": ["b", "a", "b"], "b": true, "a": true});
    assert_eq!(pass(&flow, "b", json!("")).await, expected);
    flow.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_was_changed_before_an_error_is_kept() {
    let code = "if (msg.payload === 'start') { flow.set('v', [1]); return msg; }
        if (msg.payload === 'fail') { flow.get('v').push(2); throw new Error('on purpose'); }
        return {payload: flow.get('v')};";
    let mut node = Harness::of("function").config(json!({"func": code})).start().await;
    node.send(Message::with_payload("start")).await;
    node.next_output(0).await;
    node.send(Message::with_payload("fail")).await;
    assert!(node.next_error().await.starts_with("Error: on purpose"));
    node.send(Message::with_payload("read")).await;
    assert_eq!(node.next_output(0).await.payload(), Some(&Value::from(json!([1, 2]))));
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_change_that_no_context_can_hold_is_named() {
    let code = "if (msg.payload === 'start') flow.set('v', {a: 1}); else { const v = flow.get('v'); v.self = v; }
        return {payload: Object.keys(flow.get('v'))};";
    let mut node = Harness::of("function").config(json!({"func": code})).start().await;
    for payload in ["start", "change"] {
        node.send(Message::with_payload(payload)).await;
        node.next_output(0).await;
    }
    let logs = node.stop().await.logs;
    let [(Level::Warn, text)] = &logs[..] else { panic!("{logs:?}") };
    assert!(text.starts_with("what was changed in `v` of a context is not kept: "), "{text}");
}
