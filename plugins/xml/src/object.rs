//! XML becomes an object, as Node-RED's library makes it.

use std::sync::Arc;

use ferrowire::{Key, Map, NodeError, Value};

use crate::options::Options;
use crate::scanner::{Attribute, Event, Namespace, Reading, Scanner, Tag};

/// The value of `text`; `null` if it has no element.
///
/// # Errors
/// If it is not XML, or too deep. As in Node-RED, what follows the root element is not read.
pub(crate) fn read(text: &str, options: &Options<'_>) -> Result<Value, NodeError> {
    let reading = Reading { is_strict: options.strict, resolves_namespaces: options.namespaces };
    let mut scanner = Scanner::new(text, reading);
    let mut tree = Tree { options, open: Vec::new() };
    while let Some(event) = scanner.next()? {
        match event {
            Event::Open(tag) => tree.open(tag),
            Event::Text(text) => tree.add_text(text, false),
            Event::CData(text) => tree.add_text(text, true),
            Event::Close => {
                if let Some(root) = tree.close() {
                    return Ok(root);
                }
            }
        }
    }
    Ok(Value::Null)
}

struct Tree<'a> {
    options: &'a Options<'a>,
    open: Vec<Element>,
}

/// An element that is not closed yet.
struct Element {
    name: Key,
    /// Its properties but the text.
    object: Map,
    text: String,
    has_cdata: bool,
}

impl Tree<'_> {
    fn open(&mut self, tag: Tag) {
        let options = self.options;
        let lower = options.lower_case_tags.then(|| tag.name.to_lowercase().into());
        let name = lower.unwrap_or(tag.name);
        let mut object = Map::new();
        if !options.ignore_attributes {
            self.add_attributes(&mut object, tag.attributes);
        }
        if options.lists_children() {
            object.insert("#name", name.as_str());
        }
        if let Some(Namespace { local, uri, .. }) = tag.namespace {
            let about = Map::from_iter([("uri", uri), ("local", local)]);
            object.insert(format!("{}ns", options.attributes), about);
        }
        self.open.push(Element { name, object, text: String::new(), has_cdata: false });
    }

    fn add_attributes(&self, object: &mut Map, attributes: Vec<Attribute>) {
        if self.options.merge_attributes {
            for attribute in attributes {
                let name = attribute.name.clone();
                assign(object, &name, value(attribute), self.options);
            }
        } else if !attributes.is_empty() {
            let own = |attribute: Attribute| (attribute.name.clone(), value(attribute));
            let own: Map = attributes.into_iter().map(own).collect();
            object.insert(self.options.attributes.clone(), own);
        }
    }

    fn add_text(&mut self, text: String, is_cdata: bool) {
        let options = self.options;
        let Some(element) = self.open.last_mut() else { return };
        element.has_cdata |= is_cdata;
        if options.lists_children() && options.text_as_child {
            add_text_child(element, &text, options);
        }
        if element.text.is_empty() {
            element.text = text;
        } else {
            element.text.push_str(&text);
        }
    }

    /// Ends the innermost element; returns the result if it was the root.
    fn close(&mut self) -> Option<Value> {
        let Element { name, object, text, has_cdata } = self.open.pop()?;
        let is_blank = text.chars().all(is_blank) && !has_cdata;
        let mut value = match (is_blank, object.is_empty()) {
            (true, true) => self.options.empty.clone().unwrap_or_else(|| text.into()),
            (true, false) => object.into(),
            (false, _) => self.with_text(object, text),
        };
        if self.options.explicit_children && !self.options.merge_attributes {
            value = self.with_children(value);
        }
        match self.open.last_mut() {
            Some(parent) => {
                assign(&mut parent.object, &name, value, self.options);
                None
            }
            None if self.options.explicit_root => Some(Map::from_iter([(name, value)]).into()),
            None => Some(value),
        }
    }

    fn with_text(&self, object: Map, text: String) -> Value {
        let text = if self.options.trim { trimmed(&text).to_owned() } else { text };
        let text = if self.options.normalize { normalized(&text) } else { text };
        if object.is_empty() && !self.options.explicit_text {
            return text.into();
        }
        let text = std::iter::once((self.options.text.clone(), Value::from(text)));
        text.chain(object).collect::<Map>().into()
    }

    /// The value with its children in a property of their own.
    fn with_children(&mut self, value: Value) -> Value {
        let Value::Object(object) = &value else { return value };
        let (options, mut object) = (self.options, Map::clone(object));
        if options.keep_order {
            let Some(parent) = self.open.last_mut() else { return value };
            add_child(&mut parent.object, &options.children, object.clone());
            object.remove("#name");
            let is_text = object.len() == 1 && !options.explicit_text;
            return match object.get(&options.text).filter(|_| is_text) {
                Some(text) => text.clone(),
                None => object.into(),
            };
        }
        let mut outer = Map::new();
        let text = (!options.text_as_child).then_some(&options.text);
        for name in [Some(&options.attributes), text].into_iter().flatten() {
            if let Some(own) = object.remove(name) {
                outer.insert(name.clone(), own);
            }
        }
        if !object.is_empty() {
            outer.insert(options.children.clone(), object);
        }
        outer.into()
    }
}

/// Sets a property, or adds to the list that it is.
fn assign(object: &mut Map, name: &Key, value: Value, options: &Options<'_>) {
    match object.get_mut(name) {
        Some(Value::Array(items)) => Arc::make_mut(items).push(value),
        Some(first) => *first = vec![std::mem::take(first), value].into(),
        None if options.explicit_array => drop(object.insert(name.clone(), vec![value])),
        None => drop(object.insert(name.clone(), value)),
    }
}

/// The value of an attribute, which tells its namespace if these are resolved.
fn value(attribute: Attribute) -> Value {
    let Some(Namespace { prefix, local, uri }) = attribute.namespace else {
        return attribute.value.into();
    };
    let parts = [
        ("name", attribute.name.to_string()),
        ("value", attribute.value),
        ("prefix", prefix),
        ("local", local),
        ("uri", uri),
    ];
    Map::from_iter(parts).into()
}

/// Adds a text as a child of its own.
fn add_text_child(element: &mut Element, text: &str, options: &Options<'_>) {
    let is_blank = trimmed(&text.replace("\\n", "")).is_empty();
    if options.keep_blanks || !is_blank {
        let text = if options.normalize { normalized(text) } else { text.to_owned() };
        let child = Map::from_iter([
            (Key::new_static("#name"), Value::from("__text__")),
            (options.text.clone(), text.into()),
        ]);
        add_child(&mut element.object, &options.children, child);
    }
}

fn add_child(object: &mut Map, children: &Key, child: Map) {
    let list = object.get_or_insert_with(children, || Vec::<Value>::new().into());
    if let Some(list) = list.as_array_mut() {
        list.push(child.into());
    }
}

/// JavaScript's white space.
fn is_blank(c: char) -> bool {
    c.is_whitespace() && c != '\u{85}' || c == '\u{feff}'
}

fn trimmed(text: &str) -> &str {
    text.trim_matches(is_blank)
}

/// Runs of white space become one blank, and none is left at the ends.
fn normalized(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut run = String::new();
    let end = |run: &mut String, result: &mut String| {
        let is_run = run.chars().nth(1).is_some();
        result.push_str(if is_run { " " } else { run });
        run.clear();
    };
    for c in text.chars() {
        if is_blank(c) {
            run.push(c);
        } else {
            end(&mut run, &mut result);
            result.push(c);
        }
    }
    end(&mut run, &mut result);
    trimmed(&result).to_owned()
}
