//! Tags.

use ferrowire::{Key, NodeError};

use super::names::{is_body, is_space, is_start};
use super::{DEEPEST, Event, Scanner, Tag};

/// How the tag of an element ends.
#[derive(PartialEq)]
pub(super) enum End {
    Open,
    /// `/>`
    Closed,
}

impl<'a> Scanner<'a> {
    pub(super) fn read_open_tag(&mut self, first: char) -> Result<(), NodeError> {
        let (name, next) = self.read_name(first)?;
        let mut tag = Tag { name: self.cased(name), ..Tag::default() };
        let end = match next {
            '>' => End::Open,
            '/' => self.read_slash(&mut tag)?,
            next => {
                if !is_space(next) {
                    self.complain("Invalid character in tag name")?;
                }
                self.read_attributes(&mut tag)?
            }
        };
        self.open(tag)?;
        if end == End::Closed {
            self.close(self.open.len().saturating_sub(1));
        }
        Ok(())
    }

    /// Reads the rest of a name, and the character after it.
    pub(super) fn read_name(&mut self, first: char) -> Result<(&'a str, char), NodeError> {
        let start = self.at - first.len_utf8();
        let rest = self.rest();
        self.at += rest.find(|c| !is_body(c)).unwrap_or(rest.len());
        let name = self.text.get(start..self.at).unwrap_or_default();
        Ok((name, self.bump_or_end()?))
    }

    /// Names in the lenient mode are in capitals.
    pub(super) fn cased(&self, name: &str) -> Key {
        if self.reading.is_strict { name.into() } else { name.to_uppercase().into() }
    }

    /// Reads what follows the slash of an empty element.
    pub(super) fn read_slash(&mut self, tag: &mut Tag) -> Result<End, NodeError> {
        if self.bump_or_end()? == '>' {
            return Ok(End::Closed);
        }
        self.complain("Forward-slash in opening tag not followed by >")?;
        self.read_attributes(tag)
    }

    fn open(&mut self, mut tag: Tag) -> Result<(), NodeError> {
        if self.open.len() >= DEEPEST {
            let text = format!("the XML has more than {DEEPEST} elements within each other");
            return Err(NodeError::new(text));
        }
        if let Some(mut namespaces) = self.namespaces.take() {
            namespaces.enter(&mut tag, self)?;
            self.namespaces = Some(namespaces);
        }
        self.saw_root = true;
        let is_script = !self.reading.is_strict && tag.name == "SCRIPT";
        self.open.push(tag.name.clone());
        self.add(Event::Open(tag));
        if is_script {
            self.skip_script();
        }
        Ok(())
    }

    /// The content of a script is not read in the lenient mode.
    fn skip_script(&mut self) {
        let rest = self.rest().as_bytes();
        let is_end = |window: &[u8]| window.eq_ignore_ascii_case(b"</script");
        self.at += rest.windows(8).position(is_end).unwrap_or(rest.len());
    }

    pub(super) fn read_close_tag(&mut self) -> Result<(), NodeError> {
        let first = loop {
            match self.bump_or_end()? {
                c if is_start(c) => break c,
                c if is_space(c) => {}
                _ => self.complain("Invalid tagname in closing tag.")?,
            }
        };
        let (name, mut next) = self.read_name(first)?;
        if next != '>' && !is_space(next) {
            self.complain("Invalid tagname in closing tag")?;
        }
        while next != '>' {
            next = self.bump_or_end()?;
            if next != '>' && !is_space(next) {
                self.complain("Invalid characters in closing tag")?;
            }
        }
        self.close_named(name)
    }

    fn close_named(&mut self, typed: &str) -> Result<(), NodeError> {
        let name = self.cased(typed);
        if self.open.last().is_some_and(|open| *open != name) {
            self.complain("Unexpected close tag")?;
        }
        match self.open.iter().rposition(|open| *open == name) {
            Some(at) => self.close(at),
            None => {
                self.complain(&format!("Unmatched closing tag: {typed}"))?;
                self.content.push_str(&format!("</{typed}>"));
            }
        }
        Ok(())
    }

    /// Closes the elements from the one at `depth` on.
    fn close(&mut self, depth: usize) {
        while self.open.len() > depth {
            self.open.pop();
            self.add(Event::Close);
            if let Some(namespaces) = &mut self.namespaces {
                namespaces.leave();
            }
        }
    }
}
