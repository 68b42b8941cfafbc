//! Elements that selectors take out of HTML, and the values that they become.

#![expect(clippy::unwrap_used, clippy::too_many_lines, reason = "tests with tables")]

use ferrowire::{Message, Value};
use ferrowire_plugin_html as _;
use ferrowire_testkit::{Harness, assert_compliant, json, linked, message};
use proptest::prelude::*;
use serde_json::Value as Json;

async fn run(config: Json, msg: Message) -> Result<Vec<Json>, String> {
    let mut node = Harness::of("html").config(config).start().await;
    node.send(msg).await;
    let mut stopped = node.stop().await;
    let json = |msg: &Message| serde_json::from_str(&msg.to_json()).unwrap();
    match stopped.errors.pop() {
        Some(error) => Err(error),
        None => Ok(stopped.outputs[0].iter().map(json).collect()),
    }
}

async fn selected(output: &str, selector: &str, html: &str) -> Result<Vec<Json>, String> {
    let config = json!({"ret": output, "tag": selector});
    let sent = run(config, Message::with_payload(html)).await?;
    Ok(sent[0]["payload"].as_array().unwrap().clone())
}

const PAGE: &str = concat!(
    "<!doctype html><html><head><title>T</title><style>p{}</style></head><body id=\"b\"><h1 class",
    "=\"a b\">One &amp; é</h1><p lang=\"EN-us\">two<br>three <b>x'y</b></p><ul><li>1</li><li class=",
    "\"sel\">2</li><li>3<ul><li>3.1</li></ul></li></ul><p></p><p><!-- c --></p><form><input type=",
    "\"CHECKBOX\" checked><input type=\"text\" name=\"n\"><input><select><option>o1</option><option s",
    "elected>o2</option></select><button disabled>go</button></form><div data-x=\"a b\" data-y=\"v",
    "1\">d<span>s</span><img src=\"i.png\"></div><script>var a = \"<b>\";</script><a href=\"#\">l</a><",
    "a>n</a><table><tr><td>c</table></body></html>",
);

#[tokio::test(start_paused = true)]
async fn it_keeps_to_the_contract() {
    let config = json!({"property": "payload", "outproperty": "payload", "tag": "p", "ret": "html",
        "as": "multi", "chr": "_"});
    assert_compliant(linked("html"), config).await;
}

#[tokio::test(start_paused = true)]
async fn selectors_select_elements_in_the_order_of_the_document() {
    let tests: [(&str, &[&str]); 75] = [
        ("h1", &["One & é"]),
        ("#b > p", &["twothree x'y", "", ""]),
        ("p", &["twothree x'y", "", ""]),
        ("li", &["1", "2", "33.1", "3.1"]),
        ("ul li:first", &["1"]),
        ("li:last", &["3.1"]),
        ("li:eq(1)", &["2"]),
        ("li:eq(-1)", &["3.1"]),
        ("li:lt(2)", &["1", "2"]),
        ("li:gt(1)", &["33.1", "3.1"]),
        ("li:even", &["1", "33.1"]),
        ("li:odd", &["2", "3.1"]),
        ("li:not(:first)", &["2", "33.1", "3.1"]),
        ("li:nth-child(2n+1)", &["1", "33.1", "3.1"]),
        ("li:first-child", &["1", "3.1"]),
        ("li:last-child", &["33.1", "3.1"]),
        ("li:nth-last-child(2)", &["2"]),
        ("p:nth-of-type(2)", &[""]),
        ("p:first-of-type", &["twothree x'y"]),
        ("b:only-child", &[]),
        (":empty", &["", "", "", "", "", "", ""]),
        ("p:parent", &["twothree x'y"]),
        ("h1.a.b", &["One & é"]),
        (".b", &["One & é"]),
        ("[lang|=en]", &["twothree x'y"]),
        ("[lang=\"en-US\" i]", &["twothree x'y"]),
        ("[data-x~=b]", &["ds"]),
        ("[data-y^=v]", &["ds"]),
        ("[data-y$=\"1\"]", &["ds"]),
        ("[data-y*=1]", &["ds"]),
        ("input[type!=text]", &["", ""]),
        ("[href]", &["l"]),
        ("li:has(ul)", &["33.1"]),
        ("ul:has(> .sel)", &["1233.1"]),
        ("li:has(+ .sel)", &["1"]),
        ("p:contains(two)", &["twothree x'y"]),
        ("li:icontains(\"3.1\")", &["33.1", "3.1"]),
        ("p + ul", &["1233.1"]),
        ("h1 ~ p", &["twothree x'y", "", ""]),
        ("li < ul", &["1233.1", "3.1"]),
        ("*:root", &["TOne & étwot"]),
        ("title", &["T"]),
        ("script", &[""]),
        ("h1,title", &["T", "One & é"]),
        ("p > b", &["x'y"]),
        ("div span,  b", &["x'y", "s"]),
        ("input:checked", &[""]),
        ("option:selected", &["o2"]),
        (":checkbox", &[""]),
        (":header", &["One & é"]),
        (":button", &["go"]),
        (":input", &["", "", "", "o1o2", "go"]),
        (":text", &["", ""]),
        ("a:link", &["l"]),
        (":disabled", &["go"]),
        ("option:enabled", &["o1", "o2"]),
        ("td", &["c"]),
        ("tbody td", &["c"]),
        ("li:is(.sel, :nth-child(3))", &["2", "33.1"]),
        ("li:where(.sel)", &["2"]),
        ("body h1", &["One & é"]),
        ("svg", &[]),
        ("nothing", &[]),
        ("p:contains(threex)", &[]),
        ("P", &["twothree x'y", "", ""]),
        ("[TYPE=checkbox]", &[""]),
        ("li:nth(0)", &["1"]),
        ("ul > li:not(.sel):not(:has(ul))", &["1", "3.1"]),
        ("li:eq(0), h1", &["One & é", "1"]),
        ("#\\62 ", &["One & étwoth"]),
        ("> html", &[]),
        ("p:has(b)", &["twothree x'y"]),
        ("div :not(img)", &["s"]),
        ("ul ul li, ul > .sel", &["2", "3.1"]),
        ("p:contains", &[]),
    ];
    for (selector, expected) in tests {
        let texts = selected("text", selector, PAGE).await.unwrap();
        let begin = |text: &Json| text.as_str().unwrap().chars().take(12).collect::<String>();
        let texts: Vec<String> = texts.iter().map(begin).collect();
        assert_eq!(texts, expected, "{selector}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_follows_a_position_is_looked_for_in_the_element_there() {
    let html = "<ul><li>a<li>b</ul><ul><li>c<li>d</ul>";
    for (selector, expected) in [
        ("ul:first li", json!(["a", "b"])),
        ("ul:eq(1) > li:last", json!(["d"])),
        ("li:not(.x, :first)", json!(["b", "c", "d"])),
        ("li:gt(-3)", json!(["c", "d"])),
        ("li:eq(x)", json!([])),
    ] {
        let texts = selected("text", selector, html).await;
        assert_eq!(texts.map(Json::from), Ok(expected), "{selector}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_no_selector_is_an_error() {
    for (selector, expected) in [
        ("p:", "Expected name, found :"),
        ("p[", "Expected name, found "),
        ("p:foo", "unmatched pseudo-class :foo"),
        ("p::before", "Pseudo-elements are not supported by css-select"),
        ("p >> b", "Did not expect successive traversals."),
        ("p:nth-child(x)", "n-th rule couldn't be parsed ('x')"),
        ("p,", "Empty sub-selector"),
        ("p:not(", "Missing closing parenthesis in :not (p:not()"),
        ("a|b", "Namespaced tag names are not yet supported by css-select"),
        (")", "Empty sub-selector"),
        ("[a", "Attribute selector didn't terminate"),
        ("[a=b", "Attribute selector didn't terminate"),
        ("p:checked(1)", "Pseudo checked doesn't have any arguments"),
        ("!", "Empty sub-selector"),
        ("p:has(\"x\")", "Pseudo-selector has cannot be quoted"),
        ("[a=\"b]", "Attribute value didn't end"),
    ] {
        let error = selected("text", selector, PAGE).await.unwrap_err();
        assert_eq!(error, expected, "{selector}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_element_becomes_xml_text_attributes_or_both() {
    for (html, selector, xml, text, both) in [
        (
            "<p>a<b>é &lt; \"q\" it's</b><img src=\"a&quot;b.png\" alt><br></p>",
            "p",
            "a<b>&#xE9; &lt; &quot;q&quot; it&apos;s</b><img src=\"a&quot;b.png\" alt=\"\"/><br/>",
            "aé < \"q\" it's",
            json!({"_": "a<b>é &lt; \"q\" it's</b><img src=\"a&quot;b.png\" alt=\"\"><br>"}),
        ),
        ("<pre>\n\nx</pre>", "pre", "x", "\nx", json!({"_": "x"})),
        (
            "<svg viewBox=\"0 0 1 1\"><use xlink:href=\"#a\"/></svg>",
            "body",
            "<svg viewBox=\"0 0 1 1\"><use href=\"#a\"/></svg>",
            "",
            json!({"_": "<svg viewBox=\"0 0 1 1\"><use xlink:href=\"#a\"></use></svg>"}),
        ),
        (
            "<table><b>x<tr><td>y</table>",
            "body",
            "<b>x</b><table><tbody><tr><td>y</td></tr></tbody></table>",
            "xy",
            json!({"_": "<b>x</b><table><tbody><tr><td>y</td></tr></tbody></table>"}),
        ),
        (
            "<p>a<div>b</p>c",
            "body",
            "<p>a</p><div>b<p/>c</div>",
            "abc",
            json!({"_": "<p>a</p><div>b<p></p>c</div>"}),
        ),
        (
            "<b><i>x</b>y</i>",
            "body",
            "<b><i>x</i></b><i>y</i>",
            "xy",
            json!({"_": "<b><i>x</i></b><i>y</i>"}),
        ),
        ("<noscript><p>x</p></noscript><p>y", "body", "<p>y</p>", "y", json!({"_": "<p>y</p>"})),
        (
            "<textarea><b></textarea><script>a<b</script><style>c>d</style>",
            "body",
            "<textarea>&lt;b&gt;</textarea><script>a&lt;b</script><style>c&gt;d</style>",
            "<b>",
            json!({"_": "<textarea>&lt;b&gt;</textarea><script>a<b</script><style>c>d</style>"}),
        ),
        ("<template><td>x</td></template>", "body", "", "", json!({"_": ""})),
        (
            "no html at all",
            "body",
            "no html at all",
            "no html at all",
            json!({"_": "no html at all"}),
        ),
        (
            "a&nbsp;b\u{a0}c",
            "body",
            "a&#xA0;b&#xA0;c",
            "a\u{a0}b\u{a0}c",
            json!({"_": "a&nbsp;b&nbsp;c"}),
        ),
        (
            "<ul><li>1<li>2</ul>",
            "ul",
            "<li>1</li><li>2</li>",
            "12",
            json!({"_": "<li>1</li><li>2</li>"}),
        ),
        ("<td>x</td>", "body", "x", "x", json!({"_": "x"})),
        (
            "<!-- c --><p>x<!-- d --></p>",
            "body",
            "<p>x<!-- d --></p>",
            "x",
            json!({"_": "<p>x<!-- d --></p>"}),
        ),
        (
            "<select><option>a<option>b</select>",
            "body",
            "<select><option>a</option><option>b</option></select>",
            "ab",
            json!({"_": "<select><option>a</option><option>b</option></select>"}),
        ),
        ("<a b=1 b=2 C='3'>x</a>", "a", "x", "x", json!({"_": "x", "b": "1", "c": "3"})),
        (
            "<div>  <p>\n x </p>  </div>",
            "div",
            "<p>\n x </p>",
            "  \n x   ",
            json!({"_": "<p>\n x </p>"}),
        ),
        ("<tr><td>1<td>2", "body", "12", "12", json!({"_": "12"})),
        (
            "<html lang=de><body class=x><body id=y>",
            "body",
            "",
            "",
            json!({"_": "", "class": "x", "id": "y"}),
        ),
        ("<frameset>", "html", "", "", json!({"_": "<head></head><frameset></frameset>"})),
        (
            "<math><mi>x</mi></math>",
            "body",
            "<math><mi>x</mi></math>",
            "x",
            json!({"_": "<math><mi>x</mi></math>"}),
        ),
        ("<p/><x-y/>z", "body", "<p><x-y>z</x-y></p>", "z", json!({"_": "<p><x-y>z</x-y></p>"})),
        ("\u{0}a\r\nb", "body", "a\nb", "a\nb", json!({"_": "a\nb"})),
        (
            "<plaintext><p>x",
            "body",
            "<plaintext>&lt;p&gt;x&lt;/plaintext&gt;</plaintext>",
            "<p>x",
            json!({"_": "<plaintext><p>x</plaintext>"}),
        ),
    ] {
        let first = async |output| selected(output, selector, html).await.unwrap()[0].clone();
        assert_eq!(first("html").await, xml, "{html}");
        assert_eq!(first("text").await, text, "{html}");
        assert_eq!(first("compl").await, both, "{html}");
        let mut attributes = both;
        attributes.as_object_mut().unwrap().remove("_");
        assert_eq!(first("attr").await, attributes, "{html}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_message_may_have_the_selector() {
    let msg = message(json!({"payload": PAGE, "select": "h1"}));
    let sent = run(json!({"ret": "text"}), msg).await.unwrap();
    assert_eq!(sent[0]["payload"], json!(["One & é"]));
    let sent = run(json!({}), message(json!({"payload": PAGE}))).await.unwrap();
    assert_eq!(sent[0]["payload"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn each_element_becomes_a_message_with_its_place() {
    let config = json!({"property": "page", "outproperty": "item.text", "tag": "p", "ret": "text",
        "as": "multi"});
    let msg = json!({"page": PAGE, "topic": "t", "_msgid": "id", "item": {}});
    let sent = run(config, message(msg)).await.unwrap();
    // Elements without text become none.
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0]["item"], json!({"text": "twothree x'y"}));
    let parts = json!({"id": "id", "index": 0, "count": 3, "type": "string", "ch": ""});
    assert_eq!((&sent[0]["parts"], &sent[0]["topic"]), (&parts, &json!("t")));
}

#[tokio::test(start_paused = true)]
async fn the_property_of_the_content_can_be_named() {
    let config = json!({"tag": "a", "ret": "compl", "chr": "html"});
    let msg = Message::with_payload(Value::from(b"<a href=x>y</a>".to_vec()));
    let sent = run(config, msg).await.unwrap();
    assert_eq!(sent[0]["payload"], json!([{"html": "y", "href": "x"}]));
}

#[tokio::test(start_paused = true)]
async fn other_values_fail_and_none_passes() {
    for (payload, expected) in [
        (json!(null), "cheerio.load() expects a string"),
        (json!(5), "Cannot create property 'prev' on number '5'"),
    ] {
        let error = run(json!({"tag": "p"}), message(json!({"payload": payload}))).await;
        assert_eq!(error, Err(expected.to_owned()));
    }
    let sent = run(json!({"tag": "p"}), message(json!({"payload": {"a": 1}}))).await.unwrap();
    assert_eq!(sent[0]["payload"], json!([]));
    let sent = run(json!({"tag": "p"}), message(json!({"topic": "t"}))).await.unwrap();
    assert_eq!(sent[0]["topic"], "t");
}

#[tokio::test(start_paused = true)]
async fn depth_is_an_error_and_not_the_end_of_the_stack() {
    for tag in ["<div>", "<b>", "<svg>", "<table><td>", "<template>"] {
        let error = selected("html", "p", &tag.repeat(100_000)).await.map(drop).unwrap_err();
        assert_eq!(error, "the HTML has more than 512 elements within each other", "{tag}");
    }
    let html = format!("{}x{}", "<i>".repeat(500), "</i>".repeat(500));
    assert_eq!(selected("text", "body", &html).await, Ok(vec![json!("x")]));
}

#[tokio::test(start_paused = true)]
async fn elements_that_the_parser_repeats_are_bounded() {
    let fonts: String = (0..400).map(|size| format!("<font size={size}>")).collect();
    let html = format!("<p>{fonts}{}", "</p><p>x".repeat(10_000));
    let error = selected("text", "x", &html).await.unwrap_err();
    assert_eq!(error, "the HTML has more than 1048576 nodes");
}

#[tokio::test(start_paused = true)]
async fn selectors_are_bounded() {
    let nested = |count| format!("{}p{}", ":not(".repeat(count), ")".repeat(count));
    let error = selected("text", &nested(1000), PAGE).await.unwrap_err();
    assert_eq!(error, "the selector has more than 32 selectors within each other");
    let error = selected("text", &nested(100_000), PAGE).await.unwrap_err();
    assert_eq!(error, "the selector is longer than 16384 bytes");
    let error = selected("text", "p:has(b:first)", PAGE).await.unwrap_err();
    assert_eq!(error, "positions such as :first are not possible within :has");
    let deep = format!("{}{}", "<i>".repeat(500), "x".repeat(1 << 16));
    let selector = ":contains(y),".repeat(16) + "b";
    let error = selected("text", &selector, &deep).await.unwrap_err();
    assert_eq!(error, "the selector takes too long for this HTML");
}

#[tokio::test(start_paused = true)]
async fn what_several_elements_contain_is_bounded() {
    let html = format!("{}{}", "<i>".repeat(100), "x".repeat(1 << 20));
    let error = selected("text", "i", &html).await.unwrap_err();
    assert_eq!(error, "the texts of the elements are longer than 64 MiB");
}

proptest! {
    #[test]
    fn no_html_and_no_selector_makes_it_panic(
        html in "(<|</|>|/|=|\"|'|&amp|;|!--|-->|<p>|</p>|<b>|<table>|<td>|<select>|<svg>|<template>|a| |é){0,30}",
        selector in "(p|b|\\*|\\.|#|:|not\\(|has\\(|is\\(|\\)|first|eq\\(1\\)|\\[a|=|\\]|,| |>|\\+|~|<|\\\\|é|nth-child\\(2n\\)){0,10}",
        output in "html|text|attr|compl",
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        if let Err(error) = runtime.block_on(selected(&output, &selector, &html)) {
            prop_assert!(!error.contains("panic"), "{}", error);
        }
    }
}
