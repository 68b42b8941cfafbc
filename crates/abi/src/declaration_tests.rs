//! What is read from sections, whole and damaged.

use proptest::collection::vec;
use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, proptest};

use ferrowire_core::Setting;

use super::*;

const NAMES: [&[u8]; 5] = [b"a node", b"a-crate", b"1.0.0", b"network", b"does something"];
const NODE_LEN: usize = record_len(&NAMES, &[]);
const NODE_RECORD: [u8; NODE_LEN] = record(NODE, &NAMES, &[]);

/// The section of a library with two node types, and padding of every kind.
fn section() -> Vec<u8> {
    [&[0; 3][..], &NODE_RECORD, &LIBRARY_RECORD, &[0; 5], &NODE_RECORD, &[0]].concat()
}

/// The index that belongs to it.
fn index() -> Vec<u8> {
    let node = index_entry(&NODE_RECORD);
    [&node[..], &LIBRARY_ENTRY, &[0; 7], &node, &[0; 2]].concat()
}

fn read(section: &[u8]) -> Option<Declaration> {
    Declaration::parse(section, Some(&index()))
}

#[test]
fn what_is_declared_is_read() {
    let declaration = read(&section()).unwrap();
    assert_eq!((declaration.major, declaration.minor), (MAJOR, MINOR));
    assert_eq!((declaration.rustc.as_str(), declaration.panics_abort), (RUSTC, false));
    assert_eq!(declaration.nodes.len(), 2);
    assert_eq!(declaration.nodes[0].summary, "does something");
}

const SETTING_OF_IT: Setting<String> = Setting::choice("a-setting", &["fast", "safe"])
    .default("safe")
    .help("What it is for")
    .declared_by("a-crate", "1.0.0");
const SETTING_RECORD: [u8; setting_record_len(SETTING_OF_IT.record())] =
    setting_record(SETTING_OF_IT.record());

#[test]
fn a_setting_is_read_with_its_choices() {
    let section = [&section()[..], &SETTING_RECORD].concat();
    let index = [&index()[..], &index_entry(&SETTING_RECORD)].concat();
    let declaration = Declaration::parse(&section, Some(&index)).unwrap();
    let expected = DeclaredSetting {
        name: "a-setting".to_owned(),
        plugin: "a-crate".to_owned(),
        version: "1.0.0".to_owned(),
        kind: "choice".to_owned(),
        value_name: "NAME".to_owned(),
        default: Some("safe".to_owned()),
        help: "What it is for".to_owned(),
        group: "a-crate".to_owned(),
        choices: vec!["fast".to_owned(), "safe".to_owned()],
        ..DeclaredSetting::default()
    };
    assert_eq!(declaration.settings, [expected]);
    assert_eq!(read(&[&SETTING_RECORD[..], &section[..]].concat()), None, "not in the index");
}

#[test]
fn every_changed_byte_is_noticed_and_none_brings_the_reader_down() {
    let (mut section, mut index) = (section(), index());
    let truth = read(&section);
    let is_noticed = |section: &[u8], index: &[u8]| {
        let read = Declaration::parse(section, Some(index));
        read.is_none() || read == truth
    };
    for at in 0..section.len() + index.len() {
        let place = |section: &mut Vec<u8>, index: &mut Vec<u8>, byte: u8| {
            let place = match at.checked_sub(section.len()) {
                None => &mut section[at],
                Some(at) => &mut index[at],
            };
            std::mem::replace(place, byte)
        };
        let byte = place(&mut section, &mut index, 0);
        for other in (0..=u8::MAX).filter(|other| *other != byte) {
            place(&mut section, &mut index, other);
            assert!(is_noticed(&section, &index), "byte {at} is {other}");
        }
        place(&mut section, &mut index, byte);
    }
}

#[test]
fn a_section_or_index_that_ends_early_is_damaged() {
    let (section, index) = (section(), index());
    let truth = read(&section);
    for len in 0..section.len() - 1 {
        assert_eq!(read(&section[..len]), None, "{len}");
    }
    for len in 0..index.len() - 2 {
        assert_eq!(Declaration::parse(&section, Some(&index[..len])), None, "{len}");
    }
    assert_eq!(Declaration::parse(&section, None), None);
    // What is left is padding.
    assert_eq!(read(&section[..section.len() - 1]), truth);
}

#[test]
fn a_record_that_is_missing_as_a_whole_is_noticed() {
    let whole = section();
    for (start, len) in [(3, NODE_LEN), (3 + NODE_LEN, LIBRARY_RECORD.len())] {
        let mut cut = whole.clone();
        cut.drain(start..start + len);
        assert_eq!(read(&cut), None, "cut out at {start}");
        let mut blank = whole.clone();
        blank[start..start + len].fill(0);
        assert_eq!(read(&blank), None, "made padding of at {start}");
    }
    let doubled = [&whole[..], &NODE_RECORD].concat();
    assert_eq!(read(&doubled), None, "one more than the index knows of");
}

#[test]
fn a_library_without_checksums_is_an_older_one_and_is_read() {
    let section = section();
    let truth = read(&section).unwrap();
    // What the library's record was before there were indices.
    let parts = &LIBRARY_PARTS[..LIBRARY_PARTS.len() - 1];
    const OLDER: usize = record_len(LIBRARY_PARTS, &[]) - 4 - INDEXED.len();
    let older: [u8; OLDER] = record(LIBRARY, parts, &[]);
    let with_checksums = [&NODE_RECORD[..], &older, &NODE_RECORD].concat();
    assert_eq!(Declaration::parse(&with_checksums, None), Some(truth.clone()));
    let mut without = Vec::new();
    let mut rest = &with_checksums[..];
    while let Some((record, after)) = Record::next(rest).unwrap() {
        if record.magic != CHECKSUM {
            without.extend_from_slice(record.whole);
        }
        rest = after;
    }
    assert_eq!(Declaration::parse(&without, None), Some(truth));
    without.extend_from_slice(&NODE_RECORD);
    assert_eq!(Declaration::parse(&without, None), None, "some have a checksum and some have none");
}

#[test]
fn records_of_a_newer_version_are_skipped() {
    let newer: [u8; NODE_LEN] = record(*b"FWX1", &NAMES, &[]);
    let section = [&section()[..], &newer].concat();
    let index = [&index()[..], &index_entry(&newer)].concat();
    assert_eq!(Declaration::parse(&section, Some(&index)).unwrap().nodes.len(), 2);
}

proptest! {
    #[test]
    fn damage_in_several_places_is_never_read_as_something_else(
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..5),
        len in any::<prop::sample::Index>(),
    ) {
        let mut section = section();
        let truth = read(&section);
        for (at, byte) in changes {
            *at.get_mut(&mut section) = byte;
        }
        section.truncate(len.index(2 * section.len()));
        let read = read(&section);
        prop_assert!(read.is_none() || read == truth);
    }

    #[test]
    fn damage_of_the_index_is_never_overlooked(
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..5),
    ) {
        let (section, mut index) = (section(), index());
        let truth = read(&section);
        for (at, byte) in changes {
            *at.get_mut(&mut index) = byte;
        }
        let read = Declaration::parse(&section, Some(&index));
        prop_assert!(read.is_none() || read == truth);
        prop_assert_eq!(Declaration::parse(&section, None), None);
    }
}
