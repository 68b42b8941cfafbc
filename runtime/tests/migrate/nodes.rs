//! What runs each node: this program, Node.js with a package, or nothing.

use serde_json::{Value, json};

use crate::support::{Directory, Report};

fn flows() -> String {
    json!([
        {"id": "t", "type": "tab", "label": "Main"},
        {"id": "off", "type": "tab", "label": "Off", "disabled": true},
        {"id": "s", "type": "subflow", "name": "Twice", "in": [], "out": []},
        {"id": "in", "type": "inject", "z": "t", "wires": [["fancy"]]},
        {"id": "in2", "type": "inject", "z": "t", "d": true, "wires": []},
        {"id": "sub", "type": "subflow:s", "z": "t", "wires": []},
        {"id": "fancy", "type": "fancy", "z": "t", "name": "F", "wires": []},
        {"id": "button", "type": "ui_button", "z": "t", "wires": []},
        {"id": "odd", "type": "odd", "z": "off", "wires": []},
        {"id": "js", "type": "function", "z": "t", "func": "return {;", "wires": []},
    ])
    .to_string()
}

fn node<'a>(report: &'a Report, id: &str) -> &'a Value {
    report.0["nodes"].as_array().unwrap().iter().find(|node| node["id"] == id).unwrap()
}

const PACKAGE: &str = r#"{"name": "node-red-contrib-fancy", "version": "1.2.3",
    "node-red": {"nodes": {"fancy": "fancy.js"}}}"#;

#[test]
fn each_node_is_native_of_a_package_missing_or_disabled() {
    let directory = Directory::new(&[
        ("flows.json", &flows()),
        (
            "package.json",
            r#"{"dependencies": {"node-red-contrib-fancy": "~1.2.0", "node-red-dashboard": "3.x"}}"#,
        ),
        ("node_modules/node-red-contrib-fancy/package.json", PACKAGE),
        ("node_modules/node-red-contrib-fancy/fancy.js", ""),
        (
            "node_modules/node-red-contrib-fancy/fancy.html",
            "<script type='text/html' data-template-name='fancy'></script>",
        ),
        ("node_modules/@node-red/runtime/package.json", r#"{"version": "5.0.7"}"#),
    ]);
    let (report, _) = directory.migrate();
    for (id, runs) in [
        ("in", "native"),
        ("in2", "disabled"),
        ("sub", "native"),
        ("fancy", "npm"),
        ("button", "not"),
        ("odd", "disabled"),
        ("js", "native"),
    ] {
        assert_eq!(node(&report, id)["runs"], runs, "{id}");
    }
    assert_eq!(report.0["nodes"].as_array().unwrap().len(), 7);
    let fancy = node(&report, "fancy");
    assert_eq!(
        (&fancy["package"], &fancy["version"]),
        (&json!("node-red-contrib-fancy"), &json!("1.2.3"))
    );
    assert_eq!(node(&report, "button")["package"], "node-red-dashboard");
    assert!(node(&report, "js")["problems"][0].as_str().unwrap().contains("line 1"));
    let packages = &report.0["packages"];
    assert_eq!(
        packages[0],
        json!({"name": "node-red-contrib-fancy", "wanted": "~1.2.0", "installed": "1.2.3"})
    );
    assert_eq!(packages[1]["installed"], Value::Null);
    let left = report.texts("left").join("\n");
    assert!(
        left.contains("`node-red-dashboard`") && left.contains("npm install --prefix"),
        "{left}"
    );
    let text = String::from_utf8(directory.run(&["--check"]).stdout).unwrap();
    for line in [
        "  native: 1 `inject`\n",
        "  npm: flow `Main`, node `fancy` (type `fancy`, name `F`): Node.js runs it with `node-red-contrib-fancy` 1.2.3\n",
        "  not: flow `Main`, node `button` (type `ui_button`): `node-red-dashboard` is not installed\n",
        "  `node-red-dashboard` 3.x: not installed\n",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
}

#[test]
fn a_missing_runtime_for_packages_is_reported() {
    let directory = Directory::new(&[
        ("flows.json", r#"[{"id": "t", "type": "tab"}, {"id": "f", "type": "fancy", "z": "t"}]"#),
        ("node_modules/node-red-contrib-fancy/package.json", PACKAGE),
        (
            "node_modules/node-red-contrib-fancy/fancy.html",
            "<script type='text/html' data-template-name='fancy'></script>",
        ),
    ]);
    // No Node-RED is installed beside a program that is not there.
    let (report, _) = directory.migrate_with(&[("FERROWIRE_NODE_JS", "/nowhere/bin/node")]);
    let left = report.texts("left").join("\n");
    assert!(left.contains("Node-RED's runtime is not installed"), "{left}");
}
