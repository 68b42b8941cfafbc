//! What `function` reaches beside its message: context, and `link in` nodes that it calls.

use ferrowire::{Message, Value};
use ferrowire_plugin_function as _;
use ferrowire_testkit::{Harness, Stopped, json, message};

async fn start(code: &str) -> Harness {
    Harness::of("function").config(json!({"func": code})).start().await
}

fn assert_clean(stopped: Stopped) {
    assert!(stopped.errors.is_empty(), "{:?}", stopped.errors);
    assert!(stopped.logs.is_empty(), "{:?}", stopped.logs);
}

#[tokio::test(start_paused = true)]
async fn context_is_kept_for_the_node_the_flow_and_everyone() {
    let mut node = start("for (const [name, c] of Object.entries({node: context, flow, global})) {
            c.set('ctx_n', (c.get('ctx_n') ?? 0) + 1);
            c.set('ctx_deep.list[0]', name);
            c.set(['ctx_a', 'ctx_b'], [1, 2]);
        }
        const keys = context.keys().sort();
        context.set('ctx_a', undefined);
        global.get('ctx_n', (error, n) => { msg.async = [error, n, context.flow.get('ctx_n')]; node.send(msg) });
        msg.payload = [context.get('ctx_n'), flow.get('ctx_deep').list, global.get(['ctx_a', 'ctx_b', 'no.no']), keys, context.get('ctx_a')];").await;
    node.send(Message::new()).await;
    let msg = node.next_output(0).await;
    let expected =
        json!([1, ["flow"], [1, 2, null], ["ctx_a", "ctx_b", "ctx_deep", "ctx_n"], null]);
    assert_eq!(msg.payload().map(Value::to_json), Some(expected.to_string()));
    assert_eq!(msg.get("async"), Some(&json!([null, 1, 1]).into()));
    assert_clean(node.stop().await);
}

#[tokio::test(start_paused = true)]
async fn a_function_is_not_kept_in_a_context_and_the_node_says_so() {
    let mut node =
        start("global.set('f', () => 1); return {payload: typeof global.get('f')};").await;
    node.send(message(json!({}))).await;
    assert_eq!(node.next_output(0).await.payload(), Some(&"undefined".into()));
    let logs = node.stop().await.logs;
    let expected = "`f` is left out: functions cannot be kept in a context";
    assert!(logs.iter().any(|(_, text)| text.starts_with(expected)), "{logs:?}");
}

#[tokio::test(start_paused = true)]
async fn a_call_of_a_link_node_waits_for_what_comes_back() {
    let code = "const m = await node.linkcall('sub', msg, {clone: !msg.same, timeout: 100});
        return {payload: [m.payload, msg.payload, '_linkSource' in m]};";
    let config = json!({"id": "caller", "func": code});
    let mut node = Harness::of("function").config(config).linked("sub").start().await;
    for (same, expected) in
        [(false, json!(["back", 1, false])), (true, json!(["back", "back", false]))]
    {
        node.send(message(json!({"payload": 1, "same": same}))).await;
        let mut called = node.next_delivered("sub").await;
        assert_eq!(called.payload(), Some(&1.into()));
        let source = called.remove("_linkSource").unwrap();
        let source = source.as_array().unwrap()[0].clone();
        assert_eq!(source.get("node"), Some(&"caller".into()));
        called.set("payload", "back");
        called.set("_linkSource", Value::from(json!([])));
        called.set("_linkReturn", source.get("id").unwrap().clone());
        node.send(called).await;
        assert_eq!(node.next_output(0).await.payload(), Some(&expected.into()));
    }
    assert_clean(node.stop().await);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_does_not_return_is_an_error_that_the_code_can_catch() {
    for (call, expected) in [
        ("'sub', msg, {timeout: 50}", "timeout"),
        ("'nobody', msg", "there is no node `nobody`"),
        ("'', msg", "the target of `linkcall` must be the name or id of a `link in` node"),
        ("'sub'", "the message of `linkcall` must be an object"),
    ] {
        let code = format!(
            "try {{ await node.linkcall({call}) }} catch (e) {{ return {{payload: e.message}} }}"
        );
        let config = json!({"func": code});
        let mut node = Harness::of("function").config(config).linked("sub").start().await;
        node.send(Message::new()).await;
        assert_eq!(node.next_output(0).await.payload(), Some(&expected.into()), "{call}");
        assert_clean(node.stop().await);
    }
}

#[tokio::test(start_paused = true)]
async fn expressions_are_evaluated_over_any_value() {
    let code = "const { util } = RED;
        const sum = util.prepareJSONataExpression('$sum(payload) + $flowContext(\"n\")', node);
        flow.set('n', 10);
        util.evaluateJSONataExpression(sum, msg, (error, value) => {
            let wrong;
            try { util.evaluateNodeProperty('1 +', 'jsonata', node, msg); } catch (e) { wrong = e.message; }
            const typed = util.evaluateNodeProperty('payload[0] & \"!\"', 'jsonata', node, msg);
            node.send({payload: [error, value, typed, wrong.startsWith('invalid JSONata')]});
        });";
    let mut node = start(code).await;
    node.send(Message::with_payload(json!([1, 2]))).await;
    let expected = json!([null, 13, "1!", true]);
    assert_eq!(node.next_output(0).await.payload(), Some(&expected.into()));
    assert_clean(node.stop().await);
}
