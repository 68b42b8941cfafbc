//! Property expressions such as `payload.list[0]["a name"]`, as in Node-RED's dialogs. A leading
//! `msg.` is ignored.

mod crossing;

use std::sync::Arc;

use bytes::Bytes;

use crate::{Key, Map, Message, NodeError, Value, javascript};

/// A parsed property expression.
#[derive(Clone, Debug, PartialEq)]
pub struct PropertyPath {
    first: Key,
    rest: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq)]
enum Step {
    Key(Key),
    Index(usize),
    /// `[msg.topic]`: the name is the value of another property of the same message.
    Message(PropertyPath),
}

/// Why an expression is invalid, as in Node-RED's `normalisePropertyExpression`.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("invalid property expression `{expression}`: {reason} at position {position}")]
pub struct InvalidProperty {
    expression: String,
    reason: &'static str,
    position: usize,
}

/// The maximum size of an array that setting `payload[n]` may create.
const MAX_INDEX: usize = 1 << 20;

/// The maximum nesting of `[msg.a[msg.b[…]]]`.
const MAX_DEPTH: usize = 16;

impl PropertyPath {
    /// Parses `expression`.
    ///
    /// # Errors
    /// If it is empty, ends in a dot, has an unclosed bracket or quote, or an invalid index.
    pub fn parse(expression: &str) -> Result<Self, InvalidProperty> {
        let at = if expression.starts_with("msg.") { 4 } else { 0 };
        Self::parse_from(expression, at)
    }

    /// Parses a context key, where a leading `msg.` has no special meaning.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn parse_key(key: &str) -> Result<Self, InvalidProperty> {
        Self::parse_from(key, 0)
    }

    fn parse_from(expression: &str, at: usize) -> Result<Self, InvalidProperty> {
        let mut parser = Parser { text: expression.as_bytes(), at, depth: 0 };
        let fail = |(reason, position)| InvalidProperty {
            expression: expression.to_owned(),
            reason,
            position,
        };
        let path = parser.path().map_err(fail)?;
        if parser.at < parser.text.len() {
            return Err(fail(("unexpected character", parser.at)));
        }
        Ok(path)
    }

    /// This path with every `[msg.…]` replaced by its value, or `None` if one is missing in `msg`.
    pub fn resolve(&self, msg: &Message) -> Option<Self> {
        let own = |step: &Step| {
            Some(match step.resolve(msg.properties())? {
                Resolved::Key(key) => Step::Key(key.into()),
                Resolved::Index(index) => Step::Index(index),
            })
        };
        let rest: Option<Vec<Step>> = self.rest.iter().map(own).collect();
        Some(PropertyPath { first: self.first.clone(), rest: rest? })
    }

    /// The path without its first name, if that is `name`: `a.b` of `$parent.a.b`.
    pub fn below(&self, name: &str) -> Option<Self> {
        let (Step::Key(first), rest) = self.rest.split_first()? else { return None };
        (self.first == name).then(|| PropertyPath { first: first.clone(), rest: rest.to_vec() })
    }

    /// The first name.
    pub fn first(&self) -> &str {
        &self.first
    }

    /// The value at this path, or `None` if any part is missing or `undefined`.
    pub fn get<'a>(&self, msg: &'a Message) -> Option<&'a Value> {
        self.get_in(msg.properties())
    }

    /// Like [`get`](Self::get), in any object.
    pub fn get_in<'a>(&self, object: &'a Map) -> Option<&'a Value> {
        self.get_own_in(object)?.defined()
    }

    /// The value at this path, which is `undefined` for an existing place without a value.
    fn get_own_in<'a>(&self, object: &'a Map) -> Option<&'a Value> {
        let mut value = object.get_own(&self.first)?;
        for step in &self.rest {
            value = match (value, step.resolve(object)?) {
                (Value::Object(map), Resolved::Key(key)) => map.get_own(key)?,
                (Value::Object(map), Resolved::Index(index)) => map.get_own(&index.to_string())?,
                (Value::Array(items), step) => items.get(step.index()?)?,
                _ => return None,
            };
        }
        Some(value)
    }

    /// The value at this path as Node-RED's `getMessageProperty` returns it, including the `length`
    /// and elements of strings and buffers. `Ok(None)` stands for `undefined`.
    ///
    /// # Errors
    /// If a value before the last name is missing or `null`.
    pub fn read(&self, msg: &Message) -> Result<Option<Value>, CannotGet> {
        self.read_in(msg.properties())
    }

    /// Like [`read`](Self::read), in any object.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_in(&self, object: &Map) -> Result<Option<Value>, CannotGet> {
        if let Some(value) = self.get_in(object) {
            return Ok(Some(value.clone()));
        }
        let mut value = object.get(&self.first).cloned();
        for step in &self.rest {
            let step = step.resolve(object).ok_or(CannotGet)?;
            value = match value {
                None | Some(Value::Null) => return Err(CannotGet),
                Some(value) => step.of(&value),
            };
        }
        Ok(value)
    }

    /// Sets the value at this path and creates missing objects and arrays. Setting `undefined`
    /// removes the value, as in Node-RED.
    ///
    /// # Errors
    /// If a value on the path is neither an object nor an array (nor a buffer whose byte is set),
    /// as in Node-RED's `setObjectProperty`, or if an array would exceed 1,048,576 elements.
    pub fn set(&self, msg: &mut Message, value: Value) -> Result<(), CannotSet> {
        self.set_in(msg.properties_for(&self.first), value)
    }

    /// Like [`set`](Self::set), in any object.
    ///
    /// # Errors
    /// As [`set`](Self::set).
    pub fn set_in(&self, properties: &mut Map, value: Value) -> Result<(), CannotSet> {
        if value.is_undefined() {
            self.remove_in(properties);
            return Ok(());
        }
        if self.rest.is_empty() {
            match properties.get_mut(&self.first) {
                Some(place) => *place = value,
                None => drop(properties.insert(self.first.clone(), value)),
            }
            return Ok(());
        }
        let steps = self.owned_steps(properties).ok_or(CannotSet)?;
        let mut missing = !properties.contains_key(&self.first);
        let mut place = properties.get_or_insert_with(&self.first, || Value::Undefined);
        let last = self.rest.len() - 1;
        for (at, step) in steps.into_iter().enumerate() {
            if missing {
                *place = step.container();
            }
            if let (Value::Buffer(bytes), true) = (&mut *place, at == last) {
                return step.set_byte(bytes, &value);
            }
            (place, missing) = step.descend(place)?;
        }
        *place = value;
        Ok(())
    }

    /// Removes the value at this path and returns it; the following elements of an array move up.
    pub fn remove(&self, msg: &mut Message) -> Option<Value> {
        self.remove_in(msg.properties_for(&self.first))
    }

    /// Like [`remove`](Self::remove), in any object.
    pub fn remove_in(&self, object: &mut Map) -> Option<Value> {
        if self.rest.is_empty() {
            return object.remove(&self.first);
        }
        self.get_own_in(object)?;
        let mut steps = self.owned_steps(object)?;
        let last = steps.pop()?;
        let mut place = object.get_mut(&self.first)?;
        for step in steps {
            (place, _) = step.descend(place).ok()?;
        }
        match (place, last) {
            (Value::Array(items), last) => {
                let index = last.index()?;
                let items = Arc::make_mut(items);
                (index < items.len()).then(|| items.remove(index))
            }
            (place, last) => place.as_object_mut()?.remove(&last.into_key()),
        }
    }

    fn owned_steps(&self, object: &Map) -> Option<Vec<OwnedStep>> {
        let own = |step: &Step| {
            Some(match step.resolve(object)? {
                Resolved::Key(key) => OwnedStep::Key(key.into()),
                Resolved::Index(index) => OwnedStep::Index(index),
            })
        };
        self.rest.iter().map(own).collect()
    }
}

/// A property cannot be set, because a value on its path is not an object.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("cannot set a property of something that is neither an object nor an array")]
pub struct CannotSet;

/// A property cannot be read, because a value on its path is missing.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("cannot read a property of something that is missing or null")]
pub struct CannotGet;

impl From<CannotSet> for NodeError {
    fn from(error: CannotSet) -> Self {
        NodeError::new(error.to_string())
    }
}

impl From<CannotGet> for NodeError {
    fn from(error: CannotGet) -> Self {
        NodeError::new(error.to_string())
    }
}

enum Resolved<'a> {
    Key(&'a str),
    Index(usize),
}

impl Resolved<'_> {
    /// The index in an array; `list.0` means the same as `list[0]`.
    fn index(&self) -> Option<usize> {
        match self {
            Resolved::Key(key) => array_index(key),
            Resolved::Index(index) => Some(*index),
        }
    }

    /// The property of `value` that this step names, including computed ones.
    fn of(&self, value: &Value) -> Option<Value> {
        match (value, self) {
            (Value::Object(map), Resolved::Key(key)) => map.get(key).cloned(),
            (Value::Object(map), Resolved::Index(index)) => map.get(&index.to_string()).cloned(),
            (Value::Array(items), Resolved::Key("length")) => Some(items.len().into()),
            (Value::Array(items), step) => items.get(step.index()?)?.defined().cloned(),
            (Value::Buffer(bytes), Resolved::Key("length")) => Some(bytes.len().into()),
            (Value::Buffer(bytes), step) => Some(u32::from(*bytes.get(step.index()?)?).into()),
            (Value::String(text), Resolved::Key("length")) => {
                Some(text.encode_utf16().count().into())
            }
            (Value::String(text), step) => {
                let unit = text.encode_utf16().nth(step.index()?)?;
                Some(String::from_utf16_lossy(&[unit]).into())
            }
            (_, _) => None,
        }
    }
}

fn array_index(key: &str) -> Option<usize> {
    let plain = key == "0" || !key.starts_with(['0', '+']);
    if plain { key.parse().ok() } else { None }
}

impl Step {
    fn resolve<'a>(&'a self, object: &'a Map) -> Option<Resolved<'a>> {
        match self {
            Step::Key(key) => Some(Resolved::Key(key)),
            Step::Index(index) => Some(Resolved::Index(*index)),
            Step::Message(path) => match path.get_in(object)? {
                Value::String(text) => Some(Resolved::Key(text)),
                Value::Number(number) if *number >= 0.0 && number.fract() == 0.0 => {
                    Some(Resolved::Index(*number as usize))
                }
                _ => None,
            },
        }
    }
}

enum OwnedStep {
    Key(Key),
    Index(usize),
}

impl OwnedStep {
    fn index(&self) -> Option<usize> {
        match self {
            OwnedStep::Key(key) => array_index(key),
            OwnedStep::Index(index) => Some(*index),
        }
    }

    fn into_key(self) -> Key {
        match self {
            OwnedStep::Key(key) => key,
            OwnedStep::Index(index) => index.to_string().into(),
        }
    }

    /// Sets the byte that this step names to `value`, with JavaScript's conversion; an index beyond
    /// the end is ignored.
    fn set_byte(&self, bytes: &mut Bytes, value: &Value) -> Result<(), CannotSet> {
        let index = self.index().ok_or(CannotSet)?;
        if index < bytes.len() {
            let mut changed = Vec::from(std::mem::take(bytes));
            let number = javascript::number(Some(value)).trunc().rem_euclid(256.0);
            if let Some(byte) = changed.get_mut(index) {
                *byte = number as u8;
            }
            *bytes = changed.into();
        }
        Ok(())
    }

    /// What a missing property becomes so that this step can be applied to it.
    fn container(&self) -> Value {
        match self {
            OwnedStep::Key(_) => Map::new().into(),
            OwnedStep::Index(_) => Value::Array(Arc::default()),
        }
    }

    /// The place that this step names, and whether it was just created.
    fn descend(self, place: &mut Value) -> Result<(&mut Value, bool), CannotSet> {
        match (place, self) {
            (Value::Array(items), step) => {
                let index = step.index().ok_or(CannotSet)?;
                let items = Arc::make_mut(items);
                let missing = items.get(index).is_none_or(Value::is_undefined);
                if index >= items.len() {
                    if index >= MAX_INDEX {
                        return Err(CannotSet);
                    }
                    items.resize(index + 1, Value::Undefined);
                }
                Ok((items.get_mut(index).ok_or(CannotSet)?, missing))
            }
            (Value::Object(map), step) => {
                let map = Arc::make_mut(map);
                let key = step.into_key();
                let missing = !map.contains_key(&key);
                Ok((map.get_or_insert_with(&key, || Value::Undefined), missing))
            }
            _ => Err(CannotSet),
        }
    }
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
    depth: usize,
}

type Failure = (&'static str, usize);

impl Parser<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn path(&mut self) -> Result<PropertyPath, Failure> {
        let first = match self.peek() {
            None => return Err(("the expression is empty", 0)),
            Some(b'[') => match self.bracket()? {
                Step::Key(key) => key,
                _ => return Err(("expected a name", self.at)),
            },
            Some(_) => self.name()?,
        };
        let mut rest = Vec::new();
        loop {
            match self.peek() {
                Some(b'.') => {
                    self.at += 1;
                    let name = self.name()?;
                    // As in Node-RED, `a.0.b` creates an array for a missing `a`, `a.0` does not.
                    let index = if self.peek() == Some(b'.') { array_index(&name) } else { None };
                    rest.push(index.map_or(Step::Key(name), Step::Index));
                }
                Some(b'[') => rest.push(self.bracket()?),
                _ => return Ok(PropertyPath { first, rest }),
            }
        }
    }

    fn name(&mut self) -> Result<Key, Failure> {
        let start = self.at;
        while let Some(byte) = self.peek() {
            match byte {
                b'.' | b'[' | b']' => break,
                b' ' | b'\t' | b'\n' | b'"' | b'\'' => {
                    return Err(("unexpected space or quote", self.at));
                }
                _ => self.at += 1,
            }
        }
        if start == self.at {
            return Err(("expected a name", start));
        }
        Ok(String::from_utf8_lossy(&self.text[start..self.at]).as_ref().into())
    }

    fn bracket(&mut self) -> Result<Step, Failure> {
        self.at += 1;
        let step = match self.peek() {
            Some(quote @ (b'"' | b'\'')) => Step::Key(self.quoted(quote)?),
            Some(byte) if byte.is_ascii_digit() => self.index()?,
            Some(_) => self.nested()?,
            None => return Err(("unclosed bracket", self.at)),
        };
        if self.peek() != Some(b']') {
            return Err(("expected `]`", self.at));
        }
        self.at += 1;
        Ok(step)
    }

    fn quoted(&mut self, quote: u8) -> Result<Key, Failure> {
        self.at += 1;
        let start = self.at;
        while let Some(byte) = self.peek() {
            self.at += 1;
            if byte == quote {
                if self.at - 1 == start {
                    return Err(("the quoted name is empty", start));
                }
                return Ok(String::from_utf8_lossy(&self.text[start..self.at - 1]).as_ref().into());
            }
        }
        Err(("unclosed quote", start))
    }

    fn index(&mut self) -> Result<Step, Failure> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        let digits = String::from_utf8_lossy(&self.text[start..self.at]);
        digits.parse().map(Step::Index).map_err(|_| ("the index is too large", start))
    }

    fn nested(&mut self) -> Result<Step, Failure> {
        let start = self.at;
        if !self.text[self.at..].starts_with(b"msg.") {
            return Err(("expected a quoted name, an index or `msg.`", start));
        }
        if self.depth == MAX_DEPTH {
            return Err(("too many nested expressions", start));
        }
        self.at += 4;
        self.depth += 1;
        let path = self.path()?;
        self.depth -= 1;
        Ok(Step::Message(path))
    }
}

#[cfg(test)]
mod tests;
