//! Settings that are numbers: counts, seconds, bytes.

use std::time::Duration;

/// A number of threads.
pub(crate) fn workers(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count @ 1..=1024) => Ok(count),
        _ => Err("a number from 1 to 1024 was expected".to_owned()),
    }
}

/// How many there may be of something.
pub(crate) fn count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count @ 1..=1_000_000) => Ok(count),
        _ => Err("a number from 1 to 1000000 was expected".to_owned()),
    }
}

/// Seconds, with a fraction if need be.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.001..=86_400.0).contains(&seconds) => {
            Ok(Duration::from_secs_f64(seconds))
        }
        _ => Err("seconds from 0.001 to 86400 were expected".to_owned()),
    }
}

/// A number of bytes, or one with the unit `KiB`, `MiB` or `GiB`.
pub(crate) fn bytes(text: &str) -> Result<usize, String> {
    let units = [("KiB", 10), ("MiB", 20), ("GiB", 30)];
    let (number, shift) = units
        .iter()
        .find_map(|(unit, shift)| Some((text.strip_suffix(unit)?.trim(), *shift)))
        .unwrap_or((text, 0));
    let bytes = number.parse::<usize>().ok().and_then(|n| n.checked_mul(1 << shift));
    bytes.filter(|bytes| *bytes > 0).ok_or("bytes such as `65536` or `4 MiB` were expected".into())
}
