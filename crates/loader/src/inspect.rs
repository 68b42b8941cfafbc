//! Reads the declaration of a library, without running its code.

use std::fs::File;
use std::path::{Path, PathBuf};

use ferrowire_abi::declaration::{
    Declaration, INDEX, INDEX_MACH_O, INDEX_PE, SECTION, SECTION_MACH_O, SECTION_PE,
};
use ferrowire_abi::{ENTRY, MAJOR};

use crate::host;
use object::read::{NameOrOrdinal, ReadCache, ReadRef};
use object::{Architecture, BinaryFormat, Object, ObjectKind, ObjectSection, ObjectSegment};

use crate::Reason;

/// The declaration of a library.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Inspection {
    /// The file, without symbolic links.
    pub file: PathBuf,
    /// The machine that it is for, such as `x86_64 (ELF)`.
    pub architecture: String,
    /// Its ABI, compiler and node types.
    pub declaration: Declaration,
}

impl Inspection {
    /// Whether this host takes it, apart from the names of its node types.
    ///
    /// # Errors
    /// Why not.
    pub fn accept(&self) -> Result<(), Reason> {
        let ours =
            platform(std::env::consts::ARCH, std::env::consts::OS, cfg!(target_endian = "little"));
        if self.architecture != ours {
            return Err(Reason::Architecture { theirs: self.architecture.clone(), ours });
        }
        Ok(host::takes(&self.declaration)?)
    }
}

/// Reads the declaration of the library at `path`.
///
/// # Errors
/// If it is not a plugin, or others may write to it.
pub fn inspect(path: &Path) -> Result<Inspection, Reason> {
    let unreadable = |error| Reason::Unreadable { error };
    let path = path.canonicalize().map_err(unreadable)?;
    let file = File::open(&path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if metadata.is_dir() {
        return Err(Reason::IsDirectory);
    }
    guarded(&path)?;
    let data = ReadCache::new(file);
    let object = parse(&data)?;
    let architecture = architecture(&object);
    complete(&object, metadata.len())?;
    let mut exports = object.exports().map_err(damaged)?;
    let is_entry = |export: object::Export<'_>| matches!(export.name(), NameOrOrdinal::Name(name) if name == ENTRY.as_bytes());
    let has_entry = exports.any(|export| export.is_ok_and(is_entry));
    let section = |names: [&str; 3]| {
        let found = names.iter().find_map(|name| object.section_by_name(name));
        found.map(|section| section.data().map_err(damaged)).transpose()
    };
    let no_entry = || Reason::NotAPlugin { missing: "the function `ferrowire_plugin`" };
    let records =
        section([SECTION, SECTION_MACH_O, SECTION_PE])?.ok_or_else(|| match has_entry {
            true => Reason::NotAPlugin { missing: "the section `.ferrowire`" },
            false => no_entry(),
        })?;
    let index = section([INDEX, INDEX_MACH_O, INDEX_PE])?;
    let declaration = Declaration::parse(records, index)
        .ok_or_else(|| Reason::Damaged { error: "its declaration cannot be read".to_owned() })?;
    // Another major version may have another entry, and is refused for its version.
    if !has_entry && declaration.major == MAJOR {
        return Err(no_entry());
    }
    Ok(Inspection { file: path, architecture, declaration })
}

fn damaged(error: object::Error) -> Reason {
    Reason::Damaged { error: error.to_string() }
}

/// Refuses files that every user may change, or replace in their folder.
#[cfg(unix)]
fn guarded(path: &Path) -> Result<(), Reason> {
    use std::os::unix::fs::MetadataExt;
    const OTHERS_WRITE: u32 = 0o002;
    const STICKY: u32 = 0o1000;
    for what in [Some(path), path.parent()].into_iter().flatten() {
        let mode = what.metadata().map_err(|error| Reason::Unreadable { error })?.mode();
        if mode & OTHERS_WRITE != 0 && mode & STICKY == 0 {
            return Err(Reason::Writable { what: what.to_owned() });
        }
    }
    Ok(())
}

#[cfg(not(unix))]
fn guarded(_: &Path) -> Result<(), Reason> {
    Ok(())
}

fn parse<'a, R: ReadRef<'a>>(data: R) -> Result<object::File<'a, R>, Reason> {
    let not_a_library = |found: &str| Reason::NotALibrary { found: found.to_owned() };
    if data.len() == Ok(0) {
        return Err(not_a_library("it is empty"));
    }
    if object::FileKind::parse(data).is_err() {
        return Err(not_a_library("its first bytes are those of something else"));
    }
    let object = object::File::parse(data).map_err(damaged)?;
    match object.kind() {
        ObjectKind::Dynamic => Ok(object),
        ObjectKind::Executable => Err(not_a_library("it is a program")),
        ObjectKind::Relocatable => Err(not_a_library("it is an object file")),
        kind => Err(not_a_library(&format!("it is of the kind {kind:?}"))),
    }
}

fn architecture<'a, R: ReadRef<'a>>(object: &object::File<'a, R>) -> String {
    let machine = match object.architecture() {
        Architecture::X86_64 => "x86_64",
        Architecture::I386 => "x86",
        Architecture::Aarch64 => "aarch64",
        Architecture::Arm => "arm",
        Architecture::Riscv64 => "riscv64",
        Architecture::PowerPc64 => "powerpc64",
        Architecture::S390x => "s390x",
        Architecture::LoongArch64 => "loongarch64",
        _ => "another machine",
    };
    let system = match object.format() {
        BinaryFormat::MachO => "macos",
        BinaryFormat::Pe => "windows",
        _ => "linux",
    };
    platform(machine, system, object.is_little_endian())
}

/// A kind of machine and the format of its libraries, such as `x86_64 (ELF)`.
fn platform(machine: &str, system: &str, little_endian: bool) -> String {
    let format = match system {
        "macos" | "ios" => "Mach-O",
        "windows" => "PE",
        _ => "ELF",
    };
    match little_endian {
        true => format!("{machine} ({format})"),
        false => format!("{machine} (big-endian {format})"),
    }
}

/// Whether everything that the system's loader maps is in the file: a page that is missing would
/// kill the process when it is touched.
fn complete<'a, R: ReadRef<'a>>(object: &object::File<'a, R>, len: u64) -> Result<(), Reason> {
    for segment in object.segments() {
        let (start, size) = segment.file_range();
        if start.checked_add(size).is_none_or(|end| end > len) {
            let error = format!("it ends after {len} bytes, in the middle of a segment");
            return Err(Reason::Damaged { error });
        }
    }
    Ok(())
}
