//! The syntax of numbers in settings, and the compile-time checks of a record.

use super::SettingKind;

const NANOS: u64 = 1_000_000_000;

/// Parses a number; seconds become nanoseconds.
pub(super) const fn number(kind: SettingKind, text: &str) -> Option<u64> {
    match kind {
        SettingKind::Integer => digits(text.as_bytes()),
        SettingKind::Bytes => bytes(text.as_bytes()),
        SettingKind::Seconds => nanoseconds(text.as_bytes()),
        _ => None,
    }
}

const fn digits(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    let (mut rest, mut number) = (text, 0_u64);
    while let [digit, after @ ..] = rest {
        if !digit.is_ascii_digit() {
            return None;
        }
        number = match number.checked_mul(10) {
            Some(tens) => match tens.checked_add((*digit - b'0') as u64) {
                Some(number) => number,
                None => return None,
            },
            None => return None,
        };
        rest = after;
    }
    Some(number)
}

const fn bytes(text: &[u8]) -> Option<u64> {
    let (number, unit) = match text {
        [number @ .., b'K', b'i', b'B'] => (number, 1 << 10),
        [number @ .., b'M', b'i', b'B'] => (number, 1 << 20),
        [number @ .., b'G', b'i', b'B'] => (number, 1 << 30),
        number => (number, 1),
    };
    match digits(number.trim_ascii()) {
        Some(number) => number.checked_mul(unit),
        None => None,
    }
}

const fn nanoseconds(text: &[u8]) -> Option<u64> {
    let mut point = 0;
    while point < text.len() && text[point] != b'.' {
        point += 1;
    }
    let (whole, fraction) = text.split_at(point);
    let Some(whole) = digits(whole) else { return None };
    let Some(nanos) = whole.checked_mul(NANOS) else { return None };
    let fraction = match fraction {
        [] => return Some(nanos),
        [_, digits @ ..] => digits,
    };
    let Some(mut parts) = digits(fraction) else { return None };
    let mut length = fraction.len();
    if length > 9 {
        return None;
    }
    while length < 9 {
        parts *= 10;
        length += 1;
    }
    nanos.checked_add(parts)
}

/// Whether `name` consists of lower-case words of letters and digits joined by `-`.
pub(super) const fn is_kebab_case(name: &str) -> bool {
    let (mut rest, mut after_dash) = (name.as_bytes(), true);
    if rest.is_empty() || !rest[0].is_ascii_lowercase() {
        return false;
    }
    while let [byte, after @ ..] = rest {
        let is_dash = *byte == b'-';
        let is_word = byte.is_ascii_lowercase() || byte.is_ascii_digit();
        if !(is_word || is_dash && !after_dash) {
            return false;
        }
        after_dash = is_dash;
        rest = after;
    }
    !after_dash
}

/// Whether `text` is one of `all`.
pub(super) const fn is_one_of(text: &str, all: &[&str]) -> bool {
    let mut rest = all;
    while let [one, after @ ..] = rest {
        if is_same(text.as_bytes(), one.as_bytes()) {
            return true;
        }
        rest = after;
    }
    false
}

const fn is_same(mut a: &[u8], mut b: &[u8]) -> bool {
    while let ([first, rest @ ..], [other, others @ ..]) = (a, b) {
        if *first != *other {
            return false;
        }
        (a, b) = (rest, others);
    }
    a.is_empty() && b.is_empty()
}
