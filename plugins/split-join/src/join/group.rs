//! `Group`: the messages of a sequence that have come so far.

use ferrowire_core::{Key, Map, Message, NodeError, PropertyPath, Value, javascript};
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

#[derive(Debug)]
enum Values {
    /// `None` is a place whose message has not come yet.
    List(Vec<Option<Value>>),
    Named(Map),
}

#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) kind: Kind,
    values: Values,
    pub(crate) count: usize,
    /// 0 stands for: not known.
    pub(crate) target: f64,
    pub(crate) msg: Message,
    joiner: Option<Value>,
    /// More than 1: the values are parts of an array.
    array_length: f64,
    property: Option<PropertyPath>,
    pub(crate) due: Option<Instant>,
}

/// The highest place in a sequence.
const MOST: usize = 1 << 20;

/// How a group begins.
#[derive(Debug)]
pub(crate) struct Begin {
    pub(crate) kind: Kind,
    pub(crate) target: f64,
    pub(crate) joiner: Option<Value>,
    pub(crate) array_length: f64,
    pub(crate) property: Option<PropertyPath>,
}

impl Group {
    pub(crate) fn new(begin: Begin) -> Self {
        let values = match begin.kind {
            Kind::Object | Kind::Merged => Values::Named(Map::new()),
            _ => Values::List(Vec::new()),
        };
        Group {
            kind: begin.kind,
            values,
            count: 0,
            target: begin.target,
            msg: Message::new(),
            joiner: begin.joiner,
            array_length: begin.array_length,
            property: begin.property,
            due: None,
        }
    }

    /// Adds a value by its name.
    pub(crate) fn add_named(&mut self, key: &str, value: Option<Value>) {
        if let Values::Named(map) = &mut self.values {
            map.insert(Key::new(key), value.unwrap_or_default());
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
    pub(crate) fn message(&self) -> Result<Message, NodeError> {
        let mut msg = self.msg.clone();
        if let Some(property) = &self.property {
            let value = self.value()?;
            property.set(&mut msg, value).map_err(|error| NodeError::new(error.to_string()))?;
        }
        let outer = msg.get("parts").and_then(|parts| parts.get("parts")).cloned();
        match outer {
            Some(outer) => drop(msg.set("parts", outer)),
            None => drop(msg.remove("parts")),
        }
        msg.remove("complete");
        Ok(msg)
    }

    fn value(&self) -> Result<Value, NodeError> {
        let list = match &self.values {
            Values::Named(map) => return Ok(map.clone().into()),
            Values::List(list) => list,
        };
        match self.kind {
            Kind::String => Ok(self.joined_text(list).into()),
            Kind::Buffer => self.joined_bytes(list).map(Value::from),
            _ if self.array_length > 1.0 => Ok(flattened(list).into()),
            _ => Ok(list.iter().map(|v| v.clone().unwrap_or_default()).collect::<Vec<_>>().into()),
        }
    }

    fn joined_text(&self, list: &[Option<Value>]) -> String {
        let text = |value: &Option<Value>| match value {
            None | Some(Value::Null) => String::new(),
            value => javascript::text(value.as_ref()),
        };
        let joiner = match &self.joiner {
            // A separator of bytes, which the list holds.
            Some(Value::Array(_)) => {
                let bytes = self.joiner.as_ref().and_then(bytes_of).unwrap_or_default();
                String::from_utf8_lossy(&bytes).into_owned()
            }
            Some(joiner) => javascript::text(Some(joiner)),
            None => ",".to_owned(),
        };
        list.iter().map(text).collect::<Vec<_>>().join(&joiner)
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
        }
        Ok(all)
    }
}

pub(crate) fn invalid_type(value: &Value) -> String {
    let kind = value.type_name();
    format!(
        "cannot add a value of type {kind} to a buffer; make it a buffer, string or array first"
    )
}

/// `Buffer.from(value)`.
pub(crate) fn bytes_of(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::Buffer(bytes) => Some(bytes.to_vec()),
        Value::String(text) => Some(text.as_bytes().to_vec()),
        Value::Array(items) => {
            let byte = |item: &Value| javascript::number(Some(item)).rem_euclid(256.0) as u8;
            Some(items.iter().map(byte).collect())
        }
        _ => None,
    }
}

fn flattened(list: &[Option<Value>]) -> Vec<Value> {
    let mut all = Vec::new();
    for value in list {
        match value {
            Some(Value::Array(items)) => all.extend_from_slice(items),
            value => all.push(value.clone().unwrap_or_default()),
        }
    }
    all
}
