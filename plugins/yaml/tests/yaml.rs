//! YAML and values, as Node-RED's library reads and writes them.

#![expect(clippy::unwrap_used, clippy::too_many_lines, reason = "tests with tables")]

use ferrowire::{BigInt, Date, Level, Map, Message, Value};
use ferrowire_plugin_yaml as _;
use ferrowire_testkit::{Harness, assert_compliant, json, linked, message};
use proptest::prelude::*;
use serde_json::Value as Json;

async fn convert(msg: Message) -> Result<Message, String> {
    let mut node = Harness::of("yaml").start().await;
    node.send(msg).await;
    let mut stopped = node.stop().await;
    stopped.outputs[0].pop().ok_or_else(|| stopped.errors.pop().unwrap_or_default())
}

async fn load(text: impl Into<Value>) -> Result<Value, String> {
    convert(Message::with_payload(text)).await.map(|msg| msg.payload().unwrap().clone())
}

async fn dump(value: impl Into<Value>) -> Result<String, String> {
    load(value).await.map(|text| text.as_str().unwrap().to_owned())
}

#[tokio::test(start_paused = true)]
async fn it_keeps_to_the_contract() {
    assert_compliant(linked("yaml"), json!({"property": "payload"})).await;
}

#[tokio::test(start_paused = true)]
async fn text_becomes_a_value() {
    for (text, expected) in [
        ("a: 1\nb: [x, 'y', \"z\\n\"]\n", json!({"a": 1, "b": ["x", "y", "z\n"]})),
        ("- ~\n- null\n- \n- ''\n", json!([null, null, null, ""])),
        ("{a: {b: c}}", json!({"a": {"b": "c"}})),
        ("a: &x {b: 1}\nc: *x\n", json!({"a": {"b": 1}, "c": {"b": 1}})),
        (
            "base: &b {x: 1, y: 2}\nd:\n  <<: *b\n  y: 3\n",
            json!({"base": {"x": 1, "y": 2}, "d": {"x": 1, "y": 3}}),
        ),
        ("a:\n  <<: [{x: 1}, {x: 2, z: 3}]\n  w: 0\n", json!({"a": {"x": 1, "z": 3, "w": 0}})),
        (
            "1: a\ntrue: b\n~: c\n1.50: d\n[1, x]: e\n{q: r}: f\n",
            json!({"1": "a", "true": "b", "null": "c", "1.5": "d", "1,x": "e", "[object Object]": "f"}),
        ),
        (
            "a: !!str 1\nb: !!int '5'\nc: !!binary aGVsbG8=\nd: !!set {x, y}\ne: !!pairs [a: 1, a: 2]\nf: !!omap [a: 1, b: 2]\ng: ! 12\n",
            json!({"a": "1", "b": 5, "c": {"type": "Buffer", "data": [104, 101, 108, 108, 111]}, "d": {"x": null, "y": null}, "e": [["a", 1], ["a", 2]], "f": [{"a": 1}, {"b": 2}], "g": "12"}),
        ),
        (
            "t: |\n  a\n  b\nf: >\n  a\n  b\n\n  c\nk: |+\n  x\n\n",
            json!({"t": "a\nb\n", "f": "a b\nc\n", "k": "x\n\n"}),
        ),
        ("yes: no\non: off\n", json!({"yes": "no", "on": "off"})),
        ("\"<<\": x\nb: <<\n", json!({"<<": "x", "b": "<<"})),
        ("--- text\n...\n", json!("text")),
        ("# only\n", json!(null)),
        ("%YAML 1.2\n---\na: 1\n", json!({"a": 1})),
        ("a: 'it''s'\nb: \"\\u00e9\\x41\\t\"\n", json!({"a": "it's", "b": "éA\t"})),
        ("- - 1\n  - 2\n- - 3\n", json!([[1, 2], [3]])),
        ("? k\n: v\n", json!({"k": "v"})),
        (
            "a: 0o17\nb: 0x1f\nc: 0b11\nd: 1e3\ne: .5\nf: 1_000\ng: 012\n",
            json!({"a": 15, "b": 31, "c": 3, "d": 1000, "e": 0.5, "f": "1_000", "g": 12}),
        ),
        ("[a: b, c: d]", json!([{"a": "b"}, {"c": "d"}])),
        ("\u{feff}a: 1", json!({"a": 1})),
        ("a: b #c\nd: e#f\n", json!({"a": "b", "d": "e#f"})),
        ("!!map", json!({})),
        ("x: 2001-12-14t21:59:43.10-05:00\n", json!({"x": "2001-12-15T02:59:43.100Z"})),
        (" a: 1\n b: 2\n", json!({"a": 1, "b": 2})),
        ("a: [\n1,\n2]\n", json!({"a": [1, 2]})),
        ("- {a: 1}\n- b\n", json!([{"a": 1}, "b"])),
        ("[[a]: 1]", json!([{"a": 1}])),
        ("a: b\n  c\n", json!({"a": "b c"})),
        ("a:\n- b\n- c\n", json!({"a": ["b", "c"]})),
    ] {
        let value = load(text).await.map(|value| serde_json::from_str(&value.to_json()).unwrap());
        assert_eq!(value, Ok::<Json, _>(expected), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_no_yaml_is_an_error() {
    for (text, expected) in [
        ("'a':1\n", "end of the stream or a document separator is expected"),
        ("a: b: c", "bad indentation of a mapping entry"),
        ("a: 1\na: 2", "duplicated mapping key"),
        ("[1, 2", "unexpected end of the stream within a flow collection"),
        ("{a: 1", "unexpected end of the stream within a flow collection"),
        ("- a\nb: c", "end of the stream or a document separator is expected"),
        (
            "employees:\n-firstName: John\n- lastName: Smith\n",
            "end of the stream or a document separator is expected",
        ),
        ("a: *x", "unidentified alias \"x\""),
        ("!foo a", "unknown tag !<!foo>"),
        ("!!int x", "cannot resolve a node with !<tag:yaml.org,2002:int> explicit tag"),
        ("!!seq a", "unknown tag !<tag:yaml.org,2002:seq>"),
        ("a: 1\n---\nb: 2", "expected a single document in the stream, but found more"),
        ("a: \"\\q\"", "unknown escape sequence"),
        ("a:\n  <<: 1", "cannot merge mappings; the provided source object is unacceptable"),
        ("'abc", "unexpected end of the stream within a single quoted scalar"),
        ("a: 1\n b: 2", "bad indentation of a mapping entry"),
        ("@a", "end of the stream or a document separator is expected"),
        ("a: |x\n", "a line break is expected"),
        ("- !!null x", "cannot resolve a node with !<tag:yaml.org,2002:null> explicit tag"),
        ("? [[a]]\n: 1", "nested arrays are not supported inside keys"),
        ("\"a\" b", "end of the stream or a document separator is expected"),
        ("key: - a", "bad indentation of a mapping entry"),
    ] {
        let error = load(text).await.unwrap_err();
        assert!(error.starts_with(expected), "{text}: {error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_value_becomes_text() {
    for (value, expected) in [
        (
            json!({"employees": [{"firstName": "John", "lastName": "Smith"}]}),
            "employees:\n  - firstName: John\n    lastName: Smith\n",
        ),
        (json!([1, 2, 3]), "- 1\n- 2\n- 3\n"),
        (json!([]), "[]\n"),
        (json!({}), "{}\n"),
        (json!({"a": [], "b": {}}), "a: []\nb: {}\n"),
        (json!([[1, [2]], []]), "- - 1\n  - - 2\n- []\n"),
        (json!({"a": {"b": {"c": 1}}}), "a:\n  b:\n    c: 1\n"),
        (json!({"k": [null]}), "k:\n  - null\n"),
        (json!({"k": ["text"]}), "k:\n  - text\n"),
        (json!({"k": ["it's"]}), "k:\n  - it's\n"),
        (json!({"k": [""]}), "k:\n  - ''\n"),
        (json!({"k": ["yes"]}), "k:\n  - 'yes'\n"),
        (json!({"k": ["null"]}), "k:\n  - 'null'\n"),
        (json!({"k": ["12"]}), "k:\n  - '12'\n"),
        (json!({"k": ["1:30"]}), "k:\n  - '1:30'\n"),
        (json!({"k": ["2001-12-14"]}), "k:\n  - '2001-12-14'\n"),
        (json!({"k": ["a: b"]}), "k:\n  - 'a: b'\n"),
        (json!({"k": ["a #b"]}), "k:\n  - 'a #b'\n"),
        (json!({"k": ["a:"]}), "k:\n  - 'a:'\n"),
        (json!({"k": ["- a"]}), "k:\n  - '- a'\n"),
        (json!({"k": ["#x"]}), "k:\n  - '#x'\n"),
        (json!({"k": ["é"]}), "k:\n  - é\n"),
        (json!({"k": ["a\tb"]}), "k:\n  - \"a\\tb\"\n"),
        (json!({"k": ["a\nb"]}), "k:\n  - |-\n    a\n    b\n"),
        (json!({"k": ["a\nb\n"]}), "k:\n  - |\n    a\n    b\n"),
        (json!({"k": ["a\n\n"]}), "k:\n  - |+\n    a\n\n"),
        (json!({"k": [" a\nb"]}), "k:\n  - |2-\n     a\n    b\n"),
        (json!({"k": ["\n"]}), "k:\n  - |+\n\n"),
        (json!({"k": ["\n a"]}), "k:\n  - |2-\n\n     a\n"),
        (
            json!({"k": ["lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor incididunt ut labore et dolore magna aliqua"]}),
            "k:\n  - >-\n    lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor\n    incididunt ut labore et dolore magna aliqua\n",
        ),
        (
            json!({"k": "lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor incididunt ut labore et dolore magna aliqua"}),
            "k: >-\n  lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor\n  incididunt ut labore et dolore magna aliqua\n",
        ),
        (
            json!({"k": ["lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor incididunt ut labore et dolore magna aliqua\nlorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor incididunt ut labore et dolore magna aliqua"]}),
            "k:\n  - >-\n    lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor\n    incididunt ut labore et dolore magna aliqua\n\n    lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor\n    incididunt ut labore et dolore magna aliqua\n",
        ),
        (
            json!({"k": " lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor incididunt ut labore et dolore magna aliqua\nlorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor incididunt ut labore et dolore magna aliqua"}),
            "k: >2-\n   lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor incididunt ut labore et dolore magna aliqua\n  lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor\n  incididunt ut labore et dolore magna aliqua\n",
        ),
        (
            json!({"k": ["loremipsumdolorsitametconsecteturadipiscingelitseddoeiusmodtemporincididuntutlaboreetdoloremagnaaliqua"]}),
            "k:\n  - >-\n    loremipsumdolorsitametconsecteturadipiscingelitseddoeiusmodtemporincididuntutlaboreetdoloremagnaaliqua\n",
        ),
        (
            json!({"kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk": 1, "llllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllll": {"a": 1}}),
            "? kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk\n: 1\n? llllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllll\n: a: 1\n",
        ),
        (
            json!({"a b": 1, "": 2, "a\nb": 3, "true": 4}),
            "a b: 1\n'': 2\n\"a\\nb\": 3\n'true': 4\n",
        ),
        (json!({"k": [1e+21]}), "k:\n  - 1e+21\n"),
        (json!({"k": [1.5e-07]}), "k:\n  - 1.5e-7\n"),
        (json!({"k": [5e-100]}), "k:\n  - 5.e-100\n"),
        (json!({"k": [-1]}), "k:\n  - -1\n"),
        (json!({"k": [0.1]}), "k:\n  - 0.1\n"),
        (json!({"k": [true]}), "k:\n  - true\n"),
        (json!({"k": [false]}), "k:\n  - false\n"),
        (json!({"n": null}), "'n': null\n"),
        (json!({"k": ["\u{1}\u{7f}\u{2028}😀"]}), "k:\n  - \"\\x01\\x7F\\L😀\"\n"),
        (json!({"k": ["a  b"]}), "k:\n  - a  b\n"),
        (json!({"k": ["<<"]}), "k:\n  - '<<'\n"),
        (json!({"k": ["a,b"]}), "k:\n  - a,b\n"),
        (json!({"k": ["[x"]}), "k:\n  - '[x'\n"),
        (json!({"k": ["x["]}), "k:\n  - x[\n"),
        (json!({"k": ["\"q\""]}), "k:\n  - '\"q\"'\n"),
        (json!({"k": ["'s"]}), "k:\n  - '''s'\n"),
        (json!({"k": ["a\"b"]}), "k:\n  - a\"b\n"),
        (json!({"k": ["@x"]}), "k:\n  - '@x'\n"),
        (json!({"k": ["!x"]}), "k:\n  - '!x'\n"),
        (json!({"k": ["%x"]}), "k:\n  - '%x'\n"),
        (json!({"k": ["a#b"]}), "k:\n  - a#b\n"),
        (json!({"k": ["a :b"]}), "k:\n  - a :b\n"),
        (json!({"k": ["0x1f"]}), "k:\n  - '0x1f'\n"),
        (json!({"k": ["-"]}), "k:\n  - '-'\n"),
        (json!({"k": ["- "]}), "k:\n  - '- '\n"),
        (json!({"k": ["?"]}), "k:\n  - '?'\n"),
        (json!({"k": ["?x"]}), "k:\n  - '?x'\n"),
        (json!({"k": ["x: "]}), "k:\n  - 'x: '\n"),
        (json!({"k": ["x\r"]}), "k:\n  - \"x\\r\"\n"),
        (json!({"k": ["   "]}), "k:\n  - '   '\n"),
        (json!({"k": ["~x"]}), "k:\n  - ~x\n"),
        (json!({"k": [".5"]}), "k:\n  - '.5'\n"),
        (json!({"k": ["+1"]}), "k:\n  - '+1'\n"),
        (json!({"k": [".inf"]}), "k:\n  - '.inf'\n"),
        (json!({"k": ["="]}), "k:\n  - '='\n"),
        (json!({"k": ["=="]}), "k:\n  - '=='\n"),
        (
            json!({"k": ["lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor incididunt ut labore et dolore magna aliqua  lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor incididunt ut labore et dolore magna aliqua \n\n\nlorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor incididunt ut labore et dolore magna aliqua\n  lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor incididunt ut labore et dolore magna aliqua\n\n"]}),
            "k:\n  - >+\n    lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor\n    incididunt ut labore et dolore magna aliqua  lorem ipsum dolor sit amet\n    consectetur adipiscing elit sed do eiusmod tempor incididunt ut labore et\n    dolore magna aliqua \n\n\n\n    lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor\n    incididunt ut labore et dolore magna aliqua\n      lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor incididunt ut labore et dolore magna aliqua\n\n",
        ),
        (
            json!({"a": [{"b": [{"c": "x\ny"}]}]}),
            "a:\n  - b:\n      - c: |-\n          x\n          y\n",
        ),
    ] {
        assert_eq!(dump(value.clone()).await, Ok(expected.to_owned()), "{value}");
    }
}

#[tokio::test(start_paused = true)]
async fn values_that_json_lacks_have_text_too() {
    for (value, text) in [
        (Value::from(f64::NAN), ".nan\n"),
        (f64::NEG_INFINITY.into(), "-.inf\n"),
        ((-0.0).into(), "-0.0\n"),
        (Date::from_millis(0.0).into(), "1970-01-01T00:00:00.000Z\n"),
        (Map::from_iter([("a", Value::Undefined), ("b", 1.into())]).into(), "b: 1\n"),
        (Map::from_iter([("a", Value::Undefined)]).into(), "{}\n"),
        (vec![Value::Undefined].into(), "- null\n"),
        (vec![Value::from(b"hello".to_vec())].into(), "- !!binary aGVsbG8=\n"),
    ] {
        let (value, is_object) = match value {
            Value::Number(_) => (vec![value].into(), false),
            value => (value, true),
        };
        let expected = if is_object { text.to_owned() } else { format!("- {text}") };
        assert_eq!(dump(value).await, Ok(expected));
    }
    for value in [Value::from(BigInt::from(1)), Date::INVALID.into()] {
        assert_eq!(dump(vec![value]).await, Err("Failed to convert payload".to_owned()));
    }
}

#[tokio::test(start_paused = true)]
async fn another_property_can_be_converted_and_none_passes() {
    let mut node = Harness::of("yaml").config(json!({"property": "a.b"})).start().await;
    node.send(message(json!({"a": {"b": "x: 1"}}))).await;
    node.send(message(json!({"a": {}, "topic": "t"}))).await;
    let stopped = node.stop().await;
    assert_eq!(stopped.outputs[0][0].get("a"), Some(&json!({"b": {"x": 1}}).into()));
    assert_eq!(stopped.outputs[0].len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_empty_text_has_no_value() {
    assert!(!convert(Message::with_payload("")).await.unwrap().contains_key("payload"));
    assert_eq!(load(" \n").await, Ok(Value::Null));
}

#[tokio::test(start_paused = true)]
async fn other_values_are_warned_of() {
    let mut node = Harness::of("yaml").start().await;
    for payload in [true.into(), 1.into(), Value::from(b"a".to_vec())] {
        node.send(Message::with_payload(payload)).await;
    }
    let stopped = node.stop().await;
    let texts = [
        "Ignored unsupported payload type",
        "Ignored unsupported payload type",
        "Ignored non-object payload",
    ];
    assert_eq!(stopped.logs, texts.map(|text| (Level::Warn, text.to_owned())));
    assert!(stopped.outputs[0].is_empty());
}

#[tokio::test(start_paused = true)]
async fn aliases_cannot_repeat_without_end() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..20 {
        let alias = format!("*a{}", level - 1);
        bomb += &format!("a{level}: &a{level} [{}]\n", [alias.as_str(); 9].join(", "));
    }
    let error = load(bomb).await.unwrap_err();
    assert!(error.starts_with("aliases repeat more than 1048576 values"), "{error}");
    let error = load("a: &a [*a]").await.unwrap_err();
    assert!(error.starts_with("an alias refers to a value that contains it"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn depth_is_an_error_and_not_the_end_of_the_stack() {
    let lines = |line: &str| line.repeat(100_000);
    let chain: String = (1..100_000).map(|at| format!("- &a{at} [*a{}]\n", at - 1)).collect();
    let indented: String = (0..2_000).map(|at| format!("{}a:\n", " ".repeat(at))).collect();
    for text in [
        lines("["),
        lines("{a: "),
        lines("- "),
        lines("? "),
        format!("- &a0 []\n{chain}"),
        indented,
    ] {
        let error = load(text).await.unwrap_err();
        assert!(error.starts_with("nesting exceeded maxDepth (100)"), "{error}");
    }
    let deep = (0..1000).fold(Value::from(1), |value, _| vec![value].into());
    let error = dump(deep).await.unwrap_err();
    assert_eq!(error, "the value has more than 256 collections within each other");
}

#[tokio::test(start_paused = true)]
async fn merged_keys_are_bounded() {
    let keys: String = (0..2_000).map(|at| format!("k{at}: 1, ")).collect();
    let merges = "- <<: *a\n".repeat(10);
    let error = load(format!("- &a {{{keys}}}\n{merges}")).await.unwrap_err();
    assert!(error.starts_with("merge keys exceeded maxTotalMergeKeys (10000)"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_value_that_shares_its_parts_has_no_endless_text() {
    let text = Value::from("x".repeat(30) + &"y".repeat(1 << 20));
    let value = (0..200).fold(text, |value, _| vec![value.clone(), value].into());
    assert_eq!(dump(value).await, Err("the YAML is longer than 64 MiB".to_owned()));
}

fn value() -> impl Strategy<Value = Json> {
    let text = "[ -~\n\té😀]{0,12}|[a-z ]{60,200}|[a-z\n ]{0,120}";
    let leaf = prop_oneof![
        text.prop_map(Json::from),
        any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(Json::from),
        any::<i32>().prop_map(Json::from),
        any::<bool>().prop_map(Json::from),
        Just(Json::Null),
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            proptest::collection::btree_map("[ -~\n]{0,8}", inner, 0..4)
                .prop_map(|map| map.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_reads_as_the_same(value in value()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let value = Value::from(json!({"a": value}));
        let text = runtime.block_on(dump(value.clone())).unwrap();
        prop_assert_eq!(runtime.block_on(load(text.clone())), Ok(value), "{}", text);
    }

    #[test]
    fn no_text_makes_it_panic(text in "(a|- |: |\n| |\\[|\\]|\\{|\\}|, |&a |\\*a|!!\\w{3} |<<: |'|\"|\\||>|#|---\n|%|\t|é){0,24}") {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        if let Err(error) = runtime.block_on(convert(Message::with_payload(text))) {
            prop_assert!(!error.contains("panic"), "{}", error);
        }
    }
}
