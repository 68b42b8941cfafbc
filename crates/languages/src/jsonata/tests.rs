//! Results, errors and limits of expressions.

use serde_json::json;

use super::*;
use ferrowire_core::{BigInt, Date, Map, Message, PropertyPath, Scope};
use ferrowire_testkit::idle_node;

pub(super) fn message(properties: serde_json::Value) -> Message {
    Message::from(Value::from(properties).as_object().cloned().unwrap())
}

pub(super) fn evaluate(source: &str, msg: &Message) -> Result<Option<Value>, String> {
    let node = idle_node("flow", &[]);
    let expression = Jsonata::compile(source).map_err(|error| error.to_string())?;
    expression.evaluate(Input::from(msg), &[], node.context()).map_err(|error| error.to_string())
}

pub(super) fn value(source: &str, properties: serde_json::Value) -> serde_json::Value {
    let found = evaluate(source, &message(properties)).unwrap_or_else(|e| panic!("{source}: {e}"));
    serde_json::from_str(&found.unwrap_or_default().to_json()).unwrap()
}

pub(super) fn error(source: &str, properties: serde_json::Value) -> String {
    evaluate(source, &message(properties)).unwrap_err()
}

#[test]
fn an_expression_sees_the_message_and_keeps_the_order_of_properties() {
    let msg = || json!({"payload": {"z": 1, "a": [1, 2, 3]}, "topic": "t", "req": {"x": 1}});
    for (source, expected) in [
        ("payload.z + 1", json!(2)),
        ("$sum(payload.a)", json!(6)),
        ("$uppercase(topic)", json!("T")),
        ("payload", json!({"z": 1, "a": [1, 2, 3]})),
        ("{\"n\": payload.a[1], \"t\": topic}", json!({"n": 2, "t": "t"})),
        ("$keys($)", json!(["payload", "topic", "req"])),
        ("$keys($$)", json!(["payload", "topic", "req"])),
        ("$keys()", json!(["payload", "topic", "req"])),
        ("*.x", json!(1)),
        ("**.x", json!(1)),
        ("req.x", json!(1)),
        ("$lookup($, 'topic')", json!("t")),
        ("$eval('req.x')", json!(1)),
        ("payload.a.%.z", json!([1, 1, 1])),
        ("topic ~> $uppercase", json!("T")),
        ("$map(payload.a, function($v) { $v & topic })", json!(["1t", "2t", "3t"])),
        (
            "$ ~> | payload | {\"z\": 5} |",
            json!({"payload": {"z": 5, "a": [1, 2, 3]}, "topic": "t", "req": {"x": 1}}),
        ),
        ("$clone(payload).z", json!(1)),
        ("payload.$clone().z", json!(1)),
        ("$encodeUrl('http://h/a b?q=é#x')", json!("http://h/a%20b?q=%C3%A9#x")),
        ("topic.$encodeUrl()", json!("t")),
        ("$length($now('[Y]-[M01]'))", json!(7)),
        ("$length($now())", json!(24)),
        ("$count($distinct([1..20].($random()[$ >= 0 and $ < 1]))) > 10", json!(true)),
        ("msg.payload.z", json!(1)),
        ("{\"a\": msg.topic}", json!({"a": "t"})),
        ("$distinct([1, 1, 2])", json!([1, 2])),
        ("$join(['a', 'b'], '-') & $pad('c', 3)", json!("a-bc  ")),
        ("($f := $join(?, '+'); $f(['a', 'b']))", json!("a+b")),
    ] {
        assert_eq!(value(source, msg()), expected, "{source}");
    }
    let order = evaluate("payload", &message(msg())).unwrap().unwrap();
    assert_eq!(order.to_json(), r#"{"z":1,"a":[1,2,3]}"#);
}

#[test]
fn what_is_missing_is_undefined_and_null_is_null() {
    let msg = message(json!({"payload": null}));
    assert_eq!(evaluate("payload", &msg), Ok(Some(Value::Null)));
    assert_eq!(evaluate("topic", &msg), Ok(None));
    assert_eq!(evaluate("function($x) { $x }", &msg), Ok(None));
}

#[test]
fn dates_and_big_ints_pass_through_and_are_text_to_what_looks_at_them() {
    let (date, big) = (Date::from_millis(5.0), BigInt::from(7));
    let list = vec![Value::Undefined, date.into()];
    let properties = [
        ("when", date.into()),
        ("big", big.clone().into()),
        ("list", list.into()),
        ("none", Value::Undefined),
        ("invalid", Date::INVALID.into()),
    ];
    let msg = Message::from(Map::from_iter(properties));
    for (source, expected) in [
        ("when", date.into()),
        ("{\"a\": when}.a", date.into()),
        ("list[1]", date.into()),
        ("big", big.into()),
        ("invalid", Date::INVALID.into()),
        ("$substring(when, 0, 4) & $string(big)", "19707".into()),
        ("$toMillis(when)", 5.into()),
        ("$exists(none)", false.into()),
        ("$keys($)", ["when", "big", "list", "invalid"].map(Value::from).to_vec().into()),
    ] {
        assert_eq!(evaluate(source, &msg), Ok(Some(expected)), "{source}");
    }
    assert_eq!(evaluate("none", &msg), Ok(None));
    assert_eq!(evaluate("list[0]", &msg), Ok(None));
}

#[test]
fn buffers_pass_through_and_show_their_bytes() {
    let mut msg = Message::with_payload(vec![1u8, 2]);
    let large = Value::from(vec![7u8; 100_000]);
    msg.set("large", large.clone());
    assert_eq!(evaluate("payload", &msg), Ok(Some(vec![1u8, 2].into())));
    assert_eq!(evaluate("[large][0]", &msg), Ok(Some(large)));
    assert_eq!(evaluate("payload.data[1]", &msg), Ok(Some(2.into())));
    let text = evaluate("$string(payload)", &msg).unwrap();
    assert_eq!(text, Some(r#"{"type":"Buffer","data":[1,2]}"#.into()));
    // An object that only resembles a buffer stays an object.
    msg.set("fake", json!({"type": "Buffer", "data": [1]}));
    assert_eq!(evaluate("fake", &msg), Ok(Some(json!({"type": "Buffer", "data": [1]}).into())));
}

#[test]
fn the_functions_of_node_red_reach_contexts_and_the_environment() {
    let node = idle_node("flow", &[("WHO", "Joe".into())]);
    let cx = node.context();
    let path = |key| PropertyPath::parse_key(key).unwrap();
    cx.context(Scope::Flow).set(&path("a.b"), Some("flow".into())).unwrap();
    cx.context(Scope::Global).set(&path("c"), Some(vec![1u8].into())).unwrap();
    let msg = Message::new();
    let found = |source: &str| {
        Jsonata::compile(source)
            .unwrap()
            .evaluate(Input::from(&msg), &[], cx)
            .map_err(|error| error.to_string())
    };
    assert_eq!(found("$flowContext('a.b')"), Ok(Some("flow".into())));
    assert_eq!(found("$flowContext('a.b', 'memory')"), Ok(Some("flow".into())));
    assert_eq!(found("$globalContext('c')"), Ok(Some(vec![1u8].into())));
    assert_eq!(found("$flowContext('none')"), Ok(None));
    assert_eq!(found("$map(['a.b'], $flowContext)"), Ok(Some("flow".into())));
    assert_eq!(found("$env('WHO') & $env('NOBODY')"), Ok(Some("Joe".into())));
    assert!(found("$flowContext()").unwrap_err().contains("`$flowContext`: the key"));
    assert!(found("$flowContext('a..b')").unwrap_err().contains("invalid property expression"));
}

#[test]
fn bindings_are_variables_and_any_value_can_be_the_input() {
    let node = idle_node("", &[]);
    let expression = Jsonata::compile("$A + a * $I").unwrap();
    let input = Value::from(json!({"a": 3}));
    let bindings = [("A", Value::from(1)), ("I", Value::from(2))];
    let found = expression.evaluate(Input::from(&input), &bindings, node.context()).unwrap();
    assert_eq!(found, Some(7.into()));
    let found = Jsonata::compile("$ * 2").unwrap().evaluate(
        Input::from(&Value::from(4)),
        &[],
        node.context(),
    );
    assert_eq!(found.unwrap(), Some(8.into()));
}

#[test]
fn a_mistake_is_reported_with_its_place() {
    for (source, place, reason) in [
        ("payload +", "line 1, column 10", "unexpected end of input"),
        ("", "line 1, column 1", "unexpected end of input"),
        ("payload foo", "line 1, column 9", "unexpected `foo`"),
        ("(payload", "line 1, column 9", "expected `)`, found end of input"),
        ("{\n  \"a\" payload\n}", "line 2, column 7", "expected `:`, found `payload`"),
        ("[1, 2)", "line 1, column 6", "`)`"),
        ("payload.\"x", "line 1, column 11", "string literal must be terminated"),
        ("$x := 1 ! 2", "line 1, column 9", "`!`"),
        ("é & ]", "line 1, column 5", "unexpected `]`"),
        ("topic ~> $contains(/a(?=b)/)", "line 1, column 20", "looks ahead"),
        ("topic ~> $contains(/(a)\\1/)", "line 1, column 20", "refers back"),
        ("1 & $moment(min).min ()", "line 1, column 18", "`min` of a moment is not supported"),
        ("$moment().locale(\n'de').\ninspect()", "line 3, column 1", "`inspect` of a moment"),
    ] {
        let error = Jsonata::compile(source).unwrap_err().to_string();
        assert!(error.contains(place), "{source}: {error}");
        assert!(error.contains(reason), "{source}: {error}");
    }
}

#[test]
fn regular_expressions_mean_what_they_mean_in_javascript() {
    let text = |text: &str| json!({ "payload": text });
    assert_eq!(value(r"$contains(payload, /^\d$/)", text("٣")), json!(false));
    assert_eq!(value(r"$replace(payload, /[[&]+/, '-')", text("a[&b")), json!("a-b"));
    assert_eq!(value(r"$match(payload, /(B)/i).match", text("abc")), json!("b"));
}

#[test]
fn a_failed_evaluation_names_the_expression_and_the_reason() {
    let error = error("payload + 1", json!({"payload": "x"}));
    assert!(error.starts_with("the JSONata expression `payload + 1` failed: "), "{error}");
    assert!(error.ends_with("(T2001)"), "{error}");
}

/// The error of an evaluation with lower limits, for a payload of 1,000 bytes.
pub(super) fn error_within(limits: Limits, source: &str) -> String {
    let node = idle_node("flow", &[("WHO", "Joe".into())]);
    let msg = message(json!({"payload": "x".repeat(1000)}));
    let expression = Jsonata::compile(source).unwrap();
    let found = expression.evaluate_within(&limits, (&msg).into(), &[], node.context());
    found.unwrap_err().error.to_string()
}

#[test]
fn nothing_grows_without_end() {
    // Long enough that it never expires in a test.
    let patient = Duration::from_secs(3600);
    let limits = Limits { time: patient, depth: 500, length: 1000, text: 100_000, value: 100_000 };
    for (source, bound) in [
        ("($f := function($x) { $f($x) + 1 }; $f(1))", "D1011"),
        ("[1..1001]", "D2015"),
        ("$reduce([1..60], function($a, $b) { $a & $a }, 'xxxxxxxx')", "100000 bytes of text"),
        ("$pad('x', 1000000000)", "100000 bytes of text"),
        ("$join($map([1..101], function() { payload }))", "100000 bytes of text"),
        ("$reduce([1..300], function($a, $b) { [[$a]] }, 1)", "nested deeper"),
        (
            "$reduce([1..40], function($a, $b) { {'l': $a, 'r': $a} }, 1)",
            "result takes more than 100000 bytes",
        ),
        ("$map([1..1000], function() { payload })", "result takes more than 100000 bytes"),
    ] {
        let error = error_within(limits, source);
        assert!(error.contains(bound), "{source}: {error}");
    }
    let error = error("$distinct([1..40000])", json!({}));
    assert!(error.contains("`$distinct` accepts at most 30000 elements"), "{error}");
}

#[test]
fn pictures_of_dates_that_the_interpreter_panics_at_are_errors() {
    for (picture, component) in [("[‰M01]", "‰"), ("[Y]-[ ,2]", ","), ("[[x]] [é", "é")] {
        for source in [
            format!("$fromMillis(0, '{picture}')"),
            format!("$toMillis('2020', '{picture}')"),
            format!("$now('{picture}')"),
        ] {
            let error = error(&source, json!({}));
            let expected = format!("unknown component specifier `{component}`");
            assert!(error.contains(&expected), "{source}: {error}");
        }
    }
    for picture in ["[Y, * - 7 0]", "[Y,99999999999-1]", &format!("[Y{}]", "0".repeat(64))] {
        let error = error(&format!("$fromMillis(0, '{picture}')"), json!({}));
        assert!(error.contains("more than 18 digits"), "{picture}: {error}");
    }
    assert_eq!(
        value("$fromMillis(0, '[[é]] [Y]-[M01]', '+0000')", json!({})),
        json!("[é] 1970-01")
    );
}

#[test]
fn an_input_that_shares_parts_enters_to_a_limit() {
    let node = idle_node("flow", &[]);
    let mut shared = Value::from("part");
    for _ in 0..40 {
        shared = vec![shared.clone(), shared].into();
    }
    let msg = Message::with_payload(shared);
    let evaluate = |source: &str| {
        let expression = Jsonata::compile(source).unwrap();
        let limits = Limits { value: 1 << 20, ..LIMITS };
        let found = expression.evaluate_within(&limits, (&msg).into(), &[], node.context());
        found.map_err(|failure| failure.error.to_string())
    };
    let error = evaluate("$count(payload)").unwrap_err();
    assert!(error.ends_with("failed: its input takes more than 1048576 bytes"), "{error}");
    assert_eq!(evaluate("1"), Ok(Some(Value::Number(1.0))));
}

#[test]
fn what_is_evaluated_for_a_message_has_the_limits_that_are_written_down() {
    for (source, bound) in [
        ("($f := function($x) { $f($x) + 1 }; $f(1))", "D1011"),
        ("[1..1000001]", "D2015"),
        ("$pad('x', 100000000)", "268435456 bytes of text"),
    ] {
        let error = error(source, json!({}));
        assert!(error.contains(bound), "{source}: {error}");
    }
    assert_eq!(value("$count([1..1000000])", json!({})), json!(1_000_000));
}

#[test]
fn an_expression_that_would_never_end_is_stopped() {
    let limits = Limits { time: Duration::from_millis(20), ..LIMITS };
    let error = error_within(limits, "($f := function($x) { $f($x) }; $f(1))");
    assert!(error.contains("D1012"), "{error}");
}

#[test]
fn a_hostile_expression_is_refused_at_once() {
    for source in ["[".repeat(4000), "(".repeat(100_000), "a.".repeat(5000), "1 1".repeat(9000)] {
        assert!(Jsonata::compile(&source).is_err());
    }
}

#[test]
fn eval_has_the_functions_that_the_expression_has() {
    let data = || json!({"n": 2, "list": [{"n": 1}, {"n": 3}], "text": " a\u{a0}", "e": "n * 2"});
    for (source, expected) in [
        ("$eval('$base64encode(\"hé\")')", json!("aOk=")),
        ("$eval('$trim(text)')", json!("a\u{a0}")),
        ("$eval('text.$trim()')", json!("a\u{a0}")),
        ("$eval('$formatBase(n, 2)') & $eval('$formatNumber(2.5, \"0\")')", json!("102")),
        ("$eval('$reduce([], function($a, $b) { $a + $b })')", json!(null)),
        ("$eval('list.n[] ~> $map(function($v) { $v })')", json!([1, 3])),
        ("$eval('$env(\"none\") & $clone(n)')", json!("2")),
        ("$eval('$moment(\"2024-05-01T00:00:00Z\").utc().year()')", json!(2024)),
        ("$eval('$random() >= 0')", json!(true)),
        ("$eval(\"$eval('$base64encode(\\\"é\\\")')\")", json!("6Q==")),
        // Its place, its context and its variables.
        ("$eval(e)", json!(4)),
        ("list.$eval('n + 1')", json!([2, 4])),
        ("$eval('n', list[1])", json!(3)),
        ("$eval('n', list)", json!([1, 3])),
        ("$eval('n', $none)", json!(2)),
        ("$eval('$.n', $eval('list[0]'))", json!(1)),
        ("($x := 5; $eval('$x + n'))", json!(7)),
        ("($f := function($x) { $eval('$x * 2') }; $map([1, 2], $f))", json!([2, 4])),
        ("($x := 1; $eval('($x := 2; $x)') + $x)", json!(3)),
        ("($eval('$x := 5'); $x)", json!(5)),
        ("$eval('($f := function($n) { $n <= 1 ? 1 : $n * $f($n - 1) }; $f(5))')", json!(120)),
        ("'n' ~> $eval", json!(2)),
        ("'n' ~> $eval(list[0])", json!(1)),
        ("$map(['1+1', '2+2'], function($e) { $eval($e) })", json!([2, 4])),
        ("$eval(nothing)", json!(null)),
        ("[$eval('[]')]", json!([])),
        ("($eval := function($x) { 'mine' }; $eval('n'))", json!("mine")),
    ] {
        assert_eq!(value(source, data()), expected, "{source}");
    }
}

#[test]
fn errors_in_eval_say_that_they_are_and_its_limits_are_those_of_the_expression() {
    for (source, expected) in [
        (
            "$eval('1 +')",
            "invalid JSONata expression at line 1, column 4: unexpected end of input (D3120)",
        ),
        ("$eval('$no()')", "in the text given to `$eval`: "),
        (
            "$eval('$number(\"x\")')",
            "in the text given to `$eval`: invalid number `x` (D3030) (D3121)",
        ),
        ("$eval(5)", "argument 1 of function eval does not match its signature (T0410)"),
        ("$eval('/(?<=a/')", "(D3120)"),
        ("$eval('$pad(\"\", 1000000000)')", "it creates more than"),
    ] {
        let text = error(source, json!({}));
        assert!(text.contains(expected), "{source}: {text}");
    }
    let after = error("$eval('1') + $number('x')", json!({}));
    assert!(!after.contains("D3121"), "{after}");
}
