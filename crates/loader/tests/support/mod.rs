//! Builds the fixture with cargo and loads it.

#![allow(dead_code, reason = "each test program uses its part")]
#![expect(clippy::unwrap_used, reason = "what goes wrong here fails the test")]

pub(crate) mod forge;
mod nothing;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ferrowire_core::abi::declaration::{INDEX, SECTION};
use ferrowire_core::bus::RunningNode;
use ferrowire_core::{Message, NodeConfig, NodeInfo, NodeType, Registry};
use ferrowire_loader::{Kind, Request, load};
pub(crate) use nothing::Nothing;
use object::{Object, ObjectSection};

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

/// Where the section with the declaration lies in a library.
pub(crate) fn section(library: &[u8]) -> std::ops::Range<usize> {
    range_of(library, SECTION)
}

/// Where its index lies.
pub(crate) fn index(library: &[u8]) -> std::ops::Range<usize> {
    range_of(library, INDEX)
}

fn range_of(library: &[u8], section: &str) -> std::ops::Range<usize> {
    let object = object::File::parse(library).unwrap();
    let (start, size) = object.section_by_name(section).unwrap().file_range().unwrap();
    start as usize..(start + size) as usize
}

/// Declares something else of the same length.
pub(crate) fn declare(library: &mut [u8], old: &[u8], new: &[u8]) {
    let record = forge::library_record(library);
    let range = forge::whole(library, record);
    let at = library[range].windows(old.len()).position(|bytes| bytes == old).unwrap();
    library[record + at..record + at + new.len()].copy_from_slice(new);
    forge::sign(library, record);
}

/// Whether the system has mapped the library into this process, without which none of its code
/// can run.
pub(crate) fn is_mapped(library: &Path) -> bool {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let library = library.canonicalize().unwrap();
    maps.lines().any(|line| line.ends_with(library.to_str().unwrap()))
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

/// A node of that type on the bus, without wires and not started.
pub(crate) fn run(node_type: NodeType) -> Arc<RunningNode> {
    let find = |_: &str| None;
    let mut config = NodeConfig::new(NodeInfo::default(), Message::new().into(), &find);
    let node = node_type.build(&mut config);
    RunningNode::new(NodeInfo::default(), node, Arc::new(Nothing::default()))
}
