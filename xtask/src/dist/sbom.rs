//! The list of what the program is made of (SBOM), in the format CycloneDX 1.5, from cargo's metadata and lock file.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::{PACKAGE, Release};
use crate::cargo::{self, Metadata, cargo};

/// The list for a target: the crates that are part of the program, without those of tests and builds.
pub(super) fn write(target: &str, release: &Release) -> Result<Vec<u8>> {
    let arguments = ["metadata", "--format-version", "1", "--locked", "--filter-platform", target];
    let metadata = Metadata::ask(&mut cargo(&arguments))?;
    let packages = metadata.json()["packages"].as_array().context("cargo lists no packages")?;
    let packages: BTreeMap<&str, &Value> =
        packages.iter().filter_map(|it| Some((it["id"].as_str()?, it))).collect();
    let root = packages.iter().find(|(_, it)| it["name"] == PACKAGE).map(|(id, _)| *id);
    let root = root.with_context(|| format!("there is no package `{PACKAGE}`"))?;
    let graph = graph(metadata.json());
    let sums = checksums()?;
    let used = reachable(root, &graph);
    let components = used.iter().filter(|id| **id != root);
    let components: Vec<Value> =
        components.filter_map(|id| Some(component(packages.get(id)?, &sums))).collect();
    let name = |id: &str| packages.get(id).map(|package| reference(package));
    let dependencies = used.iter().filter_map(|id| {
        let on = graph.get(id).into_iter().flatten().filter_map(|id| name(id));
        Some(json!({"ref": name(id)?, "dependsOn": on.collect::<Vec<_>>()}))
    });
    let list = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": name(root),
                "name": super::NAME,
                "version": release.version,
                "licenses": [{"expression": "Apache-2.0"}],
            },
            "properties": [{"name": "target", "value": target}],
        },
        "components": components,
        "dependencies": dependencies.collect::<Vec<_>>(),
    });
    let mut text = serde_json::to_string_pretty(&list)?;
    text.push('\n');
    Ok(text.into_bytes())
}

/// The crates that each one links.
fn graph(metadata: &Value) -> BTreeMap<&str, Vec<&str>> {
    let is_linked = |dependency: &&Value| {
        let kinds = dependency["dep_kinds"].as_array().into_iter().flatten();
        kinds.into_iter().any(|kind| kind["kind"].is_null())
    };
    let nodes = metadata["resolve"]["nodes"].as_array().into_iter().flatten();
    let of_node = |node| {
        let node: &Value = node;
        let dependencies = node["deps"].as_array().into_iter().flatten().filter(is_linked);
        let ids = dependencies.filter_map(|dependency| dependency["pkg"].as_str());
        Some((node["id"].as_str()?, ids.collect()))
    };
    nodes.filter_map(of_node).collect()
}

fn reachable<'a>(root: &'a str, graph: &BTreeMap<&'a str, Vec<&'a str>>) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut next = vec![root];
    while let Some(id) = next.pop() {
        if found.insert(id) {
            next.extend(graph.get(id).into_iter().flatten());
        }
    }
    found
}

fn component(package: &Value, sums: &BTreeMap<(String, String), String>) -> Value {
    let text = |key: &str| package[key].as_str().unwrap_or_default().to_owned();
    let (name, version) = (text("name"), text("version"));
    let mut component = json!({
        "type": "library",
        "bom-ref": reference(package),
        "name": name,
        "version": version,
    });
    if let Some(license) = package["license"].as_str() {
        // The former way to write a choice.
        let expression = license.replace(" / ", " OR ").replace('/', " OR ");
        component["licenses"] = json!([{"expression": expression}]);
    }
    if let Some(sum) = sums.get(&(name, version)) {
        component["purl"] = reference(package).into();
        component["hashes"] = json!([{"alg": "SHA-256", "content": sum}]);
    }
    component
}

/// The name of a crate in the list.
fn reference(package: &Value) -> String {
    let text = |key: &str| package[key].as_str().unwrap_or_default().to_owned();
    format!("pkg:cargo/{}@{}", text("name"), text("version"))
}

/// The checksums of the crates that are not part of the repository, by name and version.
fn checksums() -> Result<BTreeMap<(String, String), String>> {
    let text = std::fs::read_to_string(cargo::root().join("Cargo.lock"))?;
    let lock: toml::Table = text.parse()?;
    let packages = lock.get("package").and_then(toml::Value::as_array).into_iter().flatten();
    let text = |package: &toml::Value, key: &str| Some(package.get(key)?.as_str()?.to_owned());
    let sum = |package| {
        let package: &toml::Value = package;
        Some(((text(package, "name")?, text(package, "version")?), text(package, "checksum")?))
    };
    Ok(packages.filter_map(sum).collect())
}
