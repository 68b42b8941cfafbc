//! Strings: plain, quoted, or as a block.

use super::fold;
use crate::scalar;

/// Where a scalar is.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) level: usize,
    /// A key is on one line.
    pub(super) is_key: bool,
}

/// The width that lines are folded to, in UTF-16 units, and its minimum at deep levels.
const WIDTH: usize = 80;
const LEAST_WIDTH: usize = 40;

/// Words that are booleans for YAML 1.1.
const OLD_BOOLEANS: [&str; 16] = [
    "y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "n", "N", "no", "No", "NO", "off", "Off",
    "OFF",
];

enum Style {
    Plain,
    Single,
    Literal,
    Folded,
    Double,
}

pub(super) fn write(text: &str, place: Place, to: &mut String) {
    let indent = 2 * place.level.max(1);
    let width = LEAST_WIDTH.max(WIDTH.saturating_sub(indent));
    match style(text, place.is_key, width) {
        Style::Plain => to.push_str(text),
        Style::Single => {
            to.push('\'');
            to.push_str(&text.replace('\'', "''"));
            to.push('\'');
        }
        Style::Literal => block('|', text, text, indent, to),
        Style::Folded => block('>', text, &fold::folded(text, width), indent, to),
        Style::Double => escaped(text, to),
    }
}

fn style(text: &str, is_key: bool, width: usize) -> Style {
    if text.is_empty() || OLD_BOOLEANS.contains(&text) || is_base_60(text) {
        return Style::Single;
    }
    if !text.chars().all(|c| is_printable(c) || c == '\n' && !is_key) {
        return Style::Double;
    }
    let lines = || text.split('\n');
    let is_foldable = |line: &str| {
        line.len() > width && line.encode_utf16().count() > width && !line.starts_with(' ')
    };
    if !is_key && lines().any(is_foldable) {
        return Style::Folded;
    }
    if !is_key && text.contains('\n') {
        return Style::Literal;
    }
    if is_plain(text) && scalar::implicit(text).is_none() && !scalar::is_merge(text) {
        Style::Plain
    } else {
        Style::Single
    }
}

/// `1:30`, which is a number for YAML 1.1.
fn is_base_60(text: &str) -> bool {
    let digits = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_')
    };
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_fraction = fraction.is_empty() || digits(fraction);
    whole.contains(':') && whole.split(':').all(digits) && is_fraction
}

fn is_printable(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{a1}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
        && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}')
}

/// Whether a text of one line needs no quotes.
fn is_plain(text: &str) -> bool {
    let is_first = |c: char| c != ' ' && !"-?:,[]{}#&*!|=>'\"%@`".contains(c);
    let mut before = None;
    text.starts_with(is_first)
        && !text.ends_with([' ', ':'])
        && text.chars().all(|c| {
            let before = before.replace(c);
            match c {
                // Text after a blank and this would be a comment.
                '#' => before.is_some_and(|before| before != ' '),
                ' ' => before != Some(':'),
                _ => true,
            }
        })
}

/// A block: its header, and the lines of `content`.
fn block(indicator: char, text: &str, content: &str, indent: usize, to: &mut String) {
    to.push(indicator);
    if text.trim_start_matches('\n').starts_with(' ') {
        to.push('2');
    }
    let keeps = text == "\n" || text.ends_with("\n\n");
    match (text.ends_with('\n'), keeps) {
        (_, true) => to.push('+'),
        (true, false) => {}
        (false, false) => to.push('-'),
    }
    let content = content.strip_suffix('\n').unwrap_or(content);
    for line in content.split('\n') {
        to.push('\n');
        if !line.is_empty() {
            to.extend(std::iter::repeat_n(' ', indent));
            to.push_str(line);
        }
    }
}

fn escaped(text: &str, to: &mut String) {
    to.push('"');
    for c in text.chars() {
        match c {
            '\0' => to.push_str("\\0"),
            '\u{7}' => to.push_str("\\a"),
            '\u{8}' => to.push_str("\\b"),
            '\t' => to.push_str("\\t"),
            '\n' => to.push_str("\\n"),
            '\u{b}' => to.push_str("\\v"),
            '\u{c}' => to.push_str("\\f"),
            '\r' => to.push_str("\\r"),
            '\u{1b}' => to.push_str("\\e"),
            '"' => to.push_str("\\\""),
            '\\' => to.push_str("\\\\"),
            '\u{85}' => to.push_str("\\N"),
            '\u{a0}' => to.push_str("\\_"),
            '\u{2028}' => to.push_str("\\L"),
            '\u{2029}' => to.push_str("\\P"),
            c if is_printable(c) => to.push(c),
            c if c <= '\u{ff}' => to.push_str(&format!("\\x{:02X}", u32::from(c))),
            c if c <= '\u{ffff}' => to.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => to.push_str(&format!("\\U{:08X}", u32::from(c))),
        }
    }
    to.push('"');
}
