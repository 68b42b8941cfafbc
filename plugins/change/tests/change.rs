//! The effects of the rules of `change`.

use ferrowire::{BigInt, Date, Level, Map, Message, Value};
use ferrowire_plugin_change as _;
use ferrowire_testkit::{Harness, assert_compliant, json, linked, message};
use serde_json::Value as Json;

async fn run(config: Json, msg: Message) -> (Message, Vec<(Level, String)>) {
    let mut node = Harness::of("change").config(config).env("WHO", "Joe").start().await;
    node.send(msg).await;
    let mut msg = node.next_output(0).await;
    msg.remove("_msgid");
    let stopped = node.stop().await;
    assert!(stopped.errors.is_empty(), "{:?}", stopped.errors);
    assert!(stopped.outputs.iter().all(Vec::is_empty), "more than one message");
    (msg, stopped.logs)
}

/// Checks the result of rules for a message, and that nothing is logged.
async fn assert_rules(rules: Json, before: Json, after: Json) {
    assert_config(json!({"rules": rules}), before, after).await;
}

async fn assert_config(config: Json, before: Json, after: Json) {
    let (msg, logs) = run(config.clone(), message(before)).await;
    assert_eq!(Value::from(msg), after.into(), "{config}");
    assert!(logs.is_empty(), "{logs:?}");
}

/// Checks one rule that replaces a part of the payload.
async fn assert_changes(from: [Json; 2], to: [Json; 2], before: Json, after: Json) {
    let rule = json!({"t": "change", "p": "payload", "pt": "msg",
        "from": from[0], "fromt": from[1], "to": to[0], "tot": to[1]});
    let context = json!({"topic": "ABC", "n": 5, "b": true});
    let payload = |payload: Json| {
        let mut msg = context.clone();
        msg["payload"] = payload;
        msg
    };
    assert_rules(json!([rule]), payload(before), payload(after)).await;
}

fn problem(config: Json) -> (String, String) {
    let problems = Harness::of("change").config(config).problems();
    assert_eq!(problems.len(), 1, "{problems:?}");
    (problems[0].property.clone(), problems[0].text.clone())
}

#[tokio::test(start_paused = true)]
async fn without_rules_messages_pass_unchanged() {
    for config in [json!({}), json!({"rules": []}), json!({"rules": null, "action": ""})] {
        assert_config(config, json!({"payload": [1]}), json!({"payload": [1]})).await;
    }
}

#[tokio::test(start_paused = true)]
async fn set_takes_every_type_of_value() {
    for (kind, to, after) in [
        ("str", json!("text"), json!("text")),
        ("num", json!("123"), json!(123)),
        ("bool", json!("true"), json!(true)),
        ("json", json!(r#"{"a":[1]}"#), json!({"a": [1]})),
        ("env", json!("WHO"), json!("Joe")),
        ("env", json!("I am ${WHO}"), json!("I am Joe")),
        ("msg", json!("topic"), json!("t")),
        ("msg", json!("msg.topic"), json!("t")),
        ("msg", json!("topic.length"), json!(1)),
    ] {
        let rules = json!([{"t": "set", "p": "payload", "pt": "msg", "to": to, "tot": kind}]);
        let before = json!({"payload": "old", "topic": "t"});
        assert_rules(rules, before, json!({"payload": after, "topic": "t"})).await;
    }
}

#[tokio::test(start_paused = true)]
async fn set_makes_buffers_and_dates() {
    let rules = json!([
        {"t": "set", "p": "payload", "to": "[72,105]", "tot": "bin"},
        {"t": "set", "p": "now", "to": "", "tot": "date"},
        {"t": "set", "p": "iso", "to": "iso", "tot": "date"}
    ]);
    let (msg, _) = run(json!({"rules": rules}), Message::new()).await;
    assert_eq!(msg.payload(), Some(&vec![72u8, 105].into()));
    assert!(msg.get("now").and_then(Value::as_f64).is_some_and(|now| now > 1.6e12));
    assert!(msg.get("iso").and_then(Value::as_str).is_some_and(|iso| iso.ends_with('Z')));
}

#[tokio::test(start_paused = true)]
async fn set_reaches_inside_and_creates_what_is_missing() {
    let set = |p: &str, to: &str, tot: &str| json!([{"t": "set", "p": p, "to": to, "tot": tot}]);
    let list = vec![Value::Undefined, json!({"c": "x"}).into()];
    let (msg, _) = run(json!({"rules": set("a.b[1].c", "x", "str")}), Message::new()).await;
    assert_eq!(msg.get("a").and_then(|a| a.get("b")), Some(&list.into()));
    let before = json!({"a": {"b": 1}});
    assert_rules(set("a.b", "x", "str"), before, json!({"a": {"b": "x"}})).await;
    let lookup = json!({"payload": 0, "lookup": {"a": 1, "b": 2}, "topic": "b"});
    let mut after = lookup.clone();
    after["payload"] = json!(2);
    assert_rules(set("payload", "lookup[msg.topic]", "msg"), lookup.clone(), after).await;
    let mut after = lookup.clone();
    after["lookup"]["b"] = json!(0);
    assert_rules(set("lookup[msg.topic]", "payload", "msg"), lookup, after).await;
}

#[tokio::test(start_paused = true)]
async fn set_to_something_undefined_deletes_and_to_null_sets_null() {
    let rules = json!([{"t": "set", "p": "payload", "to": "foo", "tot": "msg"}]);
    assert_rules(rules.clone(), json!({"payload": 1}), json!({})).await;
    let null = json!({"payload": null, "foo": null});
    assert_rules(rules, json!({"payload": 1, "foo": null}), null).await;
}

#[tokio::test(start_paused = true)]
async fn undefined_dates_and_big_ints_are_moved_set_and_deleted() {
    let date = Value::from(Date::from_millis(5.0));
    let properties = [
        ("payload", 1.into()),
        ("when", date.clone()),
        ("big", BigInt::from(7).into()),
        ("list", vec![Value::Undefined, date.clone()].into()),
        ("none", Value::Undefined),
        ("gone", Value::Undefined),
    ];
    let rules = json!([
        {"t": "set", "p": "a", "to": "when", "tot": "msg"},
        {"t": "set", "p": "b", "to": "list[1]", "tot": "jsonata"},
        {"t": "set", "p": "payload", "to": "none", "tot": "msg"},
        {"t": "set", "p": "list[0].x", "to": "big", "tot": "msg"},
        {"t": "move", "p": "big", "to": "c.d", "tot": "msg"},
        {"t": "change", "p": "when", "from": "1", "to": "2", "fromt": "str", "tot": "str"},
        {"t": "delete", "p": "gone", "pt": "msg"},
        {"t": "set", "p": "now", "to": "object", "tot": "date"}
    ]);
    let (mut msg, logs) = run(json!({"rules": rules}), Map::from_iter(properties).into()).await;
    assert!(logs.is_empty(), "{logs:?}");
    assert!(msg.remove("now").unwrap().as_date().unwrap().millis() > 1.6e12);
    msg.remove("_msgid");
    let inside = |name, value: Value| Value::from(Map::from_iter([(name, value)]));
    let expected = [
        ("when", date.clone()),
        ("list", vec![inside("x", BigInt::from(7).into()), date.clone()].into()),
        ("none", Value::Undefined),
        ("a", date.clone()),
        ("b", date),
        ("c", inside("d", BigInt::from(7).into())),
    ];
    assert_eq!(msg, Map::from_iter(expected).into());
}

#[tokio::test(start_paused = true)]
async fn set_from_inside_something_missing_does_nothing() {
    let rules = json!([{"t": "set", "p": "payload", "to": "foo.bar", "tot": "msg"}]);
    assert_rules(rules, json!({"payload": 1}), json!({"payload": 1})).await;
}

#[tokio::test(start_paused = true)]
async fn set_inside_a_text_is_left_out_with_a_warning() {
    let rules = json!([
        {"t": "set", "p": "payload.a", "to": "x"}, {"t": "set", "p": "topic", "to": "next"}
    ]);
    let (msg, logs) = run(json!({"rules": rules}), message(json!({"payload": "text"}))).await;
    assert_eq!(msg.to_json(), r#"{"payload":"text","topic":"next"}"#);
    assert_eq!(logs.len(), 1);
    assert_eq!(logs[0].0, Level::Warn);
    assert!(logs[0].1.starts_with("property `payload.a` is left out"), "{logs:?}");
}

#[tokio::test(start_paused = true)]
async fn a_copy_does_not_follow_its_original() {
    for deep in [json!(true), json!(false), json!(null)] {
        let rules = json!([
            {"t": "set", "p": "payload", "to": "source", "tot": "msg", "dc": deep},
            {"t": "set", "p": "source.a.c", "to": "3", "tot": "num"}
        ]);
        let after = json!({"source": {"a": {"b": 2, "c": 3}}, "payload": {"a": {"b": 2}}});
        assert_rules(rules, json!({"source": {"a": {"b": 2}}}), after).await;
    }
}

#[tokio::test(start_paused = true)]
async fn change_replaces_every_occurrence_in_a_text() {
    let text = |from: &str, to: &str| ([json!(from), json!("str")], [json!(to), json!("str")]);
    for (from, to, before, after) in [
        ("Hello", "Goodbye", json!("Hello World! Hello"), json!("Goodbye World! Goodbye")),
        ("a.c", "x", json!("abc a.c"), json!("abc x")),
        ("x", "$& $$", json!("axb"), json!("ax $b")),
        ("Hello", "x", json!("nothing"), json!("nothing")),
        ("5", "x", json!(5), json!(5)),
        ("true", "x", json!(true), json!(true)),
        ("a", "x", json!(["a"]), json!(["a"])),
    ] {
        let (from, to) = text(from, to);
        assert_changes(from, to, before, after).await;
    }
}

#[tokio::test(start_paused = true)]
async fn change_takes_the_type_of_the_replacement_when_all_of_a_text_matches() {
    let from = || [json!("123"), json!("str")];
    for (to, part, whole) in [
        ([json!("456"), json!("num")], json!("Change456Me"), json!(456)),
        ([json!("true"), json!("bool")], json!("ChangetrueMe"), json!(true)),
        ([json!("[1,2]"), json!("json")], json!("Change1,2Me"), json!([1, 2])),
        ([json!(r#"{"a":1}"#), json!("json")], json!("Change[object Object]Me"), json!({"a": 1})),
        ([json!("WHO"), json!("env")], json!("ChangeJoeMe"), json!("Joe")),
        ([json!("n"), json!("msg")], json!("Change5Me"), json!(5)),
    ] {
        assert_changes(from(), to.clone(), json!("Change123Me"), part).await;
        assert_changes(from(), to, json!("123"), whole).await;
    }
}

#[tokio::test(start_paused = true)]
async fn change_to_something_undefined_deletes_a_whole_match() {
    let rules = json!([{"t": "change", "p": "payload", "from": "a", "to": "none", "tot": "msg"}]);
    assert_rules(rules.clone(), json!({"payload": "a"}), json!({})).await;
    assert_rules(rules, json!({"payload": "ab"}), json!({"payload": "undefinedb"})).await;
}

#[tokio::test(start_paused = true)]
async fn change_understands_regular_expressions_and_their_groups() {
    for (from, to, before, after) in [
        (r"\d+", [json!("N"), json!("str")], json!("12 and 14"), json!("N and N")),
        (
            "(Hello)",
            [json!("$1-$1"), json!("str")],
            json!("Hello World"),
            json!("Hello-Hello World"),
        ),
        ("on", [json!("true"), json!("bool")], json!("on"), json!(true)),
        ("off", [json!("false"), json!("bool")], json!("off"), json!(false)),
        ("on", [json!("true"), json!("bool")], json!("once"), json!("truece")),
        ("on", [json!("true"), json!("bool")], json!("true"), json!(true)),
        ("on", [json!("true"), json!("bool")], json!("false"), json!("false")),
        (r"\d+", [json!("7"), json!("num")], json!("12"), json!("7")),
        (r"\d+", [json!("7"), json!("num")], json!(12), json!(12)),
    ] {
        assert_changes([json!(from), json!("re")], to, before, after).await;
    }
}

#[tokio::test(start_paused = true)]
async fn change_finds_numbers_and_booleans() {
    let to = || [json!("x"), json!("str")];
    for (from, before, after) in [
        ([json!("123"), json!("num")], json!(123), json!("x")),
        ([json!(123), json!("num")], json!(123), json!("x")),
        ([json!("123"), json!("num")], json!("123"), json!("x")),
        ([json!("123"), json!("num")], json!("a123"), json!("ax")),
        ([json!("123"), json!("num")], json!(124), json!(124)),
        ([json!("true"), json!("bool")], json!(true), json!("x")),
        ([json!("true"), json!("bool")], json!("true"), json!("x")),
        ([json!("true"), json!("bool")], json!(false), json!(false)),
        ([json!("true"), json!("bool")], json!("untrue"), json!("unx")),
    ] {
        assert_changes(from, to(), before, after).await;
    }
}

#[tokio::test(start_paused = true)]
async fn change_looks_for_properties_and_variables() {
    let to = || [json!("123"), json!("str")];
    for (from, before, after) in [
        ([json!("topic"), json!("msg")], json!("abcABCabc"), json!("abc123abc")),
        ([json!("n"), json!("msg")], json!(5), json!("123")),
        ([json!("n"), json!("msg")], json!("5"), json!("5")),
        ([json!("b"), json!("msg")], json!(true), json!("123")),
        ([json!("none.deeper"), json!("msg")], json!("a"), json!("a")),
        ([json!("WHO"), json!("env")], json!("Joe and Joe"), json!("123 and 123")),
    ] {
        assert_changes(from, to(), before, after).await;
    }
}

#[tokio::test(start_paused = true)]
async fn change_fails_a_message_that_names_something_that_cannot_be_looked_for() {
    for (found, name) in [(json!(null), "null"), (json!([1]), "array"), (json!({}), "object")] {
        let rules = json!([{"t": "change", "p": "payload", "from": "x", "fromt": "msg", "to": ""}]);
        let mut node = Harness::of("change").config(json!({"rules": rules})).start().await;
        node.send(message(json!({"payload": "a", "x": found}))).await;
        node.send(message(json!({"payload": "a"}))).await;
        let expected = format!("cannot look for a value of type {name}");
        assert_eq!(node.next_error().await, expected);
        assert!(node.next_error().await.ends_with("undefined"));
        assert!(node.stop().await.outputs[0].is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn change_reaches_inside_and_leaves_what_is_missing() {
    let rules = json!([{"t": "change", "p": "foo.bar", "from": "Hello", "to": "Bye"}]);
    let after = json!({"foo": {"bar": "Bye!"}});
    assert_rules(rules.clone(), json!({"foo": {"bar": "Hello!"}}), after).await;
    assert_rules(rules, json!({"payload": "Hello"}), json!({"payload": "Hello"})).await;
}

#[tokio::test(start_paused = true)]
async fn delete_removes_a_property_and_leaves_the_rest() {
    let delete = |p: &str| json!([{"t": "delete", "p": p, "pt": "msg"}]);
    let before = || json!({"payload": 1, "_session": {"id": "x"}, "foo": {"bar": [1, 2, 3]}});
    let after = json!({"payload": 1, "foo": {"bar": [1, 2, 3]}});
    assert_rules(delete("_session"), before(), after).await;
    let after = json!({"payload": 1, "_session": {"id": "x"}, "foo": {"bar": [1, 3]}});
    assert_rules(delete("foo.bar[1]"), before(), after).await;
    for missing in ["none", "none.deeper", "payload.x", "foo.bar[7]"] {
        assert_rules(delete(missing), before(), before()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn move_takes_a_value_to_another_place() {
    let moved =
        |p: &str, to: &str| json!([{"t": "move", "p": p, "pt": "msg", "to": to, "tot": "msg"}]);
    for (p, to, before, after) in [
        ("topic", "payload", json!({"topic": "t", "payload": {}}), json!({"payload": "t"})),
        ("topic", "a.b", json!({"topic": {"x": 1}}), json!({"a": {"b": {"x": 1}}})),
        ("payload", "payload", json!({"payload": "bar"}), json!({"payload": "bar"})),
        ("a[0]", "a[0]", json!({"a": [1, 2]}), json!({"a": [1, 2]})),
        ("payload", "payload.foo", json!({"payload": "x"}), json!({"payload": {"foo": "x"}})),
        ("payload.foo", "payload", json!({"payload": {"foo": "x"}}), json!({"payload": "x"})),
        ("p.s", "p", json!({"p": {"s": {"s": 1, "t": 2}}}), json!({"p": {"s": 1, "t": 2}})),
        ("payload.a", "payload.b", json!({"payload": {"a": 1}}), json!({"payload": {"b": 1}})),
        ("list[0]", "first", json!({"list": [1, 2]}), json!({"list": [2], "first": 1})),
        ("list.length", "n", json!({"list": [1, 2]}), json!({"list": [1, 2], "n": 2})),
        ("none", "payload", json!({"payload": 1}), json!({})),
        ("none.x", "payload", json!({"payload": 1}), json!({})),
        ("a.b", "a", json!({"a": null}), json!({"a": null})),
    ] {
        assert_rules(moved(p, to), before, after).await;
    }
}

#[tokio::test(start_paused = true)]
async fn move_without_a_type_moves_within_the_message() {
    let rules = json!([{"t": "move", "p": "topic", "to": "payload"}]);
    assert_rules(rules, json!({"topic": "t"}), json!({"payload": "t"})).await;
}

#[tokio::test(start_paused = true)]
async fn rules_apply_in_order() {
    let rules = json!([
        {"t": "set", "p": "payload", "to": "a this (hi)"},
        {"t": "change", "p": "payload", "from": "this", "to": "that"},
        {"t": "change", "p": "payload", "from": "\\(.*\\)", "to": "[new]", "re": true},
        {"t": "move", "p": "payload", "to": "result"},
        {"t": "delete", "p": "topic"}
    ]);
    assert_rules(rules, json!({"payload": 0, "topic": "t"}), json!({"result": "a that [new]"}))
        .await;
}

#[tokio::test(start_paused = true)]
async fn nodes_from_before_the_list_have_one_rule() {
    for (config, before, after) in [
        (
            json!({"action": "replace", "property": "payload", "to": "x", "reg": false}),
            json!({"payload": 1}),
            json!({"payload": "x"}),
        ),
        (
            json!({"action": "replace", "property": "payload", "to": "msg.foo"}),
            json!({"payload": 1, "foo": 2}),
            json!({"payload": 2, "foo": 2}),
        ),
        (
            json!({"action": "replace", "property": "payload", "to": "msg.other=10"}),
            json!({"payload": 1}),
            json!({}),
        ),
        (
            json!({"action": "change", "property": "payload", "from": "l+", "to": "L", "reg": true}),
            json!({"payload": "Hello l+"}),
            json!({"payload": "HeLo L+"}),
        ),
        (
            json!({"action": "change", "property": "payload", "from": "l+", "to": "L", "reg": null}),
            json!({"payload": "Hello"}),
            json!({"payload": "HeLo"}),
        ),
        (
            json!({"action": "change", "property": "payload", "from": "l+", "to": "L"}),
            json!({"payload": "Hello l+"}),
            json!({"payload": "Hello L"}),
        ),
        (
            json!({"action": "delete", "property": "foo.bar"}),
            json!({"foo": {"bar": 1}}),
            json!({"foo": {}}),
        ),
        (
            json!({"action": "move", "property": "topic", "to": "payload"}),
            json!({"topic": "t"}),
            json!({"payload": "t"}),
        ),
    ] {
        assert_config(config, before, after).await;
    }
}

#[test]
fn mistakes_in_the_configuration_are_named() {
    let rule = |rule: Json| problem(json!({"rules": [{"t": "delete", "p": "a"}, rule]}));
    for (broken, property, part) in [
        (json!({"t": "set", "p": "a", "to": "x", "tot": "num"}), "to", "`x` is not a number"),
        (json!({"t": "set", "p": "a", "to": "{", "tot": "json"}), "to", "is not valid JSON"),
        (json!({"t": "set", "p": "a", "to": "5", "tot": "bin"}), "to", "is not a buffer"),
        (json!({"t": "set", "p": "a", "to": "b.", "tot": "msg"}), "to", "invalid property"),
        (json!({"t": "set", "p": "", "to": ""}), "p", "invalid property"),
        (json!({"t": "set", "p": 5, "to": ""}), "p", "expected a string, found `5`"),
        (json!({"t": "set", "p": "a", "to": "", "dc": "x"}), "dc", "`true` or `false`"),
        (json!({"t": "change", "p": "a", "from": "(", "fromt": "re"}), "from", "unclosed group"),
        (
            json!({"t": "change", "p": "a", "from": "\\+**+", "re": true}),
            "from",
            "nothing to repeat",
        ),
        (json!({"t": "change", "p": "a", "from": "x", "fromt": "num"}), "from", "not a number"),
        (
            json!({"t": "change", "p": "a", "from": "{}", "fromt": "json"}),
            "from",
            "cannot be looked",
        ),
        (
            json!({"t": "rename", "p": "a"}),
            "t",
            "expected `set`, `change`, `delete` or `move`, found `rename`",
        ),
        (json!({"p": "a"}), "t", "expected `set`, `change`, `delete` or `move`, found ``"),
    ] {
        let (found, text) = rule(broken);
        assert_eq!(found, format!("rules[1].{property}"));
        assert!(text.contains(part), "{text}");
    }
    assert_eq!(rule(json!(7)), ("rules[1]".into(), "expected an object".into()));
    assert_eq!(problem(json!({"rules": "x"})).0, "rules");
    assert_eq!(problem(json!({"action": "rename", "property": "a"})).0, "rules[0].t");
}

#[tokio::test(start_paused = true)]
async fn it_is_compliant() {
    let config = json!({"name": "", "rules": [
        {"t": "set", "p": "payload", "pt": "msg", "to": "x", "tot": "str", "dc": true},
        {"t": "change", "p": "a", "pt": "msg", "from": "\\d", "fromt": "re", "to": "", "tot": "str"},
        {"t": "delete", "p": "topic", "pt": "msg"},
        {"t": "move", "p": "a", "pt": "msg", "to": "b", "tot": "msg"}
    ], "action": "", "property": "", "from": "", "to": "", "reg": false});
    assert_compliant(linked("change"), config).await;
}
