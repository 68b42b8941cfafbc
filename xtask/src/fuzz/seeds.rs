//! The inputs that a fuzz target begins with: one a line in `xtask/fuzz/seeds/NAME.txt`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::cargo;

/// Writes the seeds of the target `name` as files, which libFuzzer reads, to the folder `to`.
pub(crate) fn write(fuzz: &Path, name: &str, to: &Path) -> Result<()> {
    for entry in fs::read_dir(to)? {
        fs::remove_file(entry?.path())?;
    }
    for (number, seed) in read(fuzz, name)?.into_iter().enumerate() {
        fs::write(to.join(format!("{number:03}")), seed)?;
    }
    Ok(())
}

/// The seeds of the target `name`.
pub(crate) fn read(fuzz: &Path, name: &str) -> Result<Vec<Vec<u8>>> {
    let path = fuzz.join("seeds").join(format!("{name}.txt"));
    let text = fs::read_to_string(&path)
        .with_context(|| format!("could not read the seeds in `{}`", path.display()))?;
    let lines =
        text.lines().zip(1..).filter(|(line, _)| !line.is_empty() && !line.starts_with('#'));
    let mut seeds = lines
        .map(|(line, number)| {
            unescape(line).with_context(|| format!("line {number} of `{}`", path.display()))
        })
        .collect::<Result<Vec<_>>>()?;
    if name == "flows" {
        for file in examples()? {
            seeds.push(fs::read(file)?);
        }
    }
    Ok(seeds)
}

/// The flow files among the examples.
fn examples() -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(cargo::root().join("examples"))? {
        files.push(entry?.path().join("flows.json"));
    }
    files.retain(|file| file.exists());
    files.sort();
    Ok(files)
}

/// The bytes of a line, with `\n`, `\r`, `\t`, `\\` and `\xNN`.
fn unescape(line: &str) -> Result<Vec<u8>> {
    let short = || "expected two digits after `\\x`";
    let mut bytes = Vec::new();
    let mut parts = line.split('\\');
    bytes.extend_from_slice(parts.next().unwrap_or_default().as_bytes());
    while let Some(part) = parts.next() {
        let mut signs = part.chars();
        let (byte, rest) = match signs.next() {
            // Two backslashes in a row: what is between them is empty.
            None => (b'\\', parts.next().unwrap_or_default()),
            Some('n') => (b'\n', signs.as_str()),
            Some('r') => (b'\r', signs.as_str()),
            Some('t') => (b'\t', signs.as_str()),
            Some('x') => {
                let (digits, rest) = signs.as_str().split_at_checked(2).with_context(short)?;
                let byte = u8::from_str_radix(digits, 16);
                (byte.with_context(|| format!("invalid escape `\\x{digits}`"))?, rest)
            }
            Some(other) => bail!("unknown escape `\\{other}`"),
        };
        bytes.push(byte);
        bytes.extend_from_slice(rest.as_bytes());
    }
    Ok(bytes)
}

/// The line of an input.
pub(crate) fn escape(bytes: &[u8]) -> String {
    let mut line = String::new();
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'\n' => line.push_str("\\n"),
            b'\r' => line.push_str("\\r"),
            b'\t' => line.push_str("\\t"),
            b'\\' => line.push_str("\\\\"),
            b'#' if at == 0 => line.push_str("\\x23"),
            b' '..=b'~' => line.push(char::from(*byte)),
            other => line.push_str(&format!("\\x{other:02x}")),
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_input_is_one_line() {
        let all: Vec<u8> = (0..=255).collect();
        for bytes in [&all[..], b"", b"# no comment", b"\\\\n\\", b"\\x41"] {
            let line = escape(bytes);
            assert!(line.is_ascii() && !line.contains('\n') && !line.starts_with('#'), "{line}");
            assert_eq!(unescape(&line).unwrap(), bytes, "{line}");
        }
        assert_eq!(unescape("ä\\xff").unwrap(), b"\xc3\xa4\xff");
        assert!(unescape(r"\q").is_err() && unescape(r"\x4").is_err());
    }
}
