//! Long texts: looked for in time that grows with their lengths, and found where they are.

use ferrowire::{Message, Value};
use ferrowire_plugin_function::MEMORY;
use ferrowire_testkit::{Harness, json};

/// What `code` returns, with the short limit of two seconds for what could take hours.
async fn value(code: &str) -> Value {
    let code = format!("return {{payload: (() => {{ {code} }})()}};");
    let config = json!({"func": code, "timeout": 20});
    let mut node = Harness::of("function").config(config).setting(&MEMORY, "512").start().await;
    node.send(Message::new()).await;
    let msg = node.next_output(0).await;
    let value = msg.payload().cloned().unwrap_or_default();
    node.stop().await;
    value
}

#[tokio::test]
async fn a_long_text_is_looked_for_in_linear_time() {
    let code = "const a = 'a'.repeat(4e6), n = 'a'.repeat(2e6) + 'b', t = a + n + a;
        return [a.indexOf(n), a.includes(n), a.lastIndexOf(n), a.split(n).length, a.replaceAll(n, 'x') === a,
            a.replace(n, 'x') === a, t.indexOf(n), t.includes(n), t.lastIndexOf(n), t.indexOf(n, 4e6 + 1),
            t.split(n).map((piece) => piece.length), t.replaceAll(n, '-').length, t.replace(n, '$$').length,
            t.replaceAll(n, (found, at, all) => found === n && all === t ? at : 'no').slice(4e6 - 1, 4e6 + 8)];";
    let expected = json!([
        -1,
        false,
        -1,
        1,
        true,
        true,
        4e6,
        true,
        4e6,
        -1,
        [4e6, 4e6],
        8e6 + 1.0,
        8e6 + 1.0,
        "a4000000a"
    ]);
    assert_eq!(value(code).await, Value::from(expected));
}

#[tokio::test]
async fn places_are_those_that_the_interpreter_finds() {
    // The long texts take the other way, the short ones are the interpreter's own.
    let code = "const results = [];
        const shapes = (part, times) => {
            const n = part.repeat(times), t = 'x😀' + n + 'ä' + n + n + '😀';
            return [t.indexOf(n), t.indexOf(n, 3), t.indexOf(n, 4), t.indexOf(n, -1), t.lastIndexOf(n), t.lastIndexOf(n, 3), t.lastIndexOf(n, 2),
                t.lastIndexOf(n, NaN), t.includes(n, 4), t.split(n).join('|'), t.replace(n, '[$&]').length, t.replace(n, '$`').slice(0, 9),
                t.replaceAll(n, '<$$>'), t.replaceAll(n, (found, at) => typeof at), t.split(n, 2).join('|')].map(
                (value) => typeof value === 'number' && value > 3 ? (value - 3) % n.length : value);
        };
        const [long, short] = [shapes('äb😀', 8_000), shapes('äb😀', 2)];
        long[10] = short[10] = 0;
        return JSON.stringify(long) === JSON.stringify(short) ? 'alike' : [long, short];";
    assert_eq!(value(code).await, Value::from("alike"));
}

#[tokio::test]
async fn half_a_surrogate_pair_is_found_by_the_interpreter_itself() {
    let code = "const n = '\\ud800' + 'a'.repeat(2e4); return ('b'.repeat(2e4) + n).indexOf(n);";
    assert_eq!(value(code).await, Value::from(20_000.0));
}

#[tokio::test]
async fn what_is_long_is_what_it_was() {
    let code = "const all = Array.from({length: 3000}, (_, at) => (at * 7919) % 3000);
        const text = 'ß'.repeat(2e5), json = JSON.stringify(all);
        return [[...all].sort((a, b) => a - b)[2999], JSON.parse(json).length, text.toUpperCase().length,
            JSON.parse(JSON.stringify({a: all, b: [all, text]})).b[0].length, (text + 'a').localeCompare(text + 'b'),
            JSON.stringify({a: undefined, b: () => 1, c: new Date(0), d: Buffer.from('a')}), JSON.stringify([1, {a: 2}], null, 1),
            JSON.stringify(undefined) === undefined, JSON.stringify.name, ''.indexOf.length, 'a'.indexOf.name, 'abc'.split('b', 1), 'abc'.split()];";
    let expected = json!([
        2999,
        3000,
        400_000,
        3000,
        -1,
        "{\"c\":\"1970-01-01T00:00:00.000Z\",\"d\":{\"type\":\"Buffer\",\"data\":[97]}}",
        "[\n 1,\n {\n  \"a\": 2\n }\n]",
        true,
        "stringify",
        1,
        "indexOf",
        ["a"],
        ["abc"]
    ]);
    assert_eq!(value(code).await, Value::from(expected));
}
