//! `console` and `util` print and compare the same as in Node.

use ferrowire::{Level, Message};
use ferrowire_plugin_function as _;
use ferrowire_testkit::{Harness, json};

/// An expression and its text there as JSON, in each line: recorded from Node.
const RECORDED: &str = include_str!("inspect.txt");

#[tokio::test]
async fn values_are_printed_and_compared_as_in_node() {
    let run = "try { msg.payload = JSON.stringify(String(new Function('return (' + msg.payload + ')')())); }
        catch (error) { msg.payload = `${error.name}: ${error.message}`; }
        return msg;";
    let mut node = Harness::of("function").config(json!({"func": run})).start().await;
    let mut different = Vec::new();
    for line in RECORDED.lines() {
        let (source, expected) = line.rsplit_once(" => \"").unwrap();
        node.send(Message::with_payload(source)).await;
        let found = node.next_output(0).await;
        let found = found.payload().and_then(|value| value.as_str()).unwrap_or_default().to_owned();
        if found.strip_prefix('"') != Some(expected) {
            different.push(format!("{source}\n   found {found}\nexpected \"{expected}"));
        }
    }
    node.stop().await;
    assert!(different.is_empty(), "{} differ:\n{}", different.len(), different.join("\n"));
}

async fn logs(code: &str) -> Vec<(Level, String)> {
    let mut node = Harness::of("function").config(json!({"func": code})).start().await;
    node.send(Message::new()).await;
    let stopped = node.stop().await;
    assert!(stopped.errors.is_empty(), "{:?}", stopped.errors);
    stopped.logs
}

#[tokio::test(start_paused = true)]
async fn the_console_counts_groups_and_draws_tables() {
    let code = "console.table([{a: 1, b: 'x'}, {a: 2}]); console.table(5);
        console.group('g'); console.log('a\\nb', {c: [1]}); console.groupEnd(); console.info('out');
        console.count(); console.count(); console.countReset(); console.count('x');
        console.assert(true); console.assert(false, 'no %s', 1); console.dir({a: {b: 1}}, {depth: 0}); console.debug(new Map([[1, 2]]));
        console.timeEnd('none'); console.log(new Error('e').stack === util.inspect(Object.assign(new Error('e'), {})));";
    let expected = [
        (
            Level::Info,
            "┌─────────┬───┬─────┐\n│ (index) │ a │ b   │\n├─────────┼───┼─────┤\n\
            │ 0       │ 1 │ 'x' │\n│ 1       │ 2 │     │\n└─────────┴───┴─────┘",
        ),
        (Level::Info, "5"),
        (Level::Info, "g"),
        (Level::Info, "  a\n  b { c: [ 1 ] }"),
        (Level::Info, "out"),
        (Level::Info, "default: 1"),
        (Level::Info, "default: 2"),
        (Level::Info, "x: 1"),
        (Level::Warn, "Assertion failed: no 1"),
        (Level::Info, "{ a: [Object] }"),
        (Level::Debug, "Map(1) { 1 => 2 }"),
        (Level::Warn, "No such label 'none' for console.timeEnd()"),
        (Level::Info, "false"),
    ];
    assert_eq!(logs(code).await, expected.map(|(level, text)| (level, text.to_owned())));
}

#[tokio::test(start_paused = true)]
async fn the_console_measures_and_traces() {
    let logs = logs(
        "console.time('t'); console.timeLog('t', 5); console.timeEnd('t'); console.trace('here');",
    )
    .await;
    let texts: Vec<&str> = logs.iter().map(|(_, text)| text.as_str()).collect();
    assert!(texts[0].starts_with("t: ") && texts[0].ends_with("ms 5"), "{texts:?}");
    assert!(texts[1].starts_with("t: ") && texts[1].ends_with("ms"), "{texts:?}");
    assert!(texts[2].starts_with("Trace: here\n    at "), "{texts:?}");
}

#[tokio::test(start_paused = true)]
async fn callbacks_become_promises_and_back() {
    let code = "const own = {base: 1, add(n, done) { done(null, this.base + n) }};
        const made = util.promisify(own.add).call(own, 2);
        const custom = () => {}; custom[util.promisify.custom] = () => 'custom';
        const back = new Promise((resolve) => util.callbackify(async (a) => a * 2)(4, (error, value) => resolve(value)));
        return Promise.all([made, back, util.promisify(custom)()]).then((payload) => ({payload}));";
    let mut node = Harness::of("function").config(json!({"func": code})).start().await;
    node.send(Message::new()).await;
    let payload = node.next_output(0).await.payload().cloned();
    node.stop().await;
    assert_eq!(payload, Some(json!([3, 8, "custom"]).into()));
}

#[tokio::test(start_paused = true)]
async fn what_has_too_many_parts_is_not_printed() {
    let code =
        "let a = {}; for (let i = 0; i < 20; i++) a = {l: a, r: a}; util.inspect(a, {depth: null})";
    let config = json!({"func": code, "timeout": 0.05});
    let mut node = Harness::of("function").config(config).start().await;
    node.send(Message::new()).await;
    let error = node.next_error().await;
    assert!(error.contains("timed out") || error.contains("is not made"), "{error}");
    node.stop().await;
}
