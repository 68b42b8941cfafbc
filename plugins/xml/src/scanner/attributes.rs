//! Attributes.

use std::collections::HashSet;

use ferrowire::{Key, NodeError};

use super::names::{is_body, is_space, is_start};
use super::tag::End;
use super::{Namespace, Scanner, Tag};

#[derive(Debug)]
pub(crate) struct Attribute {
    pub(crate) name: Key,
    pub(crate) value: String,
    /// The namespace of the attribute, if namespaces are resolved.
    pub(crate) namespace: Option<Namespace>,
}

/// What follows an attribute.
enum Next {
    /// White space, or something that is ignored.
    Space,
    /// The first character of the next name.
    Name(char),
    Slash,
    End,
}

/// So many attributes are looked through for a name.
const FEW: usize = 16;

/// The attributes of a tag, of which the first of each name counts.
struct List<'a> {
    tag: &'a mut Tag,
    /// The names, if there are many.
    names: HashSet<Key>,
}

impl List<'_> {
    fn add(&mut self, name: Key, value: String) {
        let own = &mut self.tag.attributes;
        if own.len() == FEW {
            self.names = own.iter().map(|attribute| attribute.name.clone()).collect();
        }
        let is_new = match own.len() {
            ..FEW => own.iter().all(|attribute| attribute.name != name),
            _ => self.names.insert(name.clone()),
        };
        if is_new {
            own.push(Attribute { name, value, namespace: None });
        }
    }
}

impl Scanner<'_> {
    pub(super) fn read_attributes(&mut self, tag: &mut Tag) -> Result<End, NodeError> {
        let mut list = List { tag, names: HashSet::new() };
        let mut next = Next::Space;
        loop {
            next = match next {
                Next::Space => self.find_attribute()?,
                Next::Name(first) => self.read_attribute(first, &mut list)?,
                Next::End => return Ok(End::Open),
                Next::Slash if self.bump_or_end()? == '>' => return Ok(End::Closed),
                Next::Slash => {
                    self.complain("Forward-slash in opening tag not followed by >")?;
                    Next::Space
                }
            };
        }
    }

    fn find_attribute(&mut self) -> Result<Next, NodeError> {
        loop {
            match self.bump_or_end()? {
                c if is_space(c) => {}
                '>' => return Ok(Next::End),
                '/' => return Ok(Next::Slash),
                c if is_start(c) => return Ok(Next::Name(c)),
                _ => self.complain("Invalid attribute name")?,
            }
        }
    }

    fn read_attribute(&mut self, first: char, list: &mut List<'_>) -> Result<Next, NodeError> {
        let mut name = String::from(first);
        loop {
            match self.bump_or_end()? {
                '=' => return self.read_value(name, list),
                '>' => {
                    self.complain("Attribute without value")?;
                    list.add(self.cased(&name), name);
                    return Ok(Next::End);
                }
                c if is_space(c) => return self.read_after_name(name, list),
                c if is_body(c) => name.push(c),
                _ => self.complain("Invalid attribute name")?,
            }
        }
    }

    /// Reads what follows a name and white space.
    fn read_after_name(&mut self, name: String, list: &mut List<'_>) -> Result<Next, NodeError> {
        let c = self.bump_over_space()?;
        if c == '=' {
            return self.read_value(name, list);
        }
        self.complain("Attribute without value")?;
        list.add(name.into(), String::new());
        self.after_value(c)
    }

    fn bump_over_space(&mut self) -> Result<char, NodeError> {
        loop {
            let c = self.bump_or_end()?;
            if !is_space(c) {
                return Ok(c);
            }
        }
    }

    fn read_value(&mut self, name: String, list: &mut List<'_>) -> Result<Next, NodeError> {
        let c = self.bump_over_space()?;
        let name = self.cased(&name);
        if !matches!(c, '"' | '\'') {
            if self.reading.is_strict {
                return Err(self.error("Unquoted attribute value"));
            }
            let (value, end) = self.read_until(String::from(c), b"> \n\r\t&")?;
            list.add(name, value);
            return Ok(if end == '>' { Next::End } else { Next::Space });
        }
        let ends = if c == '"' { b"\"&" } else { b"'&" };
        let (value, _) = self.read_until(String::new(), ends)?;
        list.add(name, value);
        let c = self.bump_or_end()?;
        if is_start(c) {
            self.complain("No whitespace between attributes")?;
        }
        self.after_value(c)
    }

    fn after_value(&mut self, c: char) -> Result<Next, NodeError> {
        Ok(match c {
            '>' => Next::End,
            '/' => Next::Slash,
            c if is_start(c) => Next::Name(c),
            c => {
                if !is_space(c) {
                    self.complain("Invalid attribute name")?;
                }
                Next::Space
            }
        })
    }

    /// Adds to `value` what comes before one of `ends`, of which `&` begins an entity to replace.
    fn read_until(&mut self, mut value: String, ends: &[u8]) -> Result<(String, char), NodeError> {
        loop {
            value.push_str(self.take_until(ends));
            match self.bump_or_end()? {
                '&' => value.push_str(&self.read_entity()?),
                end => return Ok((value, end)),
            }
        }
    }
}
