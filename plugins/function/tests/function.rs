//! What `function` does with messages.

use std::time::Duration;

use ferrowire::{Level, Message, Value};
use ferrowire_plugin_function::MEMORY;
use ferrowire_testkit::{Harness, Stopped, assert_compliant, json, linked, message};
use serde_json::Value as Json;

async fn start(code: &str) -> Harness {
    Harness::of("function").config(json!({"func": code, "outputs": 3})).start().await
}

/// What the code makes of a message, without the message's id.
async fn run(code: &str, msg: Json) -> Value {
    let mut node = start(code).await;
    node.send(message(msg)).await;
    let mut msg = node.next_output(0).await;
    assert_clean(node.stop().await);
    msg.remove("_msgid");
    msg.into()
}

fn assert_clean(stopped: Stopped) {
    assert!(stopped.errors.is_empty(), "{:?}", stopped.errors);
    assert!(stopped.logs.is_empty(), "{:?}", stopped.logs);
}

async fn assert_run(code: &str, payload: Json, expected: Json) {
    let result = run(code, json!({"payload": payload})).await;
    assert_eq!(result, json!({"payload": expected}).into(), "{code}");
}

/// The one error that the code ends in.
async fn error(code: &str) -> String {
    let mut node = start(code).await;
    node.send(Message::with_payload("text")).await;
    let error = node.next_error().await;
    let stopped = node.stop().await;
    assert!(stopped.errors.is_empty(), "{:?}", stopped.errors);
    assert!(stopped.outputs.iter().all(Vec::is_empty));
    error
}

async fn log(code: &str) -> Vec<(Level, String)> {
    let mut node = start(code).await;
    node.send(Message::with_payload("text")).await;
    let stopped = node.stop().await;
    assert!(stopped.errors.is_empty(), "{:?}", stopped.errors);
    stopped.logs
}

#[tokio::test(start_paused = true)]
async fn it_keeps_to_the_contract() {
    let config = json!({"func": "return msg;", "outputs": 1, "timeout": 0, "initialize": "",
        "finalize": "node.log('end')", "libs": []});
    assert_compliant(linked("function"), config).await;
}

#[tokio::test(start_paused = true)]
async fn every_kind_of_value_crosses_both_ways() {
    let msg = json!({"payload": {"a": [1, -0.5, 1e300, true, null, "héllo \u{1f600}"], "1": {}},
        "topic": "x".repeat(100), "__proto__": {"evil": 1}});
    assert_eq!(run("return msg;", msg.clone()).await, msg.into());
}

#[tokio::test(start_paused = true)]
async fn buffers_cross_as_buffers() {
    let mut node =
        start("msg.is = Buffer.isBuffer(msg.payload); msg.payload[0] += 1; return msg;").await;
    let original = Message::with_payload(vec![1u8, 255, 0]);
    node.send(original.clone()).await;
    let msg = node.next_output(0).await;
    assert_eq!(msg.payload(), Some(&vec![2u8, 255, 0].into()));
    assert_eq!(msg.get("is"), Some(&true.into()));
    assert_eq!(original.payload(), Some(&vec![1u8, 255, 0].into()));
    assert_clean(node.stop().await);
}

#[tokio::test(start_paused = true)]
async fn what_messages_do_not_hold_becomes_something_that_they_do() {
    let code = "msg.payload = {f() {}, floats: new Float32Array([1, 2]), map: new Map(),
        point: new (class { x = 1 })(), s: '\\ud800',
        error: Object.assign(new TypeError('bad'), {stack: '', code: 'E'})};
        return msg;";
    let expected = json!({"floats": [1, 2], "map": {}, "point": {"x": 1}, "s": "\u{fffd}",
        "error": {"name": "TypeError", "message": "bad", "stack": "", "code": "E"}});
    assert_run(code, json!(null), expected).await;
}

#[tokio::test(start_paused = true)]
async fn a_message_that_contains_itself_is_an_error() {
    let error = error("msg.self = msg; return msg;").await;
    assert!(error.contains("must not contain itself"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn outputs_get_nothing_one_or_several_messages() {
    let mut node = start("return [null, {payload: 1}, [{payload: 2}, null, {payload: 3}]];").await;
    node.send(message(json!({"_msgid": "id"}))).await;
    let stopped = node.stop().await;
    let sent = |port: usize| {
        Json::from(stopped.outputs[port].iter().map(Message::to_json).collect::<Vec<_>>())
    };
    assert_eq!(sent(0), json!([]));
    assert_eq!(sent(1), json!([r#"{"payload":1,"_msgid":"id"}"#]));
    assert_eq!(
        sent(2),
        json!([r#"{"payload":2,"_msgid":"id"}"#, r#"{"payload":3,"_msgid":"id"}"#])
    );
}

#[tokio::test(start_paused = true)]
async fn nothing_returned_is_nothing_sent() {
    for code in ["", "return;", "return null;", "return undefined;", "return [];", "return [null]"]
    {
        let mut node = start(code).await;
        node.send(Message::with_payload(1)).await;
        let stopped = node.stop().await;
        assert!(stopped.outputs.iter().all(Vec::is_empty), "{code}");
        assert_clean(stopped);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_no_message_is_dropped_and_logged() {
    for (code, kind) in [
        ("'text'", "string"),
        ("5", "number"),
        ("[[[]]]", "Array"),
        ("true", "boolean"),
        ("Buffer.from('x')", "Buffer"),
    ] {
        let logs = log(&format!("return {code};")).await;
        let text = format!("Function tried to send a message of type {kind}");
        assert_eq!(logs, [(Level::Error, text)]);
    }
}

#[tokio::test(start_paused = true)]
async fn sending_comes_before_returning_and_copies() {
    let mut node = start(
        "node.send(msg); msg.payload = 2; node.send([[msg], msg]); node.done(); return null;",
    )
    .await;
    node.send(message(json!({"payload": 1, "_msgid": "i"}))).await;
    let stopped = node.stop().await;
    let payloads: Vec<_> =
        stopped.outputs[0].iter().map(|msg| msg.payload().unwrap().to_json()).collect();
    assert_eq!(payloads, ["1", "2"]);
    assert_eq!(stopped.outputs[1].len(), 1);
    assert_clean(stopped);
}

#[tokio::test(start_paused = true)]
async fn a_message_sent_without_a_copy_may_still_change() {
    let mut node = start(
        "node.send(msg, false); node.send({payload: 'second'}); msg.payload = 'changed';
        setTimeout(() => { const late = {payload: 1}; node.send([null, late], false); late.payload = 2; }, 5);",
    )
    .await;
    node.send(Message::with_payload(1)).await;
    assert_eq!(node.next_output(0).await.payload(), Some(&"changed".into()));
    assert_eq!(node.next_output(0).await.payload(), Some(&"second".into()));
    assert_eq!(node.next_output(1).await.payload(), Some(&2.into()));
    assert_clean(node.stop().await);
}

#[tokio::test(start_paused = true)]
async fn the_node_knows_itself() {
    let config = json!({"id": "n1", "name": "mine", "outputs": 2,
        "func": "return {payload: [node.id, node.name, node.outputCount, env.get('NR_NODE_ID'), env.get('WHO'), env.get('NO')]}"});
    let mut node = Harness::of("function").config(config).env("WHO", "Joe").start().await;
    node.send(Message::new()).await;
    let expected = r#"["n1","mine",2,"n1","Joe",null]"#;
    assert_eq!(node.next_output(0).await.payload().unwrap().to_json(), expected);
    assert_clean(node.stop().await);
}

#[tokio::test(start_paused = true)]
async fn logs_have_their_level() {
    let logs =
        log("node.log('a'); node.warn({b: 1}); node.error('c'); node.debug(4); node.trace('e');
        console.log('%s is %d', 'x', 5, {y: 1}); console.warn([1])")
        .await;
    let expected = [
        (Level::Info, "a"),
        (Level::Warn, r#"{"b":1}"#),
        (Level::Error, "c"),
        (Level::Debug, "4"),
        (Level::Trace, "e"),
        (Level::Info, "x is 5 { y: 1 }"),
        (Level::Warn, "[ 1 ]"),
    ];
    assert_eq!(logs, expected.map(|(level, text)| (level, text.to_owned())));
}

#[tokio::test(start_paused = true)]
async fn an_error_with_a_message_goes_to_catch_nodes() {
    assert_eq!(error("node.error('lost', msg);").await, "lost");
    assert_eq!(
        error("node.done(new Error('not done'))").await,
        "Error: not done: thrown in line 1, col 15 of the function"
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_thrown_is_an_error_with_its_place() {
    assert_eq!(error("throw 'small mistake';").await, "small mistake");
    assert_eq!(error("throw 99;").await, "99");
    assert_eq!(error("throw {a: 1};").await, r#"{"a":1}"#);
    assert_eq!(
        error("var a = 1;\nretunr").await,
        "ReferenceError: retunr is not defined (line 2, col 1)"
    );
    let error = error("let a;\n\nfunction f() { return a.b; }\nf();").await;
    assert!(error.starts_with("TypeError: cannot read property 'b' of undefined"), "{error}");
    assert!(error.contains("line 3, col"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn an_error_in_waiting_code_is_the_same_error() {
    assert_eq!(error("await 1;\nthrow 'late';").await, "late");
    assert_eq!(
        error("await new Promise(r => setTimeout(r, 50)); retunr").await,
        "ReferenceError: retunr is not defined (line 1, col 44)"
    );
}

#[tokio::test(start_paused = true)]
async fn promises_are_waited_for() {
    assert_run("msg.payload = await Promise.resolve(7); return msg;", json!(1), json!(7)).await;
    assert_run("return Promise.resolve({payload: 8});", json!(1), json!(8)).await;
    let code = "await promisify(setTimeout)(1000, 0); msg.payload = 9; return msg;";
    assert_run(code, json!(1), json!(9)).await;
}

#[tokio::test(start_paused = true)]
async fn messages_pass_one_that_waits() {
    let mut node =
        start("if (msg.payload) await new Promise(r => setTimeout(r, msg.payload)); return msg;")
            .await;
    node.send(Message::with_payload(1000)).await;
    node.send(Message::with_payload(0)).await;
    assert_eq!(node.next_output(0).await.payload(), Some(&0.into()));
    assert_eq!(node.next_output(0).await.payload(), Some(&1000.into()));
    assert_clean(node.stop().await);
}

#[tokio::test(start_paused = true)]
async fn timers_fire_and_are_cleared() {
    let mut node = start("let n = 0;
        const i = setInterval(() => { node.send({payload: ++n}); if (n === 3) clearInterval(i); }, 100);
        const t = setTimeout(() => node.send({payload: 'never'}), 150); clearTimeout(t);
        setTimeout((a, b) => node.send({payload: a + b}), 1000, 'x', 'y');").await;
    let before = tokio::time::Instant::now();
    node.send(Message::new()).await;
    for expected in [Value::from(1), 2.into(), 3.into(), "xy".into()] {
        assert_eq!(node.next_output(0).await.payload(), Some(&expected));
    }
    assert_eq!(before.elapsed().as_millis(), 1000);
    assert_clean(node.stop().await);
}

#[tokio::test(start_paused = true)]
async fn an_error_in_a_timer_is_the_nodes_error() {
    assert_eq!(error("setTimeout(() => { throw 'late' }, 10)").await, "late");
    assert_eq!(error("setTimeout(async () => { throw 'later' }, 10)").await, "later");
}

#[tokio::test(start_paused = true)]
async fn timers_end_with_the_node() {
    let mut node = start("setInterval(() => node.send(msg), 10)").await;
    node.send(Message::new()).await;
    node.wait(Duration::from_millis(25)).await;
    let stopped = node.stop().await;
    assert_eq!(stopped.outputs[0].len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_status_is_shown_and_cleared_at_the_end() {
    let mut node =
        start("node.status({fill: 'red', shape: 'dot', text: 5}); node.status('plain')").await;
    node.send(Message::new()).await;
    let statuses = node.stop().await.statuses;
    let shown: Vec<_> = statuses.iter().map(|s| (s.fill, s.shape, s.text.as_str())).collect();
    assert_eq!(shown, [("red", "dot", "5"), ("", "", "plain"), ("", "", "")]);
}

#[tokio::test(start_paused = true)]
async fn an_empty_text_of_a_status_is_told_as_it_is() {
    let code = "node.status({fill: 'red', text: ''}); node.status({fill: 'red'})";
    let mut node = start(code).await;
    node.send(Message::new()).await;
    let statuses = node.stop().await.statuses;
    let texts: Vec<_> = statuses.iter().map(|status| status.details.get("text")).collect();
    assert_eq!(texts, [Some(&"".into()), None, None]);
}

#[tokio::test(start_paused = true)]
async fn an_endless_loop_is_cut_off_and_the_next_message_is_handled() {
    let config = json!({"func": "if (msg.payload) while (true); return msg;", "timeout": "0.02"});
    let mut node = Harness::of("function").config(config).start().await;
    node.send(Message::with_payload(1)).await;
    assert_eq!(node.next_error().await, "Error: Script execution timed out after 20ms");
    node.send(Message::with_payload(0)).await;
    assert_eq!(node.next_output(0).await.payload(), Some(&0.into()));
    assert_clean(node.stop().await);
}

#[tokio::test(start_paused = true)]
async fn endless_promises_are_cut_off_and_the_next_message_is_handled() {
    let config = json!({"func": "const f = async () => { await 0; return f(); }; if (msg.payload) await f(); return {payload: n++};",
        "initialize": "globalThis.n = 0", "timeout": 0.02});
    let mut node = Harness::of("function").config(config).start().await;
    for payload in [0, 1, 0] {
        node.send(Message::with_payload(payload)).await;
    }
    assert_eq!(node.next_error().await, "Error: Script execution timed out after 20ms");
    assert_eq!(node.next_output(0).await.payload(), Some(&0.into()));
    let after = node.next_output(0).await;
    let logs = node.stop().await.logs;
    // Where the promises were cut off decides whether the interpreter can go on.
    let is_new = logs.iter().any(|(_, text)| text.contains("starts anew"));
    assert_eq!(after.payload(), Some(&if is_new { 0 } else { 1 }.into()), "{logs:?}");
}

#[tokio::test(start_paused = true)]
async fn memory_has_a_limit() {
    let config = json!({"func": "globalThis.all ??= []; while (msg.payload) all.push(new Array(1000).fill(1)); return {payload: 'fine'};"});
    let mut node = Harness::of("function").config(config).setting(&MEMORY, "8").start().await;
    node.send(Message::with_payload(1)).await;
    assert_eq!(node.next_error().await, "RangeError: the function holds more than 8 MiB of memory");
    node.send(Message::with_payload(0)).await;
    assert_eq!(node.next_output(0).await.payload(), Some(&"fine".into()));
    let logs = node.stop().await.logs;
    assert!(logs[0].1.contains("starts anew"), "{logs:?}");
}

#[tokio::test(start_paused = true)]
async fn deep_recursion_and_endless_sending_are_errors() {
    let deep = error("const f = () => f() + 1; f();").await;
    assert!(deep.starts_with("RangeError: Maximum call stack size exceeded"), "{deep}");
    let mut node = start("while (true) node.send({})").await;
    node.send(Message::new()).await;
    assert!(node.next_error().await.contains("more than 16384 messages at once"));
    assert_eq!(node.stop().await.outputs[0].len(), 16_384);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn other_tasks_go_on_while_a_function_runs() {
    let config = json!({"func": "while (true);", "timeout": 0.5});
    let mut node = Harness::of("function").config(config).start().await;
    let cx = node.context().clone();
    let (told, other) = tokio::sync::oneshot::channel();
    let begin = std::time::Instant::now();
    // Spawned first, and woken while the only worker runs the function.
    cx.spawn(async move {
        tokio::time::sleep(Duration::from_millis(50)).await;
        told.send(begin.elapsed()).unwrap();
    });
    node.send(Message::new()).await;
    let waited = other.await.unwrap();
    assert!(waited < Duration::from_millis(400), "{waited:?}");
    assert!(node.next_error().await.contains("timed out after 500ms"));
    node.stop().await;
}

#[tokio::test]
async fn problems_of_the_configuration_are_named() {
    let problems = |config: Json| {
        let problems = Harness::of("function").config(config).problems();
        problems.into_iter().map(|p| (p.property, p.text)).collect::<Vec<_>>()
    };
    let syntax =
        problems(json!({"func": "let a = 1;\nlet b = ;", "initialize": "}", "timeout": "x"}));
    assert_eq!(syntax.len(), 3, "{syntax:?}");
    // The same code has the same problems in another node.
    assert_eq!(problems(json!({"func": "let a = 1;\nlet b = ;"})), syntax[..1]);
    for _ in 0..2 {
        assert_eq!(problems(json!({"func": "return msg", "initialize": "let a = 1"})), []);
    }
    assert!(syntax[0].1.starts_with("syntax error in line 2, column 9"), "{syntax:?}");
    assert_eq!(syntax[1].0, "initialize");
    assert_eq!(syntax[2].0, "timeout");
    let libs = json!([{"var": "os", "module": "os"}, {"var": "x", "module": "axios"}]);
    let modules = problems(json!({"libs": libs}));
    let install = "expected Node.js for the module `axios`; install `@node-red/runtime` and `@node-red/nodes`";
    assert!(modules[0].1.contains(install), "{modules:?}");
    let here = problems(json!({"libs": libs, "runsIn": "native"}));
    assert!(here[0].1.contains("for the module `axios`; set `runsIn` to `nodejs`"), "{here:?}");
    let there = problems(json!({"runsIn": "nodejs"}));
    assert!(there[0].1.contains("Node.js cannot run the function; install"), "{there:?}");
    let nowhere = problems(json!({"runsIn": "deno"}));
    assert!(
        nowhere[0].1.contains("expected `native`, `nodejs` or nothing, found `deno`"),
        "{nowhere:?}"
    );
    assert!(problems(json!({"func": "})(); while (true); (function () {", "libs": []})).len() <= 1);
}

#[tokio::test(start_paused = true)]
async fn red_util_is_there() {
    let code = "const u = RED.util, m = {a: {b: [1, {c: 2}]}, k: 'b'};
        const copy = u.cloneMessage(m); copy.a.b[0] = 9; u.setMessageProperty(copy, 'msg.x.y[1]', 5, true);
        u.setMessageProperty(copy, 'a.b[1]', undefined);
        msg.payload = [m.a.b[0], copy, u.getMessageProperty(m, 'msg.a[msg.k][1].c'), u.generateId().length,
            u.evaluateNodeProperty('a.b[0]', 'msg', node, m), u.evaluateNodeProperty('5', 'num'),
            u.compareObjects({a: [1]}, {a: [1]}), u.compareObjects({a: 1}, {a: 2}), u.ensureString({a: 1}),
            u.normalisePropertyExpression('a[\"b c\"][0].d')];
        try { u.getMessageProperty(m, 'a..b') } catch (e) { msg.payload.push(e.code) }
        return msg;";
    let expected = json!([1, {"a": {"b": [9]}, "k": "b", "x": {"y": [null, 5]}}, 2, 16, 1, 5, true, false,
        "{\"a\":1}", ["a", "b c", 0, "d"], "INVALID_EXPR"]);
    let result = run(code, json!({})).await;
    assert_eq!(result.get("payload").unwrap().to_json(), expected.to_string());
}

#[tokio::test(start_paused = true)]
async fn buffer_is_that_of_node() {
    let code = "const b = Buffer.from('héllo'), n = Buffer.alloc(8);
        n.writeUInt16BE(513, 0); n.writeInt32LE(-2, 2); n.writeUInt8(255, 7);
        msg.payload = [b.toString('hex'), b.toString('base64'), Buffer.from('aGk=', 'base64').toString(), b.length,
            n.toString('hex'), n.readInt32LE(2), n.readUInt16BE(0), Buffer.concat([b, Buffer.from([33])]).toString(),
            b.slice(1, 3).toString(), b.indexOf('llo'), b.includes('x'), b.equals(Buffer.from(b)), JSON.stringify(n.slice(0, 2)),
            Buffer.byteLength('é'), Buffer.compare(Buffer.from('a'), Buffer.from('b')), n.fill('ab').toString(),
            b.toString('utf8', 0, 3), n.readDoubleBE(0) > 0, Buffer.from('ff', 'hex')[0]];
        try { n.readUInt32BE(6) } catch (e) { msg.payload.push(e.name) }
        return msg;";
    let expected = json!([
        "68c3a96c6c6f",
        "aMOpbGxv",
        "hi",
        6,
        "0201feffffff00ff",
        -2,
        513,
        "héllo!",
        "é",
        3,
        false,
        true,
        "{\"type\":\"Buffer\",\"data\":[2,1]}",
        2,
        -1,
        "abababab",
        "hé",
        true,
        255,
        "RangeError"
    ]);
    assert_run(code, json!(null), expected).await;
}
