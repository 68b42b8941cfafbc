//! The format of the pack: written by the build script, read by `pack`.
//!
//! The length of the index (8 bytes, little endian), the index, and the contents. The index has a
//! line for each file: path, offset, length, `brotli` or `plain`, and tag, separated by tabs.

use std::fmt::Write as _;
use std::io;

use brotli::enc::BrotliEncoderParams;
use sha2::{Digest, Sha256};

/// Writes a pack.
pub(crate) struct Packer {
    compress: bool,
    index: String,
    contents: Vec<u8>,
}

impl Packer {
    /// An empty pack. `compress` says whether its files are compressed.
    pub(crate) fn new(compress: bool) -> Self {
        Packer { compress, index: String::new(), contents: Vec::new() }
    }

    /// Adds a file.
    pub(crate) fn add(&mut self, path: &str, content: &[u8]) -> io::Result<()> {
        let tag: String =
            Sha256::digest(content).iter().take(10).map(|byte| format!("{byte:02x}")).collect();
        let packed = if self.compress { brotli(content)? } else { Vec::new() };
        // Files in compressed formats (fonts, images) would grow.
        let (form, bytes) = match self.compress && packed.len() < content.len() {
            true => ("brotli", packed.as_slice()),
            false => ("plain", content),
        };
        let (at, length) = (self.contents.len(), bytes.len());
        self.contents.extend_from_slice(bytes);
        // Writing to a string cannot fail.
        let _infallible = writeln!(self.index, "{path}\t{at}\t{length}\t{form}\t{tag}");
        Ok(())
    }

    /// The pack.
    pub(crate) fn finish(self) -> Vec<u8> {
        let mut pack = (self.index.len() as u64).to_le_bytes().to_vec();
        pack.extend_from_slice(self.index.as_bytes());
        pack.extend_from_slice(&self.contents);
        pack
    }
}

/// The quality up to which brotli takes seconds for the editor; the best, 11, takes minutes.
const QUALITY: i32 = 9;

fn brotli(mut content: &[u8]) -> io::Result<Vec<u8>> {
    let mut packed = Vec::new();
    let parameters = BrotliEncoderParams { quality: QUALITY, ..BrotliEncoderParams::default() };
    brotli::BrotliCompress(&mut content, &mut packed, &parameters)?;
    Ok(packed)
}
