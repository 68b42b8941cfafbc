//! Debian packages: an `ar` archive of two `.tar.gz`. Its format is so simple that it is written here, not by a crate.

use std::fs;

use anyhow::{Context as _, Result, bail};

use super::archive::{Entry, compress, pack};
use super::contents::{Contents, File, Kind};
use super::{Build, NAME, Release};
use crate::cargo;

/// The scripts that run when the package is installed and removed.
const SCRIPTS: [&str; 3] = ["postinst", "postrm", "prerm"];

const DESCRIPTION: &str = "runs Node-RED flows natively\n \
    Ferrowire runs the flows of Node-RED, with its editor and its files, in one\n \
    process without Node.js, with a focus on WebSockets.\n";

/// The name of a package, and its bytes.
pub(super) fn write(
    contents: &Contents,
    build: &Build,
    release: &Release,
) -> Result<(String, Vec<u8>)> {
    let architecture = match build.architecture() {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => bail!("Debian has no name for the architecture `{other}` here"),
    };
    let is_static = build.target.ends_with("-musl");
    let mut entries: Vec<Entry> = Vec::new();
    for file in &contents.0 {
        entries.extend(installed(file)?);
    }
    entries.push(Entry {
        path: format!("usr/share/doc/{NAME}/copyright"),
        mode: 0o644,
        bytes: packaging("copyright")?,
    });
    let control = control(architecture, is_static, &entries, contents, release);
    let mut about = vec![
        Entry { path: "control".to_owned(), mode: 0o644, bytes: control.into_bytes() },
        Entry {
            path: "conffiles".to_owned(),
            mode: 0o644,
            bytes: format!("/etc/{NAME}/ferrowire.toml\n").into_bytes(),
        },
    ];
    for script in SCRIPTS {
        let bytes = packaging(script)?;
        about.push(Entry { path: script.to_owned(), mode: 0o755, bytes });
    }
    let members = [
        ("debian-binary", b"2.0\n".to_vec()),
        ("control.tar.gz", pack("./", &about, release)?),
        ("data.tar.gz", pack("./", &entries, release)?),
    ];
    let suffix = if is_static { "-static" } else { "" };
    let name = format!("{NAME}{suffix}_{}_{architecture}.deb", release.version);
    Ok((name, ar(&members, release)))
}

/// Where a file goes; `None` for those that a package has no use for.
fn installed(file: &File) -> Result<Option<Entry>> {
    let name = &file.name;
    let document = format!("usr/share/doc/{NAME}/{name}");
    let (path, mode, bytes) = match file.kind {
        Kind::Program => (format!("usr/bin/{name}"), 0o755, file.bytes.clone()),
        Kind::ManualPage => {
            (format!("usr/share/man/man1/{name}.gz"), 0o644, compress(&file.bytes)?)
        }
        Kind::Completions(shell) => {
            let path = match shell {
                "bash" => format!("usr/share/bash-completion/completions/{NAME}"),
                "zsh" => format!("usr/share/zsh/vendor-completions/{name}"),
                _ => format!("usr/share/fish/vendor_completions.d/{name}"),
            };
            (path, 0o644, file.bytes.clone())
        }
        Kind::Unit => (format!("usr/lib/systemd/system/{name}"), 0o644, file.bytes.clone()),
        Kind::Settings => (format!("etc/{NAME}/{name}"), 0o640, file.bytes.clone()),
        // See `copyright`.
        Kind::Document if name == "LICENSE" => return Ok(None),
        Kind::Document if name == "CHANGELOG.md" => {
            (format!("usr/share/doc/{NAME}/changelog.gz"), 0o644, compress(&file.bytes)?)
        }
        Kind::Document => (document, 0o644, file.bytes.clone()),
        Kind::Image => return Ok(None),
    };
    Ok(Some(Entry { path, mode, bytes }))
}

fn control(
    architecture: &str,
    is_static: bool,
    entries: &[Entry],
    contents: &Contents,
    release: &Release,
) -> String {
    let size: usize = entries.iter().map(|entry| entry.bytes.len().div_ceil(1024)).sum();
    let program = contents.0.iter().find(|file| file.kind == Kind::Program);
    let libraries = match (is_static, program.and_then(|program| newest_glibc(&program.bytes))) {
        (false, Some((major, minor))) => format!("libc6 (>= {major}.{minor}), libgcc-s1, "),
        _ => String::new(),
    };
    let version = &release.version;
    format!(
        "Package: {NAME}\nVersion: {version}\nArchitecture: {architecture}\n\
         Maintainer: The authors of Ferrowire <ferrowire@localhost>\nInstalled-Size: {size}\n\
         Depends: {libraries}adduser\nRecommends: ca-certificates\nSuggests: nodejs\nSection: net\n\
         Priority: optional\nHomepage: https://github.com/ferrowire/ferrowire\n\
         Description: {DESCRIPTION}"
    )
}

/// The newest version of glibc whose functions a program uses, from the names of versions in it.
fn newest_glibc(program: &[u8]) -> Option<(u32, u32)> {
    const NAME: &[u8] = b"GLIBC_";
    let names = program.windows(NAME.len()).enumerate().filter(|(_, bytes)| *bytes == NAME);
    let versions = names.filter_map(|(at, _)| {
        let rest = program.get(at + NAME.len()..)?;
        let end = rest.iter().position(|byte| !byte.is_ascii_digit() && *byte != b'.')?;
        let (major, minor) = std::str::from_utf8(rest.get(..end)?).ok()?.split_once('.')?;
        Some((major.parse().ok()?, minor.split('.').next()?.parse().ok()?))
    });
    versions.max()
}

fn packaging(name: &str) -> Result<Vec<u8>> {
    let path = cargo::root().join("runtime/packaging/debian").join(name);
    fs::read(&path).with_context(|| format!("cannot read `{}`", path.display()))
}

/// An archive in the format of `ar`: a line for each file, then its bytes, up to an even number.
fn ar(members: &[(&str, Vec<u8>)], release: &Release) -> Vec<u8> {
    let mut archive = b"!<arch>\n".to_vec();
    for (name, bytes) in members {
        let (time, size) = (release.time, bytes.len());
        let line = format!("{name:<16}{time:<12}{:<6}{:<6}{:<8}{size:<10}`\n", 0, 0, 100_644);
        archive.extend(line.into_bytes());
        archive.extend(bytes);
        archive.extend(std::iter::repeat_n(b'\n', size % 2));
    }
    archive
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_glibc_is_found_among_names_of_versions() {
        let program = b"\0GLIBC_2.4\0GLIBC_2.34\0GLIBC_2.2.5\0GLIBC_PRIVATE\0GLIBCXX_9.9\0";
        assert_eq!(newest_glibc(program), Some((2, 34)));
        assert_eq!(newest_glibc(b"static"), None);
    }
}
