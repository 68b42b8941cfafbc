//! What a plugin library declares, before any of its code runs: a section of its file, and the file.
#![no_main]

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use ferrowire_abi::declaration::Declaration;
use ferrowire_loader::inspect;
use libfuzzer_sys::fuzz_target;

/// A file of this process, in memory where there is a place for that.
static FILE: LazyLock<PathBuf> = LazyLock::new(|| {
    let memory = PathBuf::from("/dev/shm");
    let folder = if memory.is_dir() { memory } else { std::env::temp_dir() };
    folder.join(format!("ferrowire-fuzz-{}", std::process::id()))
});

fuzz_target!(|data: &[u8]| {
    let (section, index) = data.split_at(data.len() / 3 * 2);
    if let Some(declaration) = Declaration::parse(data, None) {
        assert_eq!(Declaration::parse(data, None), Some(declaration));
    }
    let _indexed = Declaration::parse(section, Some(index));
    if data.starts_with(b"\x7fELF") || data.starts_with(b"MZ") || data.starts_with(b"\xcf\xfa") {
        fs::write(&*FILE, data).expect("the file can be written");
        if let Ok(inspection) = inspect(&FILE) {
            let _accepted = inspection.accept();
        }
        fs::remove_file(&*FILE).expect("the file can be removed");
    }
});
