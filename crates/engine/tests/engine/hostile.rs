//! Random flow files: nothing panics, and every node that starts also stops.

use std::time::Duration;

use crate::support::{Journal, environment, registry};
use ferrowire_core::{Message, StopReason};
use ferrowire_engine::{DeployType, Engine, FlowFile, check};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

fn id() -> impl Strategy<Value = Json> {
    prop_oneof![
        30 => "[a-h]".prop_map(Json::from),
        1 => Just(Json::from("")),
    ]
}

fn anything() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        id(),
        "\\PC{0,6}".prop_map(Json::from),
        prop_oneof!["\\$\\{[A-C]\\}", "\\$\\{\\$parent\\.[A-C]\\}"].prop_map(Json::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        let entry = (prop_oneof!["name", "value", "type", "[a-c]"], inner.clone());
        prop_oneof![
            proptest::collection::vec(inner, 0..4).prop_map(Json::from),
            proptest::collection::vec(entry, 0..4).prop_map(|e| e.into_iter().collect()),
        ]
    })
}

fn env() -> impl Strategy<Value = Json> {
    let kinds = ["str", "num", "bool", "json", "bin", "env", "jsonata", "date", "cred", "?"];
    let entry = ("[A-C]", anything(), proptest::sample::select(kinds.to_vec()))
        .prop_map(|(name, value, kind)| json!({"name": name, "value": value, "type": kind}));
    proptest::collection::vec(entry, 0..4).prop_map(Json::from)
}

fn node() -> impl Strategy<Value = Json> {
    let types = [
        "tab",
        "group",
        "subflow",
        "subflow:a",
        "global-config",
        "probe",
        "relay",
        "listener",
        "client",
        "in",
        "out",
        "user",
        "strict",
        "slow",
        "shows",
        "probe",
        "relay",
        "subflow:b",
        "subflow:c",
        "catch",
        "status",
        "complete",
        "fails",
        "link in",
        "link out",
        "caller",
    ];
    let wires = proptest::collection::vec(proptest::collection::vec(id(), 0..3), 0..3);
    let wires = prop_oneof![9 => wires.prop_map(|w| json!(w)), 1 => anything()];
    let keys = ["z", "g", "d", "x", "y", "name", "server", "client", "service", "path", "size"];
    let others = proptest::collection::vec(
        (proptest::sample::select(keys.to_vec()), prop_oneof![id(), anything()]),
        0..6,
    );
    (id(), proptest::sample::select(types.to_vec()), wires, env(), others).prop_map(
        |(id, kind, wires, env, others)| {
            let mut node = json!({"id": id, "type": kind, "wires": wires, "env": env});
            for (key, value) in others {
                node[key] = value;
            }
            node
        },
    )
}

fn flows() -> impl Strategy<Value = Json> {
    let bare = proptest::collection::vec(node(), 0..10).prop_map(Json::from);
    prop_oneof![9 => bare, 1 => anything()]
}

async fn live_through(files: Vec<FlowFile>) {
    let journal = Journal::new();
    journal.permits.add_permits(1 << 20);
    let builder = Engine::builder(registry()).environment(environment());
    let engine = builder.provide(journal).stop_limit(Duration::from_secs(1)).build();
    let begun = tokio::time::Instant::now();
    for (number, file) in files.into_iter().enumerate() {
        let how = [DeployType::Nodes, DeployType::Flows, DeployType::Full][number % 3];
        match number {
            0 => engine.start(file).await.unwrap(),
            _ => engine.deploy(file, how).await.unwrap(),
        };
        for node in engine.nodes() {
            drop(engine.deliver(&node.id, Message::with_payload("emit x")).unwrap());
        }
        tokio::task::yield_now().await;
    }
    engine.stop(StopReason::ShuttingDown).await.unwrap();
    assert!(engine.nodes().is_empty());
    // Time is paused: it only advances when a time limit is waited for.
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_flow_file_panics_in_parse_check_start_deploy_or_stop(
        texts in proptest::collection::vec(flows(), 1..4)
    ) {
        let parse = |flows: &Json| FlowFile::parse(flows.to_string().as_bytes()).ok();
        let files: Vec<FlowFile> = texts.iter().filter_map(parse).collect();
        for file in &files {
            for problem in check(file, &registry(), &environment()) {
                prop_assert!(!problem.to_string().contains('\n'));
            }
            let again = FlowFile::parse(file.to_json().as_bytes()).unwrap();
            prop_assert_eq!(&again, file);
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time().start_paused(true).build().unwrap();
        runtime.block_on(live_through(files));
    }
}
