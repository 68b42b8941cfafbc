//! The plugins of this repository provide the same types loaded and linked in.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

use crate::{built, program};

/// The node types of a program, without their sources.
fn types(command: &mut Command) -> BTreeMap<String, Value> {
    let output = command.arg("--json").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let nodes: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let nodes = nodes.into_iter().map(|mut node| {
        let fields = node.as_object_mut().unwrap();
        fields.remove("source");
        fields.remove("file");
        (node["type"].as_str().unwrap().to_owned(), node)
    });
    nodes.collect()
}

#[test]
fn every_plugin_brings_the_same_types_loaded_as_linked_in() {
    let linked = types(Command::new(env!("CARGO_BIN_EXE_ferrowire")).arg("nodes"));
    let loaded = types(&mut program("nodes"));
    assert_eq!(loaded, linked);
    let names = loaded.values().map(|node| node["plugin"].as_str().unwrap().to_owned());
    let names: BTreeSet<String> = names.collect();
    let all = built::packages();
    assert!(all.iter().all(|package| names.contains(package)), "{all:?} in {names:?}");
}
