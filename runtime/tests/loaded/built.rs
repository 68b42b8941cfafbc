//! Builds what the tests run: `cargo test` builds only the package's own binaries.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The packages of all plugins of this repository.
pub(crate) fn packages() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins");
    let folders = folder.read_dir().unwrap().map(|entry| entry.unwrap());
    let crates = folders.filter(|folder| folder.path().join("Cargo.toml").exists());
    let name = |folder: std::fs::DirEntry| folder.file_name().into_string().unwrap();
    let mut packages: Vec<String> =
        crates.map(|folder| format!("ferrowire-plugin-{}", name(folder))).collect();
    packages.sort();
    packages
}

struct Built {
    bare: PathBuf,
    plugins: PathBuf,
    fixture: PathBuf,
}

fn built() -> &'static Built {
    static BUILT: OnceLock<Built> = OnceLock::new();
    BUILT.get_or_init(build)
}

fn library(name: &str) -> String {
    let (before, after) = (std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    format!("{before}{}{after}", name.replace('-', "_"))
}

fn build() -> Built {
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let output = scratch.parent().unwrap().join("debug");
    let plugins = scratch.join("plugins");
    // Tests may be separate processes: one of them builds for all.
    let lock = File::create(scratch.join("loaded.lock")).unwrap();
    lock.lock().unwrap();
    let stamp = scratch.join("loaded.run");
    let run = std::env::var_os("NEXTEST_RUN_ID").map(|id| id.to_string_lossy().into_owned());
    if run.is_none() || std::fs::read_to_string(&stamp).ok() != run {
        build_with_cargo(&output, &plugins);
        std::fs::write(&stamp, run.unwrap_or_default()).unwrap();
    }
    Built {
        bare: output.join("examples").join(format!("bare{}", std::env::consts::EXE_SUFFIX)),
        plugins,
        fixture: output.join(library("ferrowire-loader-fixture")),
    }
}

fn build_with_cargo(output: &Path, plugins: &Path) {
    let names = packages();
    // The command of `cargo xtask browser`, which comes first in `cargo xtask test`: with these
    // packages cargo chooses the same features, and has nothing to build again.
    let mut build = vec!["--lib", "--bins", "--example", "bare", "--package", "ferrowire-runtime"];
    build.extend(names.iter().flat_map(|name| ["--package", name]));
    cargo_build(&build);
    // The command of the loader's own tests, for the same reason.
    cargo_build(&["--package", "ferrowire-loader-fixture"]);
    std::fs::create_dir_all(plugins).unwrap();
    for name in names.iter().map(|name| library(name)) {
        // Renamed into place: an older test may still have the file mapped.
        let new = plugins.join(format!("{name}.new"));
        std::fs::copy(output.join(&name), &new).unwrap();
        std::fs::rename(new, plugins.join(name)).unwrap();
    }
}

/// Panics with the end of what cargo printed: the command lines of linkers before it are long.
fn cargo_build(arguments: &[&str]) {
    let mut cargo = Command::new(env!("CARGO"));
    let output = cargo.args(["build", "--quiet"]).args(arguments).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stderr);
    let lines = printed.lines().map(|line| line.chars().take(400).collect::<String>());
    let lines: Vec<String> = lines.collect();
    let end = lines[lines.len().saturating_sub(30)..].join("\n");
    assert!(output.status.success(), "`cargo build` failed: {}\n{end}", output.status);
}

/// The runtime without plugins.
pub(crate) fn bare() -> &'static Path {
    &built().bare
}

/// The folder of the plugins.
pub(crate) fn plugins() -> &'static Path {
    &built().plugins
}

/// The library of `crates/loader/tests/fixture`.
pub(crate) fn fixture() -> &'static Path {
    &built().fixture
}
