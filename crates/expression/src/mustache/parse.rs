//! Parses templates.

use super::{InvalidTemplate, Part};

/// The maximum nesting of sections.
const DEPTH: usize = 100;

/// The parts of a template.
pub(super) fn parts(text: &str) -> Result<Vec<Part>, InvalidTemplate> {
    let mut parser = Parser::new(text);
    parser.tokens()?;
    nest(parser.tokens, text.len())
}

#[derive(Debug)]
enum Token {
    Text(String),
    Variable { name: String, escape: bool },
    Open { name: String, inverted: bool, position: usize },
    Close { name: String, position: usize },
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    open: String,
    close: String,
    tokens: Vec<Token>,
    /// The first token of the line, and whether it has tags and anything else.
    line: usize,
    has_tag: bool,
    has_content: bool,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Self {
        Parser {
            text,
            at: 0,
            open: "{{".to_owned(),
            close: "}}".to_owned(),
            tokens: Vec::new(),
            line: 0,
            has_tag: false,
            has_content: false,
        }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn tokens(&mut self) -> Result<(), InvalidTemplate> {
        loop {
            let rest = self.rest();
            let end = rest.find(self.open.as_str());
            self.plain(rest.get(..end.unwrap_or(rest.len())).unwrap_or_default());
            let Some(end) = end else { break };
            let position = self.at + end;
            self.at = position + self.open.len();
            self.tag(position)?;
        }
        self.end_of_line();
        Ok(())
    }

    fn plain(&mut self, text: &str) {
        for piece in text.split_inclusive('\n') {
            self.has_content |= piece.contains(|c: char| !c.is_whitespace());
            self.tokens.push(Token::Text(piece.to_owned()));
            if piece.ends_with('\n') {
                self.end_of_line();
            }
        }
    }

    /// A line with only tags that render nothing is removed.
    fn end_of_line(&mut self) {
        if self.has_tag && !self.has_content {
            let line = self.tokens.split_off(self.line);
            let tags = line.into_iter().filter(|token| !matches!(token, Token::Text(_)));
            self.tokens.extend(tags);
        }
        (self.line, self.has_tag, self.has_content) = (self.tokens.len(), false, false);
    }

    fn tag(&mut self, position: usize) -> Result<(), InvalidTemplate> {
        self.has_tag = true;
        let trimmed = self.rest().trim_start();
        self.at = self.text.len() - trimmed.len();
        let kind = trimmed.chars().next().filter(|c| "#^/>{&=!".contains(*c));
        self.at += kind.map_or(0, char::len_utf8);
        let end = match kind {
            Some('=') => format!("={}", self.close),
            Some('{') => format!("}}{}", self.close),
            _ => self.close.clone(),
        };
        let rest = self.rest();
        let unclosed = || InvalidTemplate { reason: "a tag is not closed".to_owned(), position };
        let length = rest.find(&end).ok_or_else(unclosed)?;
        let content = rest.get(..length).unwrap_or_default().trim();
        self.at += length + end.len();
        let name = content.to_owned();
        match kind {
            None | Some('{' | '&') => {
                self.has_content = true;
                self.tokens.push(Token::Variable { name, escape: kind.is_none() });
            }
            Some(c @ ('#' | '^')) => {
                self.tokens.push(Token::Open { name, inverted: c == '^', position });
            }
            Some('/') => self.tokens.push(Token::Close { name, position }),
            Some('=') => self.delimiters(content, position)?,
            // A comment, or a partial, which is not supported.
            Some(_) => {}
        }
        Ok(())
    }

    fn delimiters(&mut self, content: &str, position: usize) -> Result<(), InvalidTemplate> {
        let mut words = content.split_whitespace();
        match (words.next(), words.next(), words.next()) {
            (Some(open), Some(close), None) => {
                (self.open, self.close) = (open.to_owned(), close.to_owned());
                Ok(())
            }
            _ => Err(InvalidTemplate { reason: format!("invalid tags `{content}`"), position }),
        }
    }
}

/// An open section.
struct Opened {
    name: String,
    inverted: bool,
    outside: Vec<Part>,
    position: usize,
}

fn nest(tokens: Vec<Token>, end: usize) -> Result<Vec<Part>, InvalidTemplate> {
    let fail = |reason: String, position| Err(InvalidTemplate { reason, position });
    let (mut opened, mut parts): (Vec<Opened>, Vec<Part>) = (Vec::new(), Vec::new());
    for token in tokens {
        match token {
            Token::Text(text) => match parts.last_mut() {
                Some(Part::Text(before)) => before.push_str(&text),
                _ => parts.push(Part::Text(text)),
            },
            Token::Variable { name, escape } => parts.push(Part::Variable { name, escape }),
            Token::Open { name, inverted, position } => {
                if opened.len() == DEPTH {
                    return fail(format!("more than {DEPTH} nested sections"), position);
                }
                let outside = std::mem::take(&mut parts);
                opened.push(Opened { name, inverted, outside, position });
            }
            Token::Close { name, position } => match opened.pop() {
                None => return fail(format!("unopened section `{name}`"), position),
                Some(section) if section.name != name => {
                    return fail(format!("unclosed section `{}`", section.name), position);
                }
                Some(Opened { name, inverted, mut outside, .. }) => {
                    outside.push(Part::Section { name, inverted, parts });
                    parts = outside;
                }
            },
        }
    }
    match opened.pop() {
        None => Ok(parts),
        Some(section) => {
            fail(format!("unclosed section `{}`", section.name), section.position.min(end))
        }
    }
}
