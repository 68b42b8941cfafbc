//! `Pack`: the editor's files, embedded in the program.

// The build script includes it by its path; the library only reads.
#[cfg(test)]
pub(crate) mod format;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::{Arc, OnceLock};

use brotli_decompressor::Decompressor;
use bytes::Bytes;
use ferrowire_core::bus::run_aside;
use flate2::Compression;
use flate2::read::GzEncoder;

/// The build script's output; empty if the editor was not installed then.
static EMBEDDED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/editor.pack"));

/// The files of the editor and of Node-RED's nodes, by path.
#[derive(Debug, Default)]
pub(crate) struct Pack {
    files: BTreeMap<&'static str, File>,
}

/// A file of the pack.
#[derive(Clone, Debug)]
pub(crate) struct File {
    /// Its content, compressed if `brotli` says so.
    pub(crate) bytes: &'static [u8],
    pub(crate) brotli: bool,
    /// Its content, compressed for a client that takes gzip only, once there was one.
    gzip: Arc<OnceLock<Bytes>>,
    /// A hash of the content, for `ETag`.
    pub(crate) tag: &'static str,
}

impl Pack {
    /// Whether this program holds the editor.
    pub(crate) fn is_embedded() -> bool {
        !EMBEDDED.is_empty()
    }

    /// The pack in this program.
    pub(crate) fn embedded() -> Self {
        Pack::read(EMBEDDED).unwrap_or_default()
    }

    /// Reads a pack; `None` if it is empty or invalid.
    pub(crate) fn read(pack: &'static [u8]) -> Option<Self> {
        let (length, rest) = pack.split_first_chunk::<8>()?;
        let (index, contents) = rest.split_at_checked(u64::from_le_bytes(*length) as usize)?;
        let line = |line: &'static str| {
            let mut fields = line.split('\t');
            let path = fields.next()?;
            let at: usize = fields.next()?.parse().ok()?;
            let length: usize = fields.next()?.parse().ok()?;
            let brotli = fields.next()? == "brotli";
            let bytes = contents.get(at..at.checked_add(length)?)?;
            let tag = fields.next()?;
            Some((path, File { bytes, brotli, gzip: Arc::default(), tag }))
        };
        let files = str::from_utf8(index).ok()?.lines().map(line).collect::<Option<_>>()?;
        Some(Pack { files })
    }

    /// Whether there are no files.
    pub(crate) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    pub(crate) fn get(&self, path: &str) -> Option<File> {
        self.files.get(path).cloned()
    }

    /// The content of a text file.
    pub(crate) fn text(&self, path: &str) -> Option<String> {
        String::from_utf8(self.get(path)?.plain().into_owned()).ok()
    }

    /// The files below `folder` (which ends with `/`), with their paths relative to it.
    pub(crate) fn below<'a>(
        &'a self,
        folder: &'a str,
    ) -> impl Iterator<Item = (&'static str, File)> + 'a {
        let files = self.files.iter().skip_while(move |(path, _)| **path < folder);
        files.map_while(move |(&path, file)| Some((path.strip_prefix(folder)?, file.clone())))
    }
}

/// The size of the steps in which a file is decompressed.
const STEP: usize = 16 << 10;

impl File {
    /// The content, decompressed.
    pub(crate) fn plain(&self) -> Cow<'static, [u8]> {
        if !self.brotli {
            return Cow::Borrowed(self.bytes);
        }
        let mut plain = Vec::with_capacity(self.bytes.len() * 4);
        match Decompressor::new(self.bytes, STEP).read_to_end(&mut plain) {
            Ok(_) => Cow::Owned(plain),
            // The build script wrote it: this cannot fail.
            Err(_) => Cow::Owned(Vec::new()),
        }
    }

    /// The content, compressed with gzip: by the first call, for all. Large files take some
    /// tenths of a second.
    pub(crate) fn gzip(&self) -> Bytes {
        let compress = || {
            let mut packed = Vec::new();
            let plain = self.plain();
            // Reading from memory cannot fail.
            let _infallible =
                GzEncoder::new(plain.as_ref(), Compression::default()).read_to_end(&mut packed);
            packed.into()
        };
        self.gzip.get_or_init(|| run_aside(compress)).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::format::Packer;
    use super::*;

    fn pack(compress: bool) -> Pack {
        let mut packer = Packer::new(compress);
        packer.add("a/one.txt", &b"text ".repeat(100)).unwrap();
        packer.add("a/two.bin", &[7, 1, 200]).unwrap();
        packer.add("b/three.txt", b"").unwrap();
        Pack::read(packer.finish().leak()).unwrap()
    }

    #[test]
    fn files_come_out_as_they_went_in_compressed_or_not() {
        for compress in [true, false] {
            let pack = pack(compress);
            assert_eq!(pack.get("a/one.txt").unwrap().plain(), b"text ".repeat(100));
            assert_eq!(pack.get("a/one.txt").unwrap().brotli, compress);
            let mut unpacked = Vec::new();
            let packed = pack.get("a/one.txt").unwrap().gzip();
            flate2::read::GzDecoder::new(packed.as_ref()).read_to_end(&mut unpacked).unwrap();
            assert_eq!(unpacked, b"text ".repeat(100));
            // Too short to become smaller.
            assert!(!pack.get("a/two.bin").unwrap().brotli);
            assert_eq!(pack.get("a/two.bin").unwrap().plain().as_ref(), [7, 1, 200]);
            assert_eq!(pack.text("b/three.txt").unwrap(), "");
            let names: Vec<&str> = pack.below("a/").map(|(name, _)| name).collect();
            assert_eq!(names, ["one.txt", "two.bin"]);
        }
    }

    #[test]
    fn invalid_packs_are_refused() {
        assert!(Pack::read(b"").is_none());
        assert!(Pack::read(b"\xff\xff\xff\xff\xff\xff\xff\xff").is_none());
        assert!(Pack::read(b"\x04\0\0\0\0\0\0\0a\t9\t").is_none());
    }
}
