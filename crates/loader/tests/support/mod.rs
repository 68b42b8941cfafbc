//! Builds the fixture with cargo and loads it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use ferrowire_core::{NodeType, Registry};
use ferrowire_loader::{Kind, Request, load};

/// The name of the fixture's library.
pub(crate) fn library_name() -> String {
    let (before, after) = (std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    format!("{before}ferrowire_loader_fixture{after}")
}

/// Cargo's target folder.
pub(crate) fn target() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap()
}

/// Builds the fixture with further arguments for cargo, into `target`.
pub(crate) fn build(target: &Path, toolchain: Option<&str>, arguments: &[&str]) -> PathBuf {
    let mut cargo = match toolchain {
        // Cargo sets these for the tests of this toolchain.
        Some(toolchain) => {
            let mut rustup = Command::new("rustup");
            rustup.args(["run", toolchain, "cargo"]);
            rustup.env_remove("CARGO").env_remove("RUSTC").env_remove("RUSTUP_TOOLCHAIN");
            rustup
        }
        None => Command::new(env!("CARGO")),
    };
    cargo.args(["build", "--quiet", "--package", "ferrowire-loader-fixture"]);
    cargo.arg("--target-dir").arg(target).args(arguments);
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    assert!(cargo.status().unwrap().success(), "{cargo:?} failed");
    target.join("debug").join(library_name())
}

/// The fixture, as this toolchain builds it.
pub(crate) fn fixture() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| build(target(), None, &[]))
}

/// A request for one library.
pub(crate) fn file(path: impl Into<PathBuf>) -> Request {
    Request { path: path.into(), kind: Kind::File, required: true }
}

/// The node types of a library.
pub(crate) fn types_of(path: &Path) -> Registry {
    let mut registry = Registry::new();
    let report = load(&[file(path)], &mut registry, Duration::from_secs(60));
    assert!(report.refused.is_empty(), "{:?}", report.refused);
    registry
}

/// A node type of the fixture.
pub(crate) fn node_type(name: &str) -> NodeType {
    *types_of(fixture()).get(name).unwrap()
}
