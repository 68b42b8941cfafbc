//! Text and names of XML.

use ferrowire::NodeError;

use crate::error::thrown;

/// Appends the text of an element.
///
/// # Errors
/// If the text has a character that XML has not.
pub(super) fn text(text: &str, to: &mut String) -> Result<(), NodeError> {
    append(text, to, |byte| match byte {
        b'&' => Some("&amp;"),
        b'<' => Some("&lt;"),
        b'>' => Some("&gt;"),
        b'\r' => Some("&#xD;"),
        _ => None,
    })
}

/// Appends the value of an attribute.
///
/// # Errors
/// If the text has a character that XML has not.
pub(super) fn attribute(text: &str, to: &mut String) -> Result<(), NodeError> {
    append(text, to, |byte| match byte {
        b'&' => Some("&amp;"),
        b'<' => Some("&lt;"),
        b'"' => Some("&quot;"),
        b'\t' => Some("&#x9;"),
        b'\n' => Some("&#xA;"),
        b'\r' => Some("&#xD;"),
        _ => None,
    })
}

pub(super) fn cdata(text: &str) -> String {
    format!("<![CDATA[{}]]>", text.replacen("]]>", "]]]]><![CDATA[>", 1))
}

fn append(
    text: &str,
    to: &mut String,
    escaped: impl Fn(u8) -> Option<&'static str>,
) -> Result<(), NodeError> {
    let mut start = 0;
    for (at, byte) in text.bytes().enumerate() {
        if is_invalid(byte, text, at) {
            let index = text.get(..at).map_or(0, |before| before.encode_utf16().count());
            return Err(thrown(&format!("Invalid character in string: {text} at index {index}")));
        }
        if let Some(escaped) = escaped(byte) {
            to.push_str(text.get(start..at).unwrap_or_default());
            to.push_str(escaped);
            start = at + 1;
        }
    }
    to.push_str(text.get(start..).unwrap_or_default());
    Ok(())
}

/// Whether a character begins here that XML has not.
fn is_invalid(byte: u8, text: &str, at: usize) -> bool {
    match byte {
        b'\t' | b'\n' | b'\r' => false,
        0xef => text.get(at..).is_some_and(|rest| rest.starts_with(['\u{fffe}', '\u{ffff}'])),
        byte => byte < b' ',
    }
}

/// # Errors
/// If `name` is no name of XML.
pub(super) fn check_name(name: &str) -> Result<(), NodeError> {
    let mut characters = name.chars();
    let is_name = characters.next().is_some_and(is_start) && characters.all(is_body);
    if is_name { Ok(()) } else { Err(thrown("Invalid character in name")) }
}

fn is_start(c: char) -> bool {
    crate::scanner::is_name_start(c) || matches!(c, '\u{10000}'..='\u{effff}')
}

fn is_body(c: char) -> bool {
    crate::scanner::is_name_body(c) || matches!(c, '\u{10000}'..='\u{effff}')
}
