//! Packs the files of the editor, if it is installed, so that the program can embed them.

#![expect(clippy::disallowed_methods, reason = "cargo passes what a build script needs this way")]

use std::env;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

#[path = "src/editor/pack/format.rs"]
mod pack_format;

use pack_format::Packer;

/// The paths of files below `node_modules/@node-red` and in the pack.
const SOURCES: &[(&str, &str)] = &[
    ("editor-client/public", "public"),
    ("editor-client/locales", "editor/locales"),
    ("editor-client/package.json", "editor/package.json"),
    ("editor-client/LICENSE", "public/licenses/node-red-editor-client.txt"),
    ("nodes/core", "nodes/core"),
    ("nodes/locales", "nodes/locales"),
    ("nodes/icons", "nodes/icons"),
    ("nodes/package.json", "nodes/package.json"),
    ("nodes/LICENSE", "public/licenses/node-red-nodes.txt"),
];

/// Files that the editor never loads: unminified scripts and the other code editor.
const UNUSED: &[&str] = &["public/red/red.js", "public/red/main.js", "public/vendor/ace/"];

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(env::var("OUT_DIR")?).join("editor.pack");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/editor/pack/format.rs");
    // npm writes this file last, and it differs for every version.
    println!("cargo::rerun-if-changed=node_modules/.package-lock.json");
    let packages = root.join("node_modules/@node-red");
    if env::var_os("CARGO_FEATURE_EDITOR").is_none() || !packages.is_dir() {
        // With an empty pack the runtime is headless, and says so.
        return Ok(fs::write(out, [])?);
    }
    // Without optimisation, compression is slow, and the size does not matter.
    let mut packer = Packer::new(env::var("PROFILE")? == "release");
    for (from, to) in SOURCES {
        add(&mut packer, &packages.join(from), to)?;
    }
    Ok(fs::write(out, packer.finish())?)
}

fn add(packer: &mut Packer, from: &Path, to: &str) -> Result<(), Box<dyn Error>> {
    if UNUSED.iter().any(|unused| to.starts_with(unused.trim_end_matches('/'))) {
        return Ok(());
    }
    if from.is_file() {
        // Only the browser's part of nodes, not their code for Node.js.
        let is_served = !to.starts_with("nodes/core/")
            || to.starts_with("nodes/core/common/lib/debug/")
            || to.ends_with(".html");
        if is_served {
            packer.add(to, &fs::read(from)?)?;
        }
        return Ok(());
    }
    let mut entries = fs::read_dir(from)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name();
        let name = name.to_str().ok_or("a file name is not UTF-8")?;
        add(packer, &entry.path(), &format!("{to}/{name}"))?;
    }
    Ok(())
}
