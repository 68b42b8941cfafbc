//! `Elements`: the elements of a document in its order, with what selectors ask for.

use std::collections::HashMap;
use std::ops::Range;

use crate::document::{Document, Element, Kind, NodeId, Step};

pub(super) struct Elements<'a> {
    document: &'a Document,
    pub(super) list: Vec<Entry>,
    /// All text, of which each entry has a range.
    pub(super) text: String,
}

/// An element; others are named by their places in the list.
#[derive(Debug)]
pub(super) struct Entry {
    node: NodeId,
    pub(super) parent: Option<usize>,
    /// The sibling before it.
    pub(super) previous: Option<usize>,
    /// The elements within it are those from its own place to here.
    pub(super) end: usize,
    /// There is nothing in it but comments.
    pub(super) is_empty: bool,
    pub(super) text: Range<usize>,
}

/// The places of elements among their siblings, from 0.
pub(super) struct Places {
    pub(super) from_start: Vec<usize>,
    pub(super) from_end: Vec<usize>,
}

impl<'a> Elements<'a> {
    pub(super) fn of(document: &'a Document) -> Self {
        let mut elements = Elements { document, list: Vec::new(), text: String::new() };
        let mut open: Vec<usize> = Vec::new();
        // The last child of each open element, and of the document.
        let mut last: Vec<Option<usize>> = vec![None];
        for step in document.walk(document.root) {
            let (Step::Enter(id) | Step::Leave(id)) = step;
            match (document.node(id).map(|node| &node.kind), step) {
                (Some(Kind::Element(element)), Step::Enter(_)) => {
                    let previous =
                        last.last_mut().and_then(|last| last.replace(elements.list.len()));
                    elements.enter(element, id, open.last().copied(), previous);
                    open.push(elements.list.len() - 1);
                    last.push(None);
                }
                (Some(Kind::Element(_)), Step::Leave(_)) => {
                    last.pop();
                    elements.leave(open.pop());
                }
                (Some(Kind::Text(text)), Step::Enter(_)) => {
                    elements.text.push_str(text);
                    elements.fill(open.last().copied().filter(|_| !text.is_empty()));
                }
                _ => {}
            }
        }
        elements
    }

    fn enter(
        &mut self,
        element: &Element,
        node: NodeId,
        parent: Option<usize>,
        previous: Option<usize>,
    ) {
        self.fill(parent);
        // As for Node-RED's library, a break of a line is a break in the text.
        if element.tag() == "br" {
            self.text.push('\n');
        }
        let text = self.text.len()..self.text.len();
        self.list.push(Entry { node, parent, previous, end: 0, is_empty: true, text });
    }

    fn leave(&mut self, at: Option<usize>) {
        let (end, text) = (self.list.len(), self.text.len());
        if let Some(entry) = at.and_then(|at| self.list.get_mut(at)) {
            entry.end = end;
            entry.text.end = text;
        }
    }

    fn fill(&mut self, at: Option<usize>) {
        if let Some(entry) = at.and_then(|at| self.list.get_mut(at)) {
            entry.is_empty = false;
        }
    }

    pub(super) fn element(&self, entry: &Entry) -> Option<&'a Element> {
        self.document.element(entry.node)
    }

    /// The nodes of the entries that are set.
    pub(super) fn nodes_in(&self, set: &[bool]) -> Vec<NodeId> {
        let chosen = self.list.iter().zip(set).filter(|(_, is_in)| **is_in);
        chosen.map(|(entry, _)| entry.node).collect()
    }

    /// The places among all siblings, or among those with the same tag.
    pub(super) fn places(&self, of_type: bool) -> Places {
        let mut counts: HashMap<(Option<usize>, &str), usize> = HashMap::new();
        let key = |entry: &Entry| {
            let tag = self.element(entry).map_or("", Element::tag);
            (entry.parent, if of_type { tag } else { "" })
        };
        let mut from_start = Vec::with_capacity(self.list.len());
        for entry in &self.list {
            let count = counts.entry(key(entry)).or_default();
            from_start.push(*count);
            *count += 1;
        }
        let count = |entry: &Entry| counts.get(&key(entry)).copied().unwrap_or_default();
        let from_end = self.list.iter().zip(&from_start);
        let from_end = from_end.map(|(entry, at)| count(entry).saturating_sub(at + 1)).collect();
        Places { from_start, from_end }
    }
}
