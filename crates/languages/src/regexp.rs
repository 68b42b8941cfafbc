//! JavaScript's regular expressions.
//!
//! Most are matched in linear time. Expressions with look-around or back-references are matched by
//! backtracking, with a limit on the number of steps.

mod translate;

use ferrowire_core::language::{Groups, Pattern};
use translate::Translation;

/// The maximum number of backtracking steps of one search.
const STEPS: usize = 1_000_000;

/// A regular expression with JavaScript's semantics.
#[derive(Debug)]
pub(crate) struct RegExp {
    engine: Engine,
    names: Vec<(String, usize)>,
}

#[derive(Debug)]
enum Engine {
    Linear(regex::Regex),
    Backtracking(Box<fancy_regex::Regex>),
}

/// Compiles the JavaScript expression `source`; `ignore_case` is JavaScript's flag `i`.
///
/// # Errors
/// With the source, the reason and its position.
pub(crate) fn compile(source: &str, ignore_case: bool) -> Result<RegExp, String> {
    let invalid = |(reason, place): translate::Mistake| {
        format!("invalid regular expression `{source}`: {reason}, at character {place}")
    };
    let translation = translate::translate(source).map_err(invalid)?;
    let engine = match translation.backtracks {
        None => linear(&translation, ignore_case).map(Engine::Linear),
        Some(_) => backtracking(&translation, ignore_case).map(Engine::Backtracking),
    };
    engine.map(RegExp::new).map_err(invalid)
}

/// Translates the JavaScript expression `source` to the syntax of the crate `regex`.
///
/// # Errors
/// With only the reason; also if it cannot be matched in linear time.
pub(crate) fn translate_linear(source: &str) -> Result<String, String> {
    let translation = translate::translate(source).map_err(|(reason, _)| reason)?;
    match translation.backtracks {
        Some(what) => Err(format!("{what}, which is not supported here")),
        None => {
            linear(&translation, false).map(|_| translation.pattern).map_err(|(reason, _)| reason)
        }
    }
}

fn linear(
    translation: &Translation,
    ignore_case: bool,
) -> Result<regex::Regex, translate::Mistake> {
    let pattern = &translation.pattern;
    let built = regex::RegexBuilder::new(pattern).case_insensitive(ignore_case).build();
    built.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => ("it is too large".to_owned(), 1),
        error => {
            // The reason is in the last line, after a line with an arrow below the pattern.
            let text = error.to_string();
            let mut lines = text.lines().rev();
            let reason = lines.next().unwrap_or_default().trim_start_matches("error: ").to_owned();
            let arrow = lines.next().and_then(|line| line.find('^')).unwrap_or_default();
            let at = pattern.char_indices().nth(arrow.saturating_sub(4));
            (reason, translation.place(at.map_or(0, |(at, _)| at)))
        }
    })
}

fn backtracking(
    translation: &Translation,
    ignore_case: bool,
) -> Result<Box<fancy_regex::Regex>, translate::Mistake> {
    let mut builder = fancy_regex::RegexBuilder::new(&translation.pattern);
    let built = builder.case_insensitive(ignore_case).backtrack_limit(STEPS).build();
    built.map(Box::new).map_err(|error| match error {
        fancy_regex::Error::ParseError(at, reason) => {
            (plain(&reason.to_string()), translation.place(at))
        }
        error => (plain(&error.to_string()), 1),
    })
}

/// With its first letter in lower case.
fn plain(reason: &str) -> String {
    let mut letters = reason.chars();
    let first = letters.next().map(|c| c.to_ascii_lowercase());
    first.into_iter().chain(letters).collect()
}

impl RegExp {
    fn new(engine: Engine) -> Self {
        let named = |names: &mut dyn Iterator<Item = Option<&str>>| {
            let named = names.enumerate().filter_map(|(at, name)| Some((name?.to_owned(), at)));
            named.collect()
        };
        let names = match &engine {
            Engine::Linear(regex) => named(&mut regex.capture_names()),
            Engine::Backtracking(regex) => named(&mut regex.capture_names()),
        };
        RegExp { engine, names }
    }
}

impl Pattern for RegExp {
    fn is_match(&self, text: &str) -> Result<bool, String> {
        match &self.engine {
            Engine::Linear(regex) => Ok(regex.is_match(text)),
            Engine::Backtracking(regex) => regex.is_match(text).map_err(|_| too_many_steps()),
        }
    }

    fn find_at(&self, text: &str, at: usize) -> Result<Option<Groups>, String> {
        Ok(match &self.engine {
            Engine::Linear(regex) => {
                let found = regex.captures_at(text, at);
                found.map(|found| found.iter().map(|group| Some(group?.range())).collect())
            }
            Engine::Backtracking(regex) => {
                let found = regex.captures_from_pos(text, at).map_err(|_| too_many_steps())?;
                found.map(|found| found.iter().map(|group| Some(group?.range())).collect())
            }
        })
    }

    fn names(&self) -> &[(String, usize)] {
        &self.names
    }
}

fn too_many_steps() -> String {
    format!("the regular expression needs more than {STEPS} steps back; make it simpler")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(source: &str, text: &str) -> Vec<String> {
        let regexp = compile(source, false).unwrap();
        let (mut at, mut matches) = (0, Vec::new());
        while let Some(found) = regexp.find_at(text, at).unwrap() {
            let whole = found[0].clone().unwrap();
            matches.push(text.get(whole.clone()).unwrap().to_owned());
            at = whole.end.max(at + 1);
            if at > text.len() {
                break;
            }
        }
        matches
    }

    #[test]
    fn the_syntax_means_what_it_means_in_javascript() {
        for (source, text, found) in [
            (r"\d+", "12 ٣4", &["12", "4"][..]),
            (r"\w+", "aé_1", &["a", "_1"]),
            (r"\s", "a\u{feff}b\u{2029}", &["\u{feff}", "\u{2029}"]),
            (r"\bé", "é aé", &["é"]),
            (r"\Bb", "ab b", &["b"]),
            (r"a.", "a\u{2028}a\na𝄞", &["a𝄞"]),
            (r"a$", "a\na", &["a"]),
            (r"\/\-\_\é", "/-_é", &["/-_é"]),
            (r"\x41\u00e9\cJ\0", "Aé\n\0", &["Aé\n\0"]),
            (r"a{2}b{,3}{x", "aab{,3}{x", &["aab{,3}{x"]),
            (r"a{1,}?}]", "aa}]", &["aa}]"]),
            (r"[[a&&~~b\]-]+", "[a&~b]-x", &["[a&~b]-"]),
            (r"[\w-.]+", "a-.!", &["a-."]),
            (r"[+--]+", "+,-.", &["+,-"]),
            (r"[^\d\s^]", "1 ^x", &["x"]),
            (r"[\b]", "a\u{8}", &["\u{8}"]),
            (r"[^]", "\n", &["\n"]),
            (r"a[]|b", "ab", &["b"]),
            (r"(?:a|(?<n>b))+?c", "abc", &["abc"]),
            ("", "a", &["", ""]),
            (r"\w+(?=!)", "a b! c", &["b"]),
            (r"(?<!\d)\d(?!\d)", "12 3", &["3"]),
            (r"(?<=\s+)x", "x  x", &["x"]),
            (r"\bé(?=\B)|\b\w+\b(?= )", "aé ab cd", &["é", "ab"]),
            (r"(a|b)\1", "ab bb aa", &["bb", "aa"]),
            (r"(?<q>['\x22]).*?\k<q>", "x 'a\"' y", &["'a\"'"]),
            (r"(x)?y\1z", "yz xyxz xyz", &["yz", "xyxz", "yz"]),
            (r"(a)\10", "aa0", &["aa0"]),
            (r"[\s\]](?=.)", "a ]b", &[" ", "]"]),
        ] {
            assert_eq!(matches(source, text), found, "{source}");
        }
    }

    #[test]
    fn what_javascript_refuses_or_takes_too_long_is_named() {
        for (source, reason) in [
            (r"\+**+", "nothing to repeat before `*`"),
            ("*", "nothing to repeat"),
            ("a|{2}", "nothing to repeat before `{`"),
            ("^+", "nothing to repeat"),
            ("(a", "unclosed group"),
            ("a)", "unopened group"),
            ("[a", "expected `]`"),
            ("a\\", "ends with"),
            (r"[z-a]", "invalid character class range"),
            (r"(a)\2", "no group 2 to refer back to, at character 5"),
            (r"(a)\k", "`<`, a name and `>`"),
            ("(?=a", ", at character"),
            ("aé(b", "unclosed group, at character 3"),
            ("é[^b[z-a]", "invalid character class range, the start must be <= the end, at"),
            ("(?x)a", "unknown group"),
            (r"\ud834", "not a Unicode scalar value"),
            (r"\xg", "2 hexadecimal digits"),
            ("(?:a{1000}){1000}", "too large"),
        ] {
            let error = compile(source, false).unwrap_err();
            assert!(
                error.starts_with(&format!("invalid regular expression `{source}`: ")),
                "{error}"
            );
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn backtracking_without_end_is_given_up() {
        let regexp = compile(r"^(?:(a)|\1a|a)*(?=c)", false).unwrap();
        let error = regexp.is_match(&"a".repeat(40)).unwrap_err();
        assert!(error.contains("steps back"), "{error}");
    }
}
