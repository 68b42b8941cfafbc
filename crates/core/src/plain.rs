//! Finds characters that JSON has to escape, eight bytes at a time.

/// A 1 in each of eight bytes.
const EACH: u64 = u64::MAX / 255;

/// Whether `text` needs no escapes: no control character, no `"` and no `\`.
#[inline(always)]
pub(crate) fn is_plain(text: &[u8]) -> bool {
    let (words, rest) = text.as_chunks::<8>();
    let last = match text.last_chunk::<8>() {
        // The last eight bytes overlap the word before.
        Some(last) => u64::from_le_bytes(*last),
        None => {
            rest.iter().fold(EACH * u64::from(b' '), |word, byte| (word << 8) | u64::from(*byte))
        }
    };
    special(last) == 0 && words.iter().all(|word| special(u64::from_le_bytes(*word)) == 0)
}

/// The number of leading bytes in `text` that need no escape.
#[inline(always)]
pub(crate) fn plain_length(text: &[u8]) -> usize {
    let mut rest = text;
    while let Some((word, after)) = rest.split_first_chunk::<8>() {
        let special = special(u64::from_le_bytes(*word));
        if special != 0 {
            return text.len() - rest.len() + special.trailing_zeros() as usize / 8;
        }
        rest = after;
    }
    text.len() - rest.len() + rest.iter().take_while(|byte| is_plain(&[**byte])).count()
}

/// The highest bit of each byte that has to be escaped. A subtraction may borrow from the next
/// byte, so only the lowest of these bits is reliable.
fn special(word: u64) -> u64 {
    let below = |word: u64, bound: u64| word.wrapping_sub(EACH * bound) & !word;
    let is = |byte: u8| below(word ^ (EACH * u64::from(byte)), 1);
    (below(word, 0x20) | is(b'"') | is(b'\\')) & (EACH << 7)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_has_to_be_escaped_is_found_at_every_place(text in "(\\PC|[\"\\\\\u{0}-\u{20}a-z]){0,80}") {
            let special = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
            let expected = text.bytes().position(|byte| special(&byte));
            prop_assert_eq!(plain_length(text.as_bytes()), expected.unwrap_or(text.len()));
            prop_assert_eq!(is_plain(text.as_bytes()), expected.is_none());
        }
    }
}
