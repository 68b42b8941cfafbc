//! One case for each rule: which nodes restart, and for which reason.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value as Json, json};

use super::{Decision, Deploy, Reason, decide};
use crate::model::Model;
use crate::validate::References;
use crate::{DeployType, FlowFile};

/// Reasons by id, with `None` for nodes that go on.
type Outcome = BTreeMap<String, Option<Reason>>;

fn model(nodes: &Json) -> Model {
    Model::new(FlowFile::parse(nodes.to_string().as_bytes()).unwrap())
}

fn active(model: &Model) -> Vec<&str> {
    model.active().map(|(_, entry)| entry.id.as_str()).collect()
}

fn outcome(deploy: &Deploy<'_>) -> Outcome {
    let reason = |decision| match decision {
        Decision::Keep => None,
        Decision::Restart(reason) => Some(reason),
    };
    decide(deploy).into_iter().map(|(id, decision)| (id, reason(decision))).collect()
}

/// The outcome when all active nodes of `old` run, and all references lead to what they led to.
fn between(old: &Model, new: &Model, deploy_type: DeployType) -> Outcome {
    let references = References::default();
    let running = active(old).into_iter().map(|id| (id, &references)).collect();
    let planned = active(new).into_iter().map(|id| (id, &references)).collect();
    outcome(&Deploy { deploy_type, old, new, running, planned })
}

/// A chain `a`, `b`, `c`; a configuration node `k` with a user `u` that has a user `v`; links from
/// `o` to `i`; a node `g1` in two nested groups; instances of a subflow.
fn flows() -> Json {
    json!([
        {"id": "t", "type": "tab", "label": "T", "env": []},
        {"id": "t2", "type": "tab", "env": []},
        {"id": "env", "type": "global-config", "env": []},
        {"id": "outer", "type": "group", "z": "t", "env": [], "w": 1},
        {"id": "inner", "type": "group", "z": "t", "g": "outer"},
        {"id": "sub", "type": "subflow", "env": [], "in": [{"wires": [{"id": "p"}]}]},
        {"id": "p", "type": "n", "z": "sub", "x": 1, "wires": [["q"]]},
        {"id": "q", "type": "n", "z": "sub"},
        {"id": "k", "type": "config"},
        {"id": "a", "type": "n", "z": "t", "x": 1, "y": 1, "wires": [["b"]]},
        {"id": "b", "type": "n", "z": "t", "wires": [["c"]]},
        {"id": "c", "type": "n", "z": "t"},
        {"id": "u", "type": "n", "z": "t2", "server": "k"},
        {"id": "v", "type": "n", "z": "t2", "peer": "u"},
        {"id": "o", "type": "link out", "z": "t2", "links": ["i"]},
        {"id": "i", "type": "link in", "z": "t2", "wires": [["w"]]},
        {"id": "w", "type": "n", "z": "t2"},
        {"id": "g1", "type": "n", "z": "t", "g": "inner"},
        {"id": "1", "type": "subflow:sub", "z": "t2"},
        {"id": "2", "type": "subflow:sub", "z": "t2"},
    ])
}

/// What happens to a node of [`flows`] in a case.
enum Edit {
    Set(&'static str, &'static str, Json),
    Remove(&'static str),
    Add(Json),
}

use Edit::{Add, Remove, Set};

fn edited(edits: impl IntoIterator<Item = Edit>) -> Json {
    let mut flows = flows();
    let nodes = flows.as_array_mut().unwrap();
    for edit in edits {
        match edit {
            Set(id, property, value) => {
                let node = nodes.iter_mut().find(|node| node["id"] == id).unwrap();
                node[property] = value;
            }
            Remove(id) => nodes.retain(|node| node["id"] != id),
            Add(node) => nodes.push(node),
        }
    }
    flows
}

fn refers_to(id: &str) -> Reason {
    Reason::RefersTo(id.to_owned())
}

fn wired_to(id: &str) -> Reason {
    Reason::WiredTo(id.to_owned())
}

/// Deploys `edits` of [`flows`]. Exactly the `expected` nodes restart, for these reasons.
fn assert_restarts(case: &str, how: DeployType, edits: Vec<Edit>, expected: &[(&str, Reason)]) {
    let (old, new) = (model(&flows()), model(&edited(edits)));
    let mut outcome = between(&old, &new, how);
    outcome.retain(|_, reason| reason.is_some());
    let expected: Outcome =
        expected.iter().map(|(id, reason)| ((*id).to_owned(), Some(reason.clone()))).collect();
    assert_eq!(outcome, expected, "{case}, deploy of {how:?}");
}

#[test]
fn every_planned_node_gets_a_decision_and_no_other() {
    let (old, new) = (model(&flows()), model(&edited([Remove("c")])));
    for how in [DeployType::Full, DeployType::Flows, DeployType::Nodes, DeployType::Reload] {
        let decided = between(&old, &new, how);
        let mut planned = active(&new);
        planned.sort_unstable();
        assert!(decided.keys().eq(planned), "{decided:?}");
    }
}

#[test]
fn a_full_deploy_and_a_reload_restart_every_node_and_say_which_are_new() {
    let (old, new) = (model(&flows()), model(&edited([Add(json!({"id": "n", "type": "n"}))])));
    for how in [DeployType::Full, DeployType::Reload] {
        let mut decided = between(&old, &new, how);
        assert_eq!(decided.remove("n"), Some(Some(Reason::New)));
        assert!(decided.values().all(|reason| *reason == Some(Reason::DeployType(how))));
        assert_eq!(decided.len(), active(&old).len());
    }
}

#[test]
fn a_change_of_the_global_configuration_restarts_every_node() {
    let variable = json!([{"name": "A", "value": "1", "type": "str"}]);
    let (old, new) = (model(&flows()), model(&edited([Set("env", "env", variable)])));
    for how in [DeployType::Flows, DeployType::Nodes] {
        let decided = between(&old, &new, how);
        assert!(decided.values().all(|reason| *reason == Some(Reason::GlobalConfig)));
    }
}

#[test]
fn what_a_running_node_cannot_notice_restarts_nothing() {
    for (case, edit) in [
        ("a node was moved", Set("a", "x", 500.into())),
        ("a tab was renamed", Set("t", "label", "New".into())),
        ("a group was resized", Set("outer", "w", 9.into())),
        ("a subflow got another color", Set("sub", "color", "red".into())),
        ("a node of a subflow was moved", Set("p", "x", 500.into())),
    ] {
        assert_restarts(case, DeployType::Nodes, vec![edit], &[]);
    }
}

#[test]
fn a_deploy_of_nodes_restarts_what_changed_and_what_refers_to_it() {
    let cases = [
        ("a property", Set("b", "name", "B".into()), vec![("b", Reason::Properties)]),
        ("a type", Set("b", "type", "m".into()), vec![("b", Reason::Properties)]),
        (
            "a configuration node",
            Set("k", "port", 1.into()),
            vec![("k", Reason::Properties), ("u", refers_to("k")), ("v", refers_to("u"))],
        ),
        (
            "a removed configuration node",
            Remove("k"),
            vec![("u", refers_to("k")), ("v", refers_to("u"))],
        ),
        (
            "a disabled configuration node",
            Set("k", "d", true.into()),
            vec![("u", refers_to("k")), ("v", refers_to("u"))],
        ),
        (
            "the environment of a group",
            Set("outer", "env", json!([1])),
            vec![("g1", refers_to("inner"))],
        ),
        (
            "a node in a subflow",
            Set("p", "name", "P".into()),
            vec![("1-p", Reason::Properties), ("2-p", Reason::Properties)],
        ),
        (
            "an instance",
            Set("1", "name", "One".into()),
            vec![("1", Reason::Properties), ("1-p", refers_to("1")), ("1-q", refers_to("1"))],
        ),
        (
            "the environment of a tab",
            Set("t", "env", json!([1])),
            vec![
                ("a", refers_to("t")),
                ("b", refers_to("t")),
                ("c", refers_to("t")),
                ("g1", refers_to("t")),
            ],
        ),
        ("wires", Set("a", "wires", json!([["c"]])), vec![]),
        ("a removed node", Remove("b"), vec![]),
    ];
    for (case, edit, expected) in cases {
        assert_restarts(case, DeployType::Nodes, vec![edit], &expected);
    }
}

#[test]
fn a_changed_definition_restarts_the_nodes_of_all_its_instances() {
    let variable = json!([{"name": "A", "value": "1", "type": "str"}]);
    let expected = [
        ("1", Reason::Properties),
        ("1-p", refers_to("1")),
        ("1-q", refers_to("1")),
        ("2", Reason::Properties),
        ("2-p", refers_to("2")),
        ("2-q", refers_to("2")),
    ];
    let edits = vec![Set("sub", "env", variable)];
    assert_restarts("a variable", DeployType::Nodes, edits, &expected);
}

#[test]
fn a_deploy_of_flows_also_restarts_what_is_or_was_connected_to_a_change() {
    let cases = [
        (
            "a property",
            Set("b", "name", "B".into()),
            vec![("a", wired_to("b")), ("b", Reason::Properties), ("c", wired_to("b"))],
        ),
        (
            "the end of a chain",
            Set("c", "name", "C".into()),
            vec![("a", wired_to("b")), ("b", wired_to("c")), ("c", Reason::Properties)],
        ),
        (
            "wires",
            Set("b", "wires", json!([])),
            vec![("a", wired_to("b")), ("b", Reason::Wires), ("c", wired_to("b"))],
        ),
        ("a removed node", Remove("b"), vec![("a", wired_to("b")), ("c", wired_to("b"))]),
        (
            "a node behind links",
            Set("w", "name", "W".into()),
            vec![("o", wired_to("i")), ("i", wired_to("w")), ("w", Reason::Properties)],
        ),
        (
            "a new node",
            Add(json!({"id": "n", "type": "n", "z": "t2", "wires": [["w"]]})),
            vec![
                ("n", Reason::New),
                ("w", wired_to("n")),
                ("i", wired_to("w")),
                ("o", wired_to("i")),
            ],
        ),
        (
            "the wires of a node that another one refers to",
            Set("u", "wires", json!([["w"]])),
            vec![
                ("u", Reason::Wires),
                ("w", wired_to("u")),
                ("i", wired_to("w")),
                ("o", wired_to("i")),
            ],
        ),
        (
            "a configuration node",
            Set("k", "port", 1.into()),
            vec![("k", Reason::Properties), ("u", refers_to("k")), ("v", refers_to("u"))],
        ),
    ];
    for (case, edit, expected) in cases {
        assert_restarts(case, DeployType::Flows, vec![edit], &expected);
    }
}

#[test]
fn a_node_that_gets_enabled_or_did_not_start_before_is_new() {
    let (old, new) = (model(&edited([Set("c", "d", true.into())])), model(&flows()));
    let decided = between(&old, &new, DeployType::Nodes);
    assert_eq!(decided["c"], Some(Reason::New));
    assert_eq!(decided["b"], None);

    // `b` is active before and after, but had a problem and was left out.
    let (model, references) = (model(&flows()), References::default());
    let planned: Vec<_> = active(&model).into_iter().map(|id| (id, &references)).collect();
    let mut running: HashMap<_, _> = planned.iter().copied().collect();
    running.remove("b");
    let deploy_type = DeployType::Nodes;
    let decided = outcome(&Deploy { deploy_type, old: &model, new: &model, running, planned });
    assert_eq!(decided["b"], Some(Reason::New));
    assert!(decided.iter().all(|(id, reason)| id == "b" || reason.is_none()), "{decided:?}");
}

#[test]
fn a_node_whose_references_resolve_differently_restarts() {
    let model = model(&flows());
    let nowhere = References::default();
    let endpoint = References { sends_to: Some("k".to_owned()), ..References::default() };
    let used = References { uses: vec!["k".to_owned()], ..References::default() };
    for (before, after) in [(&nowhere, &endpoint), (&endpoint, &nowhere), (&nowhere, &used)] {
        let deploy = Deploy {
            deploy_type: DeployType::Nodes,
            old: &model,
            new: &model,
            running: HashMap::from([("u", before), ("v", after)]),
            planned: vec![("u", after), ("v", after)],
        };
        let decided = outcome(&deploy);
        assert_eq!((&decided["u"], &decided["v"]), (&Some(Reason::References), &None));
    }
}

#[test]
fn changed_credentials_restart_their_node_and_what_refers_to_it() {
    let with = |secret: &str| {
        let credentials = [("password", secret)].into_iter().collect();
        let file = FlowFile::parse(flows().to_string().as_bytes()).unwrap();
        Model::new(file.with_credentials(HashMap::from([("k".to_owned(), credentials)])))
    };
    let mut decided = between(&with("one"), &with("two"), DeployType::Nodes);
    decided.retain(|_, reason| reason.is_some());
    let expected = [("k", Reason::Properties), ("u", refers_to("k")), ("v", refers_to("u"))];
    let expected = expected.map(|(id, reason)| (id.to_owned(), Some(reason)));
    assert_eq!(decided, Outcome::from(expected));
}

#[test]
fn of_several_reasons_the_first_counts() {
    let edits = vec![Set("u", "name", "U".into()), Set("k", "port", 1.into())];
    let expected = [("k", Reason::Properties), ("u", Reason::Properties), ("v", refers_to("u"))];
    assert_restarts("the user of a changed node", DeployType::Nodes, edits, &expected);

    let edits = vec![Set("u", "wires", json!([["v"]])), Set("k", "port", 1.into())];
    let expected = [("k", Reason::Properties), ("u", refers_to("k")), ("v", refers_to("u"))];
    assert_restarts("a rewired user", DeployType::Flows, edits, &expected);
}

#[test]
fn reasons_read_as_the_end_of_a_log_line() {
    let texts = [
        (Reason::New, "it was not running"),
        (Reason::DeployType(DeployType::Full), "a full deploy restarts every node"),
        (Reason::DeployType(DeployType::Reload), "a reload restarts every node"),
        (refers_to("k"), "it refers to `k`, which changed or is gone"),
        (wired_to("b"), "it is connected to `b`, which changed or is gone"),
    ];
    for (reason, text) in texts {
        assert_eq!(reason.to_string(), text);
    }
}
