//! `check` reports every kind of problem.

use ferrowire_engine::{Environment, Problem, Severity, check};
use serde_json::{Value as Json, json};

fn problems(nodes: Json) -> Vec<Problem> {
    check(&crate::support::file(nodes), &crate::support::registry(), &crate::support::environment())
}

fn only(nodes: Json) -> Problem {
    let mut found = problems(nodes);
    assert_eq!(found.len(), 1, "{found:#?}");
    found.remove(0)
}

#[test]
fn a_valid_flow_has_no_problems() {
    let found = problems(json!([
        {"id": "l", "type": "listener", "z": "", "path": "/a"},
        {"id": "i", "type": "in", "server": "l", "client": "", "wires": [["o"]]},
        {"id": "o", "type": "out", "server": "l", "wires": []},
    ]));
    assert_eq!(found, []);
}

#[test]
fn a_problem_prints_as_one_line_with_flow_node_name_and_property() {
    let problem = only(json!([{"id": "s", "type": "strict", "name": "Big", "size": "11"}]));
    assert_eq!(
        problem.to_string(),
        "flow `Tab`, node `s` (type `strict`, name `Big`), property `size`: \
         11 is not between 1 and 10"
    );
    assert_eq!(problem.severity, Severity::Node);
}

#[test]
fn all_problems_of_all_nodes_are_reported_at_once() {
    let found = problems(json!([
        {"id": "s", "type": "strict", "size": "x", "flag": "y", "wires": [["nowhere"]]},
        {"id": "i", "type": "in", "server": "gone"},
    ]));
    let properties: Vec<_> = found.iter().map(|p| p.property.as_str()).collect();
    assert_eq!(properties, ["wires", "size", "flag", "server"]);
}

#[test]
fn of_two_nodes_with_the_same_id_the_second_does_not_start() {
    let problem = only(json!([
        {"id": "a", "type": "probe", "name": "one"},
        {"id": "a", "type": "probe", "name": "two"},
    ]));
    assert_eq!(problem.severity, Severity::Node);
    assert_eq!((problem.place.name.as_str(), problem.others[0].name.as_str()), ("two", "one"));
}

#[test]
fn wires_to_missing_nodes_and_to_tabs_are_warnings() {
    let found = problems(json!([{"id": "a", "type": "probe", "wires": [["a"], ["gone", "t"]]}]));
    let texts: Vec<_> = found.iter().map(|p| p.text.as_str()).collect();
    assert_eq!(
        texts,
        [
            "a wire of output 2 leads to `gone`, which does not exist; remove the wire",
            "a wire of output 2 leads to `t`, a `tab`; remove the wire",
        ]
    );
    assert!(found.iter().all(|p| p.severity == Severity::Warning));
}

#[test]
fn invalid_wires_are_a_warning() {
    for wires in [json!("a"), json!(["a"]), json!([[5]])] {
        assert_eq!(only(json!([{"id": "a", "type": "probe", "wires": wires}])).property, "wires");
    }
}

#[test]
fn references_to_missing_wrong_and_disabled_nodes_are_warnings() {
    let found = problems(json!([
        {"id": "c", "type": "client", "z": ""},
        {"id": "d", "type": "listener", "z": "", "d": true},
        {"id": "1", "type": "in", "server": "gone"},
        {"id": "2", "type": "in", "server": "c"},
        {"id": "3", "type": "in", "server": "d"},
        {"id": "4", "type": "in", "server": "", "client": ""},
        {"id": "5", "type": "user", "service": "gone"},
        {"id": "6", "type": "user"},
    ]));
    let texts: Vec<_> = found.iter().map(|p| (p.place.id.as_str(), p.text.as_str())).collect();
    assert_eq!(
        texts,
        [
            ("1", "there is no `listener` with the id `gone`; select another one"),
            ("2", "`c` is a `client`; select a `listener` instead"),
            ("3", "the `listener` `d` is disabled; enable it or select another one"),
            ("4", "no `listener` or `client` is selected; the node stays idle"),
            ("5", "there is no `listener` with the id `gone`; select another one"),
        ]
    );
    assert!(found.iter().all(|p| p.severity == Severity::Warning));
}

#[test]
fn two_listeners_on_one_path_are_both_named() {
    let problem = only(json!([
        {"id": "one", "type": "listener", "z": "", "path": "/chat"},
        {"id": "two", "type": "listener", "z": "", "path": "${PATH_OF}"},
        {"id": "off", "type": "listener", "z": "", "path": "/chat", "d": true},
    ]));
    assert_eq!(problem.severity, Severity::Node);
    assert_eq!((problem.place.id.as_str(), problem.others[0].id.as_str()), ("two", "one"));
    let line = problem.to_string();
    assert!(["chat", "`one`", "`two`", "`path`"].iter().all(|part| line.contains(part)), "{line}");
}

#[test]
fn paths_that_match_the_same_are_told_from_those_that_overlap() {
    let found = problems(json!([
        {"id": "x", "type": "listener", "z": "", "path": "/a/:x"},
        {"id": "y", "type": "listener", "z": "", "path": "a/:y"},
        {"id": "b", "type": "listener", "z": "", "path": "/a/b"},
        {"id": "deep", "type": "listener", "z": "", "path": "/a/b/c"},
        {"id": "all", "type": "listener", "z": "", "path": "/a/b/*"},
    ]));
    let found: Vec<_> = found
        .iter()
        .map(|it| (it.severity, it.place.id.as_str(), it.others[0].id.as_str(), it.text.as_str()))
        .collect();
    assert_eq!(
        found,
        [
            (
                Severity::Node,
                "y",
                "x",
                "`a/:y` is already used by `x`, so `y` does not start; \
                 give one of them a different path"
            ),
            (
                Severity::Warning,
                "b",
                "x",
                "some requests match `/a/b` and the path of `x`; the more exact one gets them"
            ),
            (
                Severity::Warning,
                "all",
                "deep",
                "some requests match `/a/b/*` and the path of `deep`; the more exact one gets them"
            ),
        ]
    );
}

#[test]
fn a_missing_type_is_listed_once_with_all_its_places() {
    let found = problems(json!([
        {"id": "u", "type": "tab", "label": "Other"},
        {"id": "a", "type": "mqtt in"},
        {"id": "b", "type": "mqtt in", "z": "u"},
        {"id": "c", "type": "subflow:gone"},
    ]));
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found.iter().all(|p| p.severity == Severity::MissingType));
    assert_eq!(
        (found[0].place.id.as_str(), found[0].others[0].flow_label.as_str()),
        ("a", "Other")
    );
    assert!(found[0].text.contains("`mqtt in`"));
    assert!(found[1].text.contains("`subflow:gone`"));
}

#[test]
fn disabled_nodes_and_tabs_have_no_problems() {
    let found = problems(json!([
        {"id": "off", "type": "tab", "disabled": true},
        {"id": "a", "type": "missing", "z": "off", "wires": [["gone"]]},
        {"id": "b", "type": "missing", "d": true},
    ]));
    assert_eq!(found, []);
}

#[test]
fn an_unused_subflow_is_left_out_and_the_inside_of_a_used_one_is_checked() {
    let nodes = json!([
        {"id": "sf", "type": "subflow", "name": "Twice"},
        {"id": "inner", "type": "strict", "size": 99, "z": "sf", "wires": [["away"]]},
        {"id": "away", "type": "probe"},
    ]);
    assert_eq!(problems(nodes.clone()), []);
    let mut used = nodes;
    used.as_array_mut().unwrap().push(json!({"id": "a", "type": "subflow:sf"}));
    let found = problems(used);
    let texts: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(texts.len(), 2, "{texts:?}");
    assert!(texts[0].contains("leads to `a-away`, which does not exist"), "{texts:?}");
    assert!(texts[1].contains("flow `Twice`, node `a-inner` (type `strict`)"), "{texts:?}");
}

#[test]
fn a_subflow_that_contains_itself_is_reported_once() {
    let problem = only(json!([
        {"id": "a", "type": "subflow", "name": "A"},
        {"id": "b", "type": "subflow", "name": "B"},
        {"id": "in-a", "type": "subflow:b", "z": "a"},
        {"id": "in-b", "type": "subflow:a", "z": "b"},
        {"id": "1", "type": "subflow:a"},
        {"id": "2", "type": "subflow:a"},
    ]));
    assert_eq!((problem.severity, problem.place.id.as_str()), (Severity::Node, "1-in-a-in-b"));
    assert!(problem.text.contains("the subflow `A` contains itself"), "{}", problem.text);
}

#[test]
fn subflows_that_expand_to_millions_of_nodes_are_refused() {
    let mut nodes = vec![];
    for level in 0..30 {
        nodes.push(json!({"id": format!("s{level}"), "type": "subflow", "name": "S"}));
        for half in ["a", "b"] {
            let inner = format!("subflow:s{}", level + 1);
            let id = format!("{half}{level}");
            nodes.push(json!({"id": id, "type": inner, "z": format!("s{level}")}));
        }
    }
    nodes.push(json!({"id": "s30", "type": "subflow", "name": "S"}));
    nodes.push(json!({"id": "top", "type": "subflow:s0"}));
    let problem = only(nodes.into());
    assert_eq!(problem.place.id, "top");
    assert!(problem.text.contains("more than 200000 nodes"), "{}", problem.text);
}

#[test]
fn a_node_on_a_canvas_without_a_tab_does_not_start() {
    let problem = only(json!([{"id": "a", "type": "probe", "z": "", "x": 1, "y": 1}]));
    assert_eq!((problem.severity, problem.property.as_str()), (Severity::Node, "z"));
}

#[test]
fn a_panic_while_building_is_that_nodes_problem() {
    let problem = only(json!([{"id": "a", "type": "panics", "when": "build"}]));
    assert_eq!(problem.severity, Severity::Node);
    assert!(problem.text.contains("panicked") && problem.text.contains("as told"));
}

#[test]
fn variables_that_cannot_be_evaluated_are_warnings_at_their_tab() {
    let found = problems(json!([
        {"id": "t", "type": "tab", "label": "Tab", "env": [
            {"name": "A", "type": "json", "value": "{"},
            {"name": "B", "type": "jsonata", "value": "1 +"},
        ]},
        {"id": "g", "type": "group", "g": "g"},
    ]));
    let lines: Vec<_> = found.iter().map(|p| (p.place.id.as_str(), p.property.as_str())).collect();
    assert_eq!(lines, [("t", "env"), ("t", "env"), ("g", "g")]);
    assert!(found[0].text.starts_with("variable `A`: invalid JSON"));
}

#[test]
fn a_reference_to_an_undefined_variable_stays_as_it_is() {
    let file = crate::support::file(json!([{"id": "s", "type": "strict", "size": "${SIZE}"}]));
    let undefined = check(&file, &crate::support::registry(), &Environment::default());
    assert_eq!(undefined[0].text, "expected a number, found `${SIZE}`");
    let defined: Environment = [("SIZE", "5")].into_iter().collect();
    assert_eq!(check(&file, &crate::support::registry(), &defined), []);
}
