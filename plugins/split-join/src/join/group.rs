//! `Group`: the messages of a sequence that have come so far.

use std::borrow::Cow;

use ferrowire_core::{Key, Map, Message, NodeError, PropertyPath, Sequence, Value, javascript};
use tokio::time::Instant;

/// What the values become together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    Array,
    String,
    Buffer,
    Object,
    Merged,
}

impl Kind {
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "array" => Kind::Array,
            "string" => Kind::String,
            "buffer" => Kind::Buffer,
            "object" => Kind::Object,
            "merged" => Kind::Merged,
            _ => return None,
        })
    }
}

#[derive(Clone, Debug)]
enum Values {
    /// `None` is a place whose message has not come yet.
    List(Vec<Option<Value>>),
    Named(Map),
}

/// What has come of a sequence so far.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) kind: Kind,
    values: Values,
    count: usize,
    /// 0 stands for: not known.
    target: f64,
    msg: Message,
    joiner: Option<Value>,
    /// The values are parts of an array.
    of_arrays: bool,
    property: Option<PropertyPath>,
    /// When its time is over, with its id.
    pub(crate) due: Option<(Instant, String)>,
    /// The messages that are complete when the group has left, where somebody wants to know.
    pub(crate) kept: Vec<Message>,
}

/// The highest place in a sequence.
const MOST: usize = 1 << 20;

/// The longest text or buffer that a group may become.
const LONGEST: usize = 512 << 20;

/// The longest array that arrays may become.
const MOST_ELEMENTS: usize = 16 << 20;

impl Sequence for Group {
    /// Places that are left free for messages to come count as well.
    fn held(&self) -> usize {
        let places = match &self.values {
            Values::List(list) => list.len(),
            Values::Named(map) => map.len(),
        };
        places.max(self.kept.len()).max(1)
    }
}

impl Group {
    pub(crate) fn new(
        kind: Kind,
        target: f64,
        joiner: Option<Value>,
        property: Option<PropertyPath>,
    ) -> Self {
        let values = match kind {
            Kind::Object | Kind::Merged => Values::Named(Map::new()),
            _ => Values::List(Vec::new()),
        };
        Group {
            kind,
            values,
            count: 0,
            target,
            msg: Message::new(),
            joiner,
            of_arrays: false,
            property,
            due: None,
            kept: Vec::new(),
        }
    }

    pub(crate) fn of_arrays(self, of_arrays: bool) -> Self {
        Group { of_arrays, ..self }
    }

    pub(crate) fn with_due(self, due: Option<(Instant, String)>) -> Self {
        Group { due, ..self }
    }

    /// Takes over the properties of a message of the group.
    pub(crate) fn absorb(&mut self, msg: Message) {
        if self.target <= 0.0
            && let Some(count) = msg.get("parts").and_then(|parts| parts.get("count"))
        {
            self.target = count.as_f64().unwrap_or_default();
        }
        if self.msg.properties().is_empty() {
            self.msg = msg;
            return;
        }
        for (key, value) in Map::from(msg) {
            self.msg.set(key, value);
        }
    }

    /// A message says that nothing more comes.
    pub(crate) fn set_complete(&mut self, complete: Value) {
        self.msg.set("complete", complete);
    }

    pub(crate) fn was_completed(&self) -> bool {
        self.msg.contains_key("complete")
    }

    /// Adds a value by its name.
    pub(crate) fn add_named(&mut self, key: &str, value: Option<Value>) {
        if let Values::Named(map) = &mut self.values {
            map.insert(Key::new(key), value.unwrap_or(Value::Undefined));
            self.count = map.len();
        }
    }

    /// Adds the properties of an object; `false` when it is none.
    pub(crate) fn merge(&mut self, value: Option<&Value>) -> bool {
        let (Values::Named(map), Some(Value::Object(properties))) = (&mut self.values, value)
        else {
            return false;
        };
        for (key, value) in properties.iter().filter(|(key, _)| *key != "_msgid") {
            map.insert(key.clone(), value.clone());
        }
        self.count = map.len();
        true
    }

    /// Adds a value at its place, or at the end.
    pub(crate) fn add(
        &mut self,
        index: Option<f64>,
        value: Option<Value>,
    ) -> Result<(), NodeError> {
        let Values::List(list) = &mut self.values else { return Ok(()) };
        let Some(index) = index.filter(|index| !index.is_nan()) else {
            if value.is_some() {
                list.push(value);
                self.count += 1;
            }
            return Ok(());
        };
        if !(0.0..MOST as f64).contains(&index) || index.fract() != 0.0 {
            let text =
                format!("`msg.parts.index` is {index}, a number from 0 to {MOST} was expected");
            return Err(NodeError::new(text));
        }
        let index = index as usize;
        if list.len() <= index {
            list.resize(index + 1, None);
        }
        if list[index].is_none() {
            self.count += 1;
        }
        list[index] = value;
        Ok(())
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.target > 0.0 && self.count as f64 >= self.target
    }

    /// The message that the group becomes.
    pub(crate) fn into_message(mut self) -> Result<Message, NodeError> {
        let value = match std::mem::replace(&mut self.values, Values::List(Vec::new())) {
            Values::Named(map) => map.into(),
            Values::List(list) => self.value(list)?,
        };
        let mut msg = self.msg;
        if let Some(property) = &self.property {
            property.set(&mut msg, value)?;
        }
        if let Some(outer) = msg.remove("parts").and_then(|parts| parts.get("parts").cloned()) {
            msg.set("parts", outer);
        }
        msg.remove("complete");
        Ok(msg)
    }

    fn value(&self, list: Vec<Option<Value>>) -> Result<Value, NodeError> {
        match self.kind {
            Kind::String => self.joined_text(&list).map(Value::from),
            Kind::Buffer => self.joined_bytes(&list).map(Value::from),
            _ if self.of_arrays => flattened(list).map(Value::from),
            _ => Ok(list.into_iter().map(or_undefined).collect::<Vec<_>>().into()),
        }
    }

    fn joined_text(&self, list: &[Option<Value>]) -> Result<String, NodeError> {
        let joiner = match &self.joiner {
            // A separator of bytes, which the list holds.
            Some(Value::Array(_)) => {
                let bytes = self.joiner.as_ref().and_then(bytes_of).unwrap_or_default();
                String::from_utf8_lossy(&bytes).into_owned()
            }
            Some(joiner) => javascript::text(Some(joiner)),
            None => ",".to_owned(),
        };
        let mut all = String::new();
        for (at, value) in list.iter().enumerate() {
            if at > 0 {
                all.push_str(&joiner);
            }
            match value {
                None | Some(Value::Null) => {}
                Some(Value::String(text)) => all.push_str(text),
                value => all.push_str(&javascript::text(value.as_ref())),
            }
            within(all.len(), LONGEST, "bytes")?;
        }
        Ok(all)
    }

    fn joined_bytes(&self, list: &[Option<Value>]) -> Result<Vec<u8>, NodeError> {
        let joiner = self.joiner.as_ref().and_then(bytes_of).unwrap_or_default();
        let mut all = Vec::new();
        for (at, value) in list.iter().flatten().enumerate() {
            if at > 0 {
                all.extend_from_slice(&joiner);
            }
            let invalid = || NodeError::new(invalid_type(value));
            all.extend_from_slice(&bytes_of(value).ok_or_else(invalid)?);
            within(all.len(), LONGEST, "bytes")?;
        }
        Ok(all)
    }
}

fn within(size: usize, most: usize, what: &str) -> Result<(), NodeError> {
    if size <= most {
        return Ok(());
    }
    Err(NodeError::new(format!("the sequence becomes more than {most} {what}")))
}

pub(crate) fn invalid_type(value: &Value) -> String {
    let kind = value.type_name();
    format!(
        "cannot add a value of type {kind} to a buffer; make it a buffer, string or array first"
    )
}

/// `Buffer.from(value)`.
pub(crate) fn bytes_of(value: &Value) -> Option<Cow<'_, [u8]>> {
    match value {
        Value::Buffer(bytes) => Some(Cow::Borrowed(bytes)),
        Value::String(text) => Some(Cow::Borrowed(text.as_bytes())),
        Value::Array(items) => {
            let byte = |item: &Value| javascript::number(Some(item)).rem_euclid(256.0) as u8;
            Some(items.iter().map(byte).collect())
        }
        _ => None,
    }
}

fn or_undefined(value: Option<Value>) -> Value {
    value.unwrap_or(Value::Undefined)
}

fn flattened(list: Vec<Option<Value>>) -> Result<Vec<Value>, NodeError> {
    let mut all = Vec::new();
    for value in list {
        match value {
            Some(Value::Array(items)) => all.extend_from_slice(&items),
            value => all.push(or_undefined(value)),
        }
        within(all.len(), MOST_ELEMENTS, "elements")?;
    }
    Ok(all)
}
