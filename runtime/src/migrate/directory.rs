//! The files of a Node-RED user directory.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ferrowire_core::{Map, Value};

use super::found::Found;

/// What Node-RED keeps beside the settings, in its former and its present file.
const FORMER_CONFIG: &str = ".config.json";
const CONFIG: &str = ".config.runtime.json";
const PROJECTS: &str = ".config.projects.json";

/// The key of the generated secret in them.
const OWN_SECRET: &str = "_credentialSecret";

/// The active project of a user directory.
pub(super) struct Project {
    pub(super) name: String,
    pub(super) flow_file: PathBuf,
    pub(super) secret: Option<String>,
}

/// A package that `package.json` requires.
pub(super) struct Package {
    pub(super) name: String,
    /// The version that is installed; `None` if none is.
    pub(super) installed: Option<String>,
    pub(super) wanted: String,
}

/// The folder that the settings name, or the one that they are in.
pub(super) fn user_dir(folder: &Path, settings: &Found) -> PathBuf {
    let named = settings.get("userDir").and_then(Found::text);
    let path = named.map_or_else(|| folder.to_owned(), |named| folder.join(named));
    path.canonicalize().unwrap_or(path)
}

/// The flow file: that of the settings, `flows.json`, or the one with the name of this host.
pub(super) fn flow_file(user_dir: &Path, settings: &Found) -> PathBuf {
    if let Some(named) = settings.get("flowFile").and_then(Found::text) {
        return user_dir.join(named);
    }
    let usual = user_dir.join("flows.json");
    let host = sysinfo::System::host_name().unwrap_or_default();
    let of_host = user_dir.join(format!("flows_{host}.json"));
    if !usual.exists() && of_host.exists() { of_host } else { usual }
}

/// The active project, if projects are enabled.
pub(super) fn project(user_dir: &Path, settings: &Found, is_on: bool) -> Option<Project> {
    let theme = settings.get("editorTheme").and_then(|theme| theme.get("projects"));
    let enabled = theme.and_then(|projects| projects.get("enabled")).and_then(Found::bool);
    if enabled != Some(true) && !is_on {
        return None;
    }
    let config = json(&user_dir.join(PROJECTS))?;
    let name = config.get("activeProject").and_then(Value::as_str).filter(|it| !it.is_empty())?;
    let of_project = config.get("projects").and_then(|projects| projects.get(name));
    let secret =
        of_project.and_then(|project| project.get("credentialSecret")).and_then(Value::as_str);
    let folder = user_dir.join("projects").join(name);
    let manifest = json(&folder.join("package.json")).map(Value::from);
    let own = manifest.as_ref().and_then(|it| it.get("node-red")).and_then(|it| it.get("settings"));
    let flow_file = own.and_then(|it| it.get("flowFile")).and_then(Value::as_str);
    Some(Project {
        name: name.to_owned(),
        flow_file: folder.join(flow_file.unwrap_or("flow.json")),
        secret: secret.map(str::to_owned),
    })
}

/// A generated secret that only the former file has.
pub(super) fn former_secret(user_dir: &Path) -> Option<String> {
    let secret = |file: &str| {
        let config = json(&user_dir.join(file))?;
        Some(config.get(OWN_SECRET)?.as_str()?.to_owned())
    };
    secret(FORMER_CONFIG).filter(|_| secret(CONFIG).is_none())
}

/// The packages that `package.json` requires.
pub(super) fn packages(user_dir: &Path) -> Vec<Package> {
    let manifest = json(&user_dir.join("package.json")).unwrap_or_default();
    let wanted = manifest.get("dependencies").and_then(Value::as_object);
    let wanted: BTreeMap<String, String> = wanted
        .into_iter()
        .flat_map(|map| map.iter())
        .map(|(name, range)| (name.to_string(), range.as_str().unwrap_or_default().to_owned()))
        .collect();
    let installed = |name: &str| {
        let manifest = json(&user_dir.join("node_modules").join(name).join("package.json"))?;
        Some(manifest.get("version").and_then(Value::as_str).unwrap_or_default().to_owned())
    };
    let package = |(name, wanted): (String, String)| {
        let installed = installed(&name);
        Package { name, installed, wanted }
    };
    wanted.into_iter().map(package).collect()
}

fn json(file: &Path) -> Option<Map> {
    let text = fs::read(file).ok()?;
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text);
    match Value::from_json(text).ok()? {
        Value::Object(map) => Some(Map::clone(&map)),
        _ => None,
    }
}
