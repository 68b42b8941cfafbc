//! Gives assembled programs the dependencies that were compiled for `ferrowire`.
//!
//! Both have the same features and profiles, so cargo takes what is there. They cannot use one target
//! folder: a library that is both an rlib and a cdylib has no hash in its name, so the plugins of two
//! workspaces would overwrite each other.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::build::{profile_folder, target};
use crate::cargo;
use crate::crates::Repository;

/// The folders of a profile with what cargo has compiled.
const FOLDERS: [&str; 3] = [".fingerprint", "build", "deps"];

/// Copies what cargo has compiled of crates outside of the repository, unless it is there.
pub(super) fn share(profile: &str, repository: &Repository) -> Result<()> {
    let from = repository.target.join(profile_folder(profile));
    let to = target(repository).join(profile_folder(profile));
    let outside = outside(&fs::read_to_string(cargo::root().join("Cargo.lock"))?)?;
    for folder in FOLDERS {
        let (from, to) = (from.join(folder), to.join(folder));
        let Ok(entries) = fs::read_dir(&from) else { continue };
        for entry in entries {
            let name = entry?.file_name();
            let place = to.join(&name);
            if !place.exists() && is_of(&name.to_string_lossy(), &outside) {
                copy_if_there(&from.join(&name), &place)
                    .with_context(|| format!("cannot copy to `{}`", place.display()))?;
            }
        }
    }
    Ok(())
}

/// The names of the crates in the lock file that come from elsewhere.
fn outside(lock: &str) -> Result<BTreeSet<String>> {
    let lock: toml::Table = lock.parse().context("the repository's Cargo.lock is not TOML")?;
    let packages = lock.get("package").and_then(toml::Value::as_array);
    let outside = packages.into_iter().flatten().filter(|it| it.get("source").is_some());
    Ok(outside.filter_map(|it| Some(it.get("name")?.as_str()?.replace('-', "_"))).collect())
}

/// Whether a file of cargo's, such as `libserde_core-0123456789abcdef.rlib` or
/// `serde_core-0123456789abcdef`, belongs to one of the crates.
fn is_of(file: &str, crates: &BTreeSet<String>) -> bool {
    let Some((name, hash)) = file.rsplit_once('-') else { return false };
    let hash = hash.split('.').next().unwrap_or_default();
    let name = name.replace('-', "_");
    let library = name.strip_prefix("lib").unwrap_or(&name);
    let is_hash = hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hash && (crates.contains(&name) || crates.contains(library))
}

/// Copies a file or folder that another build may remove meanwhile. Cargo compiles again what is not complete.
fn copy_if_there(from: &Path, to: &Path) -> io::Result<()> {
    match copy(from, to) {
        // The folders of the copy are created, so it is the original that is gone.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        copied => copied,
    }
}

/// Copies a file or folder with its times, by which cargo tells whether it is up to date.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let about = fs::metadata(from)?;
    if about.is_dir() {
        fs::create_dir_all(to)?;
        for entry in fs::read_dir(from)? {
            let name = entry?.file_name();
            copy(&from.join(&name), &to.join(&name))?;
        }
        return Ok(());
    }
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::copy(from, to)?;
    fs::File::options().write(true).open(to)?.set_modified(about.modified()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_build_has_removed_is_left_out() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        copy_if_there(&from.join("gone"), &to.join("gone"))?;
        assert!(!to.join("gone").exists());
        fs::create_dir(&from)?;
        fs::write(from.join("here"), "x")?;
        // A folder in place of the copy is another matter.
        fs::create_dir_all(to.join("here"))?;
        assert!(copy_if_there(&from.join("here"), &to.join("here")).is_err());
        copy_if_there(&from.join("here"), &to.join("there"))?;
        assert_eq!(fs::read_to_string(to.join("there"))?, "x");
        Ok(())
    }

    #[test]
    fn files_of_crates_from_elsewhere_are_told_from_those_of_the_repository() -> Result<()> {
        let lock = "[[package]]\nname = 'serde-core'\nversion = '1.0.0'\nsource = 'registry+x'\n\
                    [[package]]\nname = 'libc'\nversion = '1.0.0'\nsource = 'registry+x'\n\
                    [[package]]\nname = 'ferrowire'\nversion = '0.1.0'\n";
        let outside = outside(lock)?;
        for file in [
            "libserde_core-0123456789abcdef.rlib",
            "serde_core-0123456789abcdef.d",
            "serde-core-0123456789abcdef",
            "liblibc-0123456789abcdef.rmeta",
            "libc-0123456789abcdef",
        ] {
            assert!(is_of(file, &outside), "{file}");
        }
        for file in [
            "libferrowire-0123456789abcdef.rlib",
            "ferrowire-0123456789abcdef",
            "libserde_core.so",
            "libserde_core-short.rlib",
            "libother-0123456789abcdef.rlib",
        ] {
            assert!(!is_of(file, &outside), "{file}");
        }
        Ok(())
    }
}
