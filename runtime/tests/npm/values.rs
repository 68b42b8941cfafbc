//! What crosses between native nodes and nodes from npm.

use serde_json::{Value, json};

use crate::installed::{between, function, run, script};

/// Builds a value of every kind, in JavaScript.
const BUILD: &str = "msg.v = {undef: undefined, nan: NaN, inf: -Infinity, zero: -0, big: 2n ** 70n,
    date: new Date(86400000), bad: new Date(NaN), buf: Buffer.from([0, 255, 10]), empty: Buffer.alloc(0),
    list: [1, , null, [undefined]], text: 'é\\u0000\\u2028😀', form: {$b: [0, 1]}, nested: {$o: {$d: 5}},
    handle: {$h: 'x', y: 1}, '__proto__x': 1, deep: {a: {b: {c: [{d: Buffer.from('end')}]}}}};";

/// Says what is wrong with it.
const CHECK: &str = "const wrong = []; const v = msg.v;
    const is = (name, truth) => { if (!truth) wrong.push(name); };
    is('undefined', 'undef' in v && v.undef === undefined);
    is('NaN', Number.isNaN(v.nan));
    is('Infinity', v.inf === -Infinity);
    is('-0', Object.is(v.zero, -0));
    is('BigInt', v.big === 2n ** 70n);
    is('date', v.date instanceof Date && v.date.getTime() === 86400000);
    is('invalid date', v.bad instanceof Date && Number.isNaN(v.bad.getTime()));
    is('buffer', Buffer.isBuffer(v.buf) && v.buf.length === 3 && v.buf[1] === 255);
    is('empty buffer', Buffer.isBuffer(v.empty) && v.empty.length === 0);
    is('list', v.list.length === 4 && v.list[2] === null && v.list[3][0] === undefined);
    is('text', v.text === 'é\\u0000\\u2028😀');
    is('form', JSON.stringify(v.form) === '{\"$b\":[0,1]}');
    is('nested', JSON.stringify(v.nested) === '{\"$o\":{\"$d\":5}}');
    is('handle', JSON.stringify(v.handle) === '{\"$h\":\"x\",\"y\":1}');
    is('deep', v.deep.a.b.c[0].d.toString() === 'end');
    msg.payload = JSON.stringify(wrong); delete msg.v;";

#[tokio::test]
async fn every_value_keeps_its_kind_in_both_directions() {
    // A native function reads -0 as 0.
    let native = CHECK.replace("Object.is(v.zero, -0)", "v.zero === 0");
    let flows = between(
        &["native build", "hosted build"],
        [
            function("native build", &format!("{BUILD} return msg"), &["hosted check"]),
            script(
                "hosted check",
                &format!("{CHECK} msg.payload = 'to ' + msg.payload; send(msg)"),
                &["all"],
            ),
            script("hosted build", &format!("{BUILD} send(msg)"), &["native check"]),
            function(
                "native check",
                &format!("{native} msg.payload = 'from ' + msg.payload; return msg"),
                &["all"],
            ),
        ],
    );
    let (_folder, runtime) = run(flows).await;
    let mut client = runtime.connect("/ws").await;
    client.send("go").await;
    let mut answers = [client.text().await, client.text().await];
    answers.sort();
    assert_eq!(answers, ["from []", "to []"]);
}

#[tokio::test]
async fn what_only_exists_in_node_js_comes_back_as_it_was() {
    let build = "class Meter { read() { return 7 } }
        const socket = new (process.mainModule.require('node:net').Socket)();
        node.kept = {socket, call: () => 5, map: new Map([[1, 2]]), set: new Set([3]), re: /x/g};
        msg.v = {...node.kept, meter: new Meter(), floats: new Float32Array([1.5])};
        msg.v.self = msg.v; msg.v.list = [node.kept.call]; send(msg)";
    let check = "const v = msg.v; const kept = RED.nodes.getNode('build').kept;
        msg.payload = JSON.stringify([v.socket === kept.socket, v.call() === 5, v.map?.get?.(1) === 2,
            v.set?.has?.(3) === true, v.re?.test?.('x') === true, v.self, v.list[0] === kept.call,
            v.native, v.floats?.[0]]);
        delete msg.v; send(msg)";
    let native = "msg.v.native = typeof msg.v.socket; return msg";
    let flows = between(
        &["build"],
        [
            script("build", build, &["native"]),
            function("native", native, &["check"]),
            script("check", check, &["all"]),
        ],
    );
    let (_folder, runtime) = run(flows).await;
    let mut client = runtime.connect("/ws").await;
    client.send("go").await;
    let seen = client.json().await;
    assert_eq!(seen, json!([true, true, true, true, true, "[circular]", true, "object", 1.5]));
}

#[tokio::test]
async fn values_of_another_javascript_context_keep_their_kind() {
    let build = "const vm = process.mainModule.require('node:vm');
        msg.v = vm.runInNewContext(`({d: new Date(5), b: new Uint8Array([1, 2]), e: new Error('oh'), l: [1]})`);
        send(msg)";
    let check = "msg.payload = JSON.stringify([msg.v.d.getTime(), Buffer.isBuffer(msg.v.b), msg.v.e.message,
        Array.isArray(msg.v.l)]); delete msg.v; return msg";
    let flows = between(
        &["build"],
        [script("build", build, &["check"]), function("check", check, &["all"])],
    );
    let (_folder, runtime) = run(flows).await;
    let mut client = runtime.connect("/ws").await;
    client.send("go").await;
    assert_eq!(client.json().await, json!([5, true, "oh", true]));
}

#[tokio::test]
async fn text_that_is_not_unicode_and_deep_values_arrive_or_are_refused_at_the_node() {
    let build = "const nest = (levels) => { let v = 1; for (let i = 0; i < levels; i++) v = [v]; return v; };
        send({...msg, payload: ['a\\ud800b']});
        send({...msg, v: nest(100)});
        for (const levels of [121, 126, 127, 150, 199, 5000]) send({...msg, v: nest(levels)});
        send({...msg, payload: 'last'})";
    let check =
        "if (msg.v) { let levels = 0; for (let v = msg.v; Array.isArray(v); v = v[0]) levels += 1;
        msg.payload = levels; delete msg.v; } return msg";
    let flows = between(
        &["build"],
        [
            script("build", build, &["check"]),
            function("check", check, &["all"]),
            node_catch("errors", &["short"]),
            function(
                "short",
                "msg.payload = /nested deeper/.test(msg.error.message); return msg",
                &["all"],
            ),
        ],
    );
    let (_folder, runtime) = run(flows).await;
    let mut client = runtime.connect("/ws").await;
    client.send("go").await;
    let mut answers: Vec<Value> = Vec::new();
    for _ in 0..9 {
        let text = client.text().await;
        answers.push(serde_json::from_str(&text).unwrap_or_else(|_| text.into()));
    }
    answers.sort_by_key(Value::to_string);
    let refused = std::iter::repeat_n(json!(true), 6);
    let expected: Vec<Value> =
        [json!("last"), json!(100), json!(["a\u{fffd}b"])].into_iter().chain(refused).collect();
    assert_eq!(answers, expected);
}

fn node_catch(id: &str, wires: &[&str]) -> Value {
    crate::support::node(id, "catch", json!({"scope": null, "uncaught": false}), wires)
}

#[tokio::test]
async fn twenty_thousand_messages_keep_their_order_on_both_crossings() {
    let count = 20_000;
    let flood = format!("for (let n = 0; n < {count}; n++) send({{n}})");
    let pass = "msg.x = 1; send(msg)";
    let check = "const next = context.get('next') ?? 0;
        if (msg.n !== next) context.set('wrong', (context.get('wrong') ?? 0) + 1);
        context.set('next', next + 1);
        return msg.n === COUNT - 1 ? {payload: [next + 1, context.get('wrong') ?? 0]} : null";
    let flows = between(
        &["flood"],
        [
            script("flood", &flood, &["native"]),
            function("native", "return msg", &["pass"]),
            script("pass", pass, &["check"]),
            function("check", &check.replace("COUNT", &count.to_string()), &["all"]),
        ],
    );
    let (_folder, runtime) = run(flows).await;
    let mut client = runtime.connect("/ws").await;
    client.send("go").await;
    assert_eq!(client.json().await, json!([count, 0]));
}
