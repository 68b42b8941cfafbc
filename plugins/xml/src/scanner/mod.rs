//! `Scanner`: splits XML into tags and text.
//!
//! It accepts what Node-RED's parser accepts, with the same errors: in the lenient mode nearly
//! everything. It knows no entities but the named characters, so a declaration cannot make a text
//! grow, and nothing in it calls itself, so depth costs no stack.

mod attributes;
mod declaration;
mod entities;
mod error;
mod names;
mod namespaces;
mod tag;

use std::collections::VecDeque;

use ferrowire::{Key, NodeError};

pub(crate) use attributes::Attribute;
use error::fail;
use names::is_space;
pub(crate) use names::{is_body as is_name_body, is_start as is_name_start};
pub(crate) use namespaces::Namespace;
use namespaces::Namespaces;

/// The maximum number of elements within each other. Each may be two levels of the object.
pub(crate) const DEEPEST: usize = 128;

/// What a document consists of.
#[derive(Debug)]
pub(crate) enum Event {
    Open(Tag),
    Close,
    Text(String),
    CData(String),
}

/// The start of an element.
#[derive(Debug, Default)]
pub(crate) struct Tag {
    pub(crate) name: Key,
    pub(crate) attributes: Vec<Attribute>,
    /// The namespace of the element, if namespaces are resolved.
    pub(crate) namespace: Option<Namespace>,
}

/// How a document is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    /// Errors are errors; otherwise most are ignored, and names are in capitals.
    pub(crate) is_strict: bool,
    pub(crate) resolves_namespaces: bool,
}

pub(crate) struct Scanner<'a> {
    text: &'a str,
    at: usize,
    reading: Reading,
    /// The names of the open elements.
    open: Vec<Key>,
    namespaces: Option<Namespaces>,
    /// The text that is collected.
    content: String,
    /// What was found and not yet returned.
    found: VecDeque<Event>,
    has_begun: bool,
    has_doctype: bool,
    saw_root: bool,
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(text: &'a str, reading: Reading) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        Scanner {
            text,
            at: 0,
            reading,
            open: Vec::new(),
            namespaces: reading.resolves_namespaces.then(Namespaces::default),
            content: String::new(),
            found: VecDeque::new(),
            has_begun: false,
            has_doctype: false,
            saw_root: false,
        }
    }

    /// The next event; `None` at the end of the text.
    ///
    /// # Errors
    /// If the text is not XML. Do not go on afterwards.
    pub(crate) fn next(&mut self) -> Result<Option<Event>, NodeError> {
        loop {
            if let Some(event) = self.found.pop_front() {
                return Ok(Some(event));
            }
            if self.at >= self.text.len() {
                return self.end();
            }
            self.read()?;
        }
    }

    fn end(&mut self) -> Result<Option<Event>, NodeError> {
        if self.is_in_root() && self.reading.is_strict {
            return Err(fail("Unclosed root tag", self.text, None));
        }
        Ok(None)
    }

    fn read(&mut self) -> Result<(), NodeError> {
        if !self.has_begun {
            return self.begin();
        }
        if self.is_in_root() {
            let plain = self.take_until(b"<&");
            self.content.push_str(plain);
        }
        match self.bump() {
            None => Ok(()),
            Some('<') if self.reading.is_strict || !self.is_after_root() => self.read_markup(),
            Some(c) => self.read_text(c),
        }
    }

    /// Reads the white space at the beginning, which belongs to no text.
    fn begin(&mut self) -> Result<(), NodeError> {
        self.has_begun = true;
        while self.peek().is_some_and(is_space) {
            self.bump();
        }
        if self.peek().is_some_and(|c| c != '<') {
            self.bump();
            self.complain("Non-whitespace before first tag.")?;
        }
        Ok(())
    }

    fn read_text(&mut self, c: char) -> Result<(), NodeError> {
        if !is_space(c) && !self.is_in_root() {
            self.complain("Text data outside of root node.")?;
        }
        if c == '&' {
            let text = self.read_entity()?;
            self.content.push_str(&text);
        } else {
            self.content.push(c);
        }
        Ok(())
    }

    /// Reads what begins with `<`.
    fn read_markup(&mut self) -> Result<(), NodeError> {
        let mut blanks = String::new();
        loop {
            match self.bump_or_end()? {
                c if is_space(c) => blanks.push(' '),
                '!' => return self.read_declaration(),
                '/' => return self.read_close_tag(),
                '?' => return self.read_instruction(),
                c if names::is_start(c) => return self.read_open_tag(c),
                c => {
                    self.complain("Unencoded <")?;
                    self.content.push('<');
                    self.content.push_str(&blanks);
                    self.content.push(c);
                    return Ok(());
                }
            }
        }
    }

    /// Reads an entity after its `&`, and returns its text.
    fn read_entity(&mut self) -> Result<String, NodeError> {
        let start = self.at;
        loop {
            let is_first = self.at == start;
            let c = self.bump_or_end()?;
            if c != ';' && names::is_of_entity(c, is_first) {
                continue;
            }
            let name = self.text.get(start..self.at - c.len_utf8()).unwrap_or_default();
            if c != ';' {
                self.complain("Invalid character in entity name")?;
                return Ok(format!("&{name}{c}"));
            }
            return match entities::character(name) {
                Some(c) => Ok(c.into()),
                None => {
                    self.complain("Invalid character entity")?;
                    Ok(format!("&{name};"))
                }
            };
        }
    }

    fn is_in_root(&self) -> bool {
        !self.open.is_empty()
    }

    fn is_after_root(&self) -> bool {
        self.saw_root && self.open.is_empty()
    }

    fn add(&mut self, event: Event) {
        self.end_content();
        self.found.push_back(event);
    }

    fn end_content(&mut self) {
        if !self.content.is_empty() {
            self.found.push_back(Event::Text(std::mem::take(&mut self.content)));
        }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    /// The next character of something that is not complete yet.
    fn bump_or_end(&mut self) -> Result<char, NodeError> {
        match self.bump() {
            Some(c) => Ok(c),
            None => Err(self.unexpected_end()),
        }
    }

    /// What comes before one of `ends`, which are ASCII, or everything.
    fn take_until(&mut self, ends: &[u8]) -> &'a str {
        let rest = self.rest();
        let end = rest.bytes().position(|byte| ends.contains(&byte)).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }

    /// What comes before `end`, which is skipped.
    fn take_through(&mut self, end: &str) -> Result<&'a str, NodeError> {
        let rest = self.rest();
        match rest.find(end) {
            Some(at) => {
                self.at += at + end.len();
                Ok(rest.get(..at).unwrap_or_default())
            }
            None => {
                self.at = self.text.len();
                Err(self.unexpected_end())
            }
        }
    }

    fn unexpected_end(&self) -> NodeError {
        let is_unclosed = self.reading.is_strict && self.is_in_root();
        fail(if is_unclosed { "Unclosed root tag" } else { "Unexpected end" }, self.text, None)
    }

    /// An error at the character that was read last.
    fn error(&self, reason: &str) -> NodeError {
        fail(reason, self.text, Some(self.at))
    }

    /// An error of the strict mode.
    fn complain(&self, reason: &str) -> Result<(), NodeError> {
        if self.reading.is_strict { Err(self.error(reason)) } else { Ok(()) }
    }
}
