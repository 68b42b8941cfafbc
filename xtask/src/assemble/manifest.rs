//! `assembly.toml`: the manifest of an assembly.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use toml::{Spanned, Value};

use super::source::{GitReference, Source, package_name};

/// A manifest, with paths resolved relative to its folder.
#[derive(Debug)]
pub(crate) struct Manifest {
    pub(crate) name: Option<String>,
    pub(crate) output: Option<PathBuf>,
    /// The parts of the runtime that the program is not to contain, by their names in `--without`.
    pub(crate) left_out: Vec<&'static str>,
    pub(crate) plugins: Vec<Listed>,
}

/// A plugin in a manifest.
#[derive(Debug)]
pub(crate) struct Listed {
    pub(crate) source: Source,
    /// Where it is, for messages.
    pub(crate) place: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: Option<String>,
    output: Option<PathBuf>,
    #[serde(default = "yes")]
    editor: bool,
    #[serde(default = "yes", rename = "npm-nodes")]
    npm_nodes: bool,
    #[serde(default = "yes")]
    cluster: bool,
    #[serde(default = "yes")]
    migrate: bool,
    plugins: Vec<Spanned<Value>>,
}

fn yes() -> bool {
    true
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct WrittenTable {
    bundled: Option<String>,
    path: Option<String>,
    package: Option<String>,
    version: Option<String>,
    git: Option<String>,
    branch: Option<String>,
    tag: Option<String>,
    rev: Option<String>,
}

impl Manifest {
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the manifest `{}`", path.display()))?;
        Self::parse(&text, path)
    }

    fn parse(text: &str, path: &Path) -> Result<Self> {
        let folder = path.parent().unwrap_or(Path::new(""));
        let manifest = format!("in the manifest `{}`", path.display());
        // Its errors show the line.
        let written: Written = toml::from_str(text).with_context(|| manifest.clone())?;
        let plugins = written.plugins.into_iter().map(|plugin| {
            let (line, column) = position(text, plugin.span().start);
            let place = format!("{manifest}, line {line}, column {column}");
            let source = source(plugin.into_inner(), folder).with_context(|| place.clone())?;
            Ok(Listed { source, place })
        });
        let parts = [
            ("editor", written.editor),
            ("npm-nodes", written.npm_nodes),
            ("cluster", written.cluster),
            ("migrate", written.migrate),
        ];
        let left_out =
            parts.into_iter().filter(|(_, wanted)| !wanted).map(|(name, _)| name).collect();
        Ok(Manifest {
            name: written.name,
            output: written.output.map(|output| folder.join(output)),
            left_out,
            plugins: plugins.collect::<Result<_>>()?,
        })
    }
}

fn source(plugin: Value, folder: &Path) -> Result<Source> {
    match plugin {
        Value::String(text) => Source::parse(&text, folder),
        Value::Table(table) => WrittenTable::deserialize(table)?.source(folder),
        other => bail!("expected a string or a table, found {} `{other}`", other.type_str()),
    }
}

/// Line and column of a byte, from 1.
fn position(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

impl WrittenTable {
    fn source(self, folder: &Path) -> Result<Source> {
        let references = [("branch", self.branch), ("tag", self.tag), ("rev", self.rev)];
        let mut references: Vec<_> = references
            .into_iter()
            .filter_map(|(kind, name)| Some(GitReference { kind, name: name? }))
            .collect();
        if references.len() > 1 || (self.git.is_none() && !references.is_empty()) {
            bail!("expected one of `branch`, `tag` and `rev`, together with `git`");
        }
        match (self.bundled, self.path, self.package, self.version, self.git) {
            (Some(name), None, None, None, None) => Ok(Source::Bundled(name)),
            (None, Some(path), None, None, None) => {
                Ok(Source::Path(super::source::clean(&folder.join(path))))
            }
            (None, None, Some(package), Some(version), None) => {
                Source::parse(&format!("{package}@{version}"), folder)
            }
            (None, None, Some(package), None, Some(url)) => {
                Ok(Source::Git { package: package_name(&package)?, url, at: references.pop() })
            }
            _ => bail!(
                "expected `{{ bundled }}`, `{{ path }}`, `{{ package, version }}` or \
                 `{{ package, git }}`"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Manifest> {
        Manifest::parse(text, Path::new("/nowhere/assembly.toml"))
    }

    #[test]
    fn every_form_of_a_plugin_is_read() {
        let manifest = parse(
            r#"
            name = "mine"
            output = "bin/mine"
            editor = false
            plugins = [
                "debug",
                "../my-node",
                { bundled = "inject" },
                { path = "nodes/b" },
                { package = "c", version = "1.2" },
                { package = "d", git = "https://example.org/d", tag = "v1" },
            ]"#,
        )
        .unwrap();
        assert_eq!(manifest.name.as_deref(), Some("mine"));
        assert_eq!(manifest.output.as_deref(), Some(Path::new("/nowhere/bin/mine")));
        let at = Some(GitReference { kind: "tag", name: "v1".into() });
        let url = "https://example.org/d".to_owned();
        assert_eq!(manifest.left_out, ["editor"]);
        let sources: Vec<Source> = manifest.plugins.into_iter().map(|it| it.source).collect();
        assert_eq!(
            sources,
            [
                Source::Bundled("debug".into()),
                Source::Path("/my-node".into()),
                Source::Bundled("inject".into()),
                Source::Path("/nowhere/nodes/b".into()),
                Source::Version { package: "c".into(), version: "1.2".into() },
                Source::Git { package: "d".into(), url, at },
            ]
        );
    }

    #[test]
    fn mistakes_are_named_with_their_place() {
        let problem = |text| format!("{:#}", parse(text).unwrap_err());
        assert!(problem("plugins = [").contains("line 1"));
        assert!(problem("pluggins = []").contains("unknown field `pluggins`"));
        assert!(problem("name = 'x'").contains("missing field `plugins`"));
        let two = problem("plugins = [\n  'a',\n  'ü', {path = 'b', git = 'c'},\n]");
        let place =
            "in the manifest `/nowhere/assembly.toml`, line 3, column 8: expected `{ bundled }`";
        assert!(two.starts_with(place), "{two}");
        let unknown = problem("plugins = [{pth = 'b'}]");
        assert!(unknown.contains("line 1, column 12: unknown field `pth`, expected"), "{unknown}");
        assert!(
            problem("plugins = [{path = 'b', rev = 'c'}]")
                .contains("expected one of `branch`, `tag` and `rev`, together with `git`")
        );
        let number = problem("plugins = [5]");
        assert!(
            number.contains("line 1, column 12: expected a string or a table, found integer `5`")
        );
    }
}
