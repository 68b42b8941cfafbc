//! `String.prototype.replace` for every match, with the `$` patterns of JavaScript.

use ferrowire::expression::regexp::{Captures, RegExp};

/// The most bytes of the result; more are an error.
const LONGEST: usize = 512 << 20;

/// Replaces every occurrence of `sought`; `None` if there is none.
///
/// # Errors
/// When the result becomes too long.
pub(crate) fn text(text: &str, sought: &str, to: &str) -> Result<Option<String>, String> {
    let mut out = Output::new(text, false);
    for (start, found) in text.match_indices(sought) {
        out.replace(start, start + found.len(), to, None)?;
    }
    Ok(out.finish())
}

/// Replaces every match of `regexp`; `None` if there is none.
///
/// # Errors
/// When matching takes too many steps, or the result becomes too long.
pub(crate) fn regexp(text: &str, regexp: &RegExp, to: &str) -> Result<Option<String>, String> {
    let mut out = Output::new(text, regexp.has_names());
    let mut at = 0;
    // Not an iterator: it would skip an empty match right after another one, unlike JavaScript.
    while at <= text.len() {
        let Some(captures) = regexp.captures_at(text, at)? else { break };
        let found = captures.range();
        out.replace(found.start, found.end, to, Some(&captures))?;
        at = found.end;
        if found.is_empty() {
            at += text.get(at..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8);
        }
    }
    Ok(out.finish())
}

struct Output<'a> {
    text: &'a str,
    out: String,
    /// The bytes of `text` that were copied or replaced.
    done: usize,
    changed: bool,
    /// Whether the regular expression has named groups.
    named: bool,
}

impl<'a> Output<'a> {
    fn new(text: &'a str, named: bool) -> Self {
        Output { text, out: String::new(), done: 0, changed: false, named }
    }

    fn replace(
        &mut self,
        start: usize,
        end: usize,
        to: &str,
        captures: Option<&Captures<'_>>,
    ) -> Result<(), String> {
        self.out.push_str(self.text.get(self.done..start).unwrap_or_default());
        self.done = end;
        self.changed = true;
        let mut rest = to;
        while let Some(at) = rest.find('$') {
            self.out.push_str(rest.get(..at).unwrap_or_default());
            let after = rest.get(at + 1..).unwrap_or_default();
            let used = self.dollar(after, start, end, captures);
            if used == 0 {
                self.out.push('$');
            }
            rest = after.get(used..).unwrap_or_default();
            self.check()?;
        }
        self.out.push_str(rest);
        self.check()
    }

    fn check(&self) -> Result<(), String> {
        if self.out.len() > LONGEST {
            return Err(format!("the replacements make more than {LONGEST} bytes of text"));
        }
        Ok(())
    }

    /// Writes the meaning of a `$` that `after` follows. Returns the bytes of `after` that belong
    /// to it: 0 if the `$` stands for itself.
    fn dollar(
        &mut self,
        after: &str,
        start: usize,
        end: usize,
        captures: Option<&Captures<'_>>,
    ) -> usize {
        let text = self.text;
        match after.bytes().next() {
            Some(b'$') => self.write("$"),
            Some(b'&') => self.write(text.get(start..end).unwrap_or_default()),
            Some(b'`') => self.write(text.get(..start).unwrap_or_default()),
            Some(b'\'') => self.write(text.get(end..).unwrap_or_default()),
            Some(b'0'..=b'9') => self.numbered(after, captures),
            Some(b'<') => self.named(after, captures),
            _ => 0,
        }
    }

    fn write(&mut self, text: &str) -> usize {
        self.out.push_str(text);
        1
    }

    /// `$1` to `$99`; the second digit counts if there are that many groups.
    fn numbered(&mut self, after: &str, captures: Option<&Captures<'_>>) -> usize {
        let Some(captures) = captures else { return 0 };
        for digits in [2, 1] {
            let number = after.get(..digits).filter(|d| d.bytes().all(|b| b.is_ascii_digit()));
            let number: Option<usize> = number.and_then(|number| number.parse().ok());
            if let Some(number) = number.filter(|number| (1..captures.count()).contains(number)) {
                self.out.push_str(captures.group(number).unwrap_or_default());
                return digits;
            }
        }
        0
    }

    /// `$<name>`, if there are named groups; an unknown name gives an empty string.
    fn named(&mut self, after: &str, captures: Option<&Captures<'_>>) -> usize {
        let Some((name, _)) = after.get(1..).and_then(|rest| rest.split_once('>')) else {
            return 0;
        };
        let Some(captures) = captures.filter(|_| self.named) else { return 0 };
        self.out.push_str(captures.named(name).unwrap_or_default());
        name.len() + 2
    }

    fn finish(mut self) -> Option<String> {
        self.out.push_str(self.text.get(self.done..).unwrap_or_default());
        self.changed.then_some(self.out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_regexp(source: &str, subject: &str, to: &str) -> Option<String> {
        regexp(subject, &ferrowire::expression::regexp::compile(source).unwrap(), to).unwrap()
    }

    #[test]
    fn dollars_mean_what_they_mean_in_javascript() {
        for (to, expected) in [
            ("$$", "a$d"),
            ("[$&]", "a[bc]d"),
            ("$`|$'", "aa|dd"),
            ("$2$1", "acbd"),
            ("$01$10$3$0$", "abb0$3$0$d"),
            ("$<x>", "a$<x>d"),
            ("$é", "a$éd"),
        ] {
            assert_eq!(with_regexp("(b)(c)", "abcd", to).as_deref(), Some(expected), "{to}");
        }
        let named = |to| with_regexp("(?<x>b)(c)?", "abd", to);
        assert_eq!(named("$<x>$<y>$<x$2!").as_deref(), Some("ab$<x!d"));
    }

    #[test]
    fn a_text_knows_no_groups() {
        let changed = text("a.b.c", ".", "[$&$1$<x>]").unwrap();
        assert_eq!(changed.as_deref(), Some("a[.$1$<x>]b[.$1$<x>]c"));
    }

    #[test]
    fn empty_matches_are_replaced_as_in_javascript() {
        assert_eq!(with_regexp("a*", "baac", "x").as_deref(), Some("xbxxcx"));
        assert_eq!(with_regexp("", "é𝄞", "-").as_deref(), Some("-é-𝄞-"));
        assert_eq!(text("ab", "", "-").unwrap().as_deref(), Some("-a-b-"));
    }

    #[test]
    fn what_becomes_too_long_is_an_error() {
        let long = "x".repeat(1 << 20);
        let x = ferrowire::expression::regexp::compile("x").unwrap();
        for result in [text(&long, "x", &long), regexp(&long, &x, &long), regexp(&long, &x, "$'")] {
            assert!(result.unwrap_err().starts_with("the replacements make more than"));
        }
    }

    #[test]
    fn nothing_found_is_nothing_changed() {
        assert_eq!(text("abc", "x", "y"), Ok(None));
        assert_eq!(with_regexp("x", "abc", "y"), None);
    }
}
