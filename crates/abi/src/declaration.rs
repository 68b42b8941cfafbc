//! The declaration of a library in a section of its file, which is read without running its code.
//!
//! The section holds records one after the other. Each is a magic number of 4 bytes, the length
//! of what follows in 4 bytes (little-endian), and strings, each after its length in 4 bytes.
//! Zero bytes between records are padding. Readers skip magic numbers that they don't know and
//! strings after those that they do. The last strings of a setting's record are its choices, so
//! that record cannot grow: an addition needs a separate record.
//!
//! Every record is followed by one that holds its checksum, so that damage is detected.
//! Libraries of ABI 1.2 and older may have none.
//!
//! A second section, the index, holds the checksum of every record once more, so that a record that
//! is missing as a whole is noticed. Libraries that have one say so.

use crate::{MAJOR, MINOR};
use ferrowire_core::{NodeType, SettingRecord};

/// The section's name in an ELF file.
pub const SECTION: &str = ".ferrowire";
/// The section's name in a Mach-O file.
pub const SECTION_MACH_O: &str = "__ferrowire";
/// The section's name in a PE file.
pub const SECTION_PE: &str = ".fwire";

/// The name of the index in an ELF file.
pub const INDEX: &str = ".ferrowire_index";
/// The name of the index in a Mach-O file.
pub const INDEX_MACH_O: &str = "__ferrowire_idx";
/// The name of the index in a PE file.
pub const INDEX_PE: &str = ".fwindex";

const LIBRARY: [u8; 4] = *b"FWL1";
const NODE: [u8; 4] = *b"FWN1";
const SETTING: [u8; 4] = *b"FWT1";
const CHECKSUM: [u8; 4] = *b"FWS1";
const ENTRY: [u8; 4] = *b"FWI1";

/// The version of this crate.
pub const CORE_VERSION: &str = env!("CARGO_PKG_VERSION");
/// The compiler that this crate was built with.
pub const RUSTC: &str = env!("FERROWIRE_RUSTC");

const ABI: [u8; 4] = {
    let ([a, b], [c, d]) = (MAJOR.to_le_bytes(), MINOR.to_le_bytes());
    [a, b, c, d]
};

/// The effect of an uncaught panic.
const PANIC: &str = if cfg!(panic = "abort") { ABORT } else { "unwind" };
const ABORT: &str = "abort";

/// What a library says that has an index.
const INDEXED: &str = "indexed";

/// One record: the ABI, core's version, the compiler, what panics do, and whether there is an index.
const LIBRARY_PARTS: &[&[u8]] =
    &[&ABI, CORE_VERSION.as_bytes(), RUSTC.as_bytes(), PANIC.as_bytes(), INDEXED.as_bytes()];

#[used]
#[cfg_attr(
    any(target_os = "linux", target_os = "android", target_os = "freebsd"),
    unsafe(link_section = ".ferrowire")
)]
#[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__ferrowire"))]
#[cfg_attr(windows, unsafe(link_section = ".fwire"))]
static LIBRARY_RECORD: [u8; record_len(LIBRARY_PARTS, &[])] = record(LIBRARY, LIBRARY_PARTS, &[]);

#[used]
#[cfg_attr(
    any(target_os = "linux", target_os = "android", target_os = "freebsd"),
    unsafe(link_section = ".ferrowire_index")
)]
#[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__ferrowire_idx"))]
#[cfg_attr(windows, unsafe(link_section = ".fwindex"))]
static LIBRARY_ENTRY: [u8; ENTRY_LEN] = index_entry(&LIBRARY_RECORD);

/// Keeps the record of this crate in the file: the linker drops what nothing refers to.
pub fn keep() -> [*const u8; 2] {
    std::hint::black_box([LIBRARY_RECORD.as_ptr(), LIBRARY_ENTRY.as_ptr()])
}

/// The length of a record's head, and of the checksum that follows it.
const HEAD: usize = 8;
const CHECK: usize = HEAD + 4 + size_of::<u64>();

const fn record_len(parts: &[&[u8]], texts: &[&str]) -> usize {
    let mut len = HEAD + CHECK;
    let mut at = 0;
    while at < parts.len() {
        len += 4 + parts[at].len();
        at += 1;
    }
    at = 0;
    while at < texts.len() {
        len += 4 + texts[at].len();
        at += 1;
    }
    len
}

/// A record of `parts` and then `texts`, with its checksum.
const fn record<const N: usize>(magic: [u8; 4], parts: &[&[u8]], texts: &[&str]) -> [u8; N] {
    let mut out = [0; N];
    let end = N - CHECK;
    let mut at = put_head(&mut out, 0, magic, end - HEAD);
    let mut part = 0;
    while part < parts.len() {
        at = put_string(&mut out, at, parts[part]);
        part += 1;
    }
    part = 0;
    while part < texts.len() {
        at = put_string(&mut out, at, texts[part].as_bytes());
        part += 1;
    }
    let sum = checksum(out.split_at(end).0).to_le_bytes();
    at = put_head(&mut out, at, CHECKSUM, CHECK - HEAD);
    put_string(&mut out, at, &sum);
    out
}

/// FNV-1a: any single change of a byte changes it.
const fn checksum(bytes: &[u8]) -> u64 {
    let (mut sum, mut at) = (0xcbf2_9ce4_8422_2325_u64, 0);
    while at < bytes.len() {
        sum = (sum ^ bytes[at] as u64).wrapping_mul(0x0100_0000_01b3);
        at += 1;
    }
    sum
}

const fn put_head<const N: usize>(
    out: &mut [u8; N],
    at: usize,
    magic: [u8; 4],
    len: usize,
) -> usize {
    let at = put(out, at, &magic);
    put(out, at, &(len as u32).to_le_bytes())
}

const fn put_string<const N: usize>(out: &mut [u8; N], at: usize, string: &[u8]) -> usize {
    let at = put(out, at, &(string.len() as u32).to_le_bytes());
    put(out, at, string)
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

/// Used by `register!`.
#[doc(hidden)]
pub const fn node_record_len(node_type: &NodeType) -> usize {
    record_len(&node_parts(node_type), &[])
}

/// Used by `register!`.
#[doc(hidden)]
pub const fn node_record<const N: usize>(node_type: &NodeType) -> [u8; N] {
    record(NODE, &node_parts(node_type), &[])
}

/// What a setting's record begins with; the choices follow.
const fn setting_parts(setting: &SettingRecord) -> [&[u8]; 13] {
    let (has_default, default) = match setting.default {
        Some(default) => (YES, default),
        None => (NO, ""),
    };
    [
        setting.name.as_bytes(),
        setting.plugin.as_bytes(),
        setting.version.as_bytes(),
        setting.kind.name().as_bytes(),
        setting.value_name.as_bytes(),
        has_default.as_bytes(),
        default.as_bytes(),
        setting.otherwise.as_bytes(),
        setting.min.as_bytes(),
        setting.max.as_bytes(),
        setting.help.as_bytes(),
        setting.group.as_bytes(),
        if setting.is_secret { YES.as_bytes() } else { NO.as_bytes() },
    ]
}

const YES: &str = "yes";
const NO: &str = "";

/// Used by `settings!`.
#[doc(hidden)]
pub const fn setting_record_len(setting: &SettingRecord) -> usize {
    record_len(&setting_parts(setting), setting.choices)
}

/// Used by `settings!`.
#[doc(hidden)]
pub const fn setting_record<const N: usize>(setting: &SettingRecord) -> [u8; N] {
    record(SETTING, &setting_parts(setting), setting.choices)
}

/// Used by `register!` and `settings!`.
#[doc(hidden)]
pub const ENTRY_LEN: usize = record_len(&[&[0; size_of::<u64>()]], &[]);

/// Used by `register!` and `settings!`: what the index has of a record.
#[doc(hidden)]
pub const fn index_entry(record: &[u8]) -> [u8; ENTRY_LEN] {
    self::record(ENTRY, &[record.split_at(record.len() - size_of::<u64>()).1], &[])
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

/// A setting as it is declared; the fields are those of
/// [`SettingRecord`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields of another type")]
pub struct DeclaredSetting {
    pub name: String,
    pub plugin: String,
    pub version: String,
    /// The name of a [`SettingKind`](ferrowire_core::SettingKind).
    pub kind: String,
    pub value_name: String,
    pub default: Option<String>,
    pub otherwise: String,
    pub min: String,
    pub max: String,
    pub help: String,
    pub group: String,
    pub is_secret: bool,
    pub choices: Vec<String>,
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
    /// Whether a panic in it ends the process instead of unwinding.
    pub panics_abort: bool,
    /// Its node types, by name.
    pub nodes: Vec<DeclaredNode>,
    /// Its settings, by name.
    pub settings: Vec<DeclaredSetting>,
}

impl Declaration {
    /// Reads a section, and the index if there is one; `None` when there is no library's record, or
    /// something is damaged or missing.
    pub fn parse(section: &[u8], index: Option<&[u8]>) -> Option<Self> {
        let mut declaration = None;
        let mut nodes = Vec::new();
        let mut settings = Vec::new();
        let mut checks = Vec::new();
        let mut sums = Vec::new();
        let mut rest = section;
        while let Some((record, after)) = Record::next(rest)? {
            rest = after;
            let is_checked = check(record, &mut rest)?;
            checks.push(is_checked);
            sums.push(checksum(record.whole));
            match record.magic {
                LIBRARY => {
                    if declaration.replace(library(record.content)?).is_some() {
                        return None;
                    }
                }
                NODE => nodes.push(node(record.content)?),
                SETTING => settings.push(setting(record.content)?),
                // Of a newer version, which has checksums.
                _ if is_checked => {}
                _ => return None,
            }
        }
        if checks.contains(&true) && checks.contains(&false) {
            return None;
        }
        let (declaration, is_indexed) = declaration?;
        if is_indexed {
            sums.sort_unstable();
            if indexed(index?)? != sums {
                return None;
            }
        }
        nodes.sort_by(|a: &DeclaredNode, b| a.name.cmp(&b.name));
        settings.sort_by(|a: &DeclaredSetting, b| a.name.cmp(&b.name));
        Some(Declaration { nodes, settings, ..declaration })
    }
}

/// A record of a section.
#[derive(Clone, Copy)]
struct Record<'a> {
    magic: [u8; 4],
    content: &'a [u8],
    /// With its head.
    whole: &'a [u8],
}

impl<'a> Record<'a> {
    /// The first record and what is behind it; `None` inside when only padding is left, and
    /// `None` alone when the section ends too early.
    fn next(section: &'a [u8]) -> Option<Option<(Self, &'a [u8])>> {
        let Some(start) = section.iter().position(|byte| *byte != 0) else { return Some(None) };
        let (_, section) = section.split_at_checked(start)?;
        let (magic, rest) = section.split_first_chunk::<4>()?;
        let (content, after) = counted(rest)?;
        let (whole, _) = section.split_at_checked(HEAD + content.len())?;
        Some(Some((Record { magic: *magic, content, whole }, after)))
    }
}

/// Whether the record's checksum follows; then `rest` continues behind it. `None` when it is
/// another one.
fn check(record: Record<'_>, rest: &mut &[u8]) -> Option<bool> {
    let Some((sum, after)) = Record::next(rest)? else { return Some(false) };
    if sum.magic != CHECKSUM {
        return Some(false);
    }
    *rest = after;
    let [sum] = strings(sum.content)?[..] else { return None };
    (sum == checksum(record.whole).to_le_bytes()).then_some(true)
}

/// What follows a length, and the rest.
fn counted(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(u32::from_le_bytes(*len) as usize)
}

/// The strings that fill a record.
fn strings(mut content: &[u8]) -> Option<Vec<&[u8]>> {
    let mut found = Vec::new();
    while !content.is_empty() {
        let (string, rest) = counted(content)?;
        found.push(string);
        content = rest;
    }
    Some(found)
}

fn text(bytes: &[u8]) -> Option<String> {
    String::from_utf8(bytes.to_vec()).ok()
}

/// The checksums of all records that there must be, in order.
fn indexed(index: &[u8]) -> Option<Vec<u64>> {
    let mut sums = Vec::new();
    let mut rest = index;
    while let Some((record, after)) = Record::next(rest)? {
        rest = after;
        let [sum] = strings(record.content)?[..] else { return None };
        if record.magic != ENTRY || !check(record, &mut rest)? {
            return None;
        }
        sums.push(u64::from_le_bytes(sum.try_into().ok()?));
    }
    sums.sort_unstable();
    Some(sums)
}

/// What it says, and whether there must be an index.
fn library(content: &[u8]) -> Option<(Declaration, bool)> {
    let strings = strings(content)?;
    let [abi, core_version, rustc, ref newer @ ..] = strings[..] else { return None };
    let [a, b, c, d] = *<&[u8; 4]>::try_from(abi).ok()?;
    let declaration = Declaration {
        major: u16::from_le_bytes([a, b]),
        minor: u16::from_le_bytes([c, d]),
        core_version: text(core_version)?,
        rustc: text(rustc)?,
        panics_abort: newer.first().is_some_and(|panic| *panic == ABORT.as_bytes()),
        nodes: Vec::new(),
        settings: Vec::new(),
    };
    Some((declaration, newer.get(1).is_some_and(|index| *index == INDEXED.as_bytes())))
}

fn node(content: &[u8]) -> Option<DeclaredNode> {
    let [name, plugin, version, category, summary, ..] = strings(content)?[..] else { return None };
    Some(DeclaredNode {
        name: text(name)?,
        plugin: text(plugin)?,
        version: text(version)?,
        category: text(category)?,
        summary: text(summary)?,
    })
}

fn setting(content: &[u8]) -> Option<DeclaredSetting> {
    let strings = strings(content)?;
    let (first, choices) = strings.split_first_chunk::<13>()?;
    let [
        name,
        plugin,
        version,
        kind,
        value_name,
        has_default,
        default,
        otherwise,
        min,
        max,
        help,
        group,
        is_secret,
    ] = *first;
    Some(DeclaredSetting {
        name: text(name)?,
        plugin: text(plugin)?,
        version: text(version)?,
        kind: text(kind)?,
        value_name: text(value_name)?,
        default: if is_yes(has_default) { Some(text(default)?) } else { None },
        otherwise: text(otherwise)?,
        min: text(min)?,
        max: text(max)?,
        help: text(help)?,
        group: text(group)?,
        is_secret: is_yes(is_secret),
        choices: choices.iter().map(|choice| text(choice)).collect::<Option<_>>()?,
    })
}

fn is_yes(text: &[u8]) -> bool {
    text == YES.as_bytes()
}

#[cfg(test)]
#[path = "declaration_tests.rs"]
mod tests;
