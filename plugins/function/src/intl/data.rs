//! The words of each locale, read from a table when they are first asked for.

use std::collections::HashMap;
use std::sync::LazyLock;

/// Lines of a name and its cells, between tabs; a line `locale` begins the next one.
const TABLE: &str = include_str!("locales.txt");

/// Languages that Node.js has words for and the table has not.
const OTHERS: &str = include_str!("languages.txt");

type Lines = HashMap<&'static str, &'static str>;

/// The parent and the lines of each locale.
static BLOCKS: LazyLock<HashMap<&'static str, (&'static str, &'static str)>> =
    LazyLock::new(|| {
        let blocks = TABLE.split("\nlocale\t").skip(1).filter_map(|block| {
            let (head, lines) = block.split_once('\n').unwrap_or((block, ""));
            let (tag, parent) = head.split_once('\t')?;
            Some((tag, (parent, lines)))
        });
        blocks.collect()
    });

static COMMON: LazyLock<Lines> =
    LazyLock::new(|| block("*").map(|(_, lines)| lines).unwrap_or_default());
static PATTERNS: LazyLock<Vec<&'static str>> = LazyLock::new(|| common("patterns").collect());

/// What is the same in all locales.
pub(super) fn common(name: &str) -> impl Iterator<Item = &'static str> {
    cells_of(COMMON.get(name).copied())
}

/// The pattern of a number that stands in a locale's lines.
pub(super) fn pattern(number: &str) -> Option<&'static str> {
    PATTERNS.get(number.parse::<usize>().ok()?).copied()
}

/// One locale.
#[derive(Clone, Debug)]
pub(super) struct Locale {
    own: Lines,
    language: Lines,
}

impl Locale {
    /// The locale of a tag that [`resolve`] gave.
    pub(super) fn load(tag: &str) -> Option<Self> {
        let (parent, own) = block(tag)?;
        let language = match parent {
            "" => Lines::new(),
            parent => block(parent)?.1,
        };
        Some(Locale { own, language })
    }

    pub(super) fn cells(&self, name: &str) -> impl Iterator<Item = &'static str> + use<> {
        cells_of(self.own.get(name).or_else(|| self.language.get(name)).copied())
    }

    pub(super) fn cell(&self, name: &str, at: usize) -> &'static str {
        self.cells(name).nth(at).unwrap_or_default()
    }
}

fn cells_of(line: Option<&'static str>) -> impl Iterator<Item = &'static str> + use<> {
    line.into_iter().flat_map(|line| line.split('\t'))
}

/// The cell behind the one that is `name`, of cells in pairs.
pub(super) fn after(cells: impl Iterator<Item = &'static str>, name: &str) -> Option<&'static str> {
    let mut cells = cells;
    while let (Some(key), Some(value)) = (cells.next(), cells.next()) {
        if key == name {
            return Some(value);
        }
    }
    None
}

/// The parent and the lines of a locale.
fn block(tag: &str) -> Option<(&'static str, Lines)> {
    let (parent, lines) = BLOCKS.get(tag)?;
    Some((parent, lines.lines().filter_map(|line| line.split_once('\t')).collect()))
}

/// The locale that is nearest to what a tag asks for.
pub(super) fn resolve(tag: &str) -> Option<String> {
    let mut parts = tag.split('-');
    let language = parts.next()?.to_ascii_lowercase();
    let (mut script, mut region) = (String::new(), String::new());
    for part in parts.take_while(|part| part.len() > 1) {
        match part.len() {
            4 if part.starts_with(|c: char| c.is_ascii_alphabetic()) => {
                script = part.to_ascii_lowercase()
            }
            2 | 3 if region.is_empty() => region = part.to_ascii_uppercase(),
            _ => {}
        }
    }
    match (language.as_str(), script.as_str(), region.as_str()) {
        (_, "", _) | ("zh", "hans", "CN" | "SG") | ("zh", "hant", "TW" | "HK") => {}
        ("zh", "hant", "") => region = "TW".to_owned(),
        ("zh", "hans", "") | ("sr", "cyrl", _) => {}
        (_, "latn", _) if !matches!(language.as_str(), "sr" | "zh" | "ja" | "ko") => {}
        _ => return None,
    }
    if !tag.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return None;
    }
    let exists = |tag: &str| BLOCKS.contains_key(tag);
    let full = format!("{language}-{region}");
    // Where English and Spanish are spoken beside those that are listed.
    let wider = match language.as_str() {
        "en" => "en-001",
        "es" => "es-419",
        other => other,
    };
    let found = match region.as_str() {
        "" => language.clone(),
        _ if exists(&full) => full,
        _ => wider.to_owned(),
    };
    exists(&found).then_some(found)
}

/// Whether somewhere else there are words for the language of a tag. Those of another language
/// would be a surprise then.
pub(super) fn has_words(tag: &str) -> bool {
    let language = tag.split('-').next().unwrap_or_default().to_ascii_lowercase();
    BLOCKS.contains_key(language.as_str()) || OTHERS.split_whitespace().any(|it| it == language)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_finds_the_nearest_locale() {
        for (tag, expected) in [
            ("de", Some("de")),
            ("de-AT", Some("de-AT")),
            ("DE-at", Some("de-AT")),
            ("de-US", Some("de")),
            ("en-KE", Some("en-001")),
            ("zh-Hant", Some("zh-TW")),
            ("zh-Hans-CN", Some("zh-CN")),
            ("de-DE-u-co-phonebk", Some("de-DE")),
            ("th-TH", None),
            ("*", None),
        ] {
            assert_eq!(resolve(tag).as_deref(), expected, "{tag}");
        }
    }
}
