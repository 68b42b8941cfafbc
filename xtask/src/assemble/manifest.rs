//! `assembly.toml`: the manifest of an assembly.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use super::source::{GitReference, Source, package_name};

/// A manifest, with paths resolved relative to its folder.
#[derive(Debug)]
pub(crate) struct Manifest {
    pub(crate) name: Option<String>,
    pub(crate) output: Option<PathBuf>,
    pub(crate) plugins: Vec<Source>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: Option<String>,
    output: Option<PathBuf>,
    plugins: Vec<WrittenPlugin>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a string or a table")]
enum WrittenPlugin {
    Text(String),
    Table(WrittenTable),
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
        let folder = path.parent().unwrap_or(Path::new(""));
        Self::parse(&text, folder).with_context(|| format!("in the manifest `{}`", path.display()))
    }

    fn parse(text: &str, folder: &Path) -> Result<Self> {
        let written: Written = toml::from_str(text)?;
        let plugins = written.plugins.into_iter().zip(1..).map(|(plugin, place)| match plugin {
            WrittenPlugin::Text(text) => Source::parse(&text, folder),
            WrittenPlugin::Table(table) => {
                table.source(folder).with_context(|| format!("plugin number {place}"))
            }
        });
        Ok(Manifest {
            name: written.name,
            output: written.output.map(|output| folder.join(output)),
            plugins: plugins.collect::<Result<_>>()?,
        })
    }
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
        Manifest::parse(text, Path::new("/nowhere"))
    }

    #[test]
    fn every_form_of_a_plugin_is_read() {
        let manifest = parse(
            r#"
            name = "mine"
            output = "bin/mine"
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
        assert_eq!(
            manifest.plugins,
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
        assert!(problem("plugins = ['a', {path = 'b', git = 'c'}]").contains("plugin number 2"));
        assert!(
            problem("plugins = [{path = 'b', rev = 'c'}]")
                .contains("expected one of `branch`, `tag` and `rev`, together with `git`")
        );
        assert!(problem("plugins = [5]").contains("expected a string or a table"));
    }
}
