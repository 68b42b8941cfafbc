//! `Packages`: the npm packages of a user directory that have nodes, found without running any code.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use ferrowire_core::Value;
use regex::Regex;

/// The version of Node-RED's runtime that is named to those who have none.
const RUNTIME_VERSION: &str = "5.0.7";

/// A larger file of a package is not read.
const MAX_FILE: u64 = 16 << 20;

/// Files of Node-RED's own nodes that the runtime needs, though their types are no nodes.
const STRUCTURE: [&str; 2] = ["91-global-config.js", "98-unknown.js"];

/// Node-RED's list of installed node sets, with those that are disabled.
const NODE_LIST: &str = ".config.nodes.json";

/// What begins the form of a type, as Node-RED recognizes types.
static FORM: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"(?i)<script[^>]*\sdata-template-name\s*=\s*["']([^"']+)["']"#).ok()
});

/// Some node types of a package, which are loaded together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeSet {
    /// The package's name; `node-red` for Node-RED's own nodes.
    pub package: String,
    /// Its version.
    pub version: String,
    /// Its folder.
    pub folder: PathBuf,
    /// The types.
    pub types: Vec<String>,
}

/// The npm packages of a user directory that have nodes.
#[derive(Clone, Debug, Default)]
pub struct Packages {
    /// The node sets that are not disabled.
    pub sets: Vec<NodeSet>,
    /// Whether others are disabled.
    pub(crate) has_disabled: bool,
    /// The folder of Node-RED's runtime.
    pub(crate) runtime: Option<PathBuf>,
    /// The folder of Node-RED's own nodes.
    pub(crate) core_nodes: Option<PathBuf>,
    /// The names of the files there that are not to be loaded.
    pub(crate) excluded: Vec<String>,
}

impl Packages {
    /// Finds the packages in `user_dir`. Node-RED itself may also be installed beside the program
    /// `node_js`. `is_native` says which types are not looked for.
    pub fn find(user_dir: &Path, node_js: &Path, is_native: &dyn Fn(&str) -> bool) -> Self {
        let modules = user_dir.join("node_modules");
        let mut packages = Packages::default();
        packages.find_runtime(&modules, node_js);
        let disabled = Disabled::read(&user_dir.join(NODE_LIST));
        for folder in folders_of_packages(&modules) {
            packages.add_package(folder, &disabled, is_native);
        }
        packages.add_core_nodes(is_native);
        packages
    }

    /// Whether there is Node-RED's runtime, which runs the nodes.
    pub fn has_runtime(&self) -> bool {
        self.runtime.is_some()
    }

    /// What to do if there is none.
    pub fn missing_runtime(&self, user_dir: &Path) -> String {
        let folder = user_dir.display();
        format!(
            "Node-RED's runtime is not installed; run `npm install --prefix {folder} \
             @node-red/runtime@{RUNTIME_VERSION} @node-red/nodes@{RUNTIME_VERSION}`"
        )
    }

    fn find_runtime(&mut self, modules: &Path, node_js: &Path) {
        let own = [modules.join("node-red/node_modules"), modules.to_owned()];
        let roots = own.into_iter().chain(global_roots(node_js));
        let scopes = roots.map(|root| root.join("@node-red"));
        let scope = scopes.into_iter().find(|scope| scope.join("runtime/package.json").is_file());
        self.runtime = scope.as_ref().map(|scope| scope.join("runtime"));
        let nodes = scope.map(|scope| scope.join("nodes"));
        self.core_nodes = nodes.filter(|nodes| nodes.join("package.json").is_file());
    }

    fn add_package(
        &mut self,
        folder: PathBuf,
        disabled: &Disabled,
        is_native: &dyn Fn(&str) -> bool,
    ) {
        let Some(package) = json(&folder.join("package.json")) else { return };
        let text = |key| package.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (name, version) = (text("name"), text("version"));
        let nodes = package.get("node-red").and_then(|it| it.get("nodes"));
        for (set, file) in nodes.and_then(Value::as_object).into_iter().flat_map(|it| it.iter()) {
            let Some(file) = file.as_str() else { continue };
            if disabled.has(&name, set) {
                self.has_disabled = true;
                continue;
            }
            let types = types_in(&html_of(&folder.join(file)));
            let types: Vec<String> = types.into_iter().filter(|name| !is_native(name)).collect();
            if !types.is_empty() {
                let (package, version) = (name.clone(), version.clone());
                self.sets.push(NodeSet { package, version, folder: folder.clone(), types });
            }
        }
    }

    /// Adds Node-RED's own nodes that are not native, and excludes the other files.
    fn add_core_nodes(&mut self, is_native: &dyn Fn(&str) -> bool) {
        let Some(folder) = self.core_nodes.clone() else { return };
        let version = json(&folder.join("package.json"));
        let version = version.as_ref().and_then(|package| package.get("version"));
        let version = version.and_then(Value::as_str).unwrap_or_default().to_owned();
        for group in read_folder(&folder.join("core")) {
            for file in read_folder(&group).into_iter().filter(|file| has_ending(file, "js")) {
                let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
                if STRUCTURE.contains(&name.as_str()) {
                    continue;
                }
                let types = types_in(&html_of(&file));
                if types.iter().any(|name| is_native(name)) {
                    self.excluded.push(name);
                } else if !types.is_empty() {
                    let (package, version) = ("node-red".to_owned(), version.clone());
                    self.sets.push(NodeSet { package, version, folder: folder.clone(), types });
                }
            }
        }
    }
}

/// Where npm puts what is installed for all users.
fn global_roots(node_js: &Path) -> Vec<PathBuf> {
    let program = node_js.canonicalize().unwrap_or_else(|_| node_js.to_owned());
    let prefix = program.parent().and_then(Path::parent).map(Path::to_owned);
    let prefixes = prefix.into_iter().chain([PathBuf::from("/usr/local"), PathBuf::from("/usr")]);
    let roots = prefixes.map(|prefix| prefix.join("lib/node_modules"));
    roots.flat_map(|root| [root.join("node-red/node_modules"), root]).collect()
}

/// The folders of all packages in a folder `node_modules`, also of those with a scope.
fn folders_of_packages(modules: &Path) -> Vec<PathBuf> {
    let is_scope =
        |folder: &Path| folder.file_name().is_some_and(|it| it.as_encoded_bytes()[0] == b'@');
    let (scopes, mut packages): (Vec<_>, Vec<_>) =
        read_folder(modules).into_iter().partition(|folder| is_scope(folder));
    packages.extend(scopes.iter().flat_map(|scope| read_folder(scope)));
    packages
}

/// The entries of a folder, sorted; none if it cannot be read.
fn read_folder(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

fn has_ending(file: &Path, ending: &str) -> bool {
    file.extension().is_some_and(|extension| extension == ending)
}

/// The file with the forms of a file with code.
fn html_of(code: &Path) -> PathBuf {
    code.with_extension("html")
}

/// The types that a file has forms for.
fn types_in(html: &Path) -> Vec<String> {
    let (Some(text), Some(form)) = (read(html), FORM.as_ref()) else { return Vec::new() };
    let text = String::from_utf8_lossy(&text);
    let found =
        form.captures_iter(&text).filter_map(|found| Some(found.get(1)?.as_str().to_owned()));
    found.collect()
}

/// A file of a package; `None` if it cannot be read or is too large.
fn read(file: &Path) -> Option<Vec<u8>> {
    let is_small = std::fs::metadata(file).ok()?.len() <= MAX_FILE;
    is_small.then(|| std::fs::read(file).ok()).flatten()
}

fn json(file: &Path) -> Option<Value> {
    Value::from_json(&read(file)?).ok()
}

/// The node sets that were disabled in the editor, by package.
struct Disabled(BTreeMap<String, Vec<String>>);

impl Disabled {
    fn read(file: &Path) -> Self {
        let list = json(file);
        let modules = list.as_ref().and_then(Value::as_object);
        let sets_of = |module: &Value| -> Vec<String> {
            let sets = module.get("nodes").and_then(Value::as_object).into_iter();
            let sets = sets.flat_map(|sets| sets.iter());
            let disabled =
                sets.filter(|(_, set)| set.get("enabled").and_then(Value::as_bool) == Some(false));
            disabled.map(|(name, _)| name.to_string()).collect()
        };
        let modules = modules.into_iter().flat_map(|modules| modules.iter());
        Disabled(modules.map(|(name, module)| (name.to_string(), sets_of(module))).collect())
    }

    fn has(&self, package: &str, set: &str) -> bool {
        self.0.get(package).is_some_and(|sets| sets.iter().any(|name| name == set))
    }
}
