//! Plugins in shared libraries: loads them at start-up, and checks or lists them for commands.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use anyhow::anyhow;
use ferrowire_core::{Registry, SettingRegistry};
use ferrowire_loader::{Found, Inspection, Loaded, Reason, Refused, Report};
use serde_json::json;
use tracing::{info, warn};

use crate::UNUSABLE;
use crate::settings::{Settings, table};

const TARGET: &str = "ferrowire::plugins";

/// Loads the libraries that the settings name. `warn` is called for each that is refused and not
/// required.
///
/// # Errors
/// Every required plugin that cannot be used, one per line.
pub(crate) fn load(
    libraries: Found,
    settings: &Settings,
    mut registry: Registry,
    warn: fn(&Refused),
) -> anyhow::Result<Registry> {
    let limit = settings.get(&table::PLUGINS_TIMEOUT);
    let report = libraries.load(&mut registry, limit);
    for Loaded { inspection, .. } in &report.loaded {
        let (name, version) = identity(inspection);
        let file = inspection.file.display();
        info!(target: TARGET, "loaded the plugin {name} {version} from {file}");
    }
    report.refused.iter().filter(|refused| !refused.required).for_each(warn);
    let fatal: Vec<String> = report.fatal().map(ToString::to_string).collect();
    match fatal.is_empty() {
        true => Ok(registry),
        false => Err(anyhow!("{}", fatal.join("\nferrowire: "))),
    }
}

/// Logs a warning.
pub(crate) fn log(refused: &Refused) {
    warn!(target: TARGET, "{refused}");
}

/// Prints a warning to standard error, for commands without a log.
pub(crate) fn print_warning(refused: &Refused) {
    // Standard error may be closed.
    let _closed = writeln!(std::io::stderr(), "ferrowire: {refused}");
}

/// The crate of a library, and its version.
fn identity(inspection: &Inspection) -> (&str, &str) {
    let first = inspection.declaration.nodes.first();
    first.map_or(("", ""), |node| (node.plugin.as_str(), node.version.as_str()))
}

/// Describes a library and whether it would be loaded.
///
/// # Errors
/// When standard output is closed.
pub(crate) fn check(
    file: &Path,
    registry: &Registry,
    settings: SettingRegistry,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    let inspected = ferrowire_loader::inspect(file);
    let refusal = match &inspected {
        Err(reason) => Some(reason.to_string()),
        Ok(inspection) => match inspection.accept() {
            Err(reason) => Some(reason.to_string()),
            Ok(()) => taken(inspection, registry, settings),
        },
    };
    if json {
        let description = inspected.as_ref().map_or_else(|_| json!({}), describe);
        let answer = json!({
            "file": file.display().to_string(),
            "loads": refusal.is_none(),
            "reason": refusal,
            "plugin": description,
        });
        writeln!(out, "{}", serde_json::to_string_pretty(&answer)?)?;
    } else {
        print(&mut out, file, inspected.as_ref())?;
        match &refusal {
            None => writeln!(out, "this runtime loads it")?,
            Some(reason) => {
                writeln!(out, "this runtime refuses `{}`: {reason}", file.display())?;
            }
        }
    }
    Ok(if refusal.is_none() { ExitCode::SUCCESS } else { ExitCode::from(UNUSABLE) })
}

/// Why its node types and settings cannot be added to those of this program.
fn taken(
    inspection: &Inspection,
    registry: &Registry,
    mut settings: SettingRegistry,
) -> Option<String> {
    let nodes = &inspection.declaration.nodes;
    let duplicate = |node: &_| ferrowire_loader::is_free(node, registry).err();
    if let Some(duplicate) = nodes.iter().find_map(duplicate) {
        return Some(duplicate.to_string());
    }
    match inspection.settings() {
        Ok(records) => settings.add_all(&records).err().map(|refused| refused.to_string()),
        Err(reason) => Some(reason.to_string()),
    }
}

fn print(
    out: &mut impl Write,
    file: &Path,
    inspected: Result<&Inspection, &Reason>,
) -> std::io::Result<()> {
    let Ok(inspection) = inspected else { return Ok(()) };
    let (name, version) = identity(inspection);
    let declaration = &inspection.declaration;
    writeln!(out, "file          {}", file.display())?;
    writeln!(out, "plugin        {name} {version}")?;
    writeln!(out, "ABI           {}.{}", declaration.major, declaration.minor)?;
    writeln!(out, "core          {}", declaration.core_version)?;
    writeln!(out, "compiler      {}", declaration.rustc)?;
    writeln!(out, "architecture  {}", inspection.architecture)?;
    for node in &declaration.nodes {
        writeln!(out, "node          {}: {}", node.name, node.summary)?;
    }
    for setting in &declaration.settings {
        writeln!(out, "setting       {}: {}", setting.name, setting.help)?;
    }
    Ok(())
}

fn describe(inspection: &Inspection) -> serde_json::Value {
    let (name, version) = identity(inspection);
    let declaration = &inspection.declaration;
    let nodes: Vec<&str> = declaration.nodes.iter().map(|node| node.name.as_str()).collect();
    let settings: Vec<&str> = declaration.settings.iter().map(|it| it.name.as_str()).collect();
    json!({
        "plugin": name,
        "version": version,
        "abi": format!("{}.{}", declaration.major, declaration.minor),
        "core": declaration.core_version,
        "compiler": declaration.rustc,
        "architecture": inspection.architecture,
        "nodes": nodes,
        "settings": settings,
    })
}

/// Lists the linked-in plugins, and those that were loaded and refused.
///
/// # Errors
/// If standard output is closed.
pub(crate) fn list(
    libraries: Found,
    settings: &Settings,
    mut registry: Registry,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let mut linked: Vec<(&str, &str)> =
        registry.iter().map(|node_type| (node_type.plugin, node_type.version)).collect();
    linked.sort_unstable();
    linked.dedup();
    let limit = settings.get(&table::PLUGINS_TIMEOUT);
    let report = libraries.load(&mut registry, limit);
    let mut out = std::io::stdout().lock();
    if json {
        writeln!(out, "{}", serde_json::to_string_pretty(&list_json(&linked, &report))?)?;
    } else {
        for (name, version) in linked {
            writeln!(out, "linked   {name} {version}")?;
        }
        for Loaded { inspection, .. } in &report.loaded {
            let (name, version) = identity(inspection);
            writeln!(out, "loaded   {name} {version}  {}", inspection.file.display())?;
        }
        for refused in &report.refused {
            writeln!(out, "refused  {refused}")?;
        }
    }
    Ok(match report.fatal().next() {
        None => ExitCode::SUCCESS,
        Some(_) => ExitCode::from(UNUSABLE),
    })
}

fn list_json(linked: &[(&str, &str)], report: &Report) -> serde_json::Value {
    let linked = linked.iter().map(|(name, version)| {
        json!({"state": "linked", "plugin": {"plugin": name, "version": version}})
    });
    let loaded = report.loaded.iter().map(|loaded| {
        let file = loaded.inspection.file.display().to_string();
        let plugin = describe(&loaded.inspection);
        json!({"state": "loaded", "file": file, "plugin": plugin, "threads": loaded.threads})
    });
    let refused = report.refused.iter().map(|refused| {
        let (file, reason) = (refused.file.display().to_string(), refused.reason.to_string());
        json!({"state": "refused", "file": file, "reason": reason})
    });
    linked.chain(loaded).chain(refused).collect()
}
