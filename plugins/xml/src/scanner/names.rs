//! The characters of names.

pub(super) fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\n' | '\r' | '\t')
}

/// Whether a name may begin with `c` (XML 1.0, NameStartChar).
pub(crate) fn is_start(c: char) -> bool {
    c.is_ascii_alphabetic() || matches!(c, ':' | '_') || !c.is_ascii() && is_letter(c)
}

fn is_letter(c: char) -> bool {
    matches!(c,
        '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{2ff}'
        | '\u{370}'..='\u{37d}' | '\u{37f}'..='\u{1fff}' | '\u{200c}'..='\u{200d}'
        | '\u{2070}'..='\u{218f}' | '\u{2c00}'..='\u{2fef}' | '\u{3001}'..='\u{d7ff}'
        | '\u{f900}'..='\u{fdcf}' | '\u{fdf0}'..='\u{fffd}')
}

/// Whether `c` may be within a name (XML 1.0, NameChar).
pub(crate) fn is_body(c: char) -> bool {
    is_start(c)
        || c.is_ascii_digit()
        || matches!(c, '-' | '.' | '\u{b7}' | '\u{300}'..='\u{36f}' | '\u{203f}'..='\u{2040}')
}

/// Whether `c` may be in the name or number of an entity.
pub(super) fn is_of_entity(c: char, is_first: bool) -> bool {
    c == '#' || if is_first { is_start(c) } else { is_body(c) }
}
