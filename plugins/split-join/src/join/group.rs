//! `Group`: the values of a sequence that have arrived, and the message that they become.

use std::borrow::Cow;
use std::sync::Arc;

use ferrowire::expression::javascript;
use ferrowire::sequence::Sequence;
use ferrowire::{Key, Map, Message, NodeError, PropertyPath, Value};
use tokio::time::Instant;

use super::arrived::{Added, Arrived};

/// What the values are joined to.
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
    /// `None` is a place whose message has not arrived, or `undefined`.
    List(Vec<Option<Value>>),
    Named(Map),
}

/// A sequence, with the messages received so far.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) kind: Kind,
    values: Values,
    count: usize,
    /// The number of values that complete the group; 0 when it is not known.
    target: f64,
    msg: Message,
    joiner: Option<Value>,
    /// The values are parts of an array.
    of_arrays: bool,
    property: Option<PropertyPath>,
    /// The end of its time, with its id.
    pub(crate) due: Option<(Instant, String)>,
    arrived: Arrived,
}

/// The most places in a sequence.
pub(crate) const MOST: usize = 1 << 20;

/// The longest text or buffer that a group may become.
const LONGEST: usize = 512 << 20;

/// The longest array that arrays may become.
const MOST_ELEMENTS: usize = 16 << 20;

impl Sequence for Group {
    /// Places that are reserved for messages to come count as well.
    fn held(&self) -> usize {
        self.places().max(self.arrived.len()).max(1)
    }

    /// A group that is kept after it was sent may have no unsent message; then the accumulated
    /// values are lost as one message.
    fn into_messages(self) -> Vec<Message> {
        if self.arrived.is_empty() {
            return vec![self.into_message().unwrap_or_default()];
        }
        self.arrived.into_messages()
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
            arrived: Arrived::default(),
        }
    }

    fn places(&self) -> usize {
        match &self.values {
            Values::List(list) => list.len(),
            Values::Named(map) => map.len(),
        }
    }

    /// By how much a group, or a new one of this `kind`, grows at most with a value.
    pub(crate) fn growth(
        group: Option<&Group>,
        kind: Kind,
        index: Option<usize>,
        value: Option<&Value>,
    ) -> usize {
        let of = |group: &Group| (group.places(), group.arrived.len(), group.held());
        let (places, arrived, held) = group.map_or((0, 0, 0), of);
        let places = match (kind, value, index) {
            (Kind::Merged, Some(Value::Object(properties)), _) => places + properties.len(),
            (Kind::Object | Kind::Merged, ..) | (.., None) => places + 1,
            (.., Some(index)) => places.max(index + 1),
        };
        places.max(arrived + 1).saturating_sub(held)
    }

    pub(crate) fn of_arrays(self, of_arrays: bool) -> Self {
        Group { of_arrays, ..self }
    }

    pub(crate) fn with_due(self, due: Option<(Instant, String)>) -> Self {
        Group { due, ..self }
    }

    /// Takes over the properties of a message that `added` something to the group. Replaced
    /// messages are kept as well where complete nodes wait for them: when they are `watched`.
    pub(crate) fn absorb(&mut self, msg: Message, added: Added, watched: bool) {
        self.arrived.push(added, msg.clone());
        if !watched {
            self.arrived.forget_replaced(self.count);
        }
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

    /// A message without a value states that the group is complete.
    pub(crate) fn set_complete(&mut self, complete: Value, msg: Message) {
        self.msg.set("complete", complete);
        self.arrived.push(Added::Nothing, msg);
    }

    /// A copy of the group to send, with its messages; the group itself is kept.
    pub(crate) fn leave(&mut self) -> Group {
        let arrived = std::mem::take(&mut self.arrived);
        Group { arrived, ..self.clone() }
    }

    /// The messages that have arrived since the group was sent last.
    pub(crate) fn take_arrived(&mut self) -> Vec<Message> {
        std::mem::take(&mut self.arrived).into_messages()
    }

    pub(crate) fn was_completed(&self) -> bool {
        self.msg.contains_key("complete")
    }

    /// Adds a value by its name.
    pub(crate) fn add_named(&mut self, key: &str, value: Option<Value>) -> Added {
        let Values::Named(map) = &mut self.values else { return Added::Nothing };
        let key = Key::new(key);
        map.insert(key.clone(), or_undefined(value));
        self.count = map.len();
        Added::Named(key)
    }

    /// Adds the properties of an object; `None` when the value is not an object.
    pub(crate) fn merge(&mut self, value: Option<&Value>) -> Option<Added> {
        let (Values::Named(map), Some(Value::Object(properties))) = (&mut self.values, value)
        else {
            return None;
        };
        for (key, value) in properties.iter().filter(|(key, _)| *key != "_msgid") {
            map.insert(key.clone(), value.clone());
        }
        self.count = map.len();
        Some(Added::Properties(Arc::clone(properties)))
    }

    /// Adds a value at its place, or at the end.
    pub(crate) fn add(&mut self, index: Option<usize>, value: Option<Value>) -> Added {
        let Values::List(list) = &mut self.values else { return Added::Nothing };
        let Some(index) = index else {
            if value.is_none() {
                return Added::Nothing;
            }
            list.push(value);
            self.count += 1;
            return Added::Last;
        };
        if list.len() <= index {
            list.resize(index + 1, None);
        }
        if list[index].is_none() {
            self.count += 1;
        }
        list[index] = value;
        Added::At(index)
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
            // The bytes of a separator, as `split` writes them.
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

/// The place that `msg.parts.index` names; `None` for the end.
///
/// # Errors
/// When a group has no such place.
pub(crate) fn place(index: Option<f64>) -> Result<Option<usize>, NodeError> {
    let Some(index) = index.filter(|index| !index.is_nan()) else { return Ok(None) };
    if !(0.0..MOST as f64).contains(&index) || index.fract() != 0.0 {
        let text =
            format!("`msg.parts.index` is {index}, expected an integer from 0 to {}", MOST - 1);
        return Err(NodeError::new(text));
    }
    Ok(Some(index as usize))
}

fn within(size: usize, most: usize, what: &str) -> Result<(), NodeError> {
    if size <= most {
        return Ok(());
    }
    Err(NodeError::new(format!("the sequence is too long, expected at most `{most}` {what}")))
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
