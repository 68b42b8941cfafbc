//! `tokens`: splits JavaScript into words, punctuation and literals, to find the names that it uses. Code that it
//! cannot split safely has no tokens.

/// A piece of code.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Token<'a> {
    /// A name or keyword, also a number.
    Word(&'a str),
    /// One character of punctuation.
    Mark(char),
    /// A string without escapes.
    Text(&'a str),
    /// Another string, a piece of a template, or a regular expression.
    Literal,
}

/// The tokens of `code` without comments; `None` for code that cannot be split safely.
pub(crate) fn tokens(code: &str) -> Option<Vec<Token<'_>>> {
    located(code).map(|tokens| tokens.into_iter().map(|(_, token)| token).collect())
}

/// The same, each with the place in the code where it was found.
pub(crate) fn located(code: &str) -> Option<Vec<(usize, Token<'_>)>> {
    // HTML comments, which are valid in scripts.
    if code.contains("<!--") || code.lines().any(|line| line.trim_start().starts_with("-->")) {
        return None;
    }
    let mut cutter = Cutter { rest: code, ..Cutter::default() };
    let mut places = Vec::new();
    while let Some(next) = cutter.rest.chars().next() {
        let place = code.len() - cutter.rest.len();
        cutter.cut(next)?;
        places.resize(cutter.tokens.len(), place);
    }
    cutter.templates.is_empty().then(|| places.into_iter().zip(cutter.tokens).collect())
}

#[derive(Default)]
struct Cutter<'a> {
    rest: &'a str,
    tokens: Vec<Token<'a>>,
    /// For each open `${` of a template: the braces that are open within it.
    templates: Vec<usize>,
    /// For each open bracket: whether it belongs to a statement like `if`.
    brackets: Vec<bool>,
    /// The same of the bracket that was closed last.
    closed: bool,
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '$' || !c.is_ascii()
}

impl<'a> Cutter<'a> {
    /// Takes the next token, or space between tokens, off the rest.
    fn cut(&mut self, next: char) -> Option<&'a str> {
        Some(match next {
            // Unicode spaces, which would otherwise be read as words.
            c if !c.is_ascii() && (c.is_whitespace() || c == '\u{feff}') => return None,
            c if c.is_whitespace() => self.skip(c.len_utf8()),
            c if is_word(c) => {
                let end = self.rest.find(|c| !is_word(c)).unwrap_or(self.rest.len());
                let word = self.skip(end);
                self.tokens.push(Token::Word(word));
                word
            }
            '"' | '\'' => self.string(next)?,
            '`' => self.template(1)?,
            '/' if self.rest.starts_with("//") => self.skip(
                self.rest.find(['\n', '\r', '\u{2028}', '\u{2029}']).unwrap_or(self.rest.len()),
            ),
            '/' if self.rest.starts_with("/*") => self.skip(self.rest.get(2..)?.find("*/")? + 4),
            '/' if self.divides()? => self.mark(next),
            '/' => self.regexp()?,
            // An escape in a name.
            '\\' => return None,
            '{' | '}' => self.brace(next)?,
            _ => self.mark(next),
        })
    }

    fn skip(&mut self, length: usize) -> &'a str {
        let (skipped, rest) = self.rest.split_at(length);
        self.rest = rest;
        skipped
    }

    fn mark(&mut self, mark: char) -> &'a str {
        self.bracket(mark);
        self.tokens.push(Token::Mark(mark));
        self.skip(mark.len_utf8())
    }

    fn bracket(&mut self, mark: char) {
        const STATEMENTS: [&str; 4] = ["if", "while", "for", "with"];
        match mark {
            '(' => {
                let before = self.tokens.last();
                let heads = matches!(before, Some(Token::Word(word)) if STATEMENTS.contains(word));
                self.brackets.push(heads);
            }
            ')' => self.closed = self.brackets.pop().unwrap_or_default(),
            _ => {}
        }
    }

    fn brace(&mut self, brace: char) -> Option<&'a str> {
        match (brace, self.templates.last_mut()) {
            ('}', Some(0)) => {
                self.templates.pop();
                self.tokens.push(Token::Mark(']'));
                return self.template(1);
            }
            ('}', Some(open)) => *open -= 1,
            (_, Some(open)) => *open += 1,
            (_, None) => {}
        }
        Some(self.mark(brace))
    }

    /// A template from its start, or from the end of a substitution.
    fn template(&mut self, start: usize) -> Option<&'a str> {
        self.skip(start);
        self.tokens.push(Token::Literal);
        let mut characters = self.rest.char_indices();
        while let Some((at, character)) = characters.next() {
            match character {
                '\\' => _ = characters.next(),
                '`' => return Some(self.skip(at + 1)),
                '$' if self.rest.get(at..).is_some_and(|rest| rest.starts_with("${")) => {
                    self.skip(at + 2);
                    self.templates.push(0);
                    // A substitution is like an expression in brackets.
                    self.tokens.push(Token::Mark('['));
                    return Some("");
                }
                _ => {}
            }
        }
        None
    }

    fn string(&mut self, quote: char) -> Option<&'a str> {
        let mut escaped = false;
        let mut characters = self.rest.char_indices().skip(1);
        while let Some((at, character)) = characters.next() {
            match character {
                '\\' => {
                    escaped = true;
                    characters.next();
                }
                '\n' | '\r' => return None,
                c if c == quote => {
                    let text = self.rest.get(1..at).unwrap_or_default();
                    self.tokens.push(if escaped { Token::Literal } else { Token::Text(text) });
                    return Some(self.skip(at + 1));
                }
                _ => {}
            }
        }
        None
    }

    /// Whether a `/` here is a division; `None` if the previous token does not tell.
    fn divides(&self) -> Option<bool> {
        const OPERATORS: [&str; 8] = ["return", "typeof", "case", "in", "of", "void", "do", "else"];
        match self.tokens.last() {
            Some(Token::Word(word)) => Some(!OPERATORS.contains(word)),
            Some(Token::Mark('}' | '+' | '-')) => None,
            Some(Token::Mark(')')) => Some(!self.closed),
            Some(Token::Mark(mark)) => Some(*mark == ']'),
            Some(Token::Text(_) | Token::Literal) => Some(true),
            None => Some(false),
        }
    }

    fn regexp(&mut self) -> Option<&'a str> {
        let mut in_class = false;
        let mut characters = self.rest.char_indices().skip(1);
        while let Some((at, character)) = characters.next() {
            match character {
                '\\' => _ = characters.next(),
                '\n' | '\r' => return None,
                '[' => in_class = true,
                ']' => in_class = false,
                '/' if !in_class => {
                    self.tokens.push(Token::Literal);
                    return Some(self.skip(at + 1));
                }
                _ => {}
            }
        }
        None
    }
}
