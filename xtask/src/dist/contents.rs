//! `Contents`: the files of a release, before they are packed.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::Build;
use crate::cargo;

/// The shells, with the names of their files of completions.
const SHELLS: [(&str, &str); 3] =
    [("bash", "ferrowire.bash"), ("zsh", "_ferrowire"), ("fish", "ferrowire.fish")];

/// Files of the repository, and their places in a release.
const COPIED: [(&str, Kind, &str); 7] = [
    ("LICENSE", Kind::Document, "LICENSE"),
    ("README.md", Kind::Document, "README.md"),
    ("CHANGELOG.md", Kind::Document, "CHANGELOG.md"),
    ("runtime/packaging/ferrowire.service", Kind::Unit, "ferrowire.service"),
    ("runtime/packaging/ferrowire.socket", Kind::Unit, "ferrowire.socket"),
    ("runtime/packaging/ferrowire.toml", Kind::Settings, "ferrowire.toml"),
    ("runtime/packaging/grafana-dashboard.json", Kind::Document, "grafana-dashboard.json"),
];

/// What a file is for, which decides where it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Program,
    ManualPage,
    Completions(&'static str),
    Unit,
    Settings,
    Document,
    /// Of an image, which needs it beside the program.
    Image,
}

/// A file of a release.
pub(crate) struct File {
    pub(crate) kind: Kind,
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

/// All files of a release.
pub(crate) struct Contents(pub(crate) Vec<File>);

impl Contents {
    /// Reads them. `describing` is a program that runs on this machine: it prints its manual.
    pub(crate) fn collect(build: &Build, describing: &Path, sbom: &[u8]) -> Result<Self> {
        let mut files = vec![File {
            kind: Kind::Program,
            name: super::NAME.to_owned(),
            bytes: read(&build.program)?,
        }];
        let root = cargo::root();
        for (path, kind, name) in COPIED {
            files.push(File { kind, name: name.to_owned(), bytes: read(&root.join(path))? });
        }
        let dockerfile = read(&root.join("runtime/packaging/Dockerfile"))?;
        files.push(File { kind: Kind::Image, name: "Dockerfile".to_owned(), bytes: dockerfile });
        files.push(File {
            kind: Kind::Document,
            name: "sbom.cdx.json".to_owned(),
            bytes: sbom.to_owned(),
        });
        files.extend(manual(describing)?);
        for (shell, name) in SHELLS {
            let mut command = Command::new(describing);
            let bytes = printed(command.args(["completions", shell]))?;
            files.push(File { kind: Kind::Completions(shell), name: name.to_owned(), bytes });
        }
        Ok(Contents(files))
    }
}

fn manual(program: &Path) -> Result<Vec<File>> {
    let folder = tempfile::tempdir()?;
    printed(Command::new(program).arg("manual").arg(folder.path()))?;
    let mut pages = Vec::new();
    for entry in fs::read_dir(folder.path())? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        pages.push(File { kind: Kind::ManualPage, name, bytes: read(&entry.path())? });
    }
    pages.sort_by(|one, other| one.name.cmp(&other.name));
    ensure!(!pages.is_empty(), "the program has written no manual pages");
    Ok(pages)
}

fn printed(command: &mut Command) -> Result<Vec<u8>> {
    let shown = cargo::shown(command);
    let output = command.output().with_context(|| format!("could not start `{shown}`"))?;
    let problem = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "`{shown}` failed: {}", problem.trim());
    Ok(output.stdout)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))
}
