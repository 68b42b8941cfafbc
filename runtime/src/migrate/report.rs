//! What the command has found, for people and as JSON.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use ferrowire_admin::{StoredCredentials, Unusable};
use ferrowire_engine::{FlowFile, Problem};
use serde_json::{Value, json};

use super::convert::{Converted, Entry, Fate};
use super::directory::Package;
use super::nodes::{Node, Runs, counts};

/// The report.
pub(super) struct Report {
    directory: PathBuf,
    /// What was not evaluated.
    notes: Vec<String>,
    entries: Vec<Value>,
    packages: Vec<Package>,
    flow_file: PathBuf,
    nodes: Vec<Node>,
    problems: Vec<Problem>,
    credentials: Option<StoredCredentials>,
    /// What is left to do beside settings and nodes.
    left: Vec<String>,
    written: Option<PathBuf>,
}

impl Report {
    pub(super) fn new(directory: &Path, notes: Vec<String>) -> Self {
        Report {
            directory: directory.to_owned(),
            notes,
            entries: Vec::new(),
            packages: Vec::new(),
            flow_file: PathBuf::new(),
            nodes: Vec::new(),
            problems: Vec::new(),
            credentials: None,
            left: Vec::new(),
            written: None,
        }
    }

    pub(super) fn settings(&mut self, converted: &Converted) {
        self.entries = converted.entries.iter().map(describe).collect();
    }

    pub(super) fn packages(&mut self, packages: Vec<Package>, user_dir: &Path) {
        let missing = packages.iter().filter(|it| it.installed.is_none());
        let missing: Vec<&str> = missing.map(|it| it.name.as_str()).collect();
        if !missing.is_empty() {
            self.left.push(format!(
                "packages of `package.json` are not installed (`{}`); run `npm install --prefix {}`",
                missing.join("`, `"),
                user_dir.display()
            ));
        }
        self.packages = packages;
    }

    pub(super) fn flows(
        &mut self,
        file: &Path,
        flows: anyhow::Result<FlowFile>,
        examine: impl FnOnce(&FlowFile) -> (Vec<Node>, Vec<Problem>),
    ) {
        self.flow_file = file.to_owned();
        match flows {
            Ok(flows) => (self.nodes, self.problems) = examine(&flows),
            Err(error) => self.left.push(format!("{error:#}")),
        }
    }

    /// Why nodes of npm packages would not run, if there are some.
    pub(super) fn missing_runtime(&mut self, reason: Option<String>) {
        let has_some = self.nodes.iter().any(|node| node.runs == Runs::Npm);
        self.left.extend(reason.filter(|_| has_some));
    }

    pub(super) fn credentials(&mut self, found: Result<Option<StoredCredentials>, Unusable>) {
        match found {
            Ok(found) => {
                if let Some(StoredCredentials { file, nodes: None, .. }) = &found {
                    self.left.push(format!(
                        "`{}` is encrypted with another secret; set `credential-secret` to that of the Node-RED that wrote it",
                        file.display()
                    ));
                }
                self.credentials = found;
            }
            Err(error) => self.left.push(error.to_string()),
        }
    }

    pub(super) fn written(&mut self, file: &Path) {
        self.written = Some(file.to_owned());
    }

    /// Whether everything runs as before.
    pub(super) fn is_complete(&self) -> bool {
        let is_left = |entry: &Value| entry["fate"] == "left";
        self.left.is_empty()
            && self.notes_left().next().is_none()
            && self.problems.is_empty()
            && !self.entries.iter().any(is_left)
    }

    /// A module that is not evaluated may be the reason that a setting is missing.
    fn notes_left(&self) -> impl Iterator<Item = &String> {
        self.notes.iter().filter(|note| note.contains("is not evaluated"))
    }

    /// Prints it.
    ///
    /// # Errors
    /// If standard output is closed.
    pub(super) fn print(&self, as_json: bool) -> anyhow::Result<()> {
        let text = if as_json { serde_json::to_string_pretty(&self.json())? } else { self.text()? };
        writeln!(std::io::stdout(), "{}", text.trim_end()).context("cannot print the report")
    }

    fn json(&self) -> Value {
        let nodes = self.nodes.iter().map(|node| {
            let of_node = self.problems.iter().filter(|problem| concerns(problem, node));
            json!({
                "id": node.place.id,
                "type": node.place.node_type,
                "name": node.place.name,
                "flow": node.place.flow,
                "runs": name(node.runs),
                "package": node.package,
                "version": node.version,
                "problems": of_node.map(|problem| &problem.text).collect::<Vec<_>>(),
            })
        });
        let packages = self
            .packages
            .iter()
            .map(|it| json!({"name": it.name, "wanted": it.wanted, "installed": it.installed}));
        json!({
            "directory": self.directory,
            "settings": self.entries,
            "notes": self.notes,
            "packages": packages.collect::<Vec<_>>(),
            "flow-file": self.flow_file,
            "nodes": nodes.collect::<Vec<_>>(),
            "problems": self.problems.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "credentials": self.credentials_line(),
            "left": self.left,
            "complete": self.is_complete(),
            "written": self.written,
        })
    }

    fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        for (fate, title) in [
            ("taken", "Settings that are taken over"),
            ("needless", "Settings that need nothing"),
            ("left", "Settings that are left to you"),
        ] {
            section(
                &mut text,
                title,
                self.entries.iter().filter(|it| it["fate"] == fate).map(line),
            )?;
        }
        section(&mut text, "Not evaluated in settings.js", self.notes.iter().cloned())?;
        section(&mut text, "Packages of package.json", self.packages.iter().map(package_line))?;
        let title = format!("Nodes of {}", self.flow_file.display());
        section(&mut text, &title, self.node_lines())?;
        section(&mut text, "Problems", self.problems.iter().map(ToString::to_string))?;
        section(&mut text, "Credentials", self.credentials_line().into_iter())?;
        section(&mut text, "Left to you", self.left.iter().cloned())?;
        match &self.written {
            Some(file) => {
                let file = file.display();
                write!(text, "wrote `{file}`; `ferrowire run --settings {file}` starts with it")?;
            }
            None => write!(text, "nothing was written")?,
        }
        Ok(text)
    }

    /// Native nodes by type, all others one by one.
    fn node_lines(&self) -> impl Iterator<Item = String> {
        let native = [(Runs::Native, "native"), (Runs::Disabled, "disabled")];
        let counted = native.into_iter().flat_map(|(runs, name)| {
            let counts = counts(&self.nodes, runs).into_iter();
            counts.map(move |(node_type, count)| format!("{name}: {count} `{node_type}`"))
        });
        counted.chain(self.nodes.iter().filter_map(|node| {
            let (place, package, version) = (&node.place, node.package, node.version);
            match node.runs {
                Runs::Native | Runs::Disabled => None,
                Runs::Npm => {
                    Some(format!("npm: {place}: Node.js runs it with `{package}` {version}"))
                }
                Runs::Nothing if package.is_empty() => {
                    Some(format!("not: {place}: no plugin and no installed package has the type"))
                }
                Runs::Nothing => Some(format!("not: {place}: `{package}` is not installed")),
            }
        }))
    }

    fn credentials_line(&self) -> Option<String> {
        let found = self.credentials.as_ref()?;
        let file = found.file.display();
        let how = if found.is_encrypted { "encrypted" } else { "not encrypted" };
        Some(match found.nodes {
            Some(nodes) => format!("`{file}`: of {nodes} nodes, {how}, readable"),
            None => format!("`{file}`: {how}, not readable"),
        })
    }
}

fn concerns(problem: &Problem, node: &Node) -> bool {
    let mut places = std::iter::once(&problem.place).chain(&problem.others);
    places.any(|place| place.id == node.place.id)
}

fn name(runs: Runs) -> &'static str {
    match runs {
        Runs::Native => "native",
        Runs::Npm => "npm",
        Runs::Nothing => "not",
        Runs::Disabled => "disabled",
    }
}

fn describe(entry: &Entry) -> Value {
    let (key, line) = (&entry.key, entry.line);
    match &entry.fate {
        Fate::Taken(settings) => {
            json!({"key": key, "line": line, "fate": "taken", "settings": settings})
        }
        Fate::Needless(reason) => {
            json!({"key": key, "line": line, "fate": "needless", "reason": reason})
        }
        Fate::Left(reason) => json!({"key": key, "line": line, "fate": "left", "reason": reason}),
    }
}

fn line(entry: &Value) -> String {
    let key = entry["key"].as_str().unwrap_or_default();
    let place = entry["line"].as_u64().map_or(String::new(), |line| format!(" (line {line})"));
    let settings = entry["settings"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let settings = settings.collect::<Vec<_>>().join("`, `");
    match entry["reason"].as_str() {
        Some(reason) => format!("`{key}`{place}: {reason}"),
        None => format!("`{key}`{place}: `{settings}`"),
    }
}

fn package_line(package: &Package) -> String {
    let Package { name, wanted, installed } = package;
    match installed {
        Some(version) => format!("`{name}` {version}"),
        None => format!("`{name}` {wanted}: not installed"),
    }
}

fn section(
    text: &mut String,
    title: &str,
    lines: impl Iterator<Item = String>,
) -> std::fmt::Result {
    let mut lines = lines.peekable();
    if lines.peek().is_none() {
        return Ok(());
    }
    writeln!(text, "{title}:")?;
    for line in lines {
        writeln!(text, "  {line}")?;
    }
    writeln!(text)
}
