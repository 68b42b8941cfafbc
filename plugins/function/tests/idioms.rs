//! What code that was written for Node-RED expects of errors, text, dates and buffers.

#[path = "support/pair.rs"]
mod pair;
mod support;

use ferrowire::{Message, Value};
use ferrowire_plugin_function as _;
use ferrowire_testkit::{Harness, json};
use pair::functions;
use serde_json::Value as Json;

/// The payload of the message that the code returns.
async fn value(code: &str) -> Json {
    support::value_of(code, "ab").await
}

#[tokio::test(start_paused = true)]
async fn a_stack_begins_with_what_the_error_says() {
    let code = "const of = (fail) => { try { fail() } catch (e) { return e.stack.split('\\n    at ')[0] } };
        class Own extends Error { constructor(text) { super(text); this.name = 'Own' } }
        class Traced extends Error { constructor(text) { super(text); Error.captureStackTrace(this, Traced) } }
        const e = new Error('x'), plain = {};
        Error.captureStackTrace(plain);
        const frames = [e.stack.includes('\\n    at '), plain.stack.startsWith('Error\\n    at '), e.stack.endsWith('\\n')];
        e.stack = 'mine';
        return {payload: [of(() => { throw new Error('boom') }), of(() => { null.x }), of(() => { throw new TypeError() }),
            of(() => { throw new Own('o') }), of(() => { throw new Traced('t') }), of(() => JSON.parse('{')).split(':')[0],
            ...frames, e.stack, Object.keys(new Error('k')), Error.prototype.stack ?? null]};";
    let expected = json!([
        "Error: boom",
        "TypeError: cannot read property 'x' of null",
        "TypeError",
        "Own: o",
        "Error: t",
        "SyntaxError",
        true,
        true,
        false,
        "mine",
        [],
        null
    ]);
    assert_eq!(value(code).await, expected);
}

/// What a catch node tells of the error.
async fn caught(code: &str) -> (String, Json) {
    let config = json!({"func": code, "timeout": 0.05});
    let mut node = Harness::of("function").config(config).watched().start().await;
    node.send(Message::new()).await;
    let msg = node.next_caught().await;
    let text = node.next_error().await;
    node.stop().await;
    let error = msg.get("error").cloned().unwrap_or_default().to_json();
    (text, serde_json::from_str(&error).unwrap_or_default())
}

#[tokio::test(start_paused = true)]
async fn what_an_error_says_is_not_taken_for_a_place() {
    let (text, error) = caught("\nthrow new Error('function:9:9')").await;
    assert!(text.ends_with("thrown in line 2, col 11 of the function"), "{text}");
    let stack = error["stack"].as_str().unwrap();
    assert!(stack.starts_with("Error: function:9:9\n    at "), "{stack}");
    assert_eq!(stack.matches("Error:").count(), 1, "{stack}");
}

#[tokio::test(start_paused = true)]
async fn an_error_about_time_has_a_code() {
    let (_, error) = caught("for (;;);").await;
    assert_eq!(error["code"], "ERR_SCRIPT_EXECUTION_TIMEOUT");
}

#[tokio::test(start_paused = true)]
async fn a_directive_at_the_beginning_of_the_code_is_none() {
    let code = "'use strict';\ntotal = 5 * 2;\nreturn {payload: [total, (function () { return this === undefined })(),
        (function () { 'use strict'; return this === undefined })()]};";
    assert_eq!(value(code).await, json!([10, false, true]));
    for property in ["initialize", "finalize"] {
        let mut config = json!({"func": "return {payload: total}"});
        config[property] = "'use strict'; total = 1;".into();
        let mut node = Harness::of("function").config(config).start().await;
        node.send(Message::new()).await;
        let stopped = node.stop().await;
        assert_eq!(stopped.outputs[0].len(), usize::from(property == "initialize"));
        assert_eq!(stopped.errors.len(), usize::from(property == "finalize"));
    }
}

#[tokio::test(start_paused = true)]
async fn functions_of_buffer_may_be_called_in_all_ways() {
    let code = "const b = new Buffer.from('ab'), sub = b.subarray(1);
        class Own extends Buffer {}
        return {payload: [b, Buffer.isBuffer(b), new Buffer.alloc(1), new Buffer.concat([b, b]).length, Buffer('aGk=', 'base64').toString(),
            Buffer(2).length, Buffer.isBuffer(sub), Buffer.isBuffer(b.map((x) => x + 1)), sub.constructor === Buffer, b.constructor.name,
            Buffer.of(1, 2).length, b instanceof Uint8Array, Object.getPrototypeOf(Buffer) === Uint8Array, new Own(1).length,
            Buffer.from(new Uint8Array([97])).toString(), Object.prototype.toString.call(b)]};";
    let buffer = |data: &[u8]| json!({"type": "Buffer", "data": data});
    let expected = json!([
        buffer(b"ab"),
        true,
        buffer(&[0]),
        4,
        "hi",
        2,
        true,
        true,
        true,
        "Buffer",
        2,
        true,
        true,
        1,
        "a",
        "[object Uint8Array]"
    ]);
    assert_eq!(value(code).await, expected);
}

#[tokio::test(start_paused = true)]
async fn warnings_and_errors_are_shown_as_what_they_are() {
    let code = "node.warn({a: [1]}); node.warn([1, 2]); node.error({a: 1}); node.warn(Buffer.from('b')); node.warn(5);
        node.warn('text'); node.error(); node.log({b: 1}); node.warn(undefined);
        const own = {}; own.own = own; node.warn(own); node.warn(new TypeError('we'));";
    let mut node = Harness::of("function").config(json!({"func": code})).start().await;
    node.send(Message::new()).await;
    let mut shown = node.logged_values();
    let error = shown.pop().unwrap();
    let logs: Vec<String> = node.logs().into_iter().map(|(_, text)| text).collect();
    node.stop().await;
    let expected: [Value; 6] = [
        json!({"a": [1]}).into(),
        json!([1, 2]).into(),
        json!({"a": 1}).into(),
        vec![b'b'].into(),
        5.into(),
        Value::Undefined,
    ];
    assert_eq!(shown, expected);
    let property = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default();
    assert_eq!((property("name"), property("message")), ("TypeError", "we"));
    assert!(property("stack").starts_with("TypeError: we\n    at "), "{error:?}");
    let expected = [
        r#"{"a":[1]}"#,
        "[1,2]",
        r#"{"a":1}"#,
        r#"{"type":"Buffer","data":[98]}"#,
        "5",
        "text",
        "",
        r#"{"b":1}"#,
        "undefined",
        "[object Object]",
        "TypeError: we",
    ];
    assert_eq!(logs, expected);
}

#[tokio::test(start_paused = true)]
async fn properties_of_shared_contexts_are_seen_by_other_functions() {
    let write = "context.global.answer = msg.payload; context.global['odd key'] = 1; context.flow.list ??= [];
        context.flow.list.push(msg.payload); context.flow.list[0]++; context.x = (context.x ?? 0) + 1; delete context.global.gone;
        return {payload: [context.x, context.flow.list === context.flow.list, typeof context.global.get, 'no' in context.global]};";
    let read = "const before = [context.global.answer, context.global['odd key'], context.flow.list, global.get('answer'),
            context.flow.none ?? null, 'answer' in context.global, context.x ?? null];
        context.global.gone = 1;
        return {payload: before};";
    let flow = functions([write, read]).await;
    for (message, list) in [(5, json!([6])), (7, json!([7, 7]))] {
        flow.send("a", Message::with_payload(message)).await;
        let runs = if message == 5 { 1 } else { 2 };
        let expected = json!([runs, true, "function", false]);
        assert_eq!(flow.next_at("a out").await.payload(), Some(&expected.into()));
        flow.send("b", Message::new()).await;
        let expected = json!([message, 1, list, message, null, true, null]);
        assert_eq!(flow.next_at("b out").await.payload(), Some(&expected.into()));
    }
    flow.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_was_only_read_of_a_shared_context_is_not_written() {
    let read =
        "const list = context.flow.list; flow.set('list', ['later']); return {payload: list};";
    let flow = functions(["context.flow.list = [1]; return msg", read]).await;
    flow.send("a", Message::new()).await;
    flow.next_at("a out").await;
    for expected in [json!([1]), json!(["later"])] {
        flow.send("b", Message::new()).await;
        assert_eq!(flow.next_at("b out").await.payload(), Some(&expected.into()));
    }
    flow.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_text_is_spread_into_its_characters() {
    let code = "const {a, ...rest} = {...msg.payload, a: 1}, text = 'xy', none = undefined;
        return {payload: [rest, {...text}, {...none, ...text}, Object.assign({}, text), {...[5]}, [...text]]};";
    let expected = json!([
        {"0": "a", "1": "b"},
        {"0": "x", "1": "y"},
        {"0": "x", "1": "y"},
        {"0": "x", "1": "y"},
        {"0": 5},
        ["x", "y"]
    ]);
    assert_eq!(value(code).await, expected);
}

#[tokio::test(start_paused = true)]
async fn an_error_with_a_message_is_shown_as_what_it_is_and_caught_as_a_text() {
    let code = "node.error({a: 1}, msg); node.error([1, 2], msg); node.error(Buffer.from('b'), msg);
        node.error(5, msg); node.error(false, msg); node.error({code: 'E1'}, msg); node.error('text', msg);
        node.error(null, msg); node.error(new TypeError('we'), msg);
        const own = {}; own.own = own; node.error(own, msg); node.done({a: 2});";
    let mut node = Harness::of("function").config(json!({"func": code})).start().await;
    node.send(Message::new()).await;
    let mut told = Vec::new();
    for _ in 0..11 {
        told.push(node.next_error().await);
    }
    let expected = [
        "[object Object]",
        "1,2",
        "b",
        "5",
        "false",
        "[object Object]",
        "text",
        "",
        "TypeError: we: thrown in line 3, col 47 of the function",
        "[object Object]",
        "[object Object]",
    ];
    assert_eq!(told, expected);
    let expected: [Value; 7] = [
        json!({"a": 1}).into(),
        json!([1, 2]).into(),
        vec![b'b'].into(),
        5.into(),
        false.into(),
        json!({"code": "E1"}).into(),
        json!({"a": 2}).into(),
    ];
    assert_eq!(node.logged_values(), expected);
    node.stop().await;
}
