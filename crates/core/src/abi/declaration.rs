//! What a library says of itself in a section of its file, to be read without running its code.
//!
//! The section holds records one after the other. Each is a magic number of 4 bytes, the length
//! of what follows in 4 bytes (little-endian), and strings, each after its length in 4 bytes.
//! Zero bytes between records are padding. Readers skip magic numbers that they don't know and
//! strings after those that they do.

use super::{MAJOR, MINOR};
use crate::NodeType;

/// The section's name in an ELF file.
pub const SECTION: &str = ".ferrowire";
/// The section's name in a Mach-O file.
pub const SECTION_MACH_O: &str = "__ferrowire";
/// The section's name in a PE file.
pub const SECTION_PE: &str = ".fwire";

const LIBRARY: [u8; 4] = *b"FWL1";
const NODE: [u8; 4] = *b"FWN1";

/// The version of this crate.
pub const CORE_VERSION: &str = env!("CARGO_PKG_VERSION");
/// The compiler that this crate was built with.
pub const RUSTC: &str = env!("FERROWIRE_RUSTC");

const ABI: [u8; 4] = {
    let ([a, b], [c, d]) = (MAJOR.to_le_bytes(), MINOR.to_le_bytes());
    [a, b, c, d]
};

/// One record: the ABI, core's version, the compiler.
const LIBRARY_PARTS: [&[u8]; 3] = [&ABI, CORE_VERSION.as_bytes(), RUSTC.as_bytes()];

#[used]
#[cfg_attr(
    any(target_os = "linux", target_os = "android", target_os = "freebsd"),
    unsafe(link_section = ".ferrowire")
)]
#[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__ferrowire"))]
#[cfg_attr(windows, unsafe(link_section = ".fwire"))]
static LIBRARY_RECORD: [u8; record_len(&LIBRARY_PARTS)] = record(LIBRARY, &LIBRARY_PARTS);

/// Keeps the record of this crate in the file: the linker drops what nothing refers to.
pub(super) fn keep() -> *const u8 {
    std::hint::black_box(LIBRARY_RECORD.as_ptr())
}

const fn record_len(parts: &[&[u8]]) -> usize {
    let (mut len, mut at) = (8, 0);
    while at < parts.len() {
        len += 4 + parts[at].len();
        at += 1;
    }
    len
}

const fn record<const N: usize>(magic: [u8; 4], parts: &[&[u8]]) -> [u8; N] {
    let mut out = [0; N];
    let mut at = put(&mut out, 0, &magic);
    at = put(&mut out, at, &(N as u32 - 8).to_le_bytes());
    let mut part = 0;
    while part < parts.len() {
        at = put(&mut out, at, &(parts[part].len() as u32).to_le_bytes());
        at = put(&mut out, at, parts[part]);
        part += 1;
    }
    out
}

const fn put<const N: usize>(out: &mut [u8; N], at: usize, bytes: &[u8]) -> usize {
    let mut i = 0;
    while i < bytes.len() {
        out[at + i] = bytes[i];
        i += 1;
    }
    at + bytes.len()
}

const fn node_parts(node_type: &NodeType) -> [&[u8]; 5] {
    [
        node_type.name.as_bytes(),
        node_type.plugin.as_bytes(),
        node_type.version.as_bytes(),
        node_type.category.as_bytes(),
        node_type.summary.as_bytes(),
    ]
}

/// Used by [`register!`](crate::register).
#[doc(hidden)]
pub const fn node_record_len(node_type: &NodeType) -> usize {
    record_len(&node_parts(node_type))
}

/// Used by [`register!`](crate::register).
#[doc(hidden)]
pub const fn node_record<const N: usize>(node_type: &NodeType) -> [u8; N] {
    record(NODE, &node_parts(node_type))
}

/// A node type as it is declared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeclaredNode {
    /// The type.
    pub name: String,
    /// The crate.
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// The section of the palette.
    pub category: String,
    /// One line.
    pub summary: String,
}

/// What a library declares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Declaration {
    /// The major version of its ABI.
    pub major: u16,
    /// The minor version.
    pub minor: u16,
    /// The version of the crate `ferrowire-core` that it was built with.
    pub core_version: String,
    /// The compiler.
    pub rustc: String,
    /// Its node types.
    pub nodes: Vec<DeclaredNode>,
}

impl Declaration {
    /// Reads a section; `None` when it holds no library's record, or is damaged.
    pub fn parse(section: &[u8]) -> Option<Self> {
        let mut declaration = None;
        let mut nodes = Vec::new();
        let mut rest = section;
        while let Some(start) = rest.iter().position(|byte| *byte != 0) {
            let magic = rest.get(start..start + 4)?;
            let (content, after) = counted(rest.get(start + 4..)?)?;
            rest = after;
            match magic {
                _ if magic == LIBRARY => declaration = Some(library(content)?),
                _ if magic == NODE => nodes.push(node(content)?),
                _ => {}
            }
        }
        nodes.sort_by(|a: &DeclaredNode, b| a.name.cmp(&b.name));
        Some(Declaration { nodes, ..declaration? })
    }
}

/// What follows a length, and the rest.
fn counted(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(u32::from_le_bytes(*len) as usize)
}

fn strings<const N: usize>(mut content: &[u8]) -> Option<[&[u8]; N]> {
    let mut found: [&[u8]; N] = [&[]; N];
    for string in &mut found {
        (*string, content) = counted(content)?;
    }
    Some(found)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn library(content: &[u8]) -> Option<Declaration> {
    let [abi, core_version, rustc] = strings(content)?;
    let [a, b, c, d] = *abi.first_chunk::<4>()?;
    Some(Declaration {
        major: u16::from_le_bytes([a, b]),
        minor: u16::from_le_bytes([c, d]),
        core_version: text(core_version),
        rustc: text(rustc),
        nodes: Vec::new(),
    })
}

fn node(content: &[u8]) -> Option<DeclaredNode> {
    let [name, plugin, version, category, summary] = strings(content)?;
    Some(DeclaredNode {
        name: text(name),
        plugin: text(plugin),
        version: text(version),
        category: text(category),
        summary: text(summary),
    })
}
