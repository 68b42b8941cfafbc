//! The source of a plugin, in the syntax of `--with` and of manifests.

use std::path::{Component, Path, PathBuf};

use anyhow::{Result, bail, ensure};

/// The source of a plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// A plugin of this repository, by name.
    Bundled(String),
    /// The folder of a crate.
    Path(PathBuf),
    /// A package of the registry.
    Version { package: String, version: String },
    /// A package in a git repository.
    Git { package: String, url: String, at: Option<GitReference> },
}

/// A revision of a git repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GitReference {
    /// `branch`, `tag` or `rev`.
    pub(crate) kind: &'static str,
    pub(crate) name: String,
}

impl Source {
    /// Parses `websocket-in`, `../my-node`, `my-node@1.2`, `my-node@git+URL#REVISION`. Paths are
    /// relative to the folder `base`.
    pub(crate) fn parse(text: &str, base: &Path) -> Result<Self> {
        ensure!(!text.trim().is_empty(), "a plugin has no name; write one such as `websocket-in`");
        if let Some((package, url)) = text.split_once("@git+") {
            let (url, rev) = url.split_once('#').map_or((url, None), |(url, rev)| (url, Some(rev)));
            let at = rev.map(|rev| GitReference { kind: "rev", name: rev.to_owned() });
            return Ok(Source::Git { package: package_name(package)?, url: url.to_owned(), at });
        }
        if text.contains("://") {
            bail!("`{text}` has no package name; write `my-node@git+{text}`");
        }
        if text.starts_with('.') || text.contains(['/', '\\']) {
            return Ok(Source::Path(clean(&base.join(text))));
        }
        match text.split_once('@') {
            Some((_, "")) => bail!("`{text}` has no version; write `{text}1.2`"),
            Some((package, version)) => {
                semver::VersionReq::parse(version).map_err(|error| {
                    anyhow::anyhow!("invalid version `{version}` in `{text}`: {error}")
                })?;
                let version = version.to_owned();
                Ok(Source::Version { package: package_name(package)?, version })
            }
            None => Ok(Source::Bundled(text.to_owned())),
        }
    }
}

/// Checks a package name, which becomes a key of the generated Cargo.toml.
pub(crate) fn package_name(name: &str) -> Result<String> {
    let fine = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    ensure!(fine, "invalid package name `{name}`; use letters, digits, `-` and `_`");
    Ok(name.to_owned())
}

/// The path without `.` and `..`, so that cargo sees one name for a folder.
pub(crate) fn clean(path: &Path) -> PathBuf {
    if let Ok(path) = std::fs::canonicalize(path) {
        return path;
    }
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                clean.pop();
            }
            part => clean.push(part),
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Source {
        Source::parse(text, Path::new("/nowhere/base")).unwrap()
    }

    fn problem(text: &str) -> String {
        Source::parse(text, Path::new("/nowhere/base")).unwrap_err().to_string()
    }

    #[test]
    fn a_name_a_path_a_version_and_a_git_repository_are_told_apart() {
        assert_eq!(parse("websocket-in"), Source::Bundled("websocket-in".into()));
        assert_eq!(parse("../my-node"), Source::Path("/nowhere/my-node".into()));
        assert_eq!(parse("nodes/a"), Source::Path("/nowhere/base/nodes/a".into()));
        assert_eq!(parse("/x/y"), Source::Path("/x/y".into()));
        let (package, version) = ("my-node".to_owned(), "1.2".to_owned());
        assert_eq!(parse("my-node@1.2"), Source::Version { package: package.clone(), version });
        let url = "https://example.org/my-node.git".to_owned();
        let at = Some(GitReference { kind: "rev", name: "abc".into() });
        assert_eq!(
            parse("my-node@git+https://example.org/my-node.git#abc"),
            Source::Git { package, url, at }
        );
    }

    #[test]
    fn what_is_none_of_these_is_refused_with_what_to_write() {
        assert!(problem("my-node@").contains("write `my-node@1.2`"));
        assert!(problem("my-node@latest").contains("invalid version `latest` in `my-node@latest`"));
        assert!(problem("https://example.org/x").contains("my-node@git+https://example.org/x"));
        assert!(problem("a\"b@1").contains("invalid package name"));
        assert!(problem("").contains("has no name"));
    }
}
