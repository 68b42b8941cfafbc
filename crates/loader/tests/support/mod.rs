//! Builds the fixture with cargo and loads it.

#![allow(dead_code, reason = "each test program uses its part")]
#![expect(clippy::unwrap_used, reason = "what goes wrong here fails the test")]

pub(crate) mod forge;
mod nothing;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ferrowire_abi::declaration::{INDEX, SECTION};
use ferrowire_core::bus::RunningNode;
use ferrowire_core::{Message, NodeConfig, NodeInfo, NodeType, Registry};
use ferrowire_loader::{Kind, Request, find};
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

/// Builds the fixture into `target`, with the flags of `variant` for the crates of this workspace.
fn build(target: &Path, toolchain: Option<&str>, variant: Option<&Path>) -> PathBuf {
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
    cargo.arg("--target-dir").arg(target).current_dir(env!("CARGO_MANIFEST_DIR"));
    if let Some(wrapper) = variant {
        cargo.env("RUSTC_WORKSPACE_WRAPPER", wrapper);
    }
    assert!(cargo.status().unwrap().success(), "{cargo:?} failed");
    target.join("debug").join(library_name())
}

/// The fixture, as another toolchain builds it.
pub(crate) fn of_toolchain(name: &str) -> PathBuf {
    build(&target().join(name), Some(name), None)
}

/// The fixture, where the crates of this workspace are compiled with further flags. All variants
/// share what they depend on, which takes by far the longest.
pub(crate) fn variant(name: &str, flags: &str) -> PathBuf {
    let target = target().join("variants");
    let own = target.join(name);
    std::fs::create_dir_all(&own).unwrap();
    // Cargo's libraries of all variants have one name: one is built and put away after the other.
    let lock = std::fs::File::create(target.join("lock")).unwrap();
    lock.lock().unwrap();
    let wrapper = own.join("rustc");
    std::fs::write(&wrapper, format!("#!/bin/sh\nexec \"$@\" {flags}\n")).unwrap();
    std::fs::set_permissions(&wrapper, std::fs::Permissions::from_mode(0o755)).unwrap();
    let (last, library) = (target.join("last"), target.join("debug/deps").join(library_name()));
    if std::fs::read_to_string(&last).ok().as_deref() != Some(name) {
        std::fs::write(&last, name).unwrap();
        // What is there is another variant's, which cargo would take for this one's.
        let _none = std::fs::remove_file(library);
    }
    let built = build(&target, None, Some(&wrapper));
    let kept = own.join(library_name());
    let new = own.join("new");
    std::fs::copy(built, &new).unwrap();
    // Renamed into place: another test may have the file mapped.
    std::fs::rename(new, &kept).unwrap();
    kept
}

/// The fixture, as this toolchain builds it.
pub(crate) fn fixture() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| build(target(), None, None))
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
    let report = find(&[file(path)]).load(&mut registry, Duration::from_secs(60));
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
