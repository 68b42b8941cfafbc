//! Libraries whose declaration is damaged: an error or the truth, and none of their code runs.

#![expect(clippy::unwrap_used, reason = "a failed expectation fails the test")]

mod support;

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ferrowire_abi::declaration::Declaration;
use ferrowire_core::Registry;
use ferrowire_loader::{Reason, find, inspect};

/// A copy of the fixture that can be changed in place.
fn copy(folder: &Path, library: &Path) -> (PathBuf, Vec<u8>) {
    let content = std::fs::read(library).unwrap();
    let path = folder.join(support::library_name());
    std::fs::write(&path, &content).unwrap();
    (path, content)
}

/// Some bytes of each record of a section: of its head, its length, and its first text.
fn some_of_each_record(section: &[u8]) -> Vec<usize> {
    let mut some = Vec::new();
    let mut at = 0;
    while let Some(start) = section[at..].iter().position(|byte| *byte != 0).map(|it| at + it) {
        let len = u32::from_le_bytes(section[start + 4..start + 8].try_into().unwrap());
        some.extend([start + 1, start + 4, start + 8, start + 12]);
        at = start + 8 + len as usize;
    }
    some
}

#[test]
fn every_damaged_byte_of_a_real_declaration_is_noticed() {
    let content = std::fs::read(support::fixture()).unwrap();
    let mut section = content[support::section(&content)].to_vec();
    let mut index = content[support::index(&content)].to_vec();
    let truth = Declaration::parse(&section, Some(&index)).unwrap();
    for at in 0..section.len() + index.len() {
        let bit = 1 << (at % 8);
        let flip = |section: &mut Vec<u8>, index: &mut Vec<u8>| match at.checked_sub(section.len())
        {
            None => section[at] ^= bit,
            Some(at) => index[at] ^= bit,
        };
        flip(&mut section, &mut index);
        let read = Declaration::parse(&section, Some(&index));
        assert!(read.is_none() || read.as_ref() == Some(&truth), "byte {at}");
        flip(&mut section, &mut index);
    }
}

#[test]
fn a_damaged_record_is_an_error_and_no_code_of_the_library_runs() {
    let folder = tempfile::tempdir().unwrap();
    let (path, content) = copy(folder.path(), support::fixture());
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    for section in [support::section(&content), support::index(&content)] {
        for (turn, at) in some_of_each_record(&content[section.clone()]).into_iter().enumerate() {
            let at = section.start + at;
            file.write_all_at(&[content[at] ^ (1 << (turn % 8))], at as u64).unwrap();
            let reason = inspect(&path).unwrap_err();
            assert!(matches!(reason, Reason::Damaged { .. }), "{at}: {reason}");
            if turn % 64 == 0 {
                let report =
                    find(&[support::file(&path)]).load(&mut Registry::new(), Duration::ZERO);
                let reason = &report.refused[0].reason;
                assert!(matches!(reason, Reason::Damaged { .. }), "{at}: {reason}");
            }
            file.write_all_at(&[content[at]], at as u64).unwrap();
        }
    }
    assert!(!support::is_mapped(&path));
    let report = find(&[support::file(&path)]).load(&mut Registry::new(), Duration::from_secs(60));
    assert!(report.refused.is_empty() && support::is_mapped(&path), "it was mended");
}

#[test]
fn a_declaration_that_lacks_a_record_is_refused_in_the_file_already() {
    let folder = tempfile::tempdir().unwrap();
    let (path, content) = copy(folder.path(), support::fixture());
    let truth = inspect(&path).unwrap().declaration;
    for node in truth.nodes.iter().step_by(8) {
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
