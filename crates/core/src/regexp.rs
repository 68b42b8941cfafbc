//! JavaScript's regular expressions for a matcher that takes linear time.
//!
//! The two syntaxes agree in most places; where they do not, the JavaScript meaning is written
//! out. What takes more than linear time (looking around, references back) is refused.

pub use regex::Regex;
use regex::RegexBuilder;

/// What `\s` means in JavaScript, without brackets.
const SPACE: &str = r"\t\n\x0B\x0C\r \u{A0}\u{1680}\u{2000}-\u{200A}\u{2028}\u{2029}\u{202F}\u{205F}\u{3000}\u{FEFF}";

/// What `\w` means, without brackets.
const WORD: &str = "0-9A-Za-z_";

/// Compiles the JavaScript expression `source`.
///
/// # Errors
/// With the source and what is wrong with it, or what of it is not linear.
pub fn compile(source: &str) -> Result<Regex, String> {
    compile_with(source, false)
}

/// Like [`compile`]; `ignore_case` is JavaScript's flag `i`.
///
/// # Errors
/// See [`compile`].
pub fn compile_with(source: &str, ignore_case: bool) -> Result<Regex, String> {
    let invalid = |reason: &str| format!("`{source}` is no usable regular expression: {reason}");
    let translated = Translator::new(source).translate().map_err(|reason| invalid(&reason))?;
    RegexBuilder::new(&translated).case_insensitive(ignore_case).build().map_err(
        |error| match error {
            regex::Error::CompiledTooBig(_) => invalid("it is too large"),
            error => {
                // The last line has the reason, those before it draw an arrow.
                let text = error.to_string();
                invalid(text.lines().last().unwrap_or_default().trim_start_matches("error: "))
            }
        },
    )
}

/// The JavaScript expression `source` in the words of the crate `regex`.
///
/// # Errors
/// With the reason alone.
pub(crate) fn translate(source: &str) -> Result<String, String> {
    Translator::new(source).translate()
}

/// What stands to the left, for quantifiers.
#[derive(Clone, Copy, PartialEq)]
enum Left {
    Nothing,
    Atom,
    Quantifier,
}

struct Translator<'a> {
    rest: std::iter::Peekable<std::str::Chars<'a>>,
    out: String,
    left: Left,
}

type Translated = Result<(), String>;

impl<'a> Translator<'a> {
    fn new(source: &'a str) -> Self {
        Translator { rest: source.chars().peekable(), out: String::new(), left: Left::Nothing }
    }

    fn translate(mut self) -> Result<String, String> {
        while let Some(c) = self.rest.next() {
            match c {
                '\\' => self.escape()?,
                '[' => self.class()?,
                '(' => self.group()?,
                '*' | '+' | '?' => self.quantifier(c)?,
                '{' => self.brace()?,
                '|' | '^' | '$' => {
                    self.out.push(c);
                    self.left = Left::Nothing;
                }
                '.' => self.atom(r"[^\n\r\u{2028}\u{2029}]"),
                // A lone `}` or `]` is a character in both.
                c => self.atom(c.encode_utf8(&mut [0; 4])),
            }
        }
        Ok(self.out)
    }

    fn atom(&mut self, text: &str) {
        self.out.push_str(text);
        self.left = Left::Atom;
    }

    fn quantifier(&mut self, c: char) -> Translated {
        if self.left != Left::Atom {
            return Err(format!("there is nothing to repeat before `{c}`"));
        }
        self.out.push(c);
        self.end_of_quantifier();
        Ok(())
    }

    fn end_of_quantifier(&mut self) {
        if self.rest.next_if_eq(&'?').is_some() {
            self.out.push('?');
        }
        self.left = Left::Quantifier;
    }

    /// `{2}`, `{2,}` and `{2,3}` repeat; any other brace is a character.
    fn brace(&mut self) -> Translated {
        let inner: String = self.rest.clone().take_while(|c| *c != '}').collect();
        let closed = self.rest.clone().any(|c| c == '}');
        let (from, to) = inner.split_once(',').unwrap_or((&inner, ""));
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        if !closed || from.is_empty() || !digits(from) || !digits(to) {
            self.atom(r"\{");
            return Ok(());
        }
        if self.left != Left::Atom {
            return Err("there is nothing to repeat before `{`".to_owned());
        }
        self.out.push('{');
        self.out.push_str(&inner);
        self.out.push('}');
        // The inner part is ASCII, so this many characters, and the brace.
        for _ in 0..=inner.len() {
            self.rest.next();
        }
        self.end_of_quantifier();
        Ok(())
    }

    fn group(&mut self) -> Translated {
        self.out.push('(');
        self.left = Left::Nothing;
        if self.rest.next_if_eq(&'?').is_none() {
            return Ok(());
        }
        self.out.push('?');
        let mut ahead = self.rest.clone();
        match (ahead.next(), ahead.next()) {
            (Some('=' | '!'), _) | (Some('<'), Some('=' | '!')) => {
                Err("it looks ahead or behind, which is not supported".to_owned())
            }
            (Some(':' | '<'), _) => {
                // What follows belongs to the bracket: `:`, or a name in angle brackets.
                for c in self.rest.by_ref() {
                    self.out.push(c);
                    if matches!(c, ':' | '>') {
                        break;
                    }
                }
                Ok(())
            }
            _ => Err("`(?` begins no group that is known".to_owned()),
        }
    }

    fn escape(&mut self) -> Translated {
        let Some(c) = self.rest.next() else { return Err("it ends with `\\`".to_owned()) };
        match c {
            'b' | 'B' => {
                // Both ASCII, as in JavaScript.
                self.out.push_str(if c == 'b' { r"(?-u:\b)" } else { r"(?-u:\B)" });
                self.left = Left::Nothing;
            }
            'd' | 'D' | 'w' | 'W' | 's' | 'S' => self.atom(&named_class(c)),
            '1'..='9' | 'k' => {
                return Err("it refers back to a group, which is not supported".to_owned());
            }
            c => {
                let text = self.character(c)?;
                self.atom(&text);
            }
        }
        Ok(())
    }

    /// An escape that stands for one character, in or outside of a class.
    fn character(&mut self, c: char) -> Result<String, String> {
        Ok(match c {
            't' | 'n' | 'v' | 'f' | 'r' => format!("\\{c}"),
            '0' => r"\x00".to_owned(),
            'x' => self.hexadecimal(c, 2)?,
            'u' => self.hexadecimal(c, 4)?,
            'c' => match self.rest.next() {
                Some(letter) if letter.is_ascii_alphabetic() => {
                    format!(r"\x{{{:X}}}", u32::from(letter) % 32)
                }
                _ => return Err("a letter was expected after `\\c`".to_owned()),
            },
            // Any other escaped character is itself.
            c if c.is_ascii_punctuation() => format!("\\x{:02X}", u32::from(c)),
            c => c.to_string(),
        })
    }

    fn hexadecimal(&mut self, c: char, length: usize) -> Result<String, String> {
        let digits: String = (0..length).filter_map(|_| self.rest.next()).collect();
        if digits.len() != length || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(format!("{length} hexadecimal digits were expected after `\\{c}`"));
        }
        Ok(format!(r"\x{{{digits}}}"))
    }

    fn class(&mut self) -> Translated {
        let negated = self.rest.next_if_eq(&'^').is_some();
        if self.rest.next_if_eq(&']').is_some() {
            // Nothing at all, or everything.
            self.atom(if negated { r"[\s\S]" } else { r"[^\s\S]" });
            return Ok(());
        }
        self.out.push_str(if negated { "[^" } else { "[" });
        let mut after_dash = false;
        loop {
            let Some(c) = self.rest.next() else { return Err("`]` is missing".to_owned()) };
            match c {
                ']' => break,
                '\\' => self.escape_in_class()?,
                // A second dash would subtract one class from the other.
                '-' if !after_dash => self.out.push('-'),
                c if c.is_ascii_punctuation() => {
                    self.out.push_str(&format!("\\x{:02X}", u32::from(c)));
                }
                c => self.out.push(c),
            }
            after_dash = c == '-' && !after_dash;
        }
        self.atom("]");
        Ok(())
    }

    fn escape_in_class(&mut self) -> Translated {
        let Some(c) = self.rest.next() else { return Err("it ends with `\\`".to_owned()) };
        let text = match c {
            'd' | 'D' | 'w' | 'W' | 's' | 'S' => named_class(c),
            'b' => r"\x08".to_owned(),
            c => self.character(c)?,
        };
        self.out.push_str(&text);
        Ok(())
    }
}

fn named_class(c: char) -> String {
    let not = if c.is_ascii_uppercase() { "^" } else { "" };
    let inner = match c.to_ascii_lowercase() {
        'd' => "0-9",
        'w' => WORD,
        _ => SPACE,
    };
    format!("[{not}{inner}]")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(source: &str, text: &str) -> Vec<String> {
        let regexp = compile(source).unwrap();
        regexp.find_iter(text).map(|found| found.as_str().to_owned()).collect()
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
            ("[a", "`]` is missing"),
            ("a\\", "ends with"),
            (r"[z-a]", "invalid character class range"),
            (r"(a)\1", "refers back"),
            (r"(?<n>a)\k<n>", "refers back"),
            ("a(?=b)", "looks ahead or behind"),
            ("(?<!a)b", "looks ahead or behind"),
            ("(?x)a", "begins no group"),
            (r"\ud834", "not a Unicode scalar value"),
            (r"\xg", "2 hexadecimal digits"),
            ("(?:a{1000}){1000}", "too large"),
        ] {
            let error = compile(source).unwrap_err();
            assert!(error.starts_with(&format!("`{source}` is no usable")), "{error}");
            assert!(error.contains(reason), "{error}");
        }
    }
}
