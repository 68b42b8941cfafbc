//! `ferrowire nodes`: the program has every plugin of this repository, and each crate lists its
//! types in its Cargo.toml, for `cargo xtask assemble --from-flows`.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

type Provided = BTreeSet<(String, String)>;

fn in_the_program() -> Provided {
    let output = Command::new(env!("CARGO_BIN_EXE_ferrowire")).args(["nodes", "--json"]).output();
    let nodes: serde_json::Value = serde_json::from_slice(&output.unwrap().stdout).unwrap();
    let field = |node: &serde_json::Value, name: &str| node[name].as_str().unwrap().to_owned();
    let nodes = nodes.as_array().unwrap().iter();
    nodes.map(|node| (field(node, "plugin"), field(node, "type"))).collect()
}

fn said_by(manifest: &Path) -> Provided {
    let text = std::fs::read_to_string(manifest).unwrap();
    let table: toml::Table = text.parse().unwrap();
    let package = &table["package"];
    let types = package.get("metadata").and_then(|m| m.get("ferrowire")?.get("types")?.as_array());
    let name = package["name"].as_str().unwrap();
    let types = types.into_iter().flatten().map(|t| t.as_str().unwrap().to_owned());
    types.map(|node_type| (name.to_owned(), node_type)).collect()
}

fn said_by_the_crates() -> Provided {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folders = ["plugins", "crates"].map(|folder| std::fs::read_dir(root.join(folder)).unwrap());
    let manifests = folders.into_iter().flatten().map(|entry| entry.unwrap().path());
    let manifests: Vec<PathBuf> =
        manifests.map(|crate_| crate_.join("Cargo.toml")).filter(|path| path.exists()).collect();
    manifests.iter().flat_map(|manifest| said_by(manifest)).collect()
}

#[test]
fn what_the_crates_say_about_themselves_is_what_the_program_holds() {
    let (said, held) = (said_by_the_crates(), in_the_program());
    let unsaid: Vec<_> = held.difference(&said).collect();
    assert!(
        unsaid.is_empty(),
        "add to `[package.metadata.ferrowire] types` of their Cargo.toml: {unsaid:?}"
    );
    let absent: Vec<_> = said.difference(&held).collect();
    assert!(absent.is_empty(), "not linked in runtime/src/main.rs, or no such type: {absent:?}");
}
