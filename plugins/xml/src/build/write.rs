//! `Writer`: values become elements.

use ferrowire::expression::javascript;
use ferrowire::{Map, NodeError, Value};

use super::style::Style;
use super::{DEEPEST, LONGEST, escape, too_deep, too_long};
use crate::error::thrown;
use crate::options::Options;

pub(super) struct Writer<'a> {
    options: &'a Options<'a>,
    uses_cdata: bool,
    style: &'a Style,
    text: String,
    /// So many elements around have text, and are not laid out.
    inline: usize,
}

/// What the content of an element consists of.
#[derive(Default)]
struct Content {
    elements: usize,
    texts: usize,
    /// There is a text that is not empty.
    has_text: bool,
}

impl<'a> Writer<'a> {
    pub(super) fn new(options: &'a Options<'a>, style: &'a Style) -> Self {
        let uses_cdata = options.given.get("cdata").is_some_and(Value::is_truthy);
        Writer { options, uses_cdata, style, text: String::new(), inline: 0 }
    }

    /// The text without the line break at its end.
    pub(super) fn end(mut self) -> String {
        if self.style.is_pretty && self.text.ends_with(&self.style.line_break) {
            self.text.truncate(self.text.len() - self.style.line_break.len());
        }
        self.text
    }

    /// Writes a line before the root element, which `end` ends.
    pub(super) fn head(&mut self, line: &str, end: &str) {
        self.indent(0);
        for part in [line, &self.style.before_slash, end] {
            self.text.push_str(part);
        }
        self.end_line();
    }

    fn is_laid_out(&self) -> bool {
        self.style.is_pretty && self.inline == 0
    }

    fn indent(&mut self, level: usize) {
        if self.is_laid_out() {
            self.text.push_str(&self.style.indent.repeat(level + self.style.offset));
        }
    }

    fn end_line(&mut self) {
        if self.is_laid_out() {
            self.text.push_str(&self.style.line_break);
        }
    }

    /// # Errors
    /// If the value has no XML, is too deep, or the text is too long: values that share parts may be
    /// small and have a long text.
    pub(super) fn element(
        &mut self,
        name: &str,
        value: &Value,
        level: usize,
    ) -> Result<(), NodeError> {
        if level >= DEEPEST {
            return Err(too_deep());
        }
        if self.text.len() > LONGEST {
            return Err(too_long());
        }
        escape::check_name(name)?;
        self.indent(level);
        self.text.push('<');
        self.text.push_str(name);
        if let Some(Value::Object(own)) = value.get(&self.options.attributes) {
            self.attributes(own)?;
        }
        let content = self.content_of(name, value)?;
        if content.elements > 0 || content.has_text {
            self.text.push('>');
            self.content(&content, value, level)?;
            self.close(name);
        } else if self.style.allows_empty {
            self.text.push('>');
            self.close(name);
        } else {
            self.text.push_str(&self.style.before_slash);
            self.text.push_str("/>");
        }
        self.end_line();
        Ok(())
    }

    fn close(&mut self, name: &str) {
        for part in ["</", name, ">"] {
            self.text.push_str(part);
        }
    }

    fn attributes(&mut self, own: &Map) -> Result<(), NodeError> {
        for (name, value) in own.iter() {
            if matches!(value, Value::Null | Value::Undefined) {
                continue;
            }
            escape::check_name(name)?;
            for part in [" ", name, "=\""] {
                self.text.push_str(part);
            }
            escape::attribute(&javascript::text_ref(Some(value)), &mut self.text)?;
            self.text.push('"');
        }
        Ok(())
    }

    fn content_of(&self, name: &str, value: &Value) -> Result<Content, NodeError> {
        let mut content = Content::default();
        let mut add_text = |value: &Value| {
            if matches!(value, Value::Undefined) {
                return Err(thrown(&format!("Missing element text. node: <{name}>")));
            }
            content.texts += 1;
            content.has_text |= *value != Value::from("");
            Ok(())
        };
        match value {
            Value::Object(map) => {
                if let Some(text) = map.get_own(&self.options.text) {
                    let is_missing = matches!(text, Value::Null);
                    add_text(if is_missing { &Value::Undefined } else { text })?;
                }
                let own = [&self.options.attributes, &self.options.text];
                let elements = map.iter().filter(|(name, _)| !own.contains(name));
                let count = |value: &Value| value.as_array().map_or(1, <[Value]>::len);
                content.elements = elements.map(|(_, value)| count(value)).sum();
            }
            Value::Array(items) => {
                content.elements = items.iter().map(names_of).sum();
            }
            // Objects without properties of their own.
            Value::Null | Value::Date(_) => {}
            // The bytes of a buffer are numbered, and a number is no name.
            Value::Buffer(bytes) if !bytes.is_empty() => escape::check_name("0")?,
            value => add_text(value)?,
        }
        Ok(content)
    }

    fn content(&mut self, content: &Content, value: &Value, level: usize) -> Result<(), NodeError> {
        let is_inline = match (content.elements, content.texts) {
            (0, 1) => true,
            (_, texts) => self.style.keeps_text && texts > 0,
        };
        self.inline += usize::from(is_inline);
        self.end_line();
        match value {
            Value::Object(map) => {
                for (name, value) in
                    map.iter().filter(|(name, _)| **name != self.options.attributes)
                {
                    self.property(name, value, level + 1)?;
                }
            }
            Value::Array(items) => {
                for item in items.iter() {
                    self.item(item, level + 1)?;
                }
            }
            value => self.line_of_text(value, level + 1)?,
        }
        self.indent(level);
        self.inline -= usize::from(is_inline);
        Ok(())
    }

    fn property(&mut self, name: &str, value: &Value, level: usize) -> Result<(), NodeError> {
        match value {
            value if *name == self.options.text => self.line_of_text(value, level),
            Value::Array(items) => {
                items.iter().try_for_each(|item| self.element(name, item, level))
            }
            Value::Undefined => self.element(name, &"".into(), level),
            value => self.element(name, value, level),
        }
    }

    /// Writes the properties of an item of a list that has no name for its items.
    fn item(&mut self, item: &Value, level: usize) -> Result<(), NodeError> {
        match item {
            Value::Object(map) => {
                map.iter().try_for_each(|(name, value)| self.element(name, value, level))
            }
            // Items and characters are numbered, and a number is no name.
            item if names_of(item) > 0 => escape::check_name("0"),
            _ => Ok(()),
        }
    }

    fn line_of_text(&mut self, value: &Value, level: usize) -> Result<(), NodeError> {
        self.indent(level);
        let text = javascript::text_ref(Some(value));
        if self.uses_cdata && text.contains(['&', '<', '>']) {
            self.text.push_str(&escape::cdata(&text));
        } else {
            escape::text(&text, &mut self.text)?;
        }
        self.end_line();
        Ok(())
    }
}

/// How many names of properties the item of a list has.
fn names_of(item: &Value) -> usize {
    match item {
        Value::Object(map) => map.len(),
        Value::Array(items) => items.len(),
        Value::String(text) => text.len(),
        Value::Buffer(bytes) => bytes.len(),
        _ => 0,
    }
}
