//! A value becomes text, laid out as Node-RED's library does.
//!
//! A value that is at several places is written at each: messages are trees here, and do not tell
//! which of their parts are the same object in JavaScript.

mod fold;
mod style;

use ferrowire::{Map, NodeError, Value, number_to_string};

use style::Place;

/// The maximum number of collections within each other.
const DEEPEST: usize = 256;

/// The maximum length of a text, in bytes.
const LONGEST: usize = 64 << 20;

/// A value of more parts is written on a thread that may take its time.
const LARGE: usize = 1_000;

/// A longer key is written on a line of its own, in UTF-16 units.
const LONG_KEY: usize = 1024;

/// Whether it may take long to write `value`.
pub(crate) fn is_large(value: &Value) -> bool {
    value.has_parts(LARGE)
}

/// The YAML of `value`.
///
/// # Errors
/// If it has a part that YAML has not, such as a BigInt, is too deep, or its text is too long.
pub(crate) fn dump(value: &Value) -> Result<String, NodeError> {
    let mut writer = Writer { text: String::new() };
    writer.node(value, Place { level: 0, is_key: false }, true)?;
    writer.text.push('\n');
    Ok(writer.text)
}

fn failed() -> NodeError {
    NodeError::new("Failed to convert payload")
}

struct Writer {
    text: String,
}

impl Writer {
    /// Writes a value. `is_compact`: a collection begins on this line.
    fn node(&mut self, value: &Value, place: Place, is_compact: bool) -> Result<(), NodeError> {
        match value {
            Value::Array(items) if items.is_empty() => self.text.push_str("[]"),
            Value::Array(items) => self.sequence(items, place.level, is_compact)?,
            Value::Object(map) if !has_values(map) => self.text.push_str("{}"),
            Value::Object(map) => self.mapping(map, place.level, is_compact)?,
            Value::String(text) => style::write(text, place, &mut self.text),
            Value::Null | Value::Undefined => self.text.push_str("null"),
            Value::Bool(value) => self.text.push_str(if *value { "true" } else { "false" }),
            Value::Number(number) => self.text.push_str(&number_text(*number)),
            Value::Date(date) => self.text.push_str(&date.to_iso().ok_or_else(failed)?),
            Value::Buffer(bytes) => {
                self.text.push_str("!!binary ");
                style::write(&data_encoding::BASE64.encode(bytes), place, &mut self.text);
            }
            Value::BigInt(_) => return Err(failed()),
        }
        Ok(())
    }

    fn check(&self, level: usize) -> Result<(), NodeError> {
        if level >= DEEPEST {
            let text = format!("the value has more than {DEEPEST} collections within each other");
            return Err(NodeError::new(text));
        }
        if self.text.len() > LONGEST {
            let text = format!("the YAML is longer than {} MiB", LONGEST >> 20);
            return Err(NodeError::new(text));
        }
        Ok(())
    }

    fn new_line(&mut self, level: usize) {
        self.text.push('\n');
        self.text.extend(std::iter::repeat_n("  ", level));
    }

    fn sequence(
        &mut self,
        items: &[Value],
        level: usize,
        is_compact: bool,
    ) -> Result<(), NodeError> {
        for (at, item) in items.iter().enumerate() {
            self.check(level)?;
            if at > 0 || !is_compact {
                self.new_line(level);
            }
            self.text.push_str("- ");
            self.node(item, Place { level: level + 1, is_key: false }, true)?;
        }
        Ok(())
    }

    fn mapping(&mut self, map: &Map, level: usize, is_compact: bool) -> Result<(), NodeError> {
        let mut is_first = true;
        for (name, value) in map.iter().filter(|(_, value)| !value.is_undefined()) {
            self.check(level)?;
            if !is_first || !is_compact {
                self.new_line(level);
            }
            is_first = false;
            let is_explicit = self.key(name, level);
            self.text.push(':');
            if is_explicit || !is_block(value) {
                self.text.push(' ');
            }
            self.node(value, Place { level: level + 1, is_key: false }, is_explicit)?;
        }
        Ok(())
    }

    /// Writes a key; returns whether it is on a line of its own.
    fn key(&mut self, name: &str, level: usize) -> bool {
        let mut key = String::new();
        style::write(name, Place { level: level + 1, is_key: true }, &mut key);
        let is_explicit = key.len() > LONG_KEY && key.encode_utf16().count() > LONG_KEY;
        if is_explicit {
            self.text.push_str("? ");
        }
        self.text.push_str(&key);
        if is_explicit {
            self.new_line(level);
        }
        is_explicit
    }
}

/// Whether the value is a collection with lines of its own.
fn is_block(value: &Value) -> bool {
    match value {
        Value::Array(items) => !items.is_empty(),
        Value::Object(map) => has_values(map),
        _ => false,
    }
}

fn has_values(map: &Map) -> bool {
    map.iter().any(|(_, value)| !value.is_undefined())
}

fn number_text(number: f64) -> String {
    if number.is_nan() {
        return ".nan".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    if number == 0.0 && number.is_sign_negative() {
        return "-0.0".to_owned();
    }
    let text = number_to_string(number);
    // YAML wants a point before an exponent, where the number is no integer.
    match text.split_once('e') {
        Some((digits, exponent)) if !digits.contains('.') && number.fract() != 0.0 => {
            format!("{digits}.e{exponent}")
        }
        _ => text,
    }
}
