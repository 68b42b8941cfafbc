//! What is around a node: watchers, links, subflows, groups, configuration nodes.

use serde_json::{Value, json};

use crate::installed::{UserDir, between, function, run, script};
use crate::support::{Client, node, tab, with};

/// Sends `msg.payload` with the name of the node from which it comes.
fn says(id: &str, payload: &str) -> Value {
    function(id, &format!("return {{payload: '{id}: ' + {payload}}}"), &["all"])
}

fn watcher(kind: &str, id: &str, scope: Value, wires: &[&str]) -> Value {
    node(id, kind, json!({"scope": scope, "uncaught": false}), wires)
}

/// The answers to two messages. If one came twice, another one is missing.
async fn answers_to_two(client: &mut Client, count: usize) -> Vec<String> {
    let mut answers = Vec::new();
    for _ in 0..2 {
        client.send("go").await;
        for _ in 0..count {
            answers.push(client.text().await);
        }
    }
    answers.sort();
    answers
}

fn twice(expected: &[&str]) -> Vec<String> {
    let mut twice: Vec<_> =
        expected.iter().chain(expected).map(|text| (*text).to_owned()).collect();
    twice.sort();
    twice
}

#[tokio::test]
async fn watchers_see_nodes_of_both_kinds_once() {
    let error = "msg.error.message + ' of ' + msg.error.source.id";
    let flows = between(
        &["hosted bad", "native bad", "shows", "native shows", "fine", "native fine"],
        [
            script("hosted bad", "done(new Error('oh'))", &[]),
            function("native bad", "node.error('no', msg)", &[]),
            script("shows", "node.status({fill: 'green', shape: 'dot', text: 'up'})", &[]),
            function("native shows", "node.status({text: 'on'})", &[]),
            script("fine", "done()", &[]),
            function("native fine", "node.done()", &[]),
            watcher("catch", "catch hosted", json!(["hosted bad"]), &["hosted error"]),
            watcher("catch", "catch native", json!(["native bad"]), &["native error"]),
            watcher("catch", "catch all", Value::Null, &["any error"]),
            with(watcher("catch", "rest", Value::Null, &["uncaught"]), json!({"uncaught": true})),
            watcher("status", "watch hosted", json!(["shows"]), &["status"]),
            watcher("status", "watch native", json!(["native shows"]), &["native status"]),
            watcher("complete", "end hosted", json!(["fine"]), &["complete"]),
            watcher("complete", "end native", json!(["native fine"]), &["native complete"]),
            says("hosted error", error),
            says("native error", error),
            says("any error", error),
            says("uncaught", error),
            says("status", "msg.status.text + ' of ' + msg.status.source.id"),
            says("native status", "msg.status.text + ' of ' + msg.status.source.id"),
            says("complete", "msg.payload"),
            says("native complete", "msg.payload"),
        ],
    );
    let (_folder, runtime) = run(flows).await;
    let mut client = runtime.connect("/ws").await;
    let expected = [
        "hosted error: Error: oh of hosted bad",
        "native error: no of native bad",
        "any error: Error: oh of hosted bad",
        "any error: no of native bad",
        "status: up of shows",
        "native status: on of native shows",
        "complete: go",
        "native complete: go",
    ];
    assert_eq!(answers_to_two(&mut client, expected.len()).await, twice(&expected));
}

#[tokio::test]
async fn errors_go_to_the_catch_nodes_of_their_groups_and_else_to_an_uncaught_one() {
    let in_group = |node: Value, group: &str| with(node, json!({"g": group}));
    let uncaught =
        with(watcher("catch", "rest", Value::Null, &["lost"]), json!({"uncaught": true}));
    let source = "msg.error.message";
    let flows = between(
        &["inner bad", "outer bad", "free bad", "native inner"],
        [
            json!({"id": "g1", "type": "group", "z": "tab", "nodes": ["g2", "outer bad", "c1"]}),
            json!({"id": "g2", "type": "group", "z": "tab", "g": "g1", "nodes": ["inner bad", "native inner", "c2"]}),
            in_group(script("inner bad", "done(new Error('inner'))", &[]), "g2"),
            in_group(function("native inner", "node.error('native', msg)", &[]), "g2"),
            in_group(script("outer bad", "done(new Error('outer'))", &[]), "g1"),
            script("free bad", "done(new Error('free'))", &[]),
            in_group(watcher("catch", "c1", json!("group"), &["of outer"]), "g1"),
            in_group(watcher("catch", "c2", json!("group"), &["of inner"]), "g2"),
            uncaught,
            says("of inner", source),
            says("of outer", source),
            says("lost", source),
        ],
    );
    let (_folder, runtime) = run(flows).await;
    let mut client = runtime.connect("/ws").await;
    let expected = [
        "of inner: Error: inner",
        "of outer: Error: inner",
        "of inner: native",
        "of outer: native",
        "of outer: Error: outer",
        "lost: Error: free",
    ];
    assert_eq!(answers_to_two(&mut client, expected.len()).await, twice(&expected));
}

#[tokio::test]
async fn links_and_link_calls_pass_both_sides() {
    let link = |id: &str, kind: &str, more: Value, wires: &[&str]| {
        with(node(id, kind, json!({}), wires), more)
    };
    let add =
        |id: &str, wires: &[&str]| script(id, &format!("msg.payload += ' {id}'; send(msg)"), wires);
    let flows = between(
        &["h1", "call"],
        [
            add("h1", &["out1"]),
            link("out1", "link out", json!({"mode": "link", "links": ["in1"]}), &[]),
            link("in1", "link in", json!({"links": ["out1"]}), &["h2"]),
            add("h2", &["call2"]),
            link("call2", "link call", json!({"links": ["in2"], "timeout": "5"}), &["h4"]),
            link("call", "link call", json!({"links": ["in2"], "timeout": "5"}), &["h4"]),
            link("in2", "link in", json!({"links": []}), &["h3"]),
            add("h3", &["return"]),
            link("return", "link out", json!({"mode": "return", "links": []}), &[]),
            add("h4", &["all"]),
        ],
    );
    let (_folder, runtime) = run(flows).await;
    let mut client = runtime.connect("/ws").await;
    let expected = ["go h1 h2 h3 h4", "go h3 h4"];
    assert_eq!(answers_to_two(&mut client, 2).await, twice(&expected));
}

#[tokio::test]
async fn subflows_with_nodes_of_both_kinds_keep_their_environment() {
    let env = |name: &str, value: &str| json!({"name": name, "value": value, "type": "str"});
    let read = "const get = (name) => RED.util.evaluateNodeProperty(name, 'env', node);
        msg.payload += ` ${get('WHERE')} ${get('TAB')} ${config.label}`; send(msg)";
    let inside = |id: &str, z: &str, node: Value| with(node, json!({"id": id, "z": z}));
    let nodes = [
        json!({"id": "sub", "type": "subflow", "name": "sub", "env": [env("WHERE", "default")],
            "in": [{"wires": [{"id": "s1"}]}], "out": [{"wires": [{"id": "s3", "port": 0}]}],
            "status": {"wires": [{"id": "s4", "port": 0}]}}),
        inside(
            "s1",
            "sub",
            function("", "msg.payload += ' ' + env.get('WHERE'); return msg", &["s2"]),
        ),
        inside("s2", "sub", with(script("", read, &["s3"]), json!({"label": "${WHERE}"}))),
        inside("s3", "sub", function("", "msg.payload += ' end'; return msg", &["s4"])),
        inside(
            "s4",
            "sub",
            script("", "node.status({text: 'seen'}); send({payload: {text: 'from inside'}})", &[]),
        ),
        json!({"id": "outer", "type": "subflow", "name": "outer", "env": [],
            "in": [{"wires": [{"id": "o1"}]}], "out": [{"wires": [{"id": "o1", "port": 0}]}]}),
        inside(
            "o1",
            "outer",
            with(node("", "subflow:sub", json!({"env": [env("WHERE", "nested")]}), &[]), json!({})),
        ),
        node("one", "subflow:sub", json!({"env": [env("WHERE", "set")]}), &["all"]),
        node("two", "subflow:outer", json!({}), &["all"]),
        json!({"id": "g", "type": "group", "z": "tab", "nodes": ["in group"], "env": [env("WHERE", "group")]}),
        with(script("in group", read, &["all"]), json!({"g": "g", "label": "${WHERE}"})),
        watcher("status", "inside status", json!(["one"]), &["status"]),
        says("status", "JSON.stringify(msg.status.text)"),
    ];
    let mut flows = between(&["one", "two", "in group"], nodes);
    flows[0]["env"] = json!([env("TAB", "tab")]);
    let (_folder, runtime) = run(flows).await;
    let mut client = runtime.connect("/ws").await;
    let expected = [
        "go group tab group",
        "go nested nested tab nested end",
        "go set set tab set end",
        "status: \"from inside\"",
    ];
    assert_eq!(answers_to_two(&mut client, 4).await, twice(&expected));
}

#[tokio::test]
async fn disabled_nodes_and_tabs_do_nothing_on_either_side() {
    let other = |node: Value| with(node, json!({"z": "off"}));
    let flows = between(
        &["disabled", "native off", "live"],
        [
            with(script("disabled", "send({payload: 'wrong'})", &["all"]), json!({"d": true})),
            with(function("native off", "return {payload: 'wrong'}", &["all"]), json!({"d": true})),
            with(tab("off"), json!({"disabled": true})),
            other(with(
                script("timer", "", &["all"]),
                json!({"setup": "node.send({payload: 'wrong'})"}),
            )),
            script("live", "send(msg)", &["live 2", "native off"]),
            with(script("dead end", "send({payload: 'wrong'})", &["all"]), json!({"d": true})),
            script("live 2", "send([msg])", &["all", "disabled"]),
        ],
    );
    let (_folder, runtime) = run(flows).await;
    let mut client = runtime.connect("/ws").await;
    assert_eq!(answers_to_two(&mut client, 1).await, ["go", "go"]);
}

#[tokio::test]
async fn the_child_has_the_credentials_of_its_nodes_and_of_no_others() {
    let tell = "const other = RED.nodes.getNode(config.use);
        msg.payload = [node.credentials.secret, other.credentials.secret, other.label,
            RED.nodes.getCredentials('native') ?? null]; send(msg)";
    let secret = |node: Value, secret: &str| with(node, json!({"credentials": {"secret": secret}}));
    let flows = |of_config: &str| {
        let native = node(
            "native",
            "http request",
            json!({"method": "GET", "url": "http://localhost"}),
            &[],
        );
        between(
            &["tell"],
            [
                secret(
                    with(script("tell", tell, &["all"]), json!({"use": "config"})),
                    "of the node",
                ),
                secret(
                    json!({"id": "config", "type": "script-config", "label": "shared"}),
                    of_config,
                ),
                with(native, json!({"credentials": {"user": "me", "password": "native"}})),
            ],
        )
    };
    let folder = UserDir::with(&["script"]);
    let runtime = folder.run(between(&[], [])).await;
    // The users of a configuration node restart when only its credentials change.
    for secret in ["first", "second"] {
        let response = runtime.post_json("/flows", &flows(secret).to_string()).await;
        assert!(response.starts_with("HTTP/1.1 204"), "{response}");
        let mut client = runtime.connect("/ws").await;
        client.send("go").await;
        assert_eq!(client.json().await, json!(["of the node", secret, "shared", null]));
    }
}
