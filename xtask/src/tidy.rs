//! `cargo xtask tidy`: checks the house rules that no compiler checks.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::cargo::{self, Metadata};

/// Longer files should be split.
const MAX_LINES: usize = 500;

/// Except for tables: both sides of the ABI are easier to compare in one file.
const TABLES: [&str; 1] = ["crates/abi/src/raw.rs"];

/// Which crates of this repository the crates below a folder may depend on; crates that are not
/// listed are unrestricted. The first matching folder counts.
const EDGES: [(&str, &[&str]); 31] = [
    ("plugins/http/", &["ferrowire", "ferrowire-http", "ferrowire-net"]),
    ("plugins/http-request/", &["ferrowire", "ferrowire-net"]),
    ("plugins/mqtt/", &["ferrowire", "ferrowire-net"]),
    ("plugins/tcp/", &["ferrowire", "ferrowire-net"]),
    ("plugins/tls-config/", &["ferrowire", "ferrowire-net"]),
    ("plugins/websocket-endpoints/", &["ferrowire", "ferrowire-websocket"]),
    // Its keys for signatures are read as those of TLS are.
    ("plugins/function/", &["ferrowire", "ferrowire-net", "ferrowire-zone"]),
    ("plugins/inject/", &["ferrowire", "ferrowire-zone"]),
    ("plugins/", &["ferrowire"]),
    ("crates/zone/", &[]),
    ("crates/core/", &[]),
    ("crates/abi/", &["ferrowire-core"]),
    ("crates/expression/", &["ferrowire-core"]),
    ("crates/languages/", &["ferrowire-core", "ferrowire-expression", "ferrowire-zone"]),
    ("crates/sequence/", &["ferrowire-core"]),
    (
        "crates/ferrowire/",
        &["ferrowire-abi", "ferrowire-core", "ferrowire-expression", "ferrowire-sequence"],
    ),
    ("crates/loader/tests/", &["ferrowire"]),
    ("crates/loader/", &["ferrowire-abi", "ferrowire-core"]),
    ("crates/engine/", &["ferrowire-core", "ferrowire-expression"]),
    ("crates/hosted/", &["ferrowire-core", "ferrowire-engine", "ferrowire-http"]),
    ("crates/files/", &[]),
    ("crates/cluster/", &["ferrowire-core", "ferrowire-net"]),
    ("crates/context/", &["ferrowire-core", "ferrowire-files"]),
    ("crates/http/", &["ferrowire-core", "ferrowire-net"]),
    ("crates/net/", &["ferrowire-core"]),
    ("crates/websocket/", &["ferrowire-core", "ferrowire-net"]),
    (
        "crates/admin/",
        &[
            "ferrowire-core",
            "ferrowire-engine",
            "ferrowire-expression",
            "ferrowire-files",
            "ferrowire-http",
            "ferrowire-websocket",
        ],
    ),
    ("crates/bench/", &[]),
    ("crates/interleavings/std/", &[]),
    ("crates/interleavings/", &["ferrowire-core", "ferrowire-interleaved-std"]),
    ("xtask/", &[]),
];

/// Tests of every crate may use them.
const FOR_TESTS: [&str; 4] =
    ["ferrowire-cluster", "ferrowire-languages", "ferrowire-testkit", "ferrowire"];

/// The only places for unsafe code; their crates set their own lints.
const UNSAFE: [&str; 2] = ["crates/abi/", "crates/loader/"];
const OWN_LINTS: [&str; 2] = ["crates/abi/", "crates/loader/"];

/// Documents whose paths must exist.
const DOCUMENTS: [&str; 5] =
    ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "docs/authoring.md", "docs/building.md"];

/// Checks every rule and lists all violations.
pub(crate) fn run() -> Result<()> {
    let root = cargo::root();
    let mut problems = Vec::new();
    for package in Metadata::read()?.packages() {
        let manifest = relative(root, package["manifest_path"].as_str().unwrap_or_default())?;
        problems.extend(wrong_edges(&manifest, package));
        problems.extend(wrong_lints(&manifest, &fs::read_to_string(root.join(&manifest))?));
    }
    let mut sources = Vec::new();
    collect_sources(root, &mut sources)?;
    for path in sources {
        let text = fs::read_to_string(&path)?;
        let name = relative(root, &path.to_string_lossy())?;
        problems.extend(wrong_source(&name, &text));
    }
    for name in DOCUMENTS {
        let Ok(text) = fs::read_to_string(root.join(name)) else { continue };
        let dead = paths(&text).filter(|path| !root.join(path).exists());
        problems.extend(dead.map(|path| format!("{name}: `{path}` does not exist")));
    }
    if problems.is_empty() {
        println!("tidy: no problems");
        return Ok(());
    }
    bail!("{} house rules are broken:\n  {}", problems.len(), problems.join("\n  "))
}

fn relative(root: &Path, path: &str) -> Result<String> {
    let inside = Path::new(path)
        .strip_prefix(root)
        .with_context(|| format!("`{path}` is not in the repository"))?;
    Ok(inside.to_string_lossy().into_owned())
}

/// Dependencies between our crates that the architecture does not allow.
fn wrong_edges(manifest: &str, package: &Value) -> Vec<String> {
    let Some((_, allowed)) = EDGES.iter().find(|(folder, _)| manifest.starts_with(folder)) else {
        return Vec::new();
    };
    let dependencies = package["dependencies"].as_array().into_iter().flatten();
    dependencies
        .filter_map(|it| Some((it["name"].as_str()?, it["kind"].as_str())))
        .filter(|(name, _)| name.starts_with("ferrowire"))
        .filter(|(name, kind)| {
            let for_tests = *kind == Some("dev") && FOR_TESTS.contains(name);
            !allowed.contains(name) && !for_tests
        })
        .map(|(name, _)| {
            format!("{manifest}: must not depend on `{name}`; allowed are {allowed:?}, and {FOR_TESTS:?} for tests")
        })
        .collect()
}

/// Members that do not inherit the workspace's lints.
fn wrong_lints(manifest: &str, text: &str) -> Option<String> {
    let inherits = text.contains("[lints]\nworkspace = true");
    let own = OWN_LINTS.iter().any(|folder| manifest.starts_with(folder))
        && text.contains("[lints.rust]\n");
    (!inherits && !own)
        .then(|| format!("{manifest}: does not inherit the lints; add `[lints] workspace = true`"))
}

/// All Rust files except generated and downloaded ones.
fn collect_sources(folder: &Path, sources: &mut Vec<PathBuf>) -> Result<()> {
    let entries = fs::read_dir(folder)
        .with_context(|| format!("could not read the folder `{}`", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name());
        if entry.file_type()?.is_dir() {
            if name != "target" && name != "node_modules" && name != ".git" {
                collect_sources(&path, sources)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push(path);
        }
    }
    sources.sort();
    Ok(())
}

/// The problems of one Rust file.
fn wrong_source(name: &str, text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    if !text.starts_with("//! ") {
        problems.push(format!("{name}: the first line must state the file's purpose, after `//!`"));
    }
    let lines = text.lines().count();
    if lines > MAX_LINES && !TABLES.contains(&name) {
        problems.push(format!("{name}: `{lines}` lines, more than `{MAX_LINES}`; split it"));
    }
    if !UNSAFE.iter().any(|place| name.starts_with(place)) {
        let found = text.lines().enumerate().filter(|(_, line)| is_unsafe(line));
        problems.extend(found.map(|(number, _)| {
            format!("{name}:{}: unsafe code outside of {UNSAFE:?}", number + 1)
        }));
    }
    problems
}

/// Whether a line of code contains unsafe code; comments and strings do not count.
fn is_unsafe(line: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    let mut words = code.split_whitespace().peekable();
    while let Some(word) = words.next() {
        let opens = ["{", "fn", "impl", "extern", "trait"];
        if word.contains("#[unsafe(")
            || (word == "unsafe" && words.peek().is_some_and(|next| opens.contains(next)))
        {
            return !code.contains('"');
        }
    }
    false
}

/// The paths in backticks in a document.
fn paths(text: &str) -> impl Iterator<Item = &str> {
    let prose = text.split("```").step_by(2);
    prose.flat_map(|part| part.split('`').skip(1).step_by(2)).filter(|word| is_path(word))
}

fn is_path(word: &str) -> bool {
    const FOLDERS: [&str; 8] =
        ["crates", "plugins", "runtime", "examples", "xtask", "docs", ".ci", ".cargo"];
    const ENDINGS: [&str; 5] = [".rs", ".toml", ".md", ".html", ".svg"];
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
    if word.starts_with('/') || word.starts_with("target/") || !word.chars().all(plain) {
        return false;
    }
    match word.split_once('/') {
        Some((folder, _)) => {
            FOLDERS.contains(&folder) || ENDINGS.iter().any(|ending| word.ends_with(ending))
        }
        None => word.len() > 3 && word.ends_with(".md"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_plugin_may_use_the_facade_and_for_tests_the_testkit() {
        let package = |name, kind: Value| json!({"dependencies": [{"name": name, "kind": kind}]});
        let edges = |name, kind| wrong_edges("plugins/debug/Cargo.toml", &package(name, kind));
        assert!(edges("ferrowire", Value::Null).is_empty());
        assert!(edges("serde", Value::Null).is_empty());
        assert!(edges("ferrowire-testkit", json!("dev")).is_empty());
        assert_eq!(edges("ferrowire-testkit", Value::Null).len(), 1);
        assert_eq!(edges("ferrowire-engine", json!("dev")).len(), 1);
    }

    #[test]
    fn core_and_sequence_depend_on_nothing_above_them() {
        let package = json!({"dependencies": [{"name": "ferrowire-http", "kind": null}]});
        assert_eq!(wrong_edges("crates/core/Cargo.toml", &package).len(), 1);
        assert_eq!(wrong_edges("crates/sequence/Cargo.toml", &package).len(), 1);
        assert!(wrong_edges("runtime/Cargo.toml", &package).is_empty());
    }

    #[test]
    fn lints_are_inherited_except_where_unsafe_code_lives() {
        let own = "[lints.rust]\nunsafe_code = \"deny\"\n";
        assert!(wrong_lints("crates/http/Cargo.toml", "[lints]\nworkspace = true\n").is_none());
        assert!(wrong_lints("crates/http/Cargo.toml", own).is_some());
        assert!(wrong_lints("crates/loader/Cargo.toml", own).is_none());
        assert!(wrong_lints("crates/loader/Cargo.toml", "").is_some());
    }

    #[test]
    fn a_file_says_its_job_is_not_long_and_has_nothing_unsafe() {
        assert!(wrong_source("a.rs", "//! A job.\nfn a() {}\n").is_empty());
        assert_eq!(wrong_source("a.rs", "// A job.\n").len(), 1);
        assert_eq!(wrong_source("a.rs", &format!("//! A job.\n{}", "\n".repeat(500))).len(), 1);
        let block = format!("//! A job.\n{} {{ b() }}\n", "unsafe");
        assert_eq!(wrong_source("a.rs", &block).len(), 1);
        assert!(wrong_source("crates/loader/src/lib.rs", &block).is_empty());
    }

    #[test]
    fn talking_about_unsafe_code_is_safe() {
        assert!(is_unsafe("pub unsafe fn a() {"));
        assert!(is_unsafe("#[unsafe(no_mangle)]"));
        assert!(!is_unsafe("// unsafe { }"));
        assert!(!is_unsafe("let unsafe_places = 1;"));
    }

    #[test]
    fn only_what_looks_like_a_path_of_ours_must_exist() {
        let text = "`crates/core`, `ws/echo`, `/echo`, `a b/c.rs`, `gone/x.rs`, `NOTES.md`\n\
                    ```\n`crates/not`\n```\n`docs/a.svg`";
        let found: Vec<_> = paths(text).collect();
        assert_eq!(found, ["crates/core", "gone/x.rs", "NOTES.md", "docs/a.svg"]);
    }
}
