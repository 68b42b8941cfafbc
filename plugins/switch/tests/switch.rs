//! How `switch` routes messages.

use ferrowire::{BigInt, Date, Message, Value};
use ferrowire_plugin_switch as _;
use ferrowire_testkit::{Harness, assert_compliant, json, linked, message};
use serde_json::Value as Json;

/// The outputs that a message takes.
async fn ports(config: Json, msg: Json) -> Vec<usize> {
    let mut node = Harness::of("switch").config(config.clone()).env("WHO", "Joe").start().await;
    node.send(message(msg)).await;
    let stopped = node.stop().await;
    assert!(stopped.errors.is_empty(), "{config}: {:?}", stopped.errors);
    (0..8).filter(|port| !stopped.outputs[*port].is_empty()).collect()
}

async fn assert_rule(rule: Json, payload: Json, matches: bool) {
    let config = json!({"rules": [rule], "property": "payload", "propertyType": "msg"});
    let msg = if payload == json!("undefined") {
        json!({})
    } else {
        json!({"payload": payload, "topic": "b"})
    };
    let expected: &[usize] = if matches { &[0] } else { &[] };
    assert_eq!(ports(config.clone(), msg).await, expected, "{config} {payload}");
}

#[tokio::test(start_paused = true)]
async fn it_keeps_to_the_contract() {
    let config = json!({"property": "payload", "propertyType": "msg", "checkall": "true", "repair": true, "outputs": 3,
        "rules": [{"t": "eq", "v": "text", "vt": "str"}, {"t": "btwn", "v": "1", "vt": "num", "v2": "2", "v2t": "num"},
            {"t": "regex", "v": "a+", "vt": "str", "case": true}, {"t": "tail", "v": "1", "vt": "num"}, {"t": "else"}]});
    let without_sequence = json!({"property": "payload", "rules": [{"t": "regex", "v": "a+", "vt": "str"}, {"t": "else"}]});
    assert_compliant(linked("switch"), config).await;
    assert_compliant(linked("switch"), without_sequence).await;
}

#[tokio::test(start_paused = true)]
async fn comparisons_are_those_of_javascript() {
    for (t, v, vt, payload, matches) in [
        ("eq", "5", "num", json!("5"), true),
        ("eq", "a", "str", json!("a"), true),
        ("eq", "a", "str", json!("b"), false),
        ("eq", "Joe", "str", json!(null), false),
        ("neq", "5", "num", json!(5), false),
        ("neq", "5", "num", json!("undefined"), true),
        ("lt", "3", "num", json!(2), true),
        ("lt", "10", "str", json!("9"), false),
        ("lte", "3", "num", json!(3), true),
        ("gt", "3", "num", json!("x"), false),
        ("gte", "3", "num", json!("3"), true),
        ("cont", "ell", "str", json!("hello"), true),
        ("cont", "1", "num", json!([1, 2]), true),
        ("regex", "^[a-c]+$", "str", json!("abc"), true),
        ("regex", "^[A-C]+$", "str", json!("abc"), false),
        ("eq", "topic", "msg", json!("b"), true),
        ("eq", "WHO", "env", json!("Joe"), true),
        ("hask", "a", "str", json!({"a": null}), true),
        ("hask", "b", "str", json!({"a": 1}), false),
        ("hask", "topic", "msg", json!({"b": 1}), true),
    ] {
        assert_rule(json!({"t": t, "v": v, "vt": vt}), payload, matches).await;
    }
    assert_rule(json!({"t": "regex", "v": "ABC", "vt": "str", "case": true}), json!("abc"), true)
        .await;
    assert_rule(json!({"t": "eq", "v": "5"}), json!(5), true).await;
    for (payload, matches) in
        [(json!(3), true), (json!(5), true), (json!(7), true), (json!(8), false)]
    {
        let rule = json!({"t": "btwn", "v": "7", "vt": "num", "v2": "3", "v2t": "num"});
        assert_rule(rule, payload, matches).await;
    }
}

#[tokio::test(start_paused = true)]
async fn rules_without_a_value_look_at_the_property_alone() {
    for (t, yes, no) in [
        ("true", json!(true), json!("true")),
        ("false", json!(false), json!(0)),
        ("null", json!(null), json!(0)),
        ("null", json!("undefined"), json!("")),
        ("nnull", json!(0), json!(null)),
        ("empty", json!(""), json!("a")),
        ("empty", json!([]), json!([1])),
        ("empty", json!({}), json!(0)),
        ("nempty", json!([1]), json!([])),
        ("nempty", json!({"a": 1}), json!(null)),
    ] {
        assert_rule(json!({"t": t}), yes, true).await;
        assert_rule(json!({"t": t}), no, false).await;
    }
}

#[tokio::test(start_paused = true)]
async fn types_are_told_apart() {
    let values = [
        ("string", json!("a")),
        ("number", json!(1)),
        ("boolean", json!(true)),
        ("array", json!([])),
        ("object", json!({})),
        ("undefined", json!("undefined")),
        ("null", json!(null)),
    ];
    for (name, _) in &values {
        for (other, payload) in &values {
            assert_rule(
                json!({"t": "istype", "v": name, "vt": name}),
                payload.clone(),
                name == other,
            )
            .await;
        }
    }
    assert_rule(json!({"t": "istype", "v": "json", "vt": "json"}), json!("{\"a\":1}"), true).await;
    assert_rule(json!({"t": "istype", "v": "json", "vt": "json"}), json!("{a"), false).await;
    let config =
        json!({"rules": [{"t": "istype", "v": "buffer", "vt": "buffer"}], "property": "payload"});
    let mut node = Harness::of("switch").config(config).start().await;
    node.send(Message::with_payload(vec![1u8])).await;
    assert_eq!(node.stop().await.outputs[0].len(), 1);
}

#[tokio::test(start_paused = true)]
async fn undefined_dates_and_big_ints_are_told_apart() {
    let date = |millis| Value::from(Date::from_millis(millis));
    for (rule, payload, matches) in [
        (json!({"t": "null"}), Value::Undefined, true),
        (json!({"t": "nnull"}), Value::Undefined, false),
        (json!({"t": "istype", "v": "undefined", "vt": "undefined"}), Value::Undefined, true),
        (json!({"t": "istype", "v": "null", "vt": "null"}), Value::Undefined, false),
        (json!({"t": "istype", "v": "object", "vt": "object"}), date(0.0), true),
        (json!({"t": "istype", "v": "string", "vt": "string"}), date(0.0), false),
        (json!({"t": "empty"}), date(0.0), true),
        (json!({"t": "nnull"}), date(0.0), true),
        (json!({"t": "gt", "v": "999", "vt": "num"}), date(1000.0), true),
        (json!({"t": "gt", "v": "1000", "vt": "num"}), date(1000.0), false),
        (json!({"t": "cont", "v": "1970", "vt": "str"}), date(1e10), true),
        (json!({"t": "eq", "v": "10", "vt": "num"}), BigInt::from(10).into(), true),
        (json!({"t": "istype", "v": "number", "vt": "number"}), BigInt::from(10).into(), false),
    ] {
        let config = json!({"rules": [rule], "property": "payload", "propertyType": "msg"});
        let mut node = Harness::of("switch").config(config.clone()).start().await;
        node.send(Message::with_payload(payload)).await;
        assert_eq!(node.stop().await.outputs[0].len(), usize::from(matches), "{config}");
    }
}

#[tokio::test(start_paused = true)]
async fn all_rules_or_the_first_that_matches() {
    let rules = json!([{"t": "gt", "v": "1", "vt": "num"}, {"t": "gt", "v": "2", "vt": "num"}, {"t": "else"}]);
    let config = |all: &str| json!({"rules": rules, "property": "payload", "checkall": all});
    assert_eq!(ports(config("true"), json!({"payload": 3})).await, [0, 1]);
    assert_eq!(ports(config("false"), json!({"payload": 3})).await, [0]);
    assert_eq!(ports(config("true"), json!({"payload": 0})).await, [2]);
    let twice = json!({"rules": [{"t": "else"}, {"t": "else"}], "property": "payload"});
    assert_eq!(
        ports(twice, json!({"payload": 0})).await,
        [0],
        "an `else` that matches counts as a match for the next"
    );
}

#[tokio::test(start_paused = true)]
async fn the_previous_value_can_be_compared_with() {
    let config = json!({"rules": [{"t": "gt", "v": "", "vt": "prev"}], "property": "payload"});
    let mut node = Harness::of("switch").config(config).start().await;
    for payload in [1, 0, 5, 5, 6] {
        node.send(Message::with_payload(payload)).await;
    }
    let stopped = node.stop().await;
    let passed: Vec<_> =
        stopped.outputs[0].iter().map(|msg| msg.payload().unwrap().to_json()).collect();
    assert_eq!(passed, ["1", "5", "6"]);
}

/// `[payload, parts.index, parts.count]` of the messages that leave each output.
async fn sequence(rules: Json, repair: bool, count_at_end: bool) -> Vec<Vec<String>> {
    let config = json!({"rules": rules, "property": "payload", "repair": repair});
    let mut node = Harness::of("switch").config(config).start().await;
    for index in 0..4 {
        let mut parts = json!({"id": "s", "index": index});
        if !count_at_end || index == 3 {
            parts["count"] = json!(4);
        }
        node.send(message(json!({"payload": index, "parts": parts}))).await;
    }
    let stopped = node.stop().await;
    assert!(stopped.errors.is_empty(), "{:?}", stopped.errors);
    let brief = |msg: &Message| {
        let part = |name| msg.get("parts").and_then(|parts| parts.get(name)).cloned();
        Value::from(vec![
            Value::from(msg.payload().cloned()),
            part("index").into(),
            part("count").into(),
        ])
        .to_json()
    };
    stopped.outputs[..3].iter().map(|port| port.iter().map(brief).collect()).collect()
}

#[tokio::test(start_paused = true)]
async fn sequences_are_cut_by_place() {
    let rules = json!([{"t": "head", "v": "1", "vt": "num"}, {"t": "index", "v": "1", "vt": "num", "v2": "2", "v2t": "num"},
        {"t": "tail", "v": "1", "vt": "num"}]);
    for count_at_end in [false, true] {
        let routed = sequence(rules.clone(), false, count_at_end).await;
        assert_eq!(routed, [vec!["[0,0,4]"], vec!["[1,1,4]", "[2,2,4]"], vec!["[3,3,4]"]]);
    }
}

#[tokio::test(start_paused = true)]
async fn repaired_sequences_are_numbered_anew() {
    let rules = json!([{"t": "lt", "v": "1", "vt": "num"}, {"t": "else"}]);
    let routed = sequence(rules, true, false).await;
    assert_eq!(routed, [vec!["[0,0,1]"], vec!["[1,0,3]", "[2,1,3]", "[3,2,3]"], vec![]]);
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_cannot_be_asked_is_an_error() {
    for (rule, text) in [
        (json!({"t": "head", "v": "1", "vt": "num"}), "`msg.parts` is missing"),
        (json!({"t": "regex", "v": "payload", "vt": "msg"}), "invalid regular expression"),
    ] {
        let mut node = Harness::of("switch")
            .config(json!({"rules": [rule], "property": "payload"}))
            .start()
            .await;
        node.send(Message::with_payload("(")).await;
        let error = node.next_error().await;
        assert!(error.contains(text), "{error}");
        node.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_missing_property_is_undefined() {
    for config in [
        json!({"rules": [{"t": "null"}], "property": "a.b.c"}),
        json!({"rules": [{"t": "null"}, {"t": true}]}),
    ] {
        assert_eq!(ports(config, json!({"payload": true})).await, [0]);
    }
}

#[tokio::test(start_paused = true)]
async fn rules_without_quotes_and_expressions_that_look_around_work() {
    let config = json!({"property": "payload", "rules": [{"t": true}, {"t": false}]});
    assert_eq!(ports(config.clone(), json!({"payload": true})).await, [0]);
    assert_eq!(ports(config, json!({"payload": false})).await, [1]);
    let config = json!({"property": "payload", "rules": [
        {"t": "regex", "v": r"^(?!stop)\w+$", "vt": "str"}, {"t": "regex", "v": r"(.)\1", "vt": "str"}
    ]});
    assert_eq!(ports(config.clone(), json!({"payload": "good"})).await, [0, 1]);
    assert!(ports(config, json!({"payload": "stop"})).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_expression_that_backtracks_without_end_fails_the_message() {
    let config = json!({"property": "payload", "rules": [
        {"t": "regex", "v": r"^(?:(a)|\1a|a)*(?=c)", "vt": "str"}
    ]});
    let mut node = Harness::of("switch").config(config).start().await;
    node.send(message(json!({"payload": "a".repeat(50)}))).await;
    let error = node.next_error().await;
    assert!(error.contains("steps back"), "{error}");
    node.stop().await;
}

#[tokio::test]
async fn problems_of_the_configuration_are_named() {
    for (rule, property, text) in [
        (
            json!({"t": "jsonata_exp", "v": "a b", "vt": "jsonata"}),
            "rules[0].v",
            "line 1, column 3",
        ),
        (json!({"t": "eq", "v": "x", "vt": "num"}), "rules[0].v", "not a number"),
        (json!({"t": "regex", "v": "(", "vt": "str"}), "rules[0].v", "unclosed group"),
        (json!({"t": "istype", "v": "color", "vt": "color"}), "rules[0].v", "invalid type `color`"),
        (json!({"t": "what"}), "rules[0].t", "invalid rule `what`"),
        (json!(5), "rules[0]", "expected an object"),
    ] {
        let problems = Harness::of("switch")
            .config(json!({"rules": [rule], "property": "payload"}))
            .problems();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!(problems[0].property, property);
        assert!(problems[0].text.contains(text), "{problems:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_expression_decides_with_the_place_in_the_sequence() {
    let rule = |v: &str| json!({"rules": [{"t": "jsonata_exp", "v": v, "vt": "jsonata"}]});
    let parts = json!({"payload": 5, "parts": {"id": "s", "index": 1, "count": 3}});
    for (expression, matches) in [
        ("payload > 4", true),
        ("payload > 5", false),
        ("payload", false),
        ("$I = 1 and $N = 3", true),
    ] {
        let expected: &[usize] = if matches { &[0] } else { &[] };
        assert_eq!(ports(rule(expression), parts.clone()).await, expected, "{expression}");
    }
}

#[tokio::test(start_paused = true)]
async fn expressions_give_the_property_and_what_it_is_compared_with() {
    let config = json!({"property": "payload * 2", "propertyType": "jsonata", "rules": [
        {"t": "eq", "v": "limit + 1", "vt": "jsonata"},
        {"t": "btwn", "v": "limit", "vt": "jsonata", "v2": "limit + 5", "v2t": "jsonata"}
    ]});
    assert_eq!(ports(config, json!({"payload": 4, "limit": 7})).await, [0, 1]);
}

#[tokio::test(start_paused = true)]
async fn an_expression_that_fails_fails_the_message() {
    for config in [
        json!({"property": "payload + 1", "propertyType": "jsonata", "rules": [{"t": "else"}]}),
        json!({"rules": [{"t": "eq", "v": "payload + 1", "vt": "jsonata"}]}),
        json!({"rules": [{"t": "jsonata_exp", "v": "payload + 1", "vt": "jsonata"}]}),
    ] {
        let mut node = Harness::of("switch").config(config).start().await;
        node.send(message(json!({"payload": "x"}))).await;
        let error = node.next_error().await;
        assert!(error.contains("the JSONata expression `payload + 1` failed"), "{error}");
        assert!(node.stop().await.outputs.iter().all(Vec::is_empty));
    }
}

const BOUND: usize = 65_536;
const LENGTH: usize = 64;

/// Sends message number `at`: `LENGTH` messages per sequence, all of which stay incomplete.
async fn send_endless(node: &mut Harness, at: usize) {
    let (id, index) = (at / LENGTH, at % LENGTH);
    node.send(message(json!({"payload": [id, index], "parts": {"id": id, "index": index}}))).await;
    if index == 0 {
        // The records of the harness are bounded as well.
        node.completed();
    }
}

#[tokio::test(start_paused = true)]
async fn every_message_that_finds_no_room_is_caught_and_the_rest_goes_on() {
    let config = json!({"rules": [{"t": "else"}], "property": "payload", "repair": true});
    let mut node = Harness::of("switch").config(config).watched().start().await;
    for at in 0..BOUND {
        send_endless(&mut node, at).await;
    }
    assert!(node.errors().is_empty());
    const DROPPED: usize = 40;
    for at in BOUND..BOUND + DROPPED * LENGTH {
        send_endless(&mut node, at).await;
        // The first message of a sequence makes room: the oldest one is dropped.
        if at % LENGTH == 0 {
            let oldest = (at - BOUND) / LENGTH;
            for index in 0..LENGTH {
                let caught = node.next_caught().await;
                assert_eq!(caught.payload(), Some(&json!([oldest, index]).into()));
                assert!(node.next_error().await.ends_with("was dropped with 64 of them"));
            }
        }
    }
    assert!(node.errors().is_empty() && node.outputs(0).is_empty(), "nothing else is lost");
    for id in [DROPPED + 1, BOUND / LENGTH] {
        let parts = json!({"id": id, "index": LENGTH, "count": LENGTH + 1});
        node.send(message(json!({"parts": parts}))).await;
        assert_eq!(node.outputs(0).len(), LENGTH + 1, "a sequence that stayed leaves whole");
    }
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_sequence_alone_keeps_what_it_has_and_the_newest_message_is_caught() {
    let config = json!({"rules": [{"t": "else"}], "property": "payload", "repair": true});
    let mut node = Harness::of("switch").config(config).watched().start().await;
    let one = |index| message(json!({"payload": index, "parts": {"id": 0, "index": index}}));
    for index in 0..BOUND {
        node.send(one(index)).await;
        if index % LENGTH == 0 {
            node.completed();
        }
    }
    assert!(node.errors().is_empty());
    for index in BOUND..BOUND + 3 {
        node.send(one(index)).await;
        assert_eq!(node.next_caught().await.payload(), Some(&index.into()));
        assert!(node.next_error().await.contains("65536 messages of its sequence wait"));
    }
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn every_message_of_a_sequence_whose_rule_fails_is_caught() {
    let rule = json!({"t": "jsonata_exp", "v": "payload + 1", "vt": "jsonata"});
    let config = json!({"rules": [rule, {"t": "tail", "v": "9", "vt": "num"}]});
    let mut node = Harness::of("switch").config(config).watched().start().await;
    for (index, payload) in ["a", "b"].iter().enumerate() {
        let parts = json!({"id": "s", "index": index, "count": 2});
        node.send(message(json!({"payload": payload, "parts": parts}))).await;
    }
    for payload in ["a", "b"] {
        assert_eq!(node.next_caught().await.payload(), Some(&payload.into()));
    }
    node.stop().await;
}
