//! User directories with packages, and the flows of the tests.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::support::{Runtime, listener, node, tab, ws_in, ws_out};

/// The packages of the lock file, and our own.
const INSTALLED: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/hosted/tests/packages/node_modules");
const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/hosted/tests/fixtures");

/// A user directory.
pub(crate) struct UserDir(tempfile::TempDir);

impl UserDir {
    /// One with Node-RED's runtime and these packages: those of the lock file, or our own.
    pub(crate) fn with(packages: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let modules = folder.path().join("node_modules");
        std::fs::create_dir(&modules).unwrap();
        for package in [&["@node-red"], packages].concat() {
            link(package, &modules);
        }
        let folder = UserDir(folder);
        folder.list(packages);
        folder
    }

    /// Writes `package.json`. For modules of functions that it lacks, Node-RED would call npm, which would
    /// remove all other packages that it lacks.
    pub(crate) fn list(&self, packages: &[&str]) {
        let listed = [&["@node-red/runtime", "@node-red/nodes"], packages].concat();
        let versions: Map<String, Value> =
            listed.iter().map(|package| ((*package).to_owned(), json!("*"))).collect();
        let list = json!({"dependencies": versions}).to_string();
        std::fs::write(self.path().join("package.json"), list).unwrap();
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// A package that only has this name.
    pub(crate) fn add(&self, name: &str) -> PathBuf {
        let folder = self.path().join("node_modules").join(name);
        std::fs::create_dir(&folder).unwrap();
        folder
    }

    pub(crate) async fn run(&self, nodes: Value) -> Runtime {
        self.run_with(nodes, &[]).await
    }

    pub(crate) async fn run_with(&self, nodes: Value, args: &[&str]) -> Runtime {
        let folder = ["--user-dir", self.path().to_str().unwrap()];
        Runtime::start_with(nodes, &[&folder, args].concat(), &[]).await
    }
}

fn link(package: &str, modules: &Path) {
    let fixture = Path::new(FIXTURES).join(package);
    let source = if fixture.exists() { fixture } else { Path::new(INSTALLED).join(package) };
    assert!(
        source.exists(),
        "`{}` is missing; run `cargo xtask npm-nodes`, which installs the packages of these tests",
        source.display()
    );
    let target = modules.join(package);
    std::fs::create_dir_all(target.parent().unwrap()).unwrap();
    symlink(source, target).unwrap();
}

/// A running program, and the directory that it uses.
pub(crate) async fn run(nodes: Value) -> (UserDir, Runtime) {
    let folder = UserDir::with(&["script"]);
    let runtime = folder.run(nodes).await;
    (folder, runtime)
}

/// A node from npm that runs `code` for each message.
pub(crate) fn script(id: &str, code: &str, wires: &[&str]) -> Value {
    node(id, "script", json!({"code": code}), wires)
}

/// A native function.
pub(crate) fn function(id: &str, code: &str, wires: &[&str]) -> Value {
    node(id, "function", json!({"func": code, "outputs": 1}), wires)
}

/// From the clients at `/ws` to the node `first`, and from the node `out` to them all.
pub(crate) fn between(first: &[&str], nodes: impl IntoIterator<Item = Value>) -> Value {
    let ends = [
        tab("tab"),
        listener("l", "/ws"),
        ws_in("in", "l", first),
        function("all", "delete msg._session; return msg", &["out"]),
        ws_out("out", "l"),
    ];
    ends.into_iter().chain(nodes).collect()
}
