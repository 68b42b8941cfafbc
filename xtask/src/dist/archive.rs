//! Archives: `.tar.gz`, the same bytes for the same files.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Result;
use flate2::{Compression, GzBuilder};
use tar::{Builder, EntryType, Header};

use super::Release;
use super::contents::{Contents, Kind};

/// A file in an archive.
pub(super) struct Entry {
    /// Without a slash at the beginning.
    pub(super) path: String,
    pub(super) mode: u32,
    pub(super) bytes: Vec<u8>,
}

/// The archive of a release: everything in one folder, from which an image can be built.
pub(super) fn write(contents: &Contents, folder: &str, release: &Release) -> Result<Vec<u8>> {
    let entries = contents.0.iter().map(|file| {
        let name = &file.name;
        let path = match file.kind {
            Kind::Program => format!("bin/{name}"),
            Kind::ManualPage => format!("share/man/man1/{name}"),
            Kind::Completions(_) => format!("share/completions/{name}"),
            Kind::Unit => format!("systemd/{name}"),
            Kind::Settings | Kind::Document | Kind::Image => name.clone(),
        };
        let mode = if file.kind == Kind::Program { 0o755 } else { 0o644 };
        Entry { path: format!("{folder}/{path}"), mode, bytes: file.bytes.clone() }
    });
    pack("", &entries.collect::<Vec<_>>(), release)
}

/// A compressed archive of files, with the folders that they are in. `root` is what all paths begin with.
pub(super) fn pack(root: &str, entries: &[Entry], release: &Release) -> Result<Vec<u8>> {
    let mut archive = Builder::new(Vec::new());
    let folders: BTreeSet<&Path> = entries
        .iter()
        .flat_map(|entry| Path::new(&entry.path).ancestors().skip(1))
        .filter(|folder| *folder != Path::new(""))
        .collect();
    if !root.is_empty() {
        archive.append_data(&mut header(EntryType::Directory, 0o755, 0, release), root, &[][..])?;
    }
    for folder in folders {
        let path = format!("{root}{}/", folder.display());
        archive.append_data(&mut header(EntryType::Directory, 0o755, 0, release), path, &[][..])?;
    }
    for Entry { path, mode, bytes } in entries {
        let mut header = header(EntryType::Regular, *mode, bytes.len(), release);
        archive.append_data(&mut header, format!("{root}{path}"), bytes.as_slice())?;
    }
    compress(&archive.into_inner()?)
}

/// gzip without a name and a time.
pub(super) fn compress(bytes: &[u8]) -> Result<Vec<u8>> {
    use std::io::Write as _;
    let mut gzip = GzBuilder::new().write(Vec::new(), Compression::new(6));
    gzip.write_all(bytes)?;
    Ok(gzip.finish()?)
}

/// Of root, with the time of the release.
fn header(kind: EntryType, mode: u32, size: usize, release: &Release) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size as u64);
    header.set_mtime(release.time);
    header.set_uid(0);
    header.set_gid(0);
    header
}
