//! Checks with cargo whether the versions are compatible, before anything is compiled.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use serde_json::Value;

use super::choice::{Assembly, origin};
use super::generate::Generated;
use super::source::Source;
use crate::cargo::{self, Metadata};
use crate::crates::{FACADE, Repository};

/// Resolves the generated crate and rejects incompatible versions.
pub(crate) fn check(
    generated: &Generated,
    assembly: &Assembly,
    repository: &Repository,
) -> Result<()> {
    fitting_requirements(assembly, repository)?;
    let metadata = resolve(generated, assembly).map_err(|error| {
        anyhow!(
            "the plugins do not fit this runtime's `{FACADE}` {}: {error:#}",
            repository.version
        )
    })?;
    one_facade(metadata.json())?;
    for plugin in &assembly.plugins {
        let package = metadata.packages().find(|it| it["name"] == plugin.package.as_str());
        let package = package.with_context(|| format!("cargo found no `{}`", plugin.package))?;
        crate::crates::Crate::from_metadata(package)?.ensure_plugin()?;
        println!(
            "{} {} from {}",
            plugin.package,
            package["version"].as_str().unwrap_or_default(),
            origin(plugin)
        );
    }
    Ok(())
}

/// Cargo would report that a registry lacks this version of the contract, which is misleading.
fn fitting_requirements(assembly: &Assembly, repository: &Repository) -> Result<()> {
    let ours: semver::Version =
        repository.version.parse().context("invalid version of the contract")?;
    for plugin in &assembly.plugins {
        for wanted in plugin.found.iter().flat_map(|found| &found.wanted_facade) {
            let fits = semver::VersionReq::parse(&wanted.version)
                .is_ok_and(|requirement| requirement.matches(&ours));
            ensure!(
                fits || wanted.from.is_none(),
                "`{}` requires `{FACADE}` {}, but this runtime has {ours}; choose a compatible \
                 version of `{0}`, or build in a matching checkout",
                plugin.package,
                wanted.version
            );
        }
    }
    Ok(())
}

fn resolve(generated: &Generated, assembly: &Assembly) -> Result<Metadata> {
    let ask = |offline: bool| {
        let mut command = cargo::cargo(&["metadata", "--format-version", "1", "--quiet"]);
        command.args(offline.then_some("--offline"));
        Metadata::ask(command.arg("--manifest-path").arg(generated.manifest_path()))
    };
    let is_local = |source: &Source| matches!(source, Source::Bundled(_) | Source::Path(_));
    if assembly.plugins.iter().all(|plugin| is_local(&plugin.source))
        && let Ok(metadata) = ask(true)
    {
        return Ok(metadata);
    }
    ask(false)
}

/// Two versions of the contract would be two registries, of which the runtime sees only its own.
fn one_facade(metadata: &Value) -> Result<()> {
    let packages =
        metadata["packages"].as_array().context("`cargo metadata` listed no packages")?;
    let text = |package: &Value, key: &str| package[key].as_str().unwrap_or_default().to_owned();
    let cores: Vec<&Value> = packages.iter().filter(|it| it["name"] == FACADE).collect();
    ensure!(!cores.is_empty(), "nothing depends on `{FACADE}`");
    if cores.len() == 1 {
        return Ok(());
    }
    let names: BTreeMap<String, String> =
        packages.iter().map(|it| (text(it, "id"), text(it, "name"))).collect();
    let who_wants = |id: &str| {
        let nodes = metadata["resolve"]["nodes"].as_array().into_iter().flatten();
        let wants = |node: &&Value| {
            let mut wanted = node["deps"].as_array().into_iter().flatten();
            wanted.any(|dependency| dependency["pkg"] == id)
        };
        let mut who: Vec<_> = nodes
            .filter(wants)
            .filter_map(|node| names.get(node["id"].as_str()?))
            .map(|name| format!("`{name}`"))
            .collect();
        who.sort();
        who.join(", ")
    };
    let sides: Vec<String> = cores
        .iter()
        .map(|core| {
            let from = match core["source"].as_str() {
                Some(source) => source.to_owned(),
                None => text(core, "manifest_path").trim_end_matches("/Cargo.toml").to_owned(),
            };
            let wanted_by = who_wants(&text(core, "id"));
            format!("{} from `{from}` is required by {wanted_by}", text(core, "version"))
        })
        .collect();
    bail!(
        "the plugins require different versions of `{FACADE}`, so the runtime would not see \
         their nodes:\n  {}\nmake all of them depend on the same version",
        sides.join("\n  ")
    )
}
