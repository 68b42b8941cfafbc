//! Converts values into and out of an evaluation, without JSON text.

use std::rc::Rc;

use bytes::Bytes;
use jsonata_core::value::{JArray, JMap, JValue};

use super::moment::Moments;
use ferrowire_core::{Key, Map, Value};

/// The maximum nesting of a result.
const DEPTH: usize = 256;

/// The contents of larger buffers are not visible to the expression.
const SHOWN_BYTES: usize = 64 << 10;

/// What is allocated for an array, object or text besides its content.
const OVERHEAD: usize = 64;

/// What a property takes for the interpreter: its name, its value and its place in an index.
const PROPERTY: usize = 64 + size_of::<JValue>();

/// Counts the memory of values before it is allocated. Values may share parts, which are copied for
/// each place where they occur.
#[derive(Debug)]
struct Meter {
    left: usize,
    limit: usize,
}

impl Meter {
    fn new(limit: usize) -> Self {
        Meter { left: limit, limit }
    }

    /// Whether there is room for `count` values of `size` bytes.
    fn take(&mut self, count: usize, size: usize) -> bool {
        let bytes = count.saturating_mul(size).saturating_add(OVERHEAD);
        let left = self.left.checked_sub(bytes);
        self.left = left.unwrap_or(0);
        left.is_some()
    }
}

/// Remembers the values that have another form in an evaluation, to restore them in the result:
/// buffers, which are objects, and dates and BigInts, which are text; and the moments created by
/// the evaluation, which become text.
#[derive(Debug)]
pub(super) struct Converter {
    meter: Meter,
    /// A value did not enter completely.
    is_exhausted: bool,
    buffers: Vec<(Rc<JMap>, Bytes)>,
    texts: Vec<(Rc<str>, Value)>,
    pub(super) moments: Moments,
}

impl Converter {
    /// For at most `limit` bytes of values that enter.
    pub(super) fn new(limit: usize) -> Self {
        Converter {
            meter: Meter::new(limit),
            is_exhausted: false,
            buffers: Vec::new(),
            texts: Vec::new(),
            moments: Moments::default(),
        }
    }

    /// Fails if a value did not enter completely, as it is too large.
    pub(super) fn check_entered(&self) -> Result<(), String> {
        match self.is_exhausted {
            true => Err(format!("its input takes more than {} bytes", self.meter.limit)),
            false => Ok(()),
        }
    }

    /// Whether there is room for `count` values of `size` bytes.
    fn admits(&mut self, count: usize, size: usize) -> bool {
        self.is_exhausted |= !self.meter.take(count, size);
        !self.is_exhausted
    }

    /// Converts a value for the interpreter: a part of it if it is too large, see
    /// [`check_entered`](Self::check_entered).
    pub(super) fn enter(&mut self, value: &Value) -> JValue {
        match value {
            Value::Null => JValue::Null,
            Value::Undefined => JValue::Undefined,
            Value::Bool(value) => JValue::Bool(*value),
            Value::Number(number) => JValue::Number(*number),
            Value::BigInt(number) => self.enter_as_text(number.as_str(), value),
            Value::String(text) if self.admits(text.len(), 1) => JValue::string(text.as_str()),
            Value::String(_) => JValue::Undefined,
            Value::Date(date) => match date.to_iso() {
                Some(iso) => self.enter_as_text(&iso, value),
                None => self.enter_as_text("Invalid Date", value),
            },
            Value::Buffer(bytes) => self.enter_buffer(bytes),
            Value::Array(items) if !self.admits(items.len(), size_of::<JValue>()) => {
                JValue::Undefined
            }
            Value::Array(items) => {
                let flat = !items.iter().any(|item| matches!(item, Value::Array(_)));
                let items = items.iter().map(|item| self.enter(item)).collect();
                JValue::Array(JArray::new_flat(items, flat))
            }
            Value::Object(map) => self.enter_map(map),
        }
    }

    /// Converts an object for the interpreter.
    pub(super) fn enter_map(&mut self, map: &Map) -> JValue {
        if !self.admits(map.len(), PROPERTY) {
            return JValue::Undefined;
        }
        self.enter_properties(map.iter())
    }

    /// A text that becomes `value` again if the expression passes it on.
    fn enter_as_text(&mut self, text: &str, value: &Value) -> JValue {
        let text: Rc<str> = text.into();
        self.texts.push((Rc::clone(&text), value.clone()));
        JValue::String(text)
    }

    /// An object of some properties without those that are `undefined`.
    pub(super) fn enter_properties<'a>(
        &mut self,
        properties: impl Iterator<Item = (&'a Key, &'a Value)>,
    ) -> JValue {
        let properties = properties.filter(|(_, value)| !value.is_undefined());
        let properties =
            properties.map(|(key, value)| (key.as_str().to_owned(), self.enter(value)));
        JValue::object(properties.collect())
    }

    /// A buffer as `JSON.stringify` prints it.
    fn enter_buffer(&mut self, bytes: &Bytes) -> JValue {
        let is_shown = bytes.len() <= SHOWN_BYTES && self.admits(bytes.len(), size_of::<JValue>());
        let shown = if is_shown { bytes.as_ref() } else { &[] };
        let shown = shown.iter().map(|byte| JValue::Number(f64::from(*byte))).collect();
        let properties = [
            ("type".to_owned(), JValue::string("Buffer")),
            ("data".to_owned(), JValue::Array(JArray::new_flat(shown, true))),
        ];
        let object = Rc::new(JMap::from_iter(properties));
        self.buffers.push((Rc::clone(&object), bytes.clone()));
        JValue::Object(object)
    }

    /// The result of an evaluation; `None` for `undefined` and for a function.
    ///
    /// # Errors
    /// If it is nested too deeply or takes more than `limit` bytes.
    pub(super) fn leave(&self, result: JValue, limit: usize) -> Result<Option<Value>, String> {
        Leaving { converter: self, depth: 0, meter: Meter::new(limit) }.value(&result)
    }
}

struct Leaving<'a> {
    converter: &'a Converter,
    depth: usize,
    meter: Meter,
}

impl Leaving<'_> {
    fn value(&mut self, value: &JValue) -> Result<Option<Value>, String> {
        Ok(Some(match value {
            JValue::Null => Value::Null,
            JValue::Bool(value) => Value::Bool(*value),
            JValue::Number(number) => Value::Number(*number),
            JValue::String(text) => self.text(text)?,
            JValue::Array(items) => {
                self.enter(items.len(), size_of::<Value>())?;
                let items: Result<Vec<_>, _> = items
                    .iter()
                    .map(|item| Ok::<_, String>(self.value(item)?.unwrap_or(Value::Undefined)))
                    .collect();
                self.depth -= 1;
                items?.into()
            }
            JValue::Object(object) => return self.object(object).map(Some),
            // Messages cannot contain functions.
            _ => return Ok(None),
        }))
    }

    fn text(&mut self, text: &Rc<str>) -> Result<Value, String> {
        let known = self.converter.texts.iter().find(|(known, _)| Rc::ptr_eq(known, text));
        if let Some((_, value)) = known {
            return Ok(value.clone());
        }
        self.take(text.len(), 1)?;
        Ok(Value::from(&**text))
    }

    fn object(&mut self, object: &Rc<JMap>) -> Result<Value, String> {
        let known = self.converter.buffers.iter().find(|(known, _)| Rc::ptr_eq(known, object));
        if let Some((_, bytes)) = known {
            return Ok(Value::Buffer(bytes.clone()));
        }
        if let Some(shown) = self.converter.moments.shown(object) {
            return Ok(shown.map_or(Value::Null, Value::from));
        }
        self.enter(object.len(), size_of::<(Key, Value)>())?;
        let mut map = Map::with_capacity(object.len());
        for (key, value) in object.iter() {
            if let Some(value) = self.value(value)? {
                map.insert(key.as_str(), value);
            }
        }
        self.depth -= 1;
        Ok(map.into())
    }

    fn enter(&mut self, count: usize, size: usize) -> Result<(), String> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(format!("its result is nested deeper than {DEPTH} levels"));
        }
        self.take(count, size)
    }

    fn take(&mut self, count: usize, size: usize) -> Result<(), String> {
        match self.meter.take(count, size) {
            true => Ok(()),
            false => Err(format!("its result takes more than {} bytes", self.meter.limit)),
        }
    }
}
