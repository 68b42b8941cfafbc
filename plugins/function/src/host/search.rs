//! Looking for a long text in a long one, in time that grows with their lengths and not with the
//! product of both. Places are counted in UTF-16 code units, as JavaScript does.

use memchr::memmem;
use rquickjs::{Ctx, Result, String as JsString};

use super::Builder;

/// Adds the searches. They answer `undefined` for texts that they cannot read: those with half a
/// surrogate pair, or for which there is no memory.
pub(super) fn add(builder: &Builder<'_, '_>) -> Result<()> {
    builder.add(
        "indexOf",
        |ctx: Ctx<'_>, text: JsString<'_>, sought: JsString<'_>, from: f64| {
            let (text, sought) = both(&ctx, &text, &sought)?;
            let from = byte_at(&text, from as usize);
            let found = memmem::find(text.as_bytes().get(from..)?, sought.as_bytes());
            Some(found.map_or(-1.0, |at| units(&text, from + at)))
        },
    )?;
    builder.add(
        "lastIndexOf",
        |ctx: Ctx<'_>, text: JsString<'_>, sought: JsString<'_>, from: f64| {
            let (text, sought) = both(&ctx, &text, &sought)?;
            let end = last_start(&text, from as usize).saturating_add(sought.len()).min(text.len());
            let found = memmem::rfind(text.as_bytes().get(..end)?, sought.as_bytes());
            Some(found.map_or(-1.0, |at| units(&text, at)))
        },
    )?;
    builder.add("places", |ctx: Ctx<'_>, text: JsString<'_>, sought: JsString<'_>| {
        let (text, sought) = both(&ctx, &text, &sought)?;
        // An empty text is everywhere.
        (!sought.is_empty()).then(|| places(&text, &sought))
    })
}

fn both(ctx: &Ctx<'_>, text: &JsString<'_>, sought: &JsString<'_>) -> Option<(String, String)> {
    match text.to_string().and_then(|text| Ok((text, sought.to_string()?))) {
        Ok(both) => Some(both),
        Err(_) => {
            // If there was no memory, that is thrown.
            drop(ctx.catch());
            None
        }
    }
}

/// All places that do not overlap.
fn places(text: &str, sought: &str) -> Vec<f64> {
    let (mut last, mut counted) = (0, 0.0);
    memmem::find_iter(text.as_bytes(), sought.as_bytes())
        .map(|at| {
            counted += length(text.as_bytes().get(last..at).unwrap_or_default());
            last = at;
            counted
        })
        .collect()
}

fn units(text: &str, at: usize) -> f64 {
    length(text.as_bytes().get(..at).unwrap_or_default())
}

/// How many code units UTF-8 stands for: one for each character, two for those of four bytes.
fn length(bytes: &[u8]) -> f64 {
    let units = |byte: &u8| usize::from(byte & 0xc0 != 0x80) + usize::from(*byte >= 0xf0);
    bytes.iter().map(units).sum::<usize>() as f64
}

/// Where the character at a code unit begins, or the next one if the unit is the second of its two.
fn byte_at(text: &str, unit: usize) -> usize {
    let mut before = 0;
    let begins = |(_, character): &(usize, char)| {
        let begins = before >= unit;
        before += character.len_utf16();
        begins
    };
    text.char_indices().find(begins).map_or(text.len(), |(at, _)| at)
}

/// Where the last character begins that begins at a code unit or before it.
fn last_start(text: &str, unit: usize) -> usize {
    let at = byte_at(text, unit);
    if units(text, at) <= unit as f64 {
        return at;
    }
    text.get(..at).and_then(|before| before.char_indices().next_back()).map_or(0, |(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_in_code_units() {
        let text = "aä😀bä😀";
        assert_eq!(places(text, "ä"), [1.0, 5.0]);
        assert_eq!(places(text, "😀"), [2.0, 6.0]);
        assert_eq!(units(text, byte_at(text, 4)), 4.0);
        // In the middle of a pair.
        assert_eq!(units(text, byte_at(text, 3)), 4.0);
        assert_eq!(units(text, last_start(text, 3)), 2.0);
        assert_eq!(last_start(text, usize::MAX), text.len());
        assert_eq!(byte_at(text, 100), text.len());
    }
}
