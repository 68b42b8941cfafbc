//! The palette's nodes through the real binary: input and output of a WebSocket.

use serde_json::{Value, json};

use crate::support::{Runtime, listener, node, tab, with, ws_in, ws_out};

/// Nodes between a `websocket in` and a `websocket out`.
struct Case {
    name: &'static str,
    /// The type and properties of each node.
    nodes: Vec<(&'static str, Value)>,
    sent: &'static [&'static str],
    received: &'static [&'static str],
}

fn case(
    name: &'static str,
    nodes: Vec<(&'static str, Value)>,
    sent: &'static [&'static str],
    received: &'static [&'static str],
) -> Case {
    Case { name, nodes, sent, received }
}

fn function(code: &str) -> (&'static str, Value) {
    ("function", json!({"func": code, "outputs": 1}))
}

fn template(text: &str) -> (&'static str, Value) {
    let template = json!({"field": "payload", "fieldType": "msg", "syntax": "mustache",
        "template": text, "output": "str"});
    ("template", template)
}

fn parse() -> (&'static str, Value) {
    ("json", json!({"property": "payload", "action": "obj"}))
}

fn text() -> (&'static str, Value) {
    ("json", json!({"action": "str"}))
}

fn joined() -> (&'static str, Value) {
    ("join", json!({"mode": "auto"}))
}

const XML: &str = concat!(
    r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>"#,
    "<a><b>1</b><b>2</b></a>"
);

fn cases() -> Vec<Case> {
    let rule = json!([{"t": "eq", "v": "b", "vt": "str"}]);
    let switch = json!({"property": "payload", "propertyType": "msg", "rules": rule});
    let swap = json!([{"t": "change", "p": "payload", "pt": "msg", "from": "a", "fromt": "str",
        "to": "o", "tot": "str"}]);
    let range = json!({"minin": "0", "maxin": "10", "minout": "0", "maxout": "100",
        "action": "scale", "round": true, "property": "payload"});
    let sort = json!({"order": "ascending", "as_num": true, "target": "payload",
        "targetType": "msg", "msgKey": "", "msgKeyType": "elem"});
    let batch = json!({"mode": "count", "count": "2", "overlap": "0"});
    let delay = json!({"pauseType": "delay", "timeout": "20", "timeoutUnits": "milliseconds"});
    let trigger = json!({"op1": "on", "op2": "off", "op1type": "str", "op2type": "str",
        "duration": "20", "units": "ms", "extend": "false", "bytopic": "all", "outputs": 1});
    let split = json!({"splt": ",", "spltType": "str"});
    vec![
        case("change", vec![("change", json!({"rules": swap}))], &["banana"], &["bonono"]),
        case("switch", vec![("switch", switch)], &["a", "b"], &["b"]),
        case("json", vec![parse(), text()], &["[1, 2]"], &["[1,2]"]),
        case("template", vec![template("Hello {{payload}}")], &["you"], &["Hello you"]),
        case("range", vec![("range", range)], &["5"], &["50"]),
        case("rbe", vec![("rbe", json!({"func": "rbe"}))], &["a", "a", "b"], &["a", "b"]),
        case("sort", vec![parse(), ("sort", sort)], &["[3,10,2]"], &["[2,3,10]"]),
        case("batch", vec![("batch", batch), joined()], &["a", "b"], &["[\"a\",\"b\"]"]),
        case(
            "split and join",
            vec![("split", split), template("<{{payload}}>"), joined()],
            &["a,b"],
            &["<a>,<b>"],
        ),
        case("delay", vec![("delay", delay)], &["a", "b"], &["a", "b"]),
        case("trigger", vec![("trigger", trigger)], &["x"], &["on", "off"]),
        case("junction", vec![("junction", json!({}))], &["x"], &["x"]),
        case(
            "a function that counts",
            vec![function(
                "const n = (context.get('n') || 0) + 1; context.set('n', n);
                 msg.payload += n; return msg;",
            )],
            &["a", "b"],
            &["a1", "b2"],
        ),
        case(
            "a function with a timer",
            vec![function("setTimeout(() => { node.send(msg); node.done(); }, 20);")],
            &["later"],
            &["later"],
        ),
        case(
            "functions that share",
            vec![
                function("global.set('shared.list[1]', msg.payload); return msg;"),
                function("msg.payload = JSON.stringify(global.get('shared')); return msg;"),
            ],
            &["x"],
            &["{\"list\":[null,\"x\"]}"],
        ),
    ]
}

fn parsers() -> Vec<Case> {
    let csv = ("csv", json!({"spec": "rfc", "temp": "a,b"}));
    let html = ("html", json!({"tag": "b", "ret": "text"}));
    vec![
        case(
            "csv",
            vec![csv, text()],
            &["1,b\n2,\"c,d\""],
            &[r#"{"a":1,"b":"b"}"#, r#"{"a":2,"b":"c,d"}"#],
        ),
        case(
            "csv text",
            vec![parse(), ("csv", json!({"spec": "rfc"}))],
            &[r#"[[1,"b"]]"#],
            &["1,b\r\n"],
        ),
        case(
            "xml",
            vec![("xml", json!({})), text()],
            &["<a b='1'>t</a>"],
            &[r#"{"a":{"_":"t","$":{"b":"1"}}}"#],
        ),
        case("xml text", vec![parse(), ("xml", json!({}))], &[r#"{"a":{"b":[1,2]}}"#], &[XML]),
        case("yaml", vec![("yaml", json!({})), text()], &["a: [1, x]"], &[r#"{"a":[1,"x"]}"#]),
        case(
            "yaml text",
            vec![parse(), ("yaml", json!({}))],
            &[r#"{"a":[1,"x"]}"#],
            &["a:\n  - 1\n  - x\n"],
        ),
        case("html", vec![html, text()], &["<p>x<b>y</b>"], &[r#"["y"]"#]),
    ]
}

/// All cases in one flow, each at its own path.
fn flow(cases: &[Case]) -> Value {
    let mut all = vec![tab("tab")];
    for (at, case) in cases.iter().enumerate() {
        let id = |place: usize| format!("case{at}-{place}");
        let (server, out) = (format!("l{at}"), format!("out{at}"));
        all.push(listener(&server, &format!("/{at}")));
        all.push(ws_in(&format!("in{at}"), &server, &[id(0).as_str()]));
        for (place, (kind, properties)) in case.nodes.iter().enumerate() {
            let last = place + 1 == case.nodes.len();
            let next = if last { out.clone() } else { id(place + 1) };
            all.push(node(&id(place), kind, properties.clone(), &[next.as_str()]));
        }
        all.push(ws_out(&out, &server));
    }
    all.into()
}

#[tokio::test]
async fn every_kind_of_node_does_its_work_between_two_sockets() {
    let cases: Vec<Case> = cases().into_iter().chain(parsers()).collect();
    let runtime = Runtime::start(flow(&cases)).await;
    for (at, case) in cases.iter().enumerate() {
        let mut client = runtime.connect(&format!("/{at}")).await;
        for text in case.sent {
            client.send(text).await;
        }
        for expected in case.received {
            assert_eq!(client.text().await, *expected, "{}", case.name);
        }
        client.close().await;
    }
    let (log, code) = runtime.terminate().await;
    assert_eq!(code, Some(0), "{log}");
}

#[tokio::test]
async fn an_inject_node_fires_by_itself_and_links_and_a_debug_node_pass_it_on() {
    let inject = json!({"repeat": "0.05", "props": [{"p": "payload"}], "payload": "tick",
        "payloadType": "str"});
    let mut runtime = Runtime::start(json!([
        tab("tab"),
        listener("l", "/ws"),
        node("inject", "inject", inject, &["away"]),
        node("away", "link out", json!({"mode": "link", "links": ["here"]}), &[]),
        node("here", "link in", json!({"links": ["away"]}), &["out", "log"]),
        ws_out("out", "l"),
        with(
            crate::support::debug("log"),
            json!({"console": true, "complete": "payload", "targetType": "msg"})
        ),
        node("note", "comment", json!({"info": "nothing"}), &[]),
    ]))
    .await;
    let mut client = runtime.connect("/ws").await;
    assert_eq!(client.text().await, "tick");
    runtime.log_line("tick").await;
    let (log, code) = runtime.terminate().await;
    assert_eq!(code, Some(0), "{log}");
}
