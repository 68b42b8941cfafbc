//! `Sink`: builds the document as the parser says.

use std::borrow::Cow;
use std::cell::{Cell, Ref, RefCell};

use ferrowire::NodeError;
use html5ever::interface::{ElementFlags, NodeOrText, QuirksMode, TreeSink};
use html5ever::tendril::StrTendril;
use html5ever::{Attribute, QualName, local_name, ns};

use super::{DEEPEST, Document, Element, Kind, MOST_NODES, Node, NodeId};

const DOCUMENT: NodeId = 0;

pub(super) struct Sink {
    tree: RefCell<Tree>,
    /// The depth of the deepest node.
    depth: Cell<usize>,
}

struct Tree {
    nodes: Vec<Node>,
    /// The name of what is no element, which the parser does not ask for.
    nameless: QualName,
}

impl Default for Sink {
    fn default() -> Self {
        let nameless = QualName::new(None, ns!(), local_name!(""));
        let tree = RefCell::new(Tree { nodes: vec![node(Kind::Document)], nameless });
        Sink { tree, depth: Cell::default() }
    }
}

fn node(kind: Kind) -> Node {
    Node {
        kind,
        parent: None,
        first_child: None,
        last_child: None,
        previous: None,
        next: None,
        depth: 0,
    }
}

impl Sink {
    /// # Errors
    /// If a limit is exceeded.
    pub(super) fn check(&self) -> Result<(), NodeError> {
        if self.depth.get() > DEEPEST {
            let text = format!("the HTML has more than {DEEPEST} elements within each other");
            return Err(NodeError::new(text));
        }
        if self.tree.borrow().nodes.len() > MOST_NODES {
            return Err(NodeError::new(format!("the HTML has more than {MOST_NODES} nodes")));
        }
        Ok(())
    }

    pub(super) fn into_document(self) -> Document {
        Document { nodes: self.tree.into_inner().nodes, root: DOCUMENT }
    }

    fn create(&self, kind: Kind) -> NodeId {
        let nodes = &mut self.tree.borrow_mut().nodes;
        nodes.push(node(kind));
        nodes.len() - 1
    }

    fn read<T>(&self, id: NodeId, read: impl FnOnce(&Node) -> Option<T>) -> Option<T> {
        self.tree.borrow().nodes.get(id).and_then(read)
    }

    fn change(&self, id: Option<NodeId>, change: impl FnOnce(&mut Node)) {
        if let Some(id) = id
            && let Some(node) = self.tree.borrow_mut().nodes.get_mut(id)
        {
            change(node);
        }
    }

    /// Puts a node, which is nowhere, before `next`, or at the end.
    fn insert(&self, parent: NodeId, next: Option<NodeId>, child: NodeId) {
        let depth = self.read(parent, |parent| Some(parent.depth + 1)).unwrap_or_default();
        self.depth.set(self.depth.get().max(depth));
        let previous = match next {
            Some(next) => self.read(next, |next| next.previous),
            None => self.read(parent, |parent| parent.last_child),
        };
        self.change(Some(child), |child| {
            child.parent = Some(parent);
            child.previous = previous;
            child.next = next;
            child.depth = depth;
        });
        self.change(previous, |previous| previous.next = Some(child));
        self.change(next, |next| next.previous = Some(child));
        self.change(Some(parent), |parent| {
            if previous.is_none() {
                parent.first_child = Some(child);
            }
            if next.is_none() {
                parent.last_child = Some(child);
            }
        });
    }

    fn take_out(&self, id: NodeId) {
        let place = self.read(id, |node| Some((node.parent, node.previous, node.next)));
        let Some((Some(parent), previous, next)) = place else { return };
        self.change(previous, |previous| previous.next = next);
        self.change(next, |next| next.previous = previous);
        self.change(Some(parent), |parent| {
            if previous.is_none() {
                parent.first_child = next;
            }
            if next.is_none() {
                parent.last_child = previous;
            }
        });
        self.change(Some(id), |node| {
            (node.parent, node.previous, node.next) = (None, None, None);
        });
    }

    /// Adds text to the node before `next`, if that is text.
    fn add_text(&self, parent: NodeId, next: Option<NodeId>, text: StrTendril) {
        let previous = match next {
            Some(next) => self.read(next, |next| next.previous),
            None => self.read(parent, |parent| parent.last_child),
        };
        let is_text = |node: &Node| matches!(node.kind, Kind::Text(_)).then_some(());
        if previous.is_some_and(|previous| self.read(previous, is_text).is_some()) {
            self.change(previous, |node| {
                if let Kind::Text(own) = &mut node.kind {
                    own.push_tendril(&text);
                }
            });
        } else {
            let child = self.create(Kind::Text(text));
            self.insert(parent, next, child);
        }
    }

    fn put(&self, parent: NodeId, next: Option<NodeId>, child: NodeOrText<NodeId>) {
        match child {
            NodeOrText::AppendNode(child) => {
                self.take_out(child);
                self.insert(parent, next, child);
            }
            NodeOrText::AppendText(text) => self.add_text(parent, next, text),
        }
    }
}

impl TreeSink for Sink {
    type Handle = NodeId;
    type Output = Self;
    type ElemName<'a> = Ref<'a, QualName>;

    fn finish(self) -> Self {
        self
    }

    fn parse_error(&self, _: Cow<'static, str>) {}

    fn get_document(&self) -> NodeId {
        DOCUMENT
    }

    fn elem_name<'a>(&'a self, target: &'a NodeId) -> Ref<'a, QualName> {
        Ref::map(self.tree.borrow(), |tree| match tree.nodes.get(*target).map(|n| &n.kind) {
            Some(Kind::Element(element)) => &element.name,
            _ => &tree.nameless,
        })
    }

    fn create_element(
        &self,
        name: QualName,
        attributes: Vec<Attribute>,
        _: ElementFlags,
    ) -> NodeId {
        self.create(Kind::Element(Element { name, attributes }))
    }

    fn create_comment(&self, text: StrTendril) -> NodeId {
        self.create(Kind::Comment(text))
    }

    fn create_pi(&self, target: StrTendril, _: StrTendril) -> NodeId {
        self.create(Kind::Comment(target))
    }

    fn append(&self, parent: &NodeId, child: NodeOrText<NodeId>) {
        self.put(*parent, None, child);
    }

    fn append_based_on_parent_node(
        &self,
        element: &NodeId,
        previous: &NodeId,
        child: NodeOrText<NodeId>,
    ) {
        match self.read(*element, |element| element.parent) {
            Some(parent) => self.put(parent, Some(*element), child),
            None => self.put(*previous, None, child),
        }
    }

    fn append_doctype_to_document(&self, name: StrTendril, _: StrTendril, _: StrTendril) {
        let child = self.create(Kind::Doctype(name));
        self.insert(DOCUMENT, None, child);
    }

    /// The content of a template is what is in it, as for Node-RED's library.
    fn get_template_contents(&self, target: &NodeId) -> NodeId {
        *target
    }

    fn same_node(&self, x: &NodeId, y: &NodeId) -> bool {
        x == y
    }

    fn set_quirks_mode(&self, _: QuirksMode) {}

    fn append_before_sibling(&self, sibling: &NodeId, child: NodeOrText<NodeId>) {
        if let Some(parent) = self.read(*sibling, |sibling| sibling.parent) {
            self.put(parent, Some(*sibling), child);
        }
    }

    fn add_attrs_if_missing(&self, target: &NodeId, attributes: Vec<Attribute>) {
        self.change(Some(*target), |node| {
            let Kind::Element(element) = &mut node.kind else { return };
            for attribute in attributes {
                if !element.attributes.iter().any(|own| own.name == attribute.name) {
                    element.attributes.push(attribute);
                }
            }
        });
    }

    fn remove_from_parent(&self, target: &NodeId) {
        self.take_out(*target);
    }

    fn reparent_children(&self, node: &NodeId, parent: &NodeId) {
        while let Some(child) = self.read(*node, |node| node.first_child) {
            self.put(*parent, None, NodeOrText::AppendNode(child));
        }
    }
}
