//! Reads the Cargo.toml of a crate, of this repository or another one.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::cargo::{self, Metadata};

/// The facade over the contract: a crate that depends on it is a plugin.
pub(crate) const FACADE: &str = "ferrowire";

/// A crate on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Crate {
    /// The package's name.
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) folder: PathBuf,
    /// The name of its library in code, if it has one.
    pub(crate) library: Option<String>,
    /// The node types that it declares; `None` without a declaration.
    pub(crate) types: Option<Vec<String>>,
    /// The node types that its nodes require.
    pub(crate) needs: Vec<String>,
    /// Its dependencies on the contract, if any.
    pub(crate) wanted_facade: Vec<Wanted>,
}

/// A dependency on the contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Cargo's name of the source, `None` for a path.
    pub(crate) from: Option<String>,
    /// The folder of a path.
    pub(crate) folder: Option<PathBuf>,
    pub(crate) version: String,
}

impl Crate {
    /// Reads the crate in `folder`.
    pub(crate) fn read(folder: &Path) -> Result<Self> {
        let manifest = folder.join("Cargo.toml");
        let manifest = std::fs::canonicalize(&manifest).with_context(|| {
            format!("`{}` is not a crate: no Cargo.toml found", folder.display())
        })?;
        let metadata = Metadata::of(&manifest)?;
        let found = metadata.packages().find(|package| {
            package["manifest_path"].as_str().is_some_and(|path| Path::new(path) == manifest)
        });
        match found {
            Some(package) => Self::from_metadata(package),
            None => bail!("`{}` is a workspace; set the folder of one crate", folder.display()),
        }
    }

    pub(crate) fn from_metadata(package: &Value) -> Result<Self> {
        let text = |name: &str| {
            let text = package[name].as_str().map(str::to_owned);
            text.with_context(|| format!("`cargo metadata` listed a package without `{name}`"))
        };
        let manifest = PathBuf::from(text("manifest_path")?);
        let list = |name: &str| {
            let list = package["metadata"]["ferrowire"][name].as_array()?;
            Some(list.iter().filter_map(Value::as_str).map(str::to_owned).collect())
        };
        let dependencies = package["dependencies"].as_array().into_iter().flatten();
        let wanted = dependencies.filter(|it| it["name"] == FACADE && it["kind"].is_null());
        Ok(Crate {
            name: text("name")?,
            version: text("version")?,
            folder: manifest.parent().unwrap_or(&manifest).to_owned(),
            library: library(package),
            types: list("types"),
            needs: list("needs").unwrap_or_default(),
            wanted_facade: wanted
                .map(|it| Wanted {
                    from: it["source"].as_str().map(str::to_owned),
                    folder: it["path"].as_str().map(PathBuf::from),
                    version: it["req"].as_str().unwrap_or("*").to_owned(),
                })
                .collect(),
        })
    }

    /// Checks whether it can be a plugin.
    pub(crate) fn ensure_plugin(&self) -> Result<()> {
        let folder = self.folder.display();
        if self.wanted_facade.is_empty() {
            bail!(
                "`{}` in `{folder}` is not a plugin: it does not depend on `{FACADE}`",
                self.name
            );
        }
        if self.library.is_none() {
            bail!("`{}` in `{folder}` has no library; add a src/lib.rs", self.name);
        }
        Ok(())
    }
}

fn library(package: &Value) -> Option<String> {
    const KINDS: [&str; 4] = ["lib", "rlib", "cdylib", "dylib"];
    let targets = package["targets"].as_array()?;
    let is_library = |target: &&Value| {
        let kinds = target["kind"].as_array().into_iter().flatten().filter_map(Value::as_str);
        kinds.into_iter().any(|kind| KINDS.contains(&kind))
    };
    targets.iter().find(is_library)?["name"].as_str().map(str::to_owned)
}

/// The crates of this repository that provide nodes.
#[derive(Debug)]
pub(crate) struct Repository {
    /// The crates that a runtime may be assembled from.
    pub(crate) plugins: Vec<Crate>,
    /// The names of all crates, which an assembled runtime must not use.
    pub(crate) taken: Vec<String>,
    /// The target folder.
    pub(crate) target: PathBuf,
    /// The version of the contract.
    pub(crate) version: String,
    /// The URL of its git repository.
    pub(crate) home: String,
}

impl Repository {
    pub(crate) fn read() -> Result<Self> {
        let metadata = Metadata::read()?;
        let folder = cargo::root().join("plugins");
        let (mut plugins, mut taken) = (Vec::new(), Vec::new());
        let (mut version, mut home) = (None, None);
        for package in metadata.packages() {
            let found = Crate::from_metadata(package)?;
            taken.push(found.name.clone());
            if found.name == FACADE {
                version = Some(found.version);
                home = package["repository"].as_str().map(str::to_owned);
            } else if found.folder.starts_with(&folder) {
                plugins.push(found);
            }
        }
        let version = version.with_context(|| format!("the repository has no `{FACADE}`"))?;
        let home = home.with_context(|| format!("`{FACADE}` names no `repository`"))?;
        Ok(Repository { plugins, taken, target: metadata.target()?, version, home })
    }

    /// The plugin `name`: the name of its folder or of its package.
    pub(crate) fn plugin(&self, name: &str) -> Option<&Crate> {
        self.plugins.iter().find(|plugin| plugin.name == name || short(plugin) == name)
    }

    /// The plugin that provides `node_type`.
    pub(crate) fn provider(&self, node_type: &str) -> Option<&Crate> {
        let provides =
            |it: &&Crate| it.types.iter().flatten().any(|provided| provided == node_type);
        self.plugins.iter().find(provides)
    }

    /// The names of the plugins, for messages.
    pub(crate) fn names(&self) -> String {
        self.plugins.iter().map(short).collect::<Vec<_>>().join(", ")
    }
}

/// The short name of a bundled plugin: the name of its folder.
pub(crate) fn short(plugin: &Crate) -> &str {
    plugin.folder.file_name().and_then(|name| name.to_str()).unwrap_or(&plugin.name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_manifest_says_what_is_needed_to_assemble_a_crate() {
        let package = json!({
            "name": "my-node", "version": "1.2.3", "manifest_path": "/x/my-node/Cargo.toml",
            "metadata": {"ferrowire": {"types": ["a", "b c"], "needs": ["d"]}},
            "targets": [{"kind": ["test"], "name": "t"}, {"kind": ["lib"], "name": "my_lib"}],
            "dependencies": [
                {"name": "ferrowire", "kind": null, "source": null, "path": "/f", "req": "^1"},
                {"name": "ferrowire", "kind": "dev", "source": "registry+x"},
                {"name": "serde", "kind": null, "source": "registry+x"},
            ],
        });
        let found = Crate::from_metadata(&package).unwrap();
        assert_eq!(found.library.as_deref(), Some("my_lib"));
        assert_eq!(found.types.as_deref(), Some(&["a".to_owned(), "b c".to_owned()][..]));
        assert_eq!(found.needs, ["d"]);
        assert_eq!(
            found.wanted_facade,
            [Wanted { from: None, folder: Some("/f".into()), version: "^1".into() }]
        );
        assert!(found.ensure_plugin().is_ok());
    }

    #[test]
    fn a_crate_without_the_contract_or_a_library_is_no_plugin() {
        let mut package =
            json!({"name": "x", "version": "1.0.0", "manifest_path": "/x/Cargo.toml"});
        let problem = |package: &Value| {
            Crate::from_metadata(package).unwrap().ensure_plugin().unwrap_err().to_string()
        };
        assert!(problem(&package).contains("does not depend on `ferrowire`"));
        package["dependencies"] = json!([{"name": "ferrowire", "kind": null}]);
        assert!(problem(&package).contains("has no library"));
    }

    #[test]
    fn a_bundled_plugin_answers_to_its_folder_and_its_package() {
        let repository = Repository::read().unwrap();
        let debug = repository.plugin("debug").unwrap();
        assert_eq!(debug.types.as_deref(), Some(&["debug".to_owned()][..]));
        assert_eq!(repository.plugin("ferrowire-plugin-debug"), Some(debug));
        assert_eq!(repository.plugin("websocket"), None);
        let listener = repository.provider("websocket-listener").unwrap();
        assert_eq!(listener.name, "ferrowire-plugin-websocket-endpoints");
        assert_eq!(listener.needs, ["tls-config"]);
    }
}
