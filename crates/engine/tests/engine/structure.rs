//! Links connect nodes as wires do, and instances of subflows run as nodes.

use ferrowire_core::{ContextStores, MemoryStore, PropertyPath, Status};
use ferrowire_engine::{DeployType, Event};
use serde_json::{Value as Json, json};

use crate::support::{Bench, file, start};

/// The definition `d`, with a probe `p` between its input and its output.
fn definition() -> Vec<Json> {
    vec![
        json!({"id": "d", "type": "subflow", "name": "D",
            "in": [{"wires": [{"id": "p"}]}], "out": [{"wires": [{"id": "p", "port": 0}]}],
            "env": [{"name": "A", "type": "str", "value": "template"},
                    {"name": "N", "type": "num", "value": "5"}]}),
        json!({"id": "p", "type": "probe", "z": "d", "mark": "!", "wires": [[]]}),
    ]
}

fn with(nodes: Json) -> Json {
    let mut all = definition();
    all.extend(nodes.as_array().unwrap().iter().cloned());
    all.into()
}

/// Sends a message, lets all tasks run and returns what was noted. The runtime has one thread.
async fn run(bench: &Bench, id: &str, payload: &str) -> Vec<String> {
    bench.journal.take();
    bench.send(id, payload).await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    bench.journal.take()
}

#[tokio::test]
async fn links_listed_at_either_or_both_ends_connect_once_also_across_tabs() {
    let bench = start(json!([
        {"id": "t2", "type": "tab"},
        {"id": "o", "type": "link out", "links": ["i", "gone"]},
        {"id": "i", "type": "link in", "links": ["o"], "wires": [["p"]], "z": "t2"},
        {"id": "j", "type": "link in", "links": ["o", "p"], "wires": [["q"]], "z": "t2"},
        {"id": "p", "type": "probe", "z": "t2"},
        {"id": "q", "type": "probe", "z": "t2"},
    ]))
    .await;
    let mut lines = run(&bench, "o", "x").await;
    lines.sort();
    assert_eq!(lines, ["message x at p", "message x at q"]);
    bench.stop().await;
}

#[tokio::test]
async fn a_loop_over_links_is_a_loop() {
    let bench = start(json!([
        {"id": "i", "type": "link in", "wires": [["o", "p"]]},
        {"id": "o", "type": "link out", "links": ["i"]},
        {"id": "p", "type": "probe"},
    ]))
    .await;
    bench.send("i", "x").await;
    bench.journal.until_count("message x at p", 3000).await;
    bench.stop().await;
}

#[tokio::test]
async fn names_are_looked_up_on_the_same_flow_and_then_on_all_tabs() {
    let bench = start(json!([
        {"id": "t2", "type": "tab"}, {"id": "t3", "type": "tab"},
        {"id": "c", "type": "caller"},
        {"id": "1", "type": "link in", "name": "near", "wires": [["p"]]},
        {"id": "2", "type": "link in", "name": "near", "z": "t2", "wires": [["q"]]},
        {"id": "3", "type": "link in", "name": "far", "z": "t2", "wires": [["q"]]},
        {"id": "4", "type": "link in", "name": "two", "z": "t2"},
        {"id": "5", "type": "link in", "name": "two", "z": "t3"},
        {"id": "p", "type": "probe"},
        {"id": "q", "type": "probe", "z": "t2"},
    ]))
    .await;
    assert_eq!(run(&bench, "c", "near").await, ["message near at p"]);
    assert_eq!(run(&bench, "c", "far").await, ["message far at q"]);
    assert_eq!(run(&bench, "c", "2").await, ["message 2 at q"]);
    let mut events = bench.engine.events();
    for (name, text) in [
        ("two", "Multiple link-in nodes named 'two' found: 2; give them different names"),
        ("none", "target link-in node 'none' not found"),
        ("p", "target link-in node 'p' not found"),
    ] {
        bench.send("c", name).await;
        let Event::Failed { text: found, .. } = events.recv().await.unwrap() else {
            panic!("no failure")
        };
        assert_eq!(&*found, text);
    }
    bench.stop().await;
}

#[tokio::test]
async fn instances_are_separate_and_messages_pass_through_nested_ones() {
    let bench = start(with(json!([
        {"id": "e", "type": "subflow", "in": [{"wires": [{"id": "n1"}]}],
            "out": [{"wires": [{"id": "n2"}, {"id": "e", "port": 0}]}]},
        {"id": "n1", "type": "subflow:d", "z": "e", "wires": [["n2"]]},
        {"id": "n2", "type": "subflow:d", "z": "e", "wires": [[]]},
        {"id": "1", "type": "subflow:e", "wires": [["z"]]},
        {"id": "2", "type": "subflow:d", "wires": [["z"]]},
        {"id": "off", "type": "subflow:d", "d": true, "wires": [["z"]]},
        {"id": "z", "type": "probe"},
    ])))
    .await;
    assert_eq!(bench.deployed.problems, [].into());
    let mut lines = run(&bench, "1", "x").await;
    lines.sort();
    let expected =
        ["message x at z", "message x! at 1-n1-p", "message x!! at 1-n2-p", "message x!! at z"];
    assert_eq!(lines, expected);
    assert_eq!(run(&bench, "2", "y").await, ["message y! at 2-p", "message y! at z"]);
    assert!(bench.engine.nodes().iter().all(|node| !node.id.starts_with("off")));
    let nodes = bench.engine.nodes();
    let inner = nodes.iter().find(|node| node.id == "1-n1-p").unwrap();
    assert_eq!(
        (inner.alias.as_str(), inner.flow.as_str(), inner.path.as_str()),
        ("p", "1-n1", "t/1/n1")
    );
    bench.stop().await;
}

#[tokio::test]
async fn a_subflow_with_invalid_inputs_and_ports_does_no_harm() {
    let bench = start(json!([
        {"id": "s", "type": "subflow", "in": 5, "out": [
            {"wires": [{"id": "r", "port": 1e300}, {"id": "r", "port": -1}, {"id": "no"}, 7]},
            {"wires": [{"id": "s", "port": 3}]},
        ], "status": {"wires": [{"id": "s", "port": 9}]}},
        {"id": "r", "type": "relay", "z": "s", "wires": "x"},
        {"id": "1", "type": "subflow:s", "wires": [["p"], ["p"], ["p"]]},
        {"id": "p", "type": "probe"},
    ]))
    .await;
    assert_eq!(run(&bench, "1", "x").await, Vec::<String>::new());
    bench.stop().await;
}

/// The values that the node `id` reads for these variables.
async fn variables(bench: &Bench, id: &str, names: &[&str]) -> Vec<Json> {
    let mut events = bench.engine.events();
    let mut found = vec![];
    for name in names {
        bench.send(id, &format!("env {name}")).await;
        loop {
            if let Event::Published { data, .. } = events.recv().await.unwrap() {
                found.push(serde_json::from_str(&data.to_json()).unwrap());
                break;
            }
        }
    }
    found
}

#[tokio::test]
async fn an_instance_has_the_variables_of_its_surroundings_and_of_groups_inside() {
    let bench = start(with(json!([
        {"id": "t", "type": "tab", "label": "T", "env": [{"name": "TAB", "type": "str", "value": "tab"}]},
        {"id": "g", "type": "group", "z": "t", "env": [{"name": "G", "type": "str", "value": "group"}]},
        {"id": "ig", "type": "group", "z": "d", "name": "IG",
            "env": [{"name": "I", "type": "env", "value": "A"}]},
        {"id": "show", "type": "shows", "z": "d", "g": "ig"},
        {"id": "1", "type": "subflow:d", "g": "g", "name": "One", "env": [
            {"name": "A", "type": "env", "value": "TAB"},
            {"name": "MORE", "type": "json", "value": "[1]"},
            {"name": "G", "type": "env", "value": "G"},
        ]},
        {"id": "2", "type": "subflow:d"},
        {"id": "global", "type": "global-config",
            "env": [{"name": "EVERYWHERE", "type": "bool", "value": "true"}]},
    ])))
    .await;
    let names = ["A", "N", "MORE", "G", "I", "TAB", "EVERYWHERE"];
    assert_eq!(
        variables(&bench, "1-show", &names).await,
        [
            json!("tab"),
            json!(5),
            json!([1]),
            json!("group"),
            json!("tab"),
            json!("tab"),
            json!(true)
        ]
    );
    assert_eq!(
        variables(&bench, "2-show", &["A", "MORE", "G"]).await,
        [json!("template"), Json::Null, Json::Null]
    );
    let names = [
        "NR_SUBFLOW_NAME",
        "NR_SUBFLOW_ID",
        "NR_SUBFLOW_PATH",
        "NR_NODE_PATH",
        "NR_GROUP_ID",
        "NR_FLOW_NAME",
        "NR_NODE_ID",
    ];
    assert_eq!(
        variables(&bench, "1-show", &names).await,
        ["One", "1", "t/1", "t/1/show", "1-ig", "T", "1-show"].map(Json::from)
    );
    bench.stop().await;
}

#[tokio::test]
async fn errors_and_statuses_leave_an_instance_that_does_not_handle_them() {
    let nodes = |inside: &[&str], status: bool| {
        let mut nodes = json!([
            {"id": "s", "type": "subflow"},
            {"id": "f", "type": "fails", "z": "s", "name": "F"},
            {"id": "show", "type": "shows", "z": "s"},
            {"id": "1", "type": "subflow:s"},
            {"id": "c", "type": "catch", "scope": ["1"], "wires": [["k"]]},
            {"id": "st", "type": "status", "scope": ["1"], "wires": [["k"]]},
            {"id": "k", "type": "sink"},
            {"id": "ik", "type": "sink", "z": "s"},
        ]);
        let list = nodes.as_array_mut().unwrap();
        for kind in inside {
            list.push(json!({"id": kind, "type": kind, "z": "s", "wires": [["ik"]]}));
        }
        if status {
            list[0]["status"] = json!({"wires": [{"id": "s", "port": 0}]});
        }
        nodes
    };
    let bench = start(nodes(&[], false)).await;
    let error =
        r#""error":{"message":"no","source":{"id":"1-f","type":"fails","name":"F","count":1}}"#;
    let told = run(&bench, "1-f", "x").await;
    assert!(told.len() == 1 && told[0].starts_with("k {"), "{told:?}");
    assert!(told[0].contains(error), "{told:?}");
    assert_eq!(run(&bench, "1-show", "x").await.len(), 1);

    bench.engine.deploy(file(nodes(&["catch", "status"], false)), DeployType::Nodes).await.unwrap();
    for id in ["1-f", "1-show"] {
        let told = run(&bench, id, "x").await;
        assert!(told.len() == 1 && told[0].starts_with("1-ik {"), "{told:?}");
    }

    bench.engine.deploy(file(nodes(&[], true)), DeployType::Nodes).await.unwrap();
    assert_eq!(run(&bench, "1-show", "x").await, Vec::<String>::new());
    let told = run(&bench, "1", "shown").await;
    let status = r#"{"status":{"text":"shown","source":{"id":"1","type":"subflow:s","name":""}}}"#;
    assert_eq!(told, [format!("k {status}")]);
    let shown = bench.engine.statuses();
    let of_instance = shown.iter().find(|(node, _)| node.id == "1").unwrap();
    assert_eq!(of_instance.1, Status::new("", "", "shown"));
    bench.stop().await;
}

#[tokio::test]
async fn a_deploy_of_nodes_restarts_only_what_changed_inside_instances() {
    let nodes = |mark: &str, name: &str, env: &str| {
        let mut all = with(json!([
            {"id": "1", "type": "subflow:d", "name": name, "wires": [["z"]]},
            {"id": "2", "type": "subflow:d", "wires": [["z"]]},
            {"id": "r", "type": "probe", "z": "d"},
            {"id": "z", "type": "probe"},
        ]));
        all[0]["env"][0]["value"] = env.into();
        all[1]["mark"] = mark.into();
        all
    };
    let bench = start(nodes("!", "a", "x")).await;
    let deploy = async |nodes: Json| {
        bench.journal.take();
        bench.engine.deploy(file(nodes), DeployType::Nodes).await.unwrap();
        let lines = bench.journal.take();
        let mut started: Vec<String> =
            lines.iter().filter_map(|l| l.strip_prefix("start ")).map(str::to_owned).collect();
        started.sort();
        started
    };
    assert_eq!(deploy(nodes("!", "a", "x")).await, Vec::<String>::new());
    assert_eq!(deploy(nodes("?", "a", "x")).await, ["1-p", "2-p"]);
    assert_eq!(deploy(nodes("?", "b", "x")).await, ["1-p", "1-r"]);
    assert_eq!(deploy(nodes("?", "b", "y")).await, ["1-p", "1-r", "2-p", "2-r"]);
    let mut rewired = nodes("?", "b", "y");
    rewired[2]["wires"] = json!([]);
    assert_eq!(deploy(rewired).await, Vec::<String>::new());
    assert_eq!(run(&bench, "1", "x").await, ["message x? at 1-p"]);
    assert_eq!(run(&bench, "2", "x").await, ["message x? at 2-p", "message x? at z"]);
    bench.stop().await;
}

#[tokio::test]
async fn an_instance_has_a_context_of_its_own_and_reaches_the_one_around_it() {
    let store = std::sync::Arc::new(MemoryStore::default());
    let stores = ContextStores::new("memory", std::sync::Arc::clone(&store) as _);
    let builder = ferrowire_engine::Engine::builder(crate::support::registry());
    let engine = builder.contexts(std::sync::Arc::new(stores)).build();
    let nodes = with(json!([
        {"id": "set", "type": "remembers", "z": "d", "key": "$parent.far"},
        {"id": "own", "type": "remembers", "z": "d", "key": "near"},
        {"id": "1", "type": "subflow:d"},
        {"id": "2", "type": "subflow:d"},
    ]));
    engine.start(file(nodes)).await.unwrap();
    for (id, payload) in [("1-set", "a"), ("1-own", "b"), ("2-own", "c")] {
        engine.deliver(id, ferrowire_core::Message::with_payload(payload)).unwrap().await;
    }
    let value = |place: &str, key: &str| {
        let path = PropertyPath::parse_key(key).unwrap();
        ferrowire_core::ContextStore::get(&*store, place, &path)
    };
    assert_eq!(value("t", "far"), Some("a".into()));
    assert_eq!((value("1", "near"), value("2", "near")), (Some("b".into()), Some("c".into())));
    assert_eq!(value("own:1", "mine"), Some("b".into()));
    engine.stop(ferrowire_core::StopReason::ShuttingDown).await.unwrap();
}
