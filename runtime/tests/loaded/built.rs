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
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--package", "ferrowire-runtime", "--example", "bare"]);
    assert!(cargo.status().unwrap().success(), "{cargo:?} failed");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--package", "ferrowire-loader-fixture"]);
    cargo.args(names.iter().flat_map(|name| ["--package", name]));
    assert!(cargo.status().unwrap().success(), "{cargo:?} failed");
    std::fs::create_dir_all(plugins).unwrap();
    for name in names.iter().map(|name| library(name)) {
        // Renamed into place: an older test may still have the file mapped.
        let new = plugins.join(format!("{name}.new"));
        std::fs::copy(output.join(&name), &new).unwrap();
        std::fs::rename(new, plugins.join(name)).unwrap();
    }
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
