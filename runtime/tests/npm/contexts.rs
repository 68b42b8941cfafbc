//! Contexts, which nodes of both kinds share.

use serde_json::json;

use crate::installed::{between, function, run, script};
use crate::support::{node, with};

#[tokio::test]
async fn contexts_are_shared_in_both_directions() {
    let write = "const all = {flow: node.context().flow, global: node.context().global};
        for (const [name, it] of Object.entries(all)) {
            it.set('h.list[1]', {from: name, buf: Buffer.from('x'), when: new Date(5), nothing: undefined});
            it.set(['h_a', 'h_b'], [1, 2]);
        }
        node.context().set('own', 'mine');
        msg.own = node.context().get('own');
        send(msg)";
    let native = "const sum = {};
        for (const [name, it] of Object.entries({flow, global})) {
            const item = it.get('h.list[1]');
            sum[name] = [item.from, Buffer.isBuffer(item.buf), item.when.getTime(), 'nothing' in item,
                it.get('h_a'), it.get('h_b'), it.keys().sort().join()];
            it.set('n.deep', {from: 'native', buf: Buffer.from('y'), zero: -0, big: 5n});
            it.set('h_b', undefined);
        }
        msg.payload = sum; return msg";
    let read = "const it = {flow: node.context().flow, global: node.context().global}; const sum = {};
        for (const name of ['flow', 'global']) {
            const one = it[name].get('n.deep');
            sum[name] = [one.from, Buffer.isBuffer(one.buf), Object.is(one.zero, -0), one.big === 5n,
                it[name].get(['h_a', 'h_b', 'none', 'n.deep.from']), it[name].keys().sort().join(),
                it[name].get('none') === undefined];
        }
        it.flow.get('n.deep.from', (error, value) => {
            it.flow.get(['h_a', 'none'], (error2, a, none) => {
                it.flow.set('by_callback', 3, (error3) => {
                    it.flow.keys((error4, keys) => {
                        const errors = [error, error2, error3, error4].filter(Boolean).length;
                        const bad = [];
                        try { it.flow.get('a['); } catch { bad.push('key'); }
                        try { it.flow.get('a', 'no store'); } catch { bad.push('store'); }
                        msg.payload = {native: msg.payload, hosted: sum, own: msg.own,
                            callbacks: [errors, value, a, none === undefined, keys.includes('by_callback')], bad};
                        send(msg);
                    });
                });
            });
        })";
    let flows = between(
        &["write"],
        [
            script("write", write, &["native"]),
            function("native", native, &["read"]),
            script("read", read, &["all"]),
        ],
    );
    let (_folder, runtime) = run(flows).await;
    let mut client = runtime.connect("/ws").await;
    client.send("go").await;
    let seen = |name: &str| json!([name, true, 5, true, 1, 2, "h,h_a,h_b"]);
    let read = json!(["native", true, true, true, [1, null, null, "native"], "h,h_a,n", true]);
    let expected = json!({
        "native": {"flow": seen("flow"), "global": seen("global")},
        "hosted": {"flow": read, "global": read},
        "own": "mine",
        "callbacks": [0, "native", 1, true, true],
        "bad": ["key"],
    });
    assert_eq!(client.json().await, expected);
}

#[tokio::test]
async fn a_subflow_reaches_the_context_of_its_tab() {
    let inside = "const { flow } = node.context();
        msg.payload = [flow.get('$parent.x'), flow.get('x') ?? null];
        flow.set('$parent.y', 'from inside'); flow.set('x', 'inner'); send(msg)";
    let flows = between(
        &["before"],
        [
            json!({"id": "sub", "type": "subflow", "name": "sub", "env": [],
                "in": [{"wires": [{"id": "s1"}]}], "out": [{"wires": [{"id": "s1", "port": 0}]}]}),
            with(script("s1", inside, &[]), json!({"z": "sub"})),
            function("before", "flow.set('x', 'outer'); return msg", &["instance"]),
            node("instance", "subflow:sub", json!({}), &["after"]),
            function(
                "after",
                "msg.payload.push(flow.get('y'), flow.get('x')); return msg",
                &["all"],
            ),
        ],
    );
    let (_folder, runtime) = run(flows).await;
    let mut client = runtime.connect("/ws").await;
    client.send("go").await;
    assert_eq!(client.json().await, json!(["outer", null, "from inside", "outer"]));
}

#[tokio::test]
async fn large_values_cross_and_too_large_ones_are_refused_where_they_are_used() {
    let code = "const { flow } = node.context();
        flow.set('large', Buffer.alloc(20 << 20, 1));
        const errors = [];
        try { flow.set('huge', 'x'.repeat(70 << 20)); } catch (error) { errors.push(error.message.includes('bytes')); }
        msg.payload = [flow.get('large').length, flow.get('huge') ?? null, errors]; send(msg)";
    let flows = between(&["code"], [script("code", code, &["all"])]);
    let (_folder, runtime) = run(flows).await;
    let mut client = runtime.connect("/ws").await;
    client.send("go").await;
    assert_eq!(client.json().await, json!([20 << 20, null, [true]]));
}
