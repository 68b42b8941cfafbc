//! What the interpreter does in one step of its own, where it could go on for ever: each ends at
//! a limit of time, of memory or of length.

use ferrowire::Message;
use ferrowire_plugin_function::MEMORY as MEMORY_SETTING;
use ferrowire_testkit::{Harness, json};

const TIME: &str = "Script execution timed out after 50ms";
const MEMORY: &str = "the function holds more than 8 MiB of memory";
const LENGTH: &str = "takes arrays of up to 524288 elements, not of ";

/// Runs each of the codes, which must end in this error, with 8 MiB and at most `timeout` seconds.
async fn assert_ends(expected: &str, timeout: f64, codes: &[&str]) {
    assert_ends_within("8", expected, timeout, codes).await;
}

async fn assert_ends_within(mebibytes: &str, expected: &str, timeout: f64, codes: &[&str]) {
    for code in codes {
        let config = json!({"func": code, "timeout": timeout});
        let node = Harness::of("function").config(config).setting(&MEMORY_SETTING, mebibytes);
        let mut node = node.start().await;
        node.send(Message::new()).await;
        let error = node.next_error().await;
        assert!(error.contains(expected), "{code}: {error}");
        node.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_asks_for_too_much_memory_is_cut_off() {
    let codes = [
        "'x'.repeat(1e9)",
        "new ArrayBuffer(2e9)",
        "Buffer.alloc(2e9)",
        "new Float64Array(1e8).map(Math.sin)",
        "Array.from({length: 2 ** 31})",
        "[...Array(4294967295)]",
        "Math.max(...Array(1e7))",
        "'x'.repeat(1e4).replaceAll('x', 'y'.repeat(1000))",
        "JSON.parse('[' + '1,'.repeat(1e6) + '1]')",
        "let all = 'x'; const keep = []; for (;;) keep.push(all += all.slice(0, 1e6))",
    ];
    assert_ends(MEMORY, 60.0, &codes).await;
}

#[tokio::test(start_paused = true)]
async fn what_takes_too_long_is_cut_off() {
    let codes = [
        "/^(a+)+$/.test('a'.repeat(40) + 'b')",
        "/(x+x+)+y/.exec('x'.repeat(40))",
        "'a'.repeat(2e5).replace(/a*b/g, '')",
        "'a'.repeat(1e5).match(/(a*)*b/)",
        "const a = Array.from({length: 1e5}, Math.random); for (;;) a.sort((x, y) => x - y)",
        "[3, 2, 1].sort(() => { for (;;); })",
        "Array(4294967295).indexOf(1)",
        "Array(4294967295).lastIndexOf(1)",
        "Array(4294967295).includes(1)",
        "Array(4294967295).forEach(() => {})",
        "Array(4294967295).reduce((sum) => sum, 0)",
        "Array(4294967295).findLast((value) => value)",
        "for (const x of Array(4294967295)) {}",
        "new Set((function* () { for (;;) yield 1; })())",
        "let a = []; for (let i = 0; i < 40; i++) a = [a, a]; a.flat(Infinity)",
        "let a = []; for (let i = 0; i < 40; i++) a = [a, a]; a.join('')",
        "let a = {}; for (let i = 0; i < 40; i++) a = {a, b: a}; RED.util.compareObjects(a, {a, b: a}) || RED.util.compareObjects(a, structuredClone(a))",
        "const p = new URLSearchParams('a=1&'.repeat(100)); for (;;) p.delete('b')",
    ];
    assert_ends(TIME, 0.05, &codes).await;
}

#[tokio::test(start_paused = true)]
async fn what_grows_while_it_takes_too_long_is_cut_off() {
    // More memory than it can fill in its time.
    let codes = ["Promise.all((function* () { for (;;) yield 1; })())"];
    assert_ends_within("1024", TIME, 0.05, &codes).await;
}

#[tokio::test(start_paused = true)]
async fn arrays_that_are_longer_than_the_memory_are_not_walked_over() {
    let codes = [
        "Array(4294967295).join('')",
        "String(Array(4294967295))",
        "Array(4294967295).toLocaleString()",
        "Array(4294967295).reverse()",
        "Array(4294967295).sort()",
        "Array(4294967295).slice(1)",
        "Array(4294967295).splice(1, 1)",
        "Array(4294967295).shift()",
        "Array(4294967295).copyWithin(1, 0)",
        "Array(1e9).fill(0)",
        "[].concat(Array(4294967295))",
        "Array(4294967295).concat([])",
        "[Array(4294967295)].flat()",
        "[1].flatMap(() => Array(4294967295))",
        "Array.prototype.unshift.call({length: 2 ** 53 - 10}, 1)",
        "Array.prototype.reverse.call({length: 2 ** 53 - 1})",
        "String.raw({raw: {length: 2 ** 53 - 1}})",
    ];
    assert_ends(LENGTH, 60.0, &codes).await;
}

#[tokio::test(start_paused = true)]
async fn what_holds_more_values_than_the_memory_could_is_not_made_a_text() {
    let codes = [
        "JSON.stringify(Array(4294967295))",
        "let a = {}; for (let i = 0; i < 40; i++) a = {l: a, r: a}; JSON.stringify(a)",
        "let a = []; for (let i = 0; i < 40; i++) a = [a, a]; JSON.stringify(a)",
        "const wide = {}; for (let i = 0; i < 1e4; i++) wide['k' + i] = undefined; JSON.stringify(Array(1e4).fill(wide))",
    ];
    assert_ends("takes up to 524288 values", 60.0, &codes).await;
}

#[tokio::test(start_paused = true)]
async fn arrays_of_a_usual_length_are_what_they_were() {
    let code = "const a = [3, 1, [2, [4]]], b = [1, , 3];
        return {payload: [a.flat(), a.flat(Infinity), a.flat(0).length, b.flat().length, [1, 2].flatMap((x, at) => [x, [at]]),
            [1].concat(2, [3, [4]], 'x', undefined), b.slice(), [1, 2, 3].splice(1), [1, 2, 3].splice(), [5, 6].shift(),
            [2, 1].sort(), [1, 2].reverse(), [1, 2].join(), [1, null].join('-'), String([1, [2]]), Array(3).fill(1, 1),
            Array.prototype.slice.call('abc', 1), Array.prototype.join.name, [].concat.length, String.raw`a\\n${1}`, Object.keys([].__proto__)]};";
    let mut node = Harness::of("function").config(json!({"func": code})).start().await;
    node.send(Message::new()).await;
    let expected = json!([
        [3, 1, 2, [4]],
        [3, 1, 2, 4],
        3,
        2,
        [1, [0], 2, [1]],
        [1, 2, 3, [4], "x", null],
        [1, null, 3],
        [2, 3],
        [],
        5,
        [1, 2],
        [2, 1],
        "1,2",
        "1-",
        "1,2",
        [null, 1, 1],
        ["b", "c"],
        "join",
        1,
        "a\\n1",
        []
    ]);
    assert_eq!(node.next_output(0).await.payload().unwrap().to_json(), expected.to_string());
    node.stop().await;
}
