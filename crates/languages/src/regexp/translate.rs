//! Translates JavaScript's regular expressions to the syntax of the crates that match them. Where
//! the two differ, the JavaScript meaning is written out.

/// `\s` in JavaScript, without brackets.
const SPACE: &str = r"\t\n\x0B\x0C\r \u{A0}\u{1680}\u{2000}-\u{200A}\u{2028}\u{2029}\u{202F}\u{205F}\u{3000}\u{FEFF}";

/// `\w`, without brackets.
const WORD: &str = "0-9A-Za-z_";

/// The expression to the left, for quantifiers.
#[derive(Clone, Copy, PartialEq)]
enum Left {
    Nothing,
    Atom,
    Quantifier,
}

/// An expression in the syntax of the matching crates.
pub(super) struct Translation {
    pub(super) pattern: String,
    /// A feature that prevents matching in linear time, if there is one.
    pub(super) backtracks: Option<&'static str>,
    /// For parts of the pattern, in order: the byte at which one starts, and the matching character
    /// of the source.
    places: Vec<(usize, usize)>,
}

impl Translation {
    /// The character of the source, counted from 1, for the byte `at` of the pattern.
    pub(super) fn place(&self, at: usize) -> usize {
        let before = self.places.partition_point(|(byte, _)| *byte <= at);
        before.checked_sub(1).and_then(|last| self.places.get(last)).map_or(1, |(_, place)| *place)
    }
}

/// An error in an expression, and its position in characters, counted from 1.
pub(super) type Mistake = (String, usize);

/// Translates `source`.
pub(super) fn translate(source: &str) -> Result<Translation, Mistake> {
    let translation = Translator::new(source, false).translate()?;
    match translation.backtracks {
        None => Ok(translation),
        Some(_) => Translator::new(source, true).translate(),
    }
}

struct Translator<'a> {
    source: &'a str,
    rest: std::iter::Peekable<std::str::Chars<'a>>,
    out: String,
    left: Left,
    /// For the backtracking crate, which lacks ASCII word boundaries but supports look-around.
    looks: bool,
    backtracks: Option<&'static str>,
    groups: usize,
    /// The largest group that is referenced.
    referred: usize,
    places: Vec<(usize, usize)>,
}

type Translated = Result<(), String>;

impl<'a> Translator<'a> {
    fn new(source: &'a str, looks: bool) -> Self {
        Translator {
            source,
            rest: source.chars().peekable(),
            out: String::new(),
            left: Left::Nothing,
            looks,
            backtracks: None,
            groups: 0,
            referred: 0,
            places: Vec::new(),
        }
    }

    fn translate(mut self) -> Result<Translation, Mistake> {
        let length = self.source.chars().count();
        let place = |rest: usize| (length - rest).max(1);
        while let Some(c) = self.rest.next() {
            self.places.push((self.out.len(), place(self.rest.clone().count())));
            self.part(c).map_err(|reason| (reason, place(self.rest.clone().count())))?;
        }
        if self.referred > self.groups {
            let text = format!("there is no group {} to refer back to", self.referred);
            return Err((text, length));
        }
        let Translator { out: pattern, backtracks, places, .. } = self;
        Ok(Translation { pattern, backtracks, places })
    }

    fn part(&mut self, c: char) -> Translated {
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
            // A lone `}` or `]` is literal in both.
            '}' | ']' => self.atom(&format!("\\{c}")),
            c => self.atom(c.encode_utf8(&mut [0; 4])),
        }
        Ok(())
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

    /// `{2}`, `{2,}` and `{2,3}` are quantifiers; any other brace is literal.
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
        // The inner part is ASCII: its length in characters, plus the brace.
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
            self.groups += 1;
            return Ok(());
        }
        self.out.push('?');
        let mut ahead = self.rest.clone();
        match (ahead.next(), ahead.next()) {
            (Some('=' | '!'), _) => self.look(1),
            (Some('<'), Some('=' | '!')) => self.look(2),
            (Some(first @ (':' | '<')), _) => {
                self.groups += usize::from(first == '<');
                // The rest of the opening: `:`, or a name in angle brackets.
                for c in self.rest.by_ref() {
                    self.out.push(c);
                    if matches!(c, ':' | '>') {
                        break;
                    }
                }
            }
            _ => return Err("unknown group after `(?`".to_owned()),
        }
        Ok(())
    }

    fn look(&mut self, length: usize) {
        self.backtracks = Some("it looks ahead or behind");
        self.out.extend(self.rest.by_ref().take(length));
    }

    /// `\1` or `\12`: as many digits as there are groups for, including later ones. A reference to
    /// a group that did not participate matches the empty string.
    fn refer(&mut self, first: char) {
        self.backtracks = Some("it refers back to a group");
        let all = self.source.matches('(').count();
        let mut number = first.to_digit(10).unwrap_or_default() as usize;
        while let Some(digit) = self.rest.peek().and_then(|c| c.to_digit(10)) {
            let longer = number * 10 + digit as usize;
            if longer > all {
                break;
            }
            number = longer;
            self.rest.next();
        }
        self.referred = self.referred.max(number);
        self.atom(&format!(r"(?:(?({number})\{number}))"));
    }

    /// `\k<name>`.
    fn refer_by_name(&mut self) -> Translated {
        self.backtracks = Some("it refers back to a group");
        let name: String = self.rest.by_ref().take_while(|c| *c != '>').collect();
        let name = name.strip_prefix('<').filter(|name| !name.is_empty());
        let name = name.ok_or("expected `<`, a name and `>` after `\\k`")?;
        self.atom(&format!(r"(?:(?(<{name}>)\k<{name}>))"));
        Ok(())
    }

    fn boundary(&mut self, not: bool) {
        // Both ASCII-only, as in JavaScript.
        let (inside, outside) = match not {
            false => (r"(?-u:\b)", ("(?!", "(?=")),
            true => (r"(?-u:\B)", ("(?=", "(?!")),
        };
        if self.looks {
            let (a, b) = outside;
            let boundary = format!("(?:(?<=[{WORD}]){a}[{WORD}])|(?<![{WORD}]){b}[{WORD}]))");
            self.out.push_str(&boundary);
        } else {
            self.out.push_str(inside);
        }
        self.left = Left::Nothing;
    }

    fn escape(&mut self) -> Translated {
        let Some(c) = self.rest.next() else { return Err("it ends with `\\`".to_owned()) };
        match c {
            'b' | 'B' => self.boundary(c == 'B'),
            'd' | 'D' | 'w' | 'W' | 's' | 'S' => self.atom(&named_class(c)),
            '1'..='9' => self.refer(c),
            'k' => self.refer_by_name()?,
            c => {
                let text = self.character(c)?;
                self.atom(&text);
            }
        }
        Ok(())
    }

    /// An escape for a single character, in a class or outside.
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
                _ => return Err("expected a letter after `\\c`".to_owned()),
            },
            // Any other escaped character is literal.
            c if c.is_ascii_punctuation() => format!("\\x{:02X}", u32::from(c)),
            c => c.to_string(),
        })
    }

    fn hexadecimal(&mut self, c: char, length: usize) -> Result<String, String> {
        let digits: String = (0..length).filter_map(|_| self.rest.next()).collect();
        if digits.len() != length || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(format!("expected {length} hexadecimal digits after `\\{c}`"));
        }
        Ok(format!(r"\x{{{digits}}}"))
    }

    fn class(&mut self) -> Translated {
        let negated = self.rest.next_if_eq(&'^').is_some();
        if self.rest.next_if_eq(&']').is_some() {
            // An empty class matches nothing; negated, everything.
            self.atom(if negated { r"[\s\S]" } else { r"[^\s\S]" });
            return Ok(());
        }
        self.out.push_str(if negated { "[^" } else { "[" });
        let mut after_dash = false;
        loop {
            let Some(c) = self.rest.next() else { return Err("expected `]`".to_owned()) };
            match c {
                ']' => break,
                '\\' => self.escape_in_class()?,
                // A second dash would be a class subtraction.
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
