//! The legacy mode.

mod number;
mod read;
mod source;
mod write;

use std::borrow::Cow;

use ferrowire::{Key, NodeError};

use crate::columns::{Columns, Count};

pub(crate) use read::read;
pub(crate) use write::write;

/// As JavaScript trims.
fn trimmed(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}')
}

/// The names in `text`, without quotes and blanks around them.
///
/// # Errors
/// If there are too many.
pub(crate) fn columns(text: &str, separator: &str) -> Result<Columns, NodeError> {
    let names = split(trimmed(text), separator)?;
    let name = |part: &str| Key::from(trimmed(&part.replace('"', "")));
    Ok(Columns(names.into_iter().map(name).collect()))
}

/// Splits where an even number of quotes follows.
fn split<'a>(text: &'a str, separator: &str) -> Result<Vec<&'a str>, NodeError> {
    let mut count = Count::default();
    let quotes = text.bytes().filter(|byte| *byte == b'"').count();
    let (mut parts, mut start, mut seen, mut counted) = (Vec::new(), 0, 0, 0);
    for (at, _) in text.match_indices(separator) {
        let between = text.get(counted..at).unwrap_or_default();
        seen += between.bytes().filter(|byte| *byte == b'"').count();
        counted = at;
        if (quotes - seen) % 2 == 0 {
            parts.push(text.get(start..at).unwrap_or_default());
            count.add(parts.len() + 1)?;
            start = at + separator.len();
        }
    }
    parts.push(text.get(start..).unwrap_or_default());
    Ok(parts)
}

/// The names as `msg.columns` and the first line have them.
fn quoted<'a>(name: &'a str, separator: &str) -> Cow<'a, str> {
    if name.contains(separator) { format!("\"{name}\"").into() } else { name.into() }
}
