//! Changes what libraries declare, with the checksums that belong to it.

/// The lengths of a record's head, and of the checksum behind it.
const HEAD: usize = 8;
const CHECK: usize = 20;

/// Where a library's own record stands in its file.
pub(crate) fn library_record(library: &[u8]) -> usize {
    // The length of the ABI is 4 bytes; the magic number stands in code as well.
    the_only(library, &|at| library[at..].starts_with(b"FWL1") && first_len(library, at) == Some(4))
}

/// Where the record of a node type stands.
pub(crate) fn node_record(library: &[u8], name: &str) -> usize {
    let is_it = |at: usize| {
        library[at..].starts_with(b"FWN1")
            && first_len(library, at) == Some(name.len())
            && library[at + HEAD + 4..].starts_with(name.as_bytes())
    };
    the_only(library, &is_it)
}

/// The bytes of a record and its checksum.
pub(crate) fn whole(library: &[u8], record: usize) -> std::ops::Range<usize> {
    record..end(library, record) + CHECK
}

/// Makes checksum and index fit to a record that was changed at its place.
pub(crate) fn sign(library: &mut [u8], record: usize) {
    let end = end(library, record);
    let stated = |library: &[u8], end: usize| -> [u8; 8] {
        assert_eq!(&library[end..end + 12], b"FWS1\x0c\0\0\0\x08\0\0\0");
        library[end + 12..end + CHECK].try_into().unwrap()
    };
    let old = stated(library, end);
    let new = checksum(&library[record..end]);
    library[end + 12..end + CHECK].copy_from_slice(&new);
    let entry = [b"FWI1\x0c\0\0\0\x08\0\0\0", &old[..]].concat();
    let entry = the_only(library, &|at| library[at..].starts_with(&entry));
    library[entry + 12..entry + 20].copy_from_slice(&new);
    let sum = checksum(&library[entry..entry + 20]);
    library[entry + 32..entry + 40].copy_from_slice(&sum);
}

fn end(library: &[u8], record: usize) -> usize {
    let len = library[record + 4..record + HEAD].try_into().unwrap();
    record + HEAD + u32::from_le_bytes(len) as usize
}

/// The length of a record's first string.
fn first_len(library: &[u8], record: usize) -> Option<usize> {
    let len = library.get(record + HEAD..record + HEAD + 4)?;
    Some(u32::from_le_bytes(len.try_into().unwrap()) as usize)
}

fn the_only(library: &[u8], is_it: &dyn Fn(usize) -> bool) -> usize {
    let candidates = library.iter().enumerate().filter(|(_, byte)| **byte == b'F');
    let places: Vec<usize> = candidates.map(|(at, _)| at).filter(|at| is_it(*at)).collect();
    assert_eq!(places.len(), 1, "{places:?}");
    places[0]
}

/// FNV-1a.
fn checksum(bytes: &[u8]) -> [u8; 8] {
    let sum = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    sum.to_le_bytes()
}
