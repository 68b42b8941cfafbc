//! `CodePage`: an encoding of single bytes that encoding_rs lacks.

/// The recorded code pages, one a line: the name, then the bytes that do not stand for the character of the same
/// number, in hexadecimal, each before its character.
const TABLE: &str = include_str!("code_page/table.txt");

/// A code page of the table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct CodePage {
    line: &'static str,
}

impl CodePage {
    /// The code page `name`, which is in lower case.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let line = TABLE.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
        Some(CodePage { line })
    }

    /// What each byte stands for; U+FFFD if nothing.
    pub(crate) fn characters(self) -> [char; 256] {
        let mut characters: [char; 256] = std::array::from_fn(|byte| byte as u8 as char);
        for (byte, character) in self.line.split(' ').filter_map(entry) {
            if let Some(place) = characters.get_mut(usize::from(byte)) {
                *place = character;
            }
        }
        characters
    }

    /// The bytes of `text`. A character that the code page lacks becomes `?`.
    pub(crate) fn encode(self, text: &str) -> Vec<u8> {
        let mut bytes: Vec<(char, u8)> = self
            .characters()
            .into_iter()
            .zip(0..=u8::MAX)
            .filter(|(it, _)| *it != '\u{fffd}')
            .collect();
        bytes.sort_unstable();
        // Of several bytes for a character the last one is used, as in iconv-lite.
        let find = |character: char| {
            let end = bytes.partition_point(|(known, _)| *known <= character);
            let (known, byte) = bytes.get(end.checked_sub(1)?)?;
            (*known == character).then_some(*byte)
        };
        text.chars().map(|character| find(character).unwrap_or(b'?')).collect()
    }
}

/// The byte and the character of `8000c7`.
fn entry(text: &str) -> Option<(u8, char)> {
    let (byte, character) = text.split_at_checked(2)?;
    let character = char::from_u32(u32::from_str_radix(character, 16).ok()?)?;
    Some((u8::from_str_radix(byte, 16).ok()?, character))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_of_the_table_is_a_code_page() {
        for line in TABLE.lines() {
            let (name, entries) = line.split_once(' ').unwrap();
            assert!(entries.split(' ').all(|it| entry(it).is_some()), "{name}");
            let page = CodePage::named(name).unwrap();
            let known = page.characters().into_iter().filter(|it| *it != '\u{fffd}');
            let text: String = known.collect();
            let decode = |bytes: Vec<u8>| -> String {
                bytes.into_iter().map(|byte| page.characters()[usize::from(byte)]).collect()
            };
            assert_eq!(decode(page.encode(&text)), text, "{name}");
        }
    }
}
