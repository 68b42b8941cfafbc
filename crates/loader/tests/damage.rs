//! Libraries whose declaration is damaged: an error or the truth, and none of their code runs.

#![expect(clippy::unwrap_used, reason = "a failed expectation fails the test")]

mod support;

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ferrowire_core::Registry;
use ferrowire_loader::{Reason, inspect, load};

/// A copy of the fixture that can be changed in place.
fn copy(folder: &Path, library: &Path) -> (PathBuf, Vec<u8>) {
    let content = std::fs::read(library).unwrap();
    let path = folder.join(support::library_name());
    std::fs::write(&path, &content).unwrap();
    (path, content)
}

/// The bytes of a section that say where things are, and some of each text.
fn telling(section: &[u8]) -> Vec<usize> {
    let number = |at: usize| -> usize {
        u32::from_le_bytes(section[at..at + 4].try_into().unwrap()) as usize
    };
    let mut telling = Vec::new();
    let mut at = 0;
    while let Some(start) = section[at..].iter().position(|byte| *byte != 0).map(|it| at + it) {
        let end = start + 8 + number(start + 4);
        telling.extend(start..start + 8);
        at = start + 8;
        while at < end {
            let (text, len) = (at + 4, number(at));
            telling.extend(at..text);
            telling.extend([0, 1, len / 2, len.saturating_sub(1)].map(|of| text + of.min(len)));
            at = text + len;
        }
    }
    telling.retain(|at| *at < section.len());
    telling.sort_unstable();
    telling.dedup();
    telling
}

#[test]
fn every_damaged_part_of_a_declaration_is_an_error_and_no_code_of_the_library_runs() {
    let folder = tempfile::tempdir().unwrap();
    let (path, content) = copy(folder.path(), support::fixture());
    let truth = inspect(&path).unwrap().declaration;
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    // Each bit of each byte would take minutes; the tests of `Declaration` do that with the bytes
    // alone.
    for section in [support::section(&content), support::index(&content)] {
        for (turn, at) in telling(&content[section.clone()]).into_iter().enumerate() {
            let at = section.start + at;
            let byte = content[at];
            file.write_all_at(&[byte ^ (1 << (turn % 8))], at as u64).unwrap();
            match inspect(&path) {
                Ok(inspection) => assert_eq!(inspection.declaration, truth, "byte {at}"),
                Err(reason) => assert!(matches!(reason, Reason::Damaged { .. }), "{at}: {reason}"),
            }
            if turn % 256 == 0 {
                let report = load(&[support::file(&path)], &mut Registry::new(), Duration::ZERO);
                let reason = &report.refused[0].reason;
                assert!(matches!(reason, Reason::Damaged { .. }), "{at}: {reason}");
            }
            file.write_all_at(&[byte], at as u64).unwrap();
        }
    }
    assert!(!support::is_mapped(&path));
    let report = load(&[support::file(&path)], &mut Registry::new(), Duration::from_secs(60));
    assert!(report.refused.is_empty() && support::is_mapped(&path), "it was mended");
}

#[test]
fn a_declaration_that_lacks_a_record_is_refused_in_the_file_already() {
    let folder = tempfile::tempdir().unwrap();
    let (path, content) = copy(folder.path(), support::fixture());
    let truth = inspect(&path).unwrap().declaration;
    for node in &truth.nodes {
        let mut without = content.clone();
        let record = support::forge::node_record(&without, &node.name);
        let range = support::forge::whole(&without, record);
        without[range].fill(0);
        std::fs::write(&path, without).unwrap();
        let reason = inspect(&path).unwrap_err();
        assert!(matches!(reason, Reason::Damaged { .. }), "{}: {reason}", node.name);
    }
    let mut without = content.clone();
    without[support::index(&content)].fill(0);
    std::fs::write(&path, without).unwrap();
    assert!(matches!(inspect(&path).unwrap_err(), Reason::Damaged { .. }), "it has no index");
}

#[test]
fn a_library_that_ends_anywhere_in_its_declaration_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (path, content) = copy(folder.path(), support::fixture());
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    for len in support::section(&content).rev().step_by(7) {
        file.set_len(len as u64).unwrap();
        let reason = inspect(&path).unwrap_err();
        assert!(matches!(reason, Reason::Damaged { .. }), "{len}: {reason}");
    }
    assert!(!support::is_mapped(&path));
}

#[test]
fn a_damaged_declaration_of_an_older_library_never_becomes_a_node_type_of_another_name() {
    let target = support::target().join("abi-1.0");
    let flags = "build.rustflags=[\"--cfg\", \"ferrowire_abi_1_0\"]";
    let library = support::build(&target, None, &["--config", flags]);
    let content = std::fs::read(&library).unwrap();
    let section = support::section(&content);
    let name = b"fixture-pass";
    let at = content[section.clone()].windows(name.len()).position(|bytes| bytes == name);
    let name = section.start + at.unwrap();
    let magic = name - 12;
    // Without a checksum not all of it can be noticed in the file; but what the library says when
    // it runs is compared with it.
    for (at, expected) in [
        (magic, "it is damaged or not complete (its declaration cannot be read)"),
        (magic + 4, "it is damaged or not complete (its declaration cannot be read)"),
        (magic + 8, "it is damaged or not complete (its declaration cannot be read)"),
        (name, "it declares the node types"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (path, mut content) = copy(folder.path(), &library);
        content[at] ^= 1;
        std::fs::write(&path, content).unwrap();
        let mut registry = Registry::new();
        let report = load(&[support::file(&path)], &mut registry, Duration::from_secs(60));
        let reason = report.refused[0].reason.to_string();
        assert!(reason.starts_with(expected), "{at}: {reason}");
        assert_eq!(registry.iter().count(), 0);
    }
}
