//! Builds with cargo what the tests run: cargo builds only programs of its own accord.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The plugins that the flows of the tests use.
const PLUGINS: [&str; 5] = ["change", "debug", "inject", "websocket-in", "websocket-out"];

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
    let target = scratch.parent().unwrap();
    let names = PLUGINS.map(|name| format!("ferrowire-plugin-{name}"));
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--package", "ferrowire-runtime", "--example", "bare"]);
    assert!(cargo.status().unwrap().success(), "{cargo:?} failed");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--package", "ferrowire-loader-fixture"]);
    cargo.args(names.iter().flat_map(|name| ["--package", name]));
    assert!(cargo.status().unwrap().success(), "{cargo:?} failed");
    let output = target.join("debug");
    let plugins = scratch.join("plugins");
    std::fs::create_dir_all(&plugins).unwrap();
    for name in names.iter().map(|name| library(name)) {
        // Renamed into place: an older test may still have the file mapped.
        let new = plugins.join(format!("{name}.new"));
        std::fs::copy(output.join(&name), &new).unwrap();
        std::fs::rename(new, plugins.join(name)).unwrap();
    }
    Built {
        bare: output.join("examples").join(format!("bare{}", std::env::consts::EXE_SUFFIX)),
        plugins,
        fixture: output.join(library("ferrowire-loader-fixture")),
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
