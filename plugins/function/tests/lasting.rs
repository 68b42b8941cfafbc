//! An interpreter that is not used is let go of when nobody can tell, and else kept.

#![expect(clippy::unwrap_used, reason = "the harness of a test fails it so")]

use std::collections::BTreeSet;
use std::time::Duration;

use ferrowire_plugin_function::INTERPRETERS;
use ferrowire_testkit::{Harness, json, message};
use proptest::prelude::*;
use tokio::sync::Mutex;

/// The gauge is that of the process: one test at a time.
static ALONE: Mutex<()> = Mutex::const_new(());

/// The names on the global object, and the methods that objects inherit.
const NAMES: &str = r"
const seen = new Set();
const inherited = new Set();
const visit = (object) => {
    if (object === null || object === undefined || seen.has(object)) return;
    seen.add(object);
    for (const name of Object.getOwnPropertyNames(object)) {
        if (typeof Object.getOwnPropertyDescriptor(object, name).value === 'function') inherited.add(name);
    }
    visit(Object.getPrototypeOf(object));
};
const globals = Object.getOwnPropertyNames(globalThis);
const functions = [...globals.map((name) => globalThis[name]), ...Object.getOwnPropertyNames(Intl).map((name) => Intl[name])];
for (const it of functions.filter((it) => typeof it === 'function')) {
    visit(Object.getPrototypeOf(it));
    visit(it.prototype);
}
const timer = setTimeout(() => {}, 1);
clearTimeout(timer);
const list = [];
for (const it of [timer, list.values(), list.values().map((x) => x), Iterator.from({ next() {} }), new Map().keys(), new Set().keys(),
    'a'[Symbol.iterator](), 'a'.matchAll(/a/g), (function* () {})(), (async function* () {})(), new Uint8Array(1), new URL('x:y'),
    new URL('x:y').searchParams.keys()]) visit(Object.getPrototypeOf(Object(it)));
return { payload: { globals, inherited: [...inherited] } };
";

#[tokio::test(start_paused = true)]
async fn the_lists_have_the_names_that_code_finds() {
    let _alone = ALONE.lock().await;
    let mut node = Harness::of("function").config(json!({"func": NAMES})).start().await;
    node.send(message(json!({}))).await;
    let found = node.next_output(0).await;
    let names = |list: &str| -> BTreeSet<String> {
        let names = found.payload().unwrap().get(list).unwrap().as_array().unwrap();
        names.iter().map(|name| name.as_str().unwrap().to_owned()).collect()
    };
    let listed = |text: &str| text.lines().map(str::to_owned).collect::<BTreeSet<_>>();
    let globals = names("globals");
    let inherited = names("inherited");
    node.stop().await;
    assert_eq!(globals, listed(include_str!("../src/lasting/globals.txt")));
    assert_eq!(inherited, listed(include_str!("../src/lasting/inherited.txt")));
}

/// Longer than any interpreter is kept without a run.
const PAUSE: Duration = Duration::from_secs(3_600);

/// With this, code may leave something in its interpreter, which is kept.
const KEEPS: &str = "\nif (false) { void globalThis }";

/// What comes of three messages with pauses between them.
async fn outcome(code: &str) -> String {
    let config = json!({"func": code, "outputs": 2});
    let mut node = Harness::of("function").config(config).start().await;
    for number in 0..3 {
        let payload = json!({"list": [{"n": 1}, {"n": number}], "key": "a", "a": {"b": number}});
        node.send(message(json!({"_msgid": "m", "payload": payload, "topic": "t", "key": "map"})))
            .await;
        // Time is paused: timers that are set fire on the way.
        tokio::time::sleep(PAUSE).await;
    }
    let ferrowire_testkit::Stopped { outputs, errors, logs, statuses, .. } = node.stop().await;
    format!("{outputs:#?} {errors:#?} {logs:?} {statuses:?}")
}

fn assert_alike(code: &str) {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().unwrap();
    let (may_go, stays) =
        runtime.block_on(async { (outcome(code).await, outcome(&format!("{code}{KEEPS}")).await) });
    assert_eq!(may_go, stays, "{code}");
}

/// How often the code ran in the same interpreter, as the code itself finds out for each message.
async fn runs(config: serde_json::Value) -> Vec<ferrowire::Value> {
    let mut node = Harness::of("function").config(config).start().await;
    let mut runs = Vec::new();
    for _ in 0..3 {
        node.send(message(json!({"payload": 0}))).await;
        runs.push(node.next_output(0).await.payload().unwrap().clone());
        tokio::time::sleep(PAUSE).await;
    }
    node.stop().await;
    runs
}

#[tokio::test(start_paused = true)]
async fn what_code_leaves_in_odd_places_is_found_by_the_next_message() {
    let _alone = ALONE.lock().await;
    for place in [
        "globalThis.n",
        "this.n",
        "Math.n",
        "Array.prototype.n",
        "[].map.n",
        "arguments.callee.n",
        "console.log.n",
        "__node__.n",
        "(() => {}).constructor.n",
        "Object.getPrototypeOf(async () => {}).n",
        "''[['to', 'String'].join('')].n",
        "flow.get.n",
        "RED.util.n",
        "Symbol.iterator.constructor.n",
    ] {
        let code = format!("{place} = ({place} || 0) + 1; msg.payload = {place}; return msg;");
        let counted = runs(json!({"func": code})).await;
        assert_eq!(counted, [1, 2, 3].map(ferrowire::Value::from), "{place}");
    }
    let around =
        json!({"initialize": "globalThis.n = 0;", "func": "msg.payload = ++n; return msg;"});
    assert_eq!(runs(around).await, [1, 2, 3].map(ferrowire::Value::from));
}

/// Messages and pauses; how many interpreters there are after each.
async fn interpreters(code: &str) -> [i64; 4] {
    let mut node = Harness::of("function").config(json!({"func": code})).start().await;
    let mut counts = [0; 4];
    for counts in counts.chunks_mut(2) {
        node.send(message(json!({"payload": 0}))).await;
        node.next_output(0).await;
        counts[0] = INTERPRETERS.get();
        tokio::time::sleep(PAUSE).await;
        counts[1] = INTERPRETERS.get();
    }
    node.stop().await;
    counts
}

#[tokio::test(start_paused = true)]
async fn an_interpreter_is_let_go_of_when_nothing_is_left_in_it() {
    let _alone = ALONE.lock().await;
    assert_eq!(interpreters("msg.payload += 1; return msg;").await, [1, 0, 1, 0]);
    assert_eq!(interpreters("n = 1; return msg;").await, [1; 4]);
    // What may go on, or waits for something.
    for code in [
        "node.on('close', () => {}); return msg;",
        "setInterval(() => {}, 1000); return msg;",
        "new Promise((done) => setTimeout(done, 86400000)); return msg;",
    ] {
        assert_eq!(interpreters(code).await, [1; 4], "{code}");
    }
}

const FRAGMENTS: &[&str] = &[
    "msg.payload.list[0].n += 1;",
    "msg.payload.list.push({n: 7});",
    "let x = msg.payload.a; x.c = 1;",
    "var y = 1, z = 2; y = z; msg.y = y;",
    "w = typeof w === 'undefined' ? 1 : w + 1; msg.w = w;",
    "if (msg.topic) { var v = 5; } v = v + 1; msg.v = v;",
    "for (let i = 0; i < 2; i++) { msg.payload.list[i].i = i; }",
    "for (i = 0; i < 2; i++) {} msg.i = i;",
    "for (k of ['a']) {} msg.k = typeof k;",
    "const o = msg.payload[msg.payload.key]; o.seen = (o.seen || 0) + 1;",
    "const g = msg.payload.list[msg.key]; g.seen = (g.seen || 0) + 1; msg.g = g.seen;",
    "[].map.c = ([].map.c || 0) + 1; msg.mapc = [].map.c;",
    "const {map} = []; map.d = (map.d || 0) + 1; msg.mapd = map.d;",
    "Math.c = (Math.c || 0) + 1; msg.mathc = Math.c;",
    "const m = {Math}; m.Math.e = (m.Math.e || 0) + 1; msg.e = m.Math.e;",
    "[q] = [typeof q]; msg.q = q;",
    "if (msg.topic) [r] = [typeof r]; msg.r = r;",
    "({ s } = { s: typeof s }); msg.s = s;",
    "context.set('n', (context.get('n') || 0) + 1); msg.n = context.get('n');",
    "const kept = flow.get('l') || []; kept.push(1); flow.set('l', kept); msg.l = kept.length;",
    "setTimeout(() => node.send({payload: 'late'}), 50);",
    "setTimeout(() => { t = typeof t; node.send({payload: t}); }, 50);",
    "node.status({text: `${msg.payload[msg.payload.key]}`});",
    "console.count('c');",
    "console.group();",
    "console.log('x');",
    "node.on('close', () => node.log('closed'));",
    "Promise.resolve(1).then((one) => node.send({payload: one}));",
    "(function () { this.u = (this.u || 0) + 1; msg.u = this.u; })();",
    "function f(a) { return a * 2; } msg.f = f(2);",
    "f2 = (a) => a; msg.f2 = typeof f2;",
    "class C { static n = 0; up() { return ++C.n; } } msg.c = new C().up();",
    "msg.tag = ((s) => s.length)`a${1}b`;",
    "String(msg.topic).split('').map(Number);",
    "msg.stack = Error.stackTraceLimit; Error.stackTraceLimit = 3;",
    "delete msg.payload.a;",
    "delete Math.hypot; msg.hypot = typeof Math.hypot;",
    "msg.date = Object.keys(Date).length; Date.extra = 1;",
    "const h = Object.assign({}, msg.payload); h.x = 1; msg.h = h;",
    "msg.p = Object.keys(Object.prototype).length; msg.payload['__proto__'].z1 = 1;",
    "throw new Error('no');",
    "return [msg, {payload: 1}];",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn nobody_can_tell_whether_the_interpreter_is_another_one(
        fragments in proptest::sample::subsequence(FRAGMENTS, 1..5).prop_shuffle(),
    ) {
        let _alone = ALONE.blocking_lock();
        let apart: Vec<_> = fragments.iter().map(|fragment| format!("{{ {fragment} }}")).collect();
        assert_alike(&format!("{}\nreturn msg;", apart.join("\n")));
        assert_alike(&format!("{}\nreturn msg;", fragments.join("\n")));
    }
}
