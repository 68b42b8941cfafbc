//! XML and objects, as Node-RED's library shapes them.

#![expect(clippy::unwrap_used, clippy::too_many_lines, reason = "tests with tables")]

use ferrowire::{Level, Message, Value};
use ferrowire_plugin_xml as _;
use ferrowire_testkit::{Harness, assert_compliant, json, linked, message};
use proptest::prelude::*;
use serde_json::Value as Json;

async fn convert(config: Json, msg: Message) -> Result<Json, String> {
    let mut node = Harness::of("xml").config(config).start().await;
    node.send(msg).await;
    let mut stopped = node.stop().await;
    match stopped.outputs[0].pop() {
        Some(msg) => Ok(serde_json::from_str(&msg.to_json()).unwrap()),
        None => Err(stopped.errors.pop().unwrap_or_default()),
    }
}

async fn with_options(payload: impl Into<Json>, options: Json) -> Result<Json, String> {
    let msg = message(json!({"payload": payload.into(), "options": options}));
    convert(json!({}), msg).await.map(|msg| msg["payload"].clone())
}

#[tokio::test(start_paused = true)]
async fn it_keeps_to_the_contract() {
    let config = json!({"property": "payload", "attr": "@", "chr": "#"});
    assert_compliant(linked("xml"), config).await;
}

#[tokio::test(start_paused = true)]
async fn xml_becomes_the_object_that_the_options_describe() {
    for (text, options, expected) in [
        ("<a>t</a>", json!({}), json!({"a": "t"})),
        (
            "<a b=\"1\"><c>x</c><c/>y<d>  </d></a>",
            json!({}),
            json!({"a": {"_": "y", "$": {"b": "1"}, "c": ["x", ""], "d": ["  "]}}),
        ),
        ("<a><![CDATA[ <x> ]]>&lt;&#233;&eacute;</a>", json!({}), json!({"a": " <x> <éé"})),
        (
            "<a b=\"1\">t<c d=\"2\">x</c></a>",
            json!({"mergeAttrs": true}),
            json!({"a": {"_": "t", "b": ["1"], "c": [{"_": "x", "d": ["2"]}]}}),
        ),
        (
            "<a b=\"1\">t<c d=\"2\">x</c></a>",
            json!({"explicitArray": false}),
            json!({"a": {"_": "t", "$": {"b": "1"}, "c": {"_": "x", "$": {"d": "2"}}}}),
        ),
        (
            "<a b=\"1\">t<c d=\"2\">x</c></a>",
            json!({"explicitChildren": true}),
            json!({"a": {"$": {"b": "1"}, "_": "t", "$$": {"c": [{"$": {"d": "2"}, "_": "x"}]}}}),
        ),
        (
            "<a b=\"1\">t<c d=\"2\">x</c>u<e/></a>",
            json!({"explicitChildren": true, "preserveChildrenOrder": true}),
            json!({"a": {"_": "tu", "$": {"b": "1"}, "#name": "a", "$$": [{"_": "x", "$": {"d": "2"}, "#name": "c"}, {"#name": "e"}], "c": [{"_": "x", "$": {"d": "2"}}], "e": [{}]}}),
        ),
        (
            "<a b=\"1\">t<c d=\"2\">x</c>u<e/></a>",
            json!({"explicitChildren": true, "preserveChildrenOrder": true, "charsAsChildren": true}),
            json!({"a": {"_": "tu", "$": {"b": "1"}, "#name": "a", "$$": [{"#name": "__text__", "_": "t"}, {"_": "x", "$": {"d": "2"}, "#name": "c", "$$": [{"#name": "__text__", "_": "x"}]}, {"#name": "__text__", "_": "u"}, {"#name": "e"}], "c": [{"_": "x", "$": {"d": "2"}, "$$": [{"#name": "__text__", "_": "x"}]}], "e": [{}]}}),
        ),
        (
            "<a b=\"1\">t<c d=\"2\">x</c>u<e/></a>",
            json!({"explicitChildren": true, "charsAsChildren": true}),
            json!({"a": {"$": {"b": "1"}, "$$": {"_": "tu", "c": [{"$": {"d": "2"}, "$$": {"_": "x"}}], "e": [""]}}}),
        ),
        (
            "<A B=\"1\">  t   u  <C/></A>",
            json!({"normalize": true, "normalizeTags": true}),
            json!({"a": {"_": "t u", "$": {"B": "1"}, "c": [""]}}),
        ),
        ("<a> t </a>", json!({"trim": true}), json!({"a": "t"})),
        ("<a>t</a>", json!({"explicitCharkey": true}), json!({"a": {"_": "t"}})),
        (
            "<a b=\"1\"><c/></a>",
            json!({"ignoreAttrs": true, "explicitRoot": false, "emptyTag": null}),
            json!({"c": [null]}),
        ),
        (
            "<x:a xmlns:x=\"u\" x:b=\"1\"><c/></x:a>",
            json!({"xmlns": true}),
            json!({"x:a": {"$": {"xmlns:x": {"name": "xmlns:x", "value": "u", "prefix": "xmlns", "local": "x", "uri": "http://www.w3.org/2000/xmlns/"}, "x:b": {"name": "x:b", "value": "1", "prefix": "x", "local": "b", "uri": "u"}}, "$ns": {"uri": "u", "local": "a"}, "c": [{"$ns": {"uri": "", "local": "c"}}]}}),
        ),
        (
            "<a b=1 c><d>x</a>",
            json!({"strict": false}),
            json!({"A": {"$": {"B": "1", "C": "c"}, "D": ["x"]}}),
        ),
        ("<a><b>1</b><b>2</b></a><junk", json!({}), json!({"a": {"b": ["1", "2"]}})),
        ("<!DOCTYPE a [<!ENTITY x \"y\"> <!-- ] > -->]><a/>", json!({}), json!({"a": ""})),
        ("  ", json!({}), json!(null)),
        ("<!-- c -->", json!({}), json!(null)),
        ("<a b=\"1\" b=\"2\"/>", json!({}), json!({"a": {"$": {"b": "1"}}})),
        ("<?xml version=\"1.0\"?>\n<a>1</a>", json!({}), json!({"a": "1"})),
        ("<a>\u{a0}</a>", json!({}), json!({"a": "\u{a0}"})),
        (
            "<a>x<!-- c -->y</a>",
            json!({"explicitChildren": true, "preserveChildrenOrder": true, "charsAsChildren": true}),
            json!({"a": {"_": "xy", "#name": "a", "$$": [{"#name": "__text__", "_": "x"}, {"#name": "__text__", "_": "y"}]}}),
        ),
    ] {
        let value = with_options(text, options.clone()).await;
        assert_eq!(value, Ok(expected), "{text} {options}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_properties_have_the_order_of_node_red() {
    let mut node = Harness::of("xml").start().await;
    node.send(Message::with_payload("<b d=\"1\"><c>x</c>y<a/></b>")).await;
    let stopped = node.stop().await;
    let expected = r#"{"b":{"_":"y","$":{"d":"1"},"c":["x"],"a":[""]}}"#;
    assert_eq!(stopped.outputs[0][0].payload().unwrap().to_json(), expected);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_xml_fails_with_its_position() {
    for (text, options, expected) in [
        ("<a>&x;</a>", json!({}), "Invalid character entity\nLine: 0\nColumn: 6\nChar: ;"),
        (
            "<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>",
            json!({}),
            "Invalid character entity\nLine: 0\nColumn: 36\nChar: ;",
        ),
        ("<not valid>", json!({}), "Attribute without value\nLine: 0\nColumn: 11\nChar: >"),
        ("x<a/>", json!({}), "Non-whitespace before first tag.\nLine: 0\nColumn: 1\nChar: x"),
        ("<a><b></a>", json!({}), "Unexpected close tag\nLine: 0\nColumn: 10\nChar: >"),
        ("<a>", json!({}), "Unclosed root tag\nLine: 0\nColumn: 3\nChar: "),
        ("<a b=\"1", json!({}), "Unexpected end\nLine: 0\nColumn: 7\nChar: "),
        (
            "<a b=\"1\"c=\"2\"/>",
            json!({}),
            "No whitespace between attributes\nLine: 0\nColumn: 9\nChar: c",
        ),
        ("<a b=1/>", json!({}), "Unquoted attribute value\nLine: 0\nColumn: 6\nChar: 1"),
        ("</a>", json!({}), "Unmatched closing tag: a\nLine: 0\nColumn: 4\nChar: >"),
        (
            "<a/ >",
            json!({}),
            "Forward-slash in opening tag not followed by >\nLine: 0\nColumn: 4\nChar:  ",
        ),
        ("<a\n<b/></a>", json!({}), "Invalid attribute name\nLine: 1\nColumn: 1\nChar: <"),
        ("<a>& b</a>", json!({}), "Invalid character in entity name\nLine: 0\nColumn: 5\nChar:  "),
        ("<a><!-- x -- y --></a>", json!({}), "Malformed comment\nLine: 0\nColumn: 13\nChar:  "),
        ("<a>\n<b c/></a>", json!({}), "Invalid attribute name\nLine: 1\nColumn: 5\nChar: /"),
        ("<a><1/></a>", json!({}), "Unencoded <\nLine: 0\nColumn: 5\nChar: 1"),
        (
            "<y:a/>",
            json!({"xmlns": true}),
            "Unbound namespace prefix: \"y:a\"\nLine: 0\nColumn: 6\nChar: >",
        ),
        ("<a>é", json!({}), "Unclosed root tag\nLine: 0\nColumn: 4\nChar: "),
    ] {
        assert_eq!(with_options(text, options).await, Err(format!("Error: {expected}")), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_object_becomes_xml() {
    for (value, options, expected) in [
        (
            json!({"a": {"$": {"b": 1, "n": null, "q": "\"<&\n"}, "_": "t<&>\r", "c": ["x", {"d": 1}, null], "e": "", "f": null}}),
            json!({"renderOpts": {"pretty": false}}),
            Ok(
                "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?><a b=\"1\" q=\"&quot;&lt;&amp;&#xA;\">t&lt;&amp;&gt;&#xD;<c>x</c><c><d>1</d></c><c/><e/><f/></a>",
            ),
        ),
        (
            json!({"a": 1, "b": true}),
            json!({"renderOpts": {"pretty": false}}),
            Ok(
                "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?><root><a>1</a><b>true</b></root>",
            ),
        ),
        (json!(["x"]), json!({"renderOpts": {"pretty": false}}), Err("Invalid character in name")),
        (
            json!([{"a": 1}, {"b": [1, 2]}]),
            json!({"renderOpts": {"pretty": false}}),
            Ok(
                "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?><root><a>1</a><b/></root>",
            ),
        ),
        (
            json!({"a": {"b": ["x", "y"]}}),
            json!({}),
            Ok(
                "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n<a>\n  <b>x</b>\n  <b>y</b>\n</a>",
            ),
        ),
        (
            json!({"a": {"_": "t", "b": 1}}),
            json!({}),
            Ok(
                "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n<a>\n  t\n  <b>1</b>\n</a>",
            ),
        ),
        (
            json!({"a": "x&y"}),
            json!({"cdata": true, "headless": true}),
            Ok("<a><![CDATA[x&y]]></a>"),
        ),
        (
            json!({"a": "x]]>&y"}),
            json!({"cdata": true, "headless": true}),
            Ok("<a><![CDATA[x]]]]><![CDATA[>&y]]></a>"),
        ),
        (
            json!({"a": 1}),
            json!({"rootName": "r"}),
            Ok(
                "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n<r>\n  <a>1</a>\n</r>",
            ),
        ),
        (
            json!({"a": 1, "b": 2}),
            json!({"rootName": "r", "xmldec": {"version": "1.1"}}),
            Ok("<?xml version=\"1.1\"?>\n<r>\n  <a>1</a>\n  <b>2</b>\n</r>"),
        ),
        (
            json!({"a": 1}),
            json!({"doctype": {"sysID": "s.dtd"}}),
            Ok(
                "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n<!DOCTYPE a SYSTEM \"s.dtd\">\n<a>1</a>",
            ),
        ),
        (
            json!({"a": 1}),
            json!({"doctype": {"pubID": "p", "sysID": "s.dtd"}}),
            Ok(
                "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n<!DOCTYPE a PUBLIC \"p\" \"s.dtd\">\n<a>1</a>",
            ),
        ),
        (
            json!({"a": ""}),
            json!({"renderOpts": {"pretty": true, "allowEmpty": true, "indent": "\t", "newline": "\r\n", "offset": 1, "spaceBeforeSlash": true}}),
            Ok("\t<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\" ?>\r\n\t<a></a>"),
        ),
        (
            json!({"a": {"b": "", "_": ""}}),
            json!({"renderOpts": {"pretty": true, "spaceBeforeSlash": true}}),
            Ok(
                "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\" ?>\n<a>\n  <b />\n  \n</a>",
            ),
        ),
        (
            json!({"a": {"_": "t", "b": 1}}),
            json!({"renderOpts": {"pretty": true, "dontPrettyTextNodes": true}}),
            Ok("<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n<a>t<b>1</b></a>"),
        ),
        (
            json!({"a": {"@": {"x": 1}, "#": "t"}}),
            json!({"attrkey": "@", "charkey": "#", "headless": true}),
            Ok("<a x=\"1\">t</a>"),
        ),
        (
            json!({"1a": 1}),
            json!({"renderOpts": {"pretty": false}}),
            Err("Invalid character in name"),
        ),
        (
            json!({"a": "\u{1}"}),
            json!({"renderOpts": {"pretty": false}}),
            Err("Invalid character in string: \u{1} at index 0"),
        ),
        (
            json!({"a": [1, 2]}),
            json!({"renderOpts": {"pretty": false}}),
            Ok("<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?><a/>"),
        ),
        (
            json!({"a": [[{"b": 1}]]}),
            json!({"renderOpts": {"pretty": false}}),
            Err("Invalid character in name"),
        ),
        (
            json!({}),
            json!({"renderOpts": {"pretty": false}}),
            Ok("<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?><root/>"),
        ),
        (
            json!({"a": {"b": {}}}),
            json!({"renderOpts": {"pretty": false}}),
            Ok("<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?><a><b/></a>"),
        ),
    ] {
        let expected = expected.map(Json::from).map_err(|text| format!("Error: {text}"));
        assert_eq!(with_options(value.clone(), options).await, expected, "{value}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_options_the_text_is_one_line() {
    let msg = convert(json!({}), message(json!({"payload": {"a": {"b": [1, 2]}}}))).await.unwrap();
    let expected =
        r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?><a><b>1</b><b>2</b></a>"#;
    assert_eq!(msg["payload"], expected);
}

#[tokio::test(start_paused = true)]
async fn the_dialog_names_the_properties_of_attributes_and_text() {
    let config = json!({"property": "data.xml", "attr": "@", "chr": "#"});
    let msg = json!({"data": {"xml": "<a b=\"1\">t</a>"}, "options": {"attrkey": "%"}});
    let msg = convert(config, message(msg)).await.unwrap();
    assert_eq!(msg["data"]["xml"], json!({"a": {"#": "t", "@": {"b": "1"}}}));
    assert_eq!(msg["options"], json!({"attrkey": "@", "async": true, "charkey": "#"}));
}

#[tokio::test(start_paused = true)]
async fn other_values_are_warned_of_and_none_pass() {
    let mut node = Harness::of("xml").start().await;
    node.send(message(json!({"payload": 1}))).await;
    node.send(message(json!({"topic": "t"}))).await;
    let stopped = node.stop().await;
    let text = "This node only handles xml strings or js objects.".to_owned();
    assert_eq!(stopped.logs, [(Level::Warn, text)]);
    assert_eq!(stopped.outputs[0].len(), 1);
}

#[tokio::test(start_paused = true)]
async fn null_and_a_buffer_have_no_xml() {
    let error = convert(json!({}), message(json!({"payload": null}))).await.unwrap_err();
    assert_eq!(error, "TypeError: Cannot convert undefined or null to object");
    let buffer = Message::with_payload(Value::from(b"<a/>".to_vec()));
    assert_eq!(convert(json!({}), buffer).await.unwrap_err(), "Error: Invalid character in name");
}

#[tokio::test(start_paused = true)]
async fn depth_is_an_error_and_not_the_end_of_the_stack() {
    for text in ["<a>".repeat(100_000), "<a b='c'>".repeat(100_000)] {
        let error = with_options(text.as_str(), json!({"strict": false})).await.unwrap_err();
        assert_eq!(error, "the XML has more than 128 elements within each other");
    }
    let text = format!("{}{}", "<a>".repeat(128), "</a>".repeat(128));
    let mut node = Harness::of("xml").start().await;
    node.send(Message::with_payload(text)).await;
    assert_eq!(node.stop().await.outputs[0].len(), 1);
    let deep = (0..1000).fold(Value::from("x"), |value, _| vec![value].into());
    let deep = Value::from(ferrowire::Map::from_iter([("a", deep)]));
    assert!(convert(json!({}), Message::with_payload(deep)).await.is_err());
    let deep = (0..1000)
        .fold(Value::from("x"), |value, _| ferrowire::Map::from_iter([("a", value)]).into());
    let error = convert(json!({}), Message::with_payload(deep)).await.unwrap_err();
    assert_eq!(error, "the object has more than 256 values within each other");
}

#[tokio::test(start_paused = true)]
async fn declared_entities_expand_to_nothing() {
    let bomb = "<!DOCTYPE a [<!ENTITY l0 \"lol\"><!ENTITY l1 \"&l0;&l0;&l0;&l0;\">]><a>&l1;</a>";
    let error = with_options(bomb, json!({})).await.unwrap_err();
    assert!(error.starts_with("Error: Invalid character entity"), "{error}");
    let value = with_options(bomb, json!({"strict": false})).await;
    assert_eq!(value, Ok(json!({"A": "&l1;"})));
}

#[tokio::test(start_paused = true)]
async fn a_value_that_shares_its_parts_has_no_endless_text() {
    let text = Value::from("&".repeat(1 << 20));
    let value = (0..200).fold(text, |value, _| {
        ferrowire::Map::from_iter([("a", value.clone()), ("b", value)]).into()
    });
    let mut msg = Message::with_payload(value);
    msg.set("options", Value::from(json!({"cdata": true})));
    let error = convert(json!({}), msg).await.unwrap_err();
    assert_eq!(error, "the XML is longer than 256 MiB");
}

fn xml() -> impl Strategy<Value = Json> {
    let leaf = "[a-z<>&\"'é ]{1,6}x".prop_map(Json::from);
    leaf.prop_recursive(4, 16, 3, |inner| {
        proptest::collection::btree_map("[a-c]", proptest::collection::vec(inner, 1..3), 1..3)
            .prop_map(|map| map.into_iter().map(|(k, v)| (k, Json::from(v))).collect())
    })
}

proptest! {
    #[test]
    fn what_is_written_reads_as_the_same(value in xml(), pretty in any::<bool>()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let value = json!({"root": value});
            let options = json!({"renderOpts": {"pretty": pretty}});
            let text = with_options(value.clone(), options).await.unwrap();
            assert_eq!(with_options(text.clone(), json!({})).await, Ok(value), "{text}");
        });
    }

    #[test]
    fn no_text_makes_it_panic(
        text in "(<|</|>|/|=|\"|'|&|;|!|--|\\[CDATA\\[|\\]\\]>|DOCTYPE|\\?|a|é|b:|xmlns| |#x|1){0,30}",
        strict in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let options = json!({"strict": strict, "xmlns": true, "explicitChildren": strict});
        if let Err(error) = runtime.block_on(with_options(text, options)) {
            assert!(!error.contains("panic"), "{error}");
        }
    }
}
