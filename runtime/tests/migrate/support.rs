//! Directories of Node-RED, and what the command says of them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// A bcrypt hash of `secret`.
pub(crate) fn hash() -> String {
    bcrypt::hash("secret", 4).unwrap()
}

/// A user directory of Node-RED.
pub(crate) struct Directory(tempfile::TempDir);

impl Directory {
    /// One with these files. A flow file is added unless there is one.
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let directory = Directory(tempfile::tempdir().unwrap());
        for (name, content) in files {
            directory.add(name, content);
        }
        if !files.iter().any(|(name, _)| name.contains("flow")) {
            directory.add("flows.json", r#"[{"id": "t", "type": "tab", "label": "Main"}]"#);
        }
        directory
    }

    /// One whose `settings.js` exports an object with these keys.
    pub(crate) fn exporting(keys: &str) -> Self {
        Self::new(&[("settings.js", &format!("module.exports = {{\n{keys}\n}}\n"))])
    }

    pub(crate) fn add(&self, name: &str, content: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.0.path().canonicalize().unwrap()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    /// Runs the command with the directory and further arguments.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.run_with(arguments, &[])
    }

    pub(crate) fn run_with(&self, arguments: &[&str], env: &[(&str, &str)]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ferrowire"));
        command.env_remove("PORT").env_remove("NODE_RED_ENABLE_PROJECTS");
        command.arg("migrate").arg(self.root()).args(arguments).envs(env.iter().copied());
        command.output().unwrap()
    }

    /// The report, and the settings that were written.
    pub(crate) fn migrate(&self) -> (Report, toml::Table) {
        self.migrate_with(&[])
    }

    pub(crate) fn migrate_with(&self, env: &[(&str, &str)]) -> (Report, toml::Table) {
        let output = self.run_with(&["--json"], env);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        let code = output.status.code();
        assert!(matches!(code, Some(0 | 1)), "{code:?}: {errors}");
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report["complete"] == true, code == Some(0), "{report:#}");
        let file = self.path("ferrowire.toml");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let text = fs::read_to_string(&file).unwrap();
        let table = text.parse().unwrap();
        assert!(accepts(&file), "the file that was written is refused");
        (Report(report), table)
    }

    /// The error of a run that writes nothing.
    pub(crate) fn refused(&self, arguments: &[&str]) -> String {
        let before = self.contents();
        let output = self.run(arguments);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert_eq!(self.contents(), before);
        error
    }

    /// All files with their contents.
    pub(crate) fn contents(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut found = Vec::new();
        collect(&self.root(), &mut found);
        found.sort();
        found
    }
}

fn collect(folder: &Path, found: &mut Vec<(PathBuf, Vec<u8>)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => collect(&path, found),
            false => found.push((path.clone(), fs::read(&path).unwrap_or_default())),
        }
    }
}

/// Whether the program accepts a file of settings.
fn accepts(file: &Path) -> bool {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ferrowire"));
    command.args(["settings", "--settings"]).arg(file).output().unwrap().status.success()
}

/// What the command says.
pub(crate) struct Report(pub(crate) Value);

impl Report {
    /// What became of a key: the settings that have its value, or the reason.
    pub(crate) fn fate(&self, key: &str) -> (String, String) {
        let entries = self.0["settings"].as_array().unwrap();
        let entry = entries.iter().find(|entry| entry["key"] == key);
        let entry = entry.unwrap_or_else(|| unreachable!("no `{key}` in {:#}", self.0));
        let settings = entry["settings"].as_array().into_iter().flatten();
        let settings: Vec<&str> = settings.filter_map(Value::as_str).collect();
        let reason = entry["reason"].as_str().unwrap_or_default();
        (entry["fate"].as_str().unwrap().to_owned(), settings.join(" ") + reason)
    }

    /// The reason that a key is left to people.
    pub(crate) fn left(&self, key: &str) -> String {
        let (fate, reason) = self.fate(key);
        assert_eq!(fate, "left", "{key}: {reason}");
        reason
    }

    pub(crate) fn line(&self, key: &str) -> u64 {
        let entries = self.0["settings"].as_array().unwrap();
        entries.iter().find(|entry| entry["key"] == key).unwrap()["line"].as_u64().unwrap()
    }

    /// Whether nothing is left to people.
    pub(crate) fn is_complete(&self) -> bool {
        self.0["complete"] == true
    }

    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        let texts = self.0[name].as_array().unwrap().iter();
        texts.map(|text| text.as_str().unwrap().to_owned()).collect()
    }
}
