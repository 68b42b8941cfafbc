//! The results of `template` for templates and messages.

use ferrowire::{PropertyPath, Scope, Value};
use ferrowire_plugin_template as _;
use ferrowire_testkit::{Harness, assert_compliant, json, linked, message};
use serde_json::Value as Json;

async fn fill(config: Json, msg: Json) -> Result<Value, String> {
    let mut node = Harness::of("template").config(config).env("WHO", "Joe & Co").start().await;
    node.send(message(msg)).await;
    let mut stopped = node.stop().await;
    match stopped.outputs[0].pop() {
        Some(mut msg) => {
            msg.remove("_msgid");
            Ok(msg.into())
        }
        None => Err(stopped.errors.pop().unwrap_or_default()),
    }
}

async fn assert_payload(config: Json, payload: Json, expected: Json) {
    let msg = fill(config.clone(), json!({"payload": payload})).await;
    assert_eq!(msg, Ok(json!({"payload": expected}).into()), "{config}");
}

#[tokio::test(start_paused = true)]
async fn it_keeps_to_the_contract() {
    let config = json!({"field": "payload", "fieldType": "msg", "format": "handlebars", "syntax": "mustache",
        "template": "{{payload}}", "output": "str"});
    assert_compliant(linked("template"), config).await;
}

#[tokio::test(start_paused = true)]
async fn a_template_is_filled_in_and_escaped() {
    assert_payload(
        json!({"template": "payload={{payload}}"}),
        json!("<b>"),
        json!("payload=&lt;b&gt;"),
    )
    .await;
    assert_payload(json!({"template": "{{{payload}}}"}), json!("<b>"), json!("<b>")).await;
    assert_payload(
        json!({"template": "{{#payload}}{{.}};{{/payload}}"}),
        json!([1, 2]),
        json!("1;2;"),
    )
    .await;
    assert_payload(
        json!({"template": "{{env.WHO}} {{{env.WHO}}}{{env.NO}}"}),
        json!(1),
        json!("Joe &amp; Co Joe & Co"),
    )
    .await;
    assert_payload(
        json!({"template": "{{payload}}", "syntax": "plain"}),
        json!(1),
        json!("{{payload}}"),
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_result_goes_where_it_should() {
    let msg = fill(json!({"template": "x", "field": "a.b"}), json!({"payload": 1})).await.unwrap();
    assert_eq!(msg, json!({"payload": 1, "a": {"b": "x"}}).into());
}

#[tokio::test(start_paused = true)]
async fn values_of_contexts_fill_in_what_the_message_lacks() {
    let template = "{{flow.a.b}} {{global[memory].g}} {{#flow.list}}{{.}}{{flow.a.b}};{{/flow.list}}\
                    {{^flow.no}}none{{/flow.no}} {{global.no}}";
    let mut node = Harness::of("template").config(json!({"template": template})).start().await;
    let cx = node.context().clone();
    let path = |key| PropertyPath::parse_key(key).unwrap();
    cx.context(Scope::Flow).set(&path("a.b"), Some("f".into())).unwrap();
    cx.context(Scope::Flow).set(&path("list"), Some(json!([1, 2]).into())).unwrap();
    cx.context(Scope::Global).set(&path("g"), Some("g".into())).unwrap();
    node.send(message(json!({}))).await;
    assert_eq!(node.next_output(0).await.payload(), Some(&"f g 1f;2f;none ".into()));
    node.send(message(json!({"flow": {"a": {"b": "mine"}, "list": []}}))).await;
    assert_eq!(node.next_output(0).await.payload(), Some(&"mine g none ".into()));
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_result_may_go_into_a_context() {
    for (kind, scope) in [("flow", Scope::Flow), ("global", Scope::Global)] {
        let config =
            json!({"template": "{{payload}}", "fieldType": kind, "field": "#:(memory)::a.b"});
        let mut node = Harness::of("template").config(config).start().await;
        node.send(message(json!({"payload": 5}))).await;
        assert_eq!(node.next_output(0).await.payload(), Some(&5.into()));
        let path = PropertyPath::parse_key("a.b").unwrap();
        let kept = node.context().context(scope).get(&path);
        assert_eq!(kept.unwrap(), Some("5".into()), "{kind}");
        node.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_template_that_multiplies_is_an_error_and_the_node_goes_on() {
    let template = "{{#l}}".repeat(3) + &"x".repeat(100) + &"{{/l}}".repeat(3);
    let config = json!({"template": template, "name": "t"});
    let mut node = Harness::of("template").config(config).watched().start().await;
    node.send(message(json!({"l": vec![1; 100], "payload": "kept"}))).await;
    let caught = node.next_caught().await;
    assert_eq!(caught.payload(), Some(&"kept".into()));
    let error = caught.get("error").and_then(|error| error.get("message")).cloned();
    assert!(error.unwrap().as_str().unwrap().contains("bytes for this message"));
    node.send(message(json!({"l": [1, 1]}))).await;
    assert_eq!(node.next_output(0).await.payload(), Some(&"x".repeat(800).as_str().into()));
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_template_may_come_with_the_message() {
    let config = |template: &str, syntax: &str| json!({"template": template, "syntax": syntax});
    let msg = json!({"template": "<{{payload}}>", "payload": "p"});
    let filled =
        |config, msg: Json| async move { fill(config, msg).await.unwrap().get("payload").cloned() };
    assert_eq!(filled(config("", "mustache"), msg.clone()).await, Some("<p>".into()));
    assert_eq!(filled(config("", "plain"), msg.clone()).await, Some("<{{payload}}>".into()));
    assert_eq!(filled(config("own", "mustache"), msg).await, Some("own".into()));
    assert_eq!(filled(config("", "mustache"), json!({})).await, Some("".into()));
    let error = fill(config("", "mustache"), json!({"template": {"a": 1}})).await.unwrap_err();
    assert_eq!(error, "`msg.template` is of type object, not a string");
}

#[tokio::test(start_paused = true)]
async fn the_result_may_be_json() {
    let config = json!({"template": "{\"a\": \"{{payload}}\"}", "output": "json"});
    assert_payload(config.clone(), json!("x\ny\\z"), json!({"a": "x\ny\\z"})).await;
    let error = fill(config, json!({"payload": "&"})).await;
    assert_eq!(error.unwrap(), json!({"payload": {"a": "&amp;"}}).into());
    let error = fill(json!({"template": "{", "output": "json"}), json!({})).await.unwrap_err();
    assert!(error.starts_with("invalid JSON from the template: EOF"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn the_result_may_be_yaml() {
    let config = json!({"template": "a: {{payload}}\nb:\n  - 1.5\n  - x y\n  - null\n  - true\n", "output": "yaml"});
    assert_payload(config, json!(3), json!({"a": 3, "b": [1.5, "x y", null, true]})).await;
    let config = json!({"template": "[yes, no, y, on, off, True]", "output": "yaml"});
    assert_payload(config, json!(3), json!(["yes", "no", "y", "on", "off", true])).await;
    let error = fill(json!({"template": "a: [", "output": "yaml"}), json!({})).await.unwrap_err();
    assert!(error.starts_with("invalid YAML from the template: "), "{error}");
    let bomb = "a: &a [1,1,1,1,1,1,1,1,1]\n".to_owned()
        + &(b'b'..=b'i')
            .map(|c| {
                let (name, before) = (char::from(c), char::from(c - 1));
                format!("{name}: &{name} [{}]\n", vec![format!("*{before}"); 9].join(","))
            })
            .collect::<String>();
    assert!(
        fill(json!({"template": bomb, "output": "yaml", "syntax": "plain"}), json!({}))
            .await
            .is_err()
    );
}

#[tokio::test]
async fn problems_are_named() {
    for (config, property) in [
        (json!({"template": "{{a"}), "template"),
        (json!({"template": "{{#a}}"}), "template"),
        (json!({"template": "{{flow.a..b}}"}), "template"),
        (json!({"template": "x", "output": "xml"}), "output"),
        (json!({"template": "x", "syntax": "php"}), "syntax"),
        (json!({"template": "x", "fieldType": "env"}), "fieldType"),
        (json!({"template": "x", "fieldType": "flow", "field": "a..b"}), "field"),
        (json!({"template": "x", "field": "a..b"}), "field"),
    ] {
        let problems = Harness::of("template").config(config.clone()).problems();
        assert_eq!(
            problems.iter().map(|p| p.property.as_str()).collect::<Vec<_>>(),
            [property],
            "{config}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_without_room_for_the_text_goes_on_as_it_is() {
    for payload in [json!(5), json!("x"), json!(null), json!(true)] {
        let config = json!({"template": "h1{}", "syntax": "plain", "field": "payload.css"});
        let msg = fill(config, json!({"payload": payload})).await;
        assert_eq!(msg, Ok(json!({"payload": payload}).into()));
    }
}
