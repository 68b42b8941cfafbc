//! `Tree`: the value that events become.

use std::borrow::Cow;
use std::collections::HashMap;

use ferrowire::Value;
use granit_parser::{Event, ScalarStyle, Tag};

use super::mapping::Mapping;
use super::{DEEPEST, tag};
use crate::scalar;

/// The maximum number of values that aliases repeat. A text may have few values and repeat them so
/// often that whatever walks over the result does not end.
const MOST_REPEATED: usize = 1 << 20;

#[derive(Default)]
pub(super) struct Tree {
    open: Vec<Collection>,
    root: Option<Value>,
    anchors: HashMap<usize, Node>,
    /// So many values were repeated.
    repeated: usize,
    /// So many keys were merged.
    merged: usize,
}

/// A value that is complete.
#[derive(Clone)]
struct Node {
    value: Value,
    /// The number of values in it, including itself.
    size: usize,
    /// How many collections are within each other.
    height: usize,
    /// As a key, it merges its value.
    is_merge: bool,
}

impl Node {
    fn scalar(value: Value) -> Self {
        Node { value, size: 1, height: 0, is_merge: false }
    }
}

/// A collection that is not complete.
struct Collection {
    kind: Kind,
    /// 0 for none.
    anchor: usize,
    tag: Option<Tag>,
    size: usize,
    height: usize,
}

enum Kind {
    Sequence(Vec<Value>),
    Mapping(Mapping),
}

impl Tree {
    pub(super) fn into_root(self) -> Option<Value> {
        self.root
    }

    /// # Errors
    /// If the event leads to no value.
    pub(super) fn add(&mut self, event: Event<'_>) -> Result<(), String> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let node = scalar_node(&text, style, tag.as_deref())?;
                self.complete(node, anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.open(Kind::Sequence(Vec::new()), anchor, tag)
            }
            Event::MappingStart(_, anchor, tag) => {
                self.open(Kind::Mapping(Mapping::default()), anchor, tag)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(anchor) => self.repeat(anchor),
            Event::UnresolvedAlias(name) => Err(format!("unidentified alias \"{name}\"")),
            _ => Ok(()),
        }
    }

    fn open(&mut self, kind: Kind, anchor: usize, tag: Option<Cow<'_, Tag>>) -> Result<(), String> {
        self.check_depth(1)?;
        let tag = tag.map(Cow::into_owned);
        self.open.push(Collection { kind, anchor, tag, size: 1, height: 1 });
        Ok(())
    }

    /// Whether a value of this height may be here.
    fn check_depth(&self, height: usize) -> Result<(), String> {
        if self.open.len() + height > DEEPEST {
            return Err(format!("nesting exceeded maxDepth ({DEEPEST})"));
        }
        Ok(())
    }

    fn close(&mut self) -> Result<(), String> {
        let Some(collection) = self.open.pop() else { return Ok(()) };
        let Collection { kind, anchor, tag, size, height } = collection;
        let value = match (kind, tag) {
            (Kind::Sequence(items), None) => items.into(),
            (Kind::Sequence(items), Some(tag)) => tag::sequence(&tag, items)?,
            (Kind::Mapping(mapping), None) => mapping.map.into(),
            (Kind::Mapping(mapping), Some(tag)) => tag::mapping(&tag, mapping.map)?,
        };
        self.complete(Node { value, size, height, is_merge: false }, anchor)
    }

    fn repeat(&mut self, anchor: usize) -> Result<(), String> {
        let Some(node) = self.anchors.get(&anchor).cloned() else {
            return Err("an alias refers to a value that contains it".to_owned());
        };
        self.check_depth(node.height)?;
        self.repeated = self.repeated.saturating_add(node.size);
        if self.repeated > MOST_REPEATED {
            return Err(format!("aliases repeat more than {MOST_REPEATED} values"));
        }
        self.complete(node, 0)
    }

    fn complete(&mut self, node: Node, anchor: usize) -> Result<(), String> {
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let Some(parent) = self.open.last_mut() else {
            self.root = Some(node.value);
            return Ok(());
        };
        parent.size = parent.size.saturating_add(node.size);
        parent.height = parent.height.max(node.height + 1);
        match &mut parent.kind {
            Kind::Sequence(items) => items.push(node.value),
            Kind::Mapping(mapping) => mapping.add(node.value, node.is_merge, &mut self.merged)?,
        }
        Ok(())
    }
}

fn scalar_node(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Node, String> {
    let is_plain = style == ScalarStyle::Plain;
    let value = match tag {
        Some(tag) => tag::scalar(tag, text)?,
        None if is_plain => scalar::implicit(text).unwrap_or_else(|| text.into()),
        None => text.into(),
    };
    let may_merge = match tag {
        Some(tag) => tag::is_merge(tag),
        None => is_plain,
    };
    Ok(Node { is_merge: may_merge && scalar::is_merge(text), ..Node::scalar(value) })
}
