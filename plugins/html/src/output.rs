//! `Output`: the value that an element becomes.

use ferrowire::{Key, Map, NodeError, Value};
use html5ever::ns;

use crate::document::{Document, Element, Kind, NodeId, Step};

#[derive(Debug)]
pub(crate) enum Output {
    /// What is in the element, as XML.
    Html,
    Text,
    Attributes,
    /// The attributes, and what is in the element as HTML in this property.
    Both(Key),
}

/// The maximum length of all texts of a message, in bytes: what is within several elements that are
/// selected is in the text of each.
const LONGEST: usize = 64 << 20;

/// Elements without content, which have no closing tag.
const VOID: [&str; 18] = [
    "area", "base", "basefont", "bgsound", "br", "col", "embed", "frame", "hr", "img", "input",
    "keygen", "link", "meta", "param", "source", "track", "wbr",
];

/// Elements whose text is written as it is.
const RAW: [&str; 8] =
    ["iframe", "noembed", "noframes", "noscript", "plaintext", "script", "style", "xmp"];

impl Output {
    /// The output with this name in the dialog; `property` gets the content beside attributes.
    pub(crate) fn named(name: &str, property: &str) -> Option<Self> {
        Some(match name {
            "html" => Output::Html,
            "text" => Output::Text,
            "attr" => Output::Attributes,
            "compl" => Output::Both(property.into()),
            _ => return None,
        })
    }

    /// The values of these elements.
    ///
    /// # Errors
    /// If their texts are too long.
    pub(crate) fn values(
        &self,
        document: &Document,
        elements: &[NodeId],
    ) -> Result<Vec<Value>, NodeError> {
        let (mut values, mut length) = (Vec::with_capacity(elements.len()), 0);
        for id in elements {
            let (value, own) = self.value(document, *id)?;
            length += own;
            check(length)?;
            values.push(value);
        }
        Ok(values)
    }

    /// The value of an element, and the length of its text.
    fn value(&self, document: &Document, id: NodeId) -> Result<(Value, usize), NodeError> {
        Ok(match self {
            Output::Html => {
                // As in Node-RED, which may change what was moved within the element.
                let content = html(document, id)?;
                let fragment = Document::parse_fragment(trimmed(&content))?;
                let text = xml(&fragment, fragment.root)?;
                let length = text.len();
                (text.into(), length)
            }
            Output::Text => {
                let text = text(document, id);
                let length = text.len();
                (text.into(), length)
            }
            Output::Attributes => (attributes(document, id, Map::new()).into(), 0),
            Output::Both(property) => {
                let content = html(document, id)?;
                let map = Map::from_iter([(property.clone(), trimmed(&content))]);
                (attributes(document, id, map).into(), content.len())
            }
        })
    }
}

/// As JavaScript trims.
fn trimmed(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() && c != '\u{85}' || c == '\u{feff}')
}

fn attributes(document: &Document, id: NodeId, mut map: Map) -> Map {
    for attribute in document.element(id).map(|element| &element.attributes).into_iter().flatten() {
        map.insert(&*attribute.name.local, &*attribute.value);
    }
    map
}

/// The text in an element, without that of scripts, styles and comments.
fn text(document: &Document, id: NodeId) -> String {
    let is_hidden = |id: NodeId| {
        document.element(id).is_some_and(|element| matches!(element.tag(), "script" | "style"))
    };
    let (mut text, mut hidden) = (String::new(), usize::from(is_hidden(id)));
    for step in document.walk(id) {
        match step {
            Step::Enter(id) if is_hidden(id) => hidden += 1,
            Step::Leave(id) if is_hidden(id) => hidden -= 1,
            Step::Enter(id) => {
                if let Some(Kind::Text(own)) = document.node(id).map(|node| &node.kind)
                    && hidden == 0
                {
                    text.push_str(own);
                }
            }
            Step::Leave(_) => {}
        }
    }
    text
}

fn check(length: usize) -> Result<(), NodeError> {
    if length > LONGEST {
        let text = format!("the texts of the elements are longer than {} MiB", LONGEST >> 20);
        return Err(NodeError::new(text));
    }
    Ok(())
}

/// What is in an element, as HTML.
fn html(document: &Document, id: NodeId) -> Result<String, NodeError> {
    let mut text = String::new();
    for step in document.walk(id) {
        check(text.len())?;
        let (Step::Enter(id) | Step::Leave(id)) = step;
        let Some(node) = document.node(id) else { continue };
        match (&node.kind, step) {
            (Kind::Element(element), Step::Enter(_)) => open_html(element, &mut text),
            (Kind::Element(element), Step::Leave(_)) if !VOID.contains(&element.tag()) => {
                close(element, &mut text);
            }
            (Kind::Text(own), Step::Enter(_)) => {
                let parent = node.parent.and_then(|parent| document.element(parent));
                if parent.is_some_and(|parent| RAW.contains(&parent.tag())) {
                    text.push_str(own);
                } else {
                    escape(own, escaped_in_html, &mut text);
                }
            }
            (Kind::Comment(own), Step::Enter(_)) => push(&["<!--", own, "-->"], &mut text),
            (Kind::Doctype(name), Step::Enter(_)) => push(&["<!DOCTYPE ", name, ">"], &mut text),
            _ => {}
        }
    }
    Ok(text)
}

fn open_html(element: &Element, text: &mut String) {
    push(&["<", element.tag()], text);
    for attribute in &element.attributes {
        let prefix = match attribute.name.ns {
            ns!(xml) => "xml:",
            ns!(xlink) => "xlink:",
            ns!(xmlns) if &*attribute.name.local != "xmlns" => "xmlns:",
            _ => "",
        };
        push(&[" ", prefix, &attribute.name.local, "=\""], text);
        escape(&attribute.value, escaped_in_attribute, text);
        text.push('"');
    }
    text.push('>');
}

fn close(element: &Element, text: &mut String) {
    push(&["</", element.tag(), ">"], text);
}

/// What is in an element, as XML in ASCII.
fn xml(document: &Document, id: NodeId) -> Result<String, NodeError> {
    let mut text = String::new();
    for step in document.walk(id) {
        check(text.len())?;
        let (Step::Enter(id) | Step::Leave(id)) = step;
        let Some(node) = document.node(id) else { continue };
        match (&node.kind, step) {
            (Kind::Element(element), Step::Enter(_)) => {
                open_xml(element, node.first_child.is_none(), &mut text);
            }
            (Kind::Element(element), Step::Leave(_)) if node.first_child.is_some() => {
                close(element, &mut text);
            }
            (Kind::Text(own), Step::Enter(_)) => escape_xml(own, &mut text),
            (Kind::Comment(own), Step::Enter(_)) => push(&["<!--", own, "-->"], &mut text),
            _ => {}
        }
    }
    Ok(text)
}

fn open_xml(element: &Element, is_empty: bool, text: &mut String) {
    push(&["<", element.tag()], text);
    for attribute in &element.attributes {
        push(&[" ", &attribute.name.local, "=\""], text);
        escape_xml(&attribute.value, text);
        text.push('"');
    }
    text.push_str(if is_empty { "/>" } else { ">" });
}

fn push(parts: &[&str], text: &mut String) {
    for part in parts {
        text.push_str(part);
    }
}

fn escape(own: &str, escaped: impl Fn(char) -> Option<&'static str>, text: &mut String) {
    let mut start = 0;
    for (at, c) in own.char_indices() {
        if let Some(escaped) = escaped(c) {
            push(&[own.get(start..at).unwrap_or_default(), escaped], text);
            start = at + c.len_utf8();
        }
    }
    text.push_str(own.get(start..).unwrap_or_default());
}

fn escaped_in_html(c: char) -> Option<&'static str> {
    match c {
        '&' => Some("&amp;"),
        '\u{a0}' => Some("&nbsp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        _ => None,
    }
}

fn escaped_in_attribute(c: char) -> Option<&'static str> {
    match c {
        '&' => Some("&amp;"),
        '\u{a0}' => Some("&nbsp;"),
        '"' => Some("&quot;"),
        _ => None,
    }
}

fn escape_xml(own: &str, text: &mut String) {
    for c in own.chars() {
        match c {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '"' => text.push_str("&quot;"),
            '\'' => text.push_str("&apos;"),
            c if c.is_ascii() => text.push(c),
            c => text.push_str(&format!("&#x{:X};", u32::from(c))),
        }
    }
}
